"""The differences from the study: one source for the guide and the card, and a preset that brings back what it can."""

from __future__ import annotations

from pathlib import Path

from hubkit.config.presets import preset
from hubkit.original_study import ORIGINAL_STUDY

GUIDE = Path(__file__).parents[1] / "docs" / "study.md"


def test_the_guide_has_every_difference_and_no_other() -> None:
    lines = [
        line.strip("| ").split(" | ") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"
    ]
    assert lines[2:] == [
        [row.what, row.study, row.here, f"`{row.setting}`" if row.setting else "none"]
        for row in ORIGINAL_STUDY.differences
    ]


def test_the_preset_sets_what_the_differences_name_and_nothing_else() -> None:
    named = {row.setting for row in ORIGINAL_STUDY.differences if row.setting}
    for setting in preset("study"):
        table, key = setting.split(".")
        assert any(f"[{table}]" in text and f"{key} = " in text for text in named), setting
    assert sum(text.count(" = ") for text in named) == len(preset("study"))
