"""`hubkit package`: put together exactly what will be on the Hub."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "package",
    "Write dist/: the dataset, the adapter and the metric with their cards, checked for leaks.",
    "Write dist/: what will be on the Hub.",
)
