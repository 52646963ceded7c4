"""The benchmark of translation: which sides get a ratio, in which order they run, and what is counted."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        spec = importlib.util.spec_from_file_location("translation_benchmark", FOLDER / "translation.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("loop", "side", "ratio"),
    [
        ((4.0, 4.0), (80.0, 80.0), "20.0x"),
        ((4.0, 5.0), (80.0, 100.0), "20.0x"),
        ((0.17, 5.3), (80.0, 80.0), "none"),
        ((4.0, 4.0), (50.0, 80.0), "none"),
        ((4.0, 5.3), (80.0, 80.0), "none"),
    ],
)
def test_a_ratio_stands_where_the_halves_of_both_sides_agree(
    benchmark_module: Any, capsys: pytest.CaptureFixture[str], loop: Any, side: Any, ratio: str
) -> None:
    sides = {
        name: benchmark_module.Side(*(benchmark_module.Rate(100, 500, 100 / speed) for speed in speeds))
        for name, speeds in (("loop", loop), ("side", side))
    }
    benchmark_module.tell(sides)
    said = capsys.readouterr().out.splitlines()
    assert said[2].split()[-2:] == [ratio, "5.0"]
    assert any(line.startswith("no ratio: ") for line in said) is (ratio == "none")


def test_the_sides_run_in_one_order_and_then_in_the_other(benchmark_module: Any) -> None:
    ran = []

    def side(name: str) -> Any:
        return lambda half: ran.append((name, half)) or benchmark_module.Rate(half + 1, 1, 1.0)

    measured = benchmark_module.measure({name: side(name) for name in "abc"})
    assert ran == [("a", 0), ("b", 0), ("c", 0), ("c", 1), ("b", 1), ("a", 1)]
    assert [(one.first.reports, one.second.reports) for one in measured.values()] == [(1, 2)] * 3


def test_processor_time_counts_what_was_started_and_no_waiting(benchmark_module: Any) -> None:
    before = benchmark_module.processor_seconds()
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"], check=True)
    asleep = benchmark_module.processor_seconds() - before
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.5: pass"], check=True)
    assert asleep < 0.4
    assert benchmark_module.processor_seconds() - before - asleep >= 0.45
