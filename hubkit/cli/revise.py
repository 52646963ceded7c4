"""hubkit revise: run the stage that applies corrections, and decides about flagged translations."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "revise",
    "Apply the corrections of [translation] corrections, and leave out, stop at or keep what is still flagged.",
    "Apply corrections, and decide about what is flagged.",
)
