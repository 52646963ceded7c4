"""What a push knows of a repo and of its folder before it asks the Hub for anything."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi

from hubkit.hub.changes import Change, commit_changes
from hubkit.hub.plan import describe
from hubkit.hub.targets import CARD, PROBES, Target


def target(folder: Path = Path("dist"), gated: bool = True) -> Target:
    return Target("dataset", "maintainer/reports", "dataset", folder, gated)


@pytest.mark.parametrize(
    ("private", "gate", "gated", "expected"),
    [
        (True, "manual", True, "is private, behind a gate"),
        (False, "manual", True, "is public, behind a gate"),
        (False, "auto", True, "is public, behind a gate that opens by itself"),
        (False, False, True, "is public, open to all"),
        (False, False, False, "is there"),
    ],
)
def test_what_a_repo_is_like(private: bool, gate: str | bool, gated: bool, expected: str) -> None:
    assert describe(SimpleNamespace(private=private, gated=gate), target(gated=gated)) == expected


@pytest.mark.parametrize(("gated", "expected"), [(True, "private until its gate is proven"), (False, "public")])
def test_a_repo_that_is_new(gated: bool, expected: str) -> None:
    assert describe(None, target(gated=gated)) == f"is new; {expected}"


def test_a_folder_without_a_card_has_an_empty_one(tmp_path: Path) -> None:
    assert target(tmp_path).card() == ""
    (tmp_path / CARD).write_text("# Relatórios", encoding="utf-8")
    assert target(tmp_path).card() == "# Relatórios"


def test_a_gate_is_tried_with_the_largest_file_of_each_folder(tmp_path: Path) -> None:
    sizes = {"data/a": 3, "data/b": 5, "data/c": 5, "data/d": 1, "one/z": 0, "LICENSE": 9, CARD: 9}
    for path, size in {**sizes, **dict.fromkeys(PROBES, 9)}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * size)
    # Of files that are as large as each other, the first, so that a plan is the same each time.
    assert target(tmp_path).samples() == ["data/b", "one/z"]


def test_nothing_to_change_is_no_commit() -> None:
    # No Hub listens at this address: a request would fail.
    nowhere = HfApi(endpoint="http://127.0.0.1:9", token="hf_invented")
    kept = [Change("data/a", 1, "keep", "is the same", b"x")]
    assert commit_changes(nowhere, "maintainer/reports", "dataset", kept, "Nothing", parent=None) is None
