"""The error profile keeps its figures: on a part of the frozen reports here, on all of them in the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from hubkit.error_profile.profile import DIMENSIONS, profile

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        spec = importlib.util.spec_from_file_location("error_profile_benchmark", FOLDER / "error_profile.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def test_injected_errors_are_found_and_rightly_named(benchmark_module: Any) -> None:
    for paths, least in ((benchmark_module.SEEN, 0.95), (benchmark_module.UNSEEN, 0.95)):
        texts = benchmark_module.reports(paths)[::4]
        found = benchmark_module.shares(texts, seed=1)
        assert {*found} == {*DIMENSIONS, "all"}
        hits, cases = found["all"]["named"]
        assert cases > 150
        assert hits / cases >= least
        for dimension in ("missed", "invented", "side", "place", "devices"):
            hits, cases = found[dimension]["named"]
            assert hits / cases >= 0.9, dimension


def test_paraphrases_are_not_errors(benchmark_module: Any) -> None:
    pairs = benchmark_module.paraphrases()
    assert len(pairs) == 280
    assert sum(bool(profile(*pair)) for pair in pairs) <= 3
    assert sum(bool(profile(*pair[::-1])) for pair in pairs) <= 3


def test_paraphrases_by_another_hand_are_not_errors(benchmark_module: Any) -> None:
    pairs = benchmark_module.paraphrases(benchmark_module.OTHER_HAND)
    assert len(pairs) == 310
    assert sum(bool(profile(*pair)) for pair in pairs) <= 5


def test_the_profile_grows_with_the_number_of_errors(benchmark_module: Any) -> None:
    rows = benchmark_module.ladders(benchmark_module.reports(benchmark_module.UNSEEN)[::4], seed=1)
    assert len(rows) > 20
    assert benchmark_module.tau([[len(profile(row[0], text)) for text in row] for row in rows]) >= 0.88
