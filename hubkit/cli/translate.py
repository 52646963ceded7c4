"""hubkit translate: run the stage that turns studies into translations."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "translate",
    "Translate the studies' reports into Brazilian Portuguese and check every translation.",
    "Translate the reports, and check every translation.",
)
