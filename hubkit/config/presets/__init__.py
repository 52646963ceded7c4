"""Settings for a kind of machine, as fragments of a hubkit.toml: what differs from the defaults, and why."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

NAMES = ("24gb", "80gb", "8x80gb", "slurm", "cpu", "study")
"""The presets: machines from the smallest GPU up, then the study as published; each is the file of that name."""


def preset(name: str) -> dict[str, Any]:
    """The settings of a preset by their dotted names: {"translation.tasks": 8}."""
    tables = tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": value for table, settings in tables.items() for key, value in settings.items()}
