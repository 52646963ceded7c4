"""`hubkit verify`: use the release on the Hub as a researcher would."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "verify", "Load the release from the Hub without hubkit: as a granted reader, a stranger and an ungranted user."
)
