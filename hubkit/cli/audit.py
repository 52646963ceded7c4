"""hubkit audit: run the stage that measures what the adapter remembers."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "audit",
    "Measure what the adapter tells of the reports that it was trained on: by its losses, and by what it repeats.",
    "Measure what the adapter remembers of its training.",
)
