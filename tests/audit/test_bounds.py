"""How much an adapter may remember before package refuses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from invented_release import build_release, release_config

from hubkit.artifacts.memorisation import (
    Attack,
    Identifiers,
    Membership,
    Memorisation,
    check_bounds,
    read_memorisation,
    write_memorisation,
)
from hubkit.config import Audit
from hubkit.errors import HubkitError
from hubkit.packaging.package import package


def found(longest: int | None = 0, whole: int = 0, **aucs: float) -> Memorisation:
    attacks = {name: Attack(value=value, low=value, high=value, found={}) for name, value in aucs.items()}
    return Memorisation(
        confidence=0.95,
        membership=Membership(studies={}, shared_texts={}, train_test=attacks) if attacks else None,
        extraction={},
        longest=longest,
        whole=whole,
        identifiers=Identifiers(texts=0, dates=0, names=0, ids=0, blanks=0),
    )


@pytest.mark.parametrize(
    ("settings", "values", "refused"),
    [
        ({}, found(32, loss=1.0), None),
        ({}, found(33, loss=0.5), r"repeats 33 words .*32 are allowed.*epochs.*adapter_custody"),
        ({}, found(None, loss=0.5), None),
        ({"max_verbatim": 9}, found(10), r"\[audit\] max_verbatim: .*repeats 10 words"),
        ({"max_verbatim": None}, found(500, 500), None),
        ({}, found(20, 20), r"\[audit\] max_verbatim: the adapter repeats the whole of a training report of 20 words"),
        ({"max_auc": 0.6}, found(0, loss=0.55, ratio=0.6), None),
        ({"max_auc": 0.6}, found(0, loss=0.55, ratio=0.61), r"\[audit\] max_auc: .*AUC of 0.610, and 0.6 is allowed"),
        ({"max_auc": 0.6}, found(0, base=0.9, loss=0.5), None),
        ({"max_auc": 0.6}, found(0), r"\[audit\] max_auc: too few studies"),
    ],
)
def test_what_is_too_much(settings: dict[str, Any], values: Memorisation, refused: str | None) -> None:
    bounds = Audit(**settings)
    if refused is None:
        check_bounds(bounds, values)
    else:
        with pytest.raises(HubkitError, match=refused):
            check_bounds(bounds, values)


def test_the_base_alone_is_no_memory_of_the_adapter() -> None:
    assert found(base=0.9, loss=0.4, difference=0.7).strongest() == 0.7
    assert found().strongest() is None


def test_package_refuses_the_adapter_and_packs_the_dataset_without_it(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    write_memorisation(workspace, read_memorisation(workspace).model_copy(update={"longest": 40}))
    with pytest.raises(HubkitError, match="repeats 40 words"):
        package(release_config(tmp_path / "corpus"), workspace)
    assert not workspace.dist.exists()
    kept_off = release_config(tmp_path / "corpus", custody={"adapter_custody": "physionet"})
    package(kept_off, workspace)
    assert sorted(path.name for path in workspace.dist.iterdir()) == ["dataset", "dataset-script", "metric"]


def test_no_adapter_goes_out_without_an_audit(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    workspace.memorisation.unlink()
    with pytest.raises(HubkitError, match=r"memorisation.json: is missing .*hubkit audit"):
        package(release_config(tmp_path / "corpus"), workspace)
