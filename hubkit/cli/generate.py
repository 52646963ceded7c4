"""`hubkit generate`: model and adapter -> reports."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command(
    "generate",
    "Generate the reports of the test split: zero-shot, few-shot and with the adapter.",
    "Generate the reports of the test split.",
)
