"""`hubkit finetune`: studies and translations -> adapter."""

from __future__ import annotations

from hubkit.cli._options import stage_command

command = stage_command("finetune", "Train the adapter on the translated studies.")
