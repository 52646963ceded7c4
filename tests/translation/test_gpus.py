"""Each process translates on a GPU of its own, which is the current one before the cache is sized."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pretend_gpus import PretendWorker, read_log

from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models import device_errors
from hubkit.tables import SECTIONS
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.executors import run_worker
from hubkit.translation.plan import plan, write_plan
from hubkit.translation.units import read_sections
from hubkit.workspace import Workspace

Run = Callable[..., dict[int, list[tuple[str, str, int]]]]


@pytest.fixture
def run(make_workspace: Any, studies: Any, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that translates under the given settings and returns what each process did."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    # This process is asked how many GPUs there are; it does not compute on them.
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)

    def start(
        count: int, processes: int = 1, rank: int | None = None, fault: str | None = None, **settings: Any
    ) -> dict[int, list[tuple[str, str, int]]]:
        monkeypatch.setattr("torch.cuda.device_count", lambda: count)
        workspace: Workspace = make_workspace(studies)
        table = {"model": str(tiny_model), "quantization": "fp32", "checkpoint": 2, "retries": 0, **settings}
        log = tmp_path / "log"
        step = PretendWorker(Translation(**table), tmp_path / "parts", log=log, processes=processes, fault=fault)
        units = read_sections(pq.read_table(workspace.studies), SECTIONS, context=False, memory=True).units
        write_plan(step.folder, plan(units, step.translation.checkpoint))
        if rank is None:
            run_worker(step, units)
        else:  # as a task of Slurm or Ray calls it
            step(None, rank, step.translation.tasks)
        return read_log(log)

    return start


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cuda:1", [("set_device", 1), ("load", 1), ("size", 1)]),
        ("auto", [("set_device", 0), ("load", 0), ("size", 0)]),
    ],
)
def test_the_device_is_current_before_the_cache_is_sized(
    run: Run, device: str, expected: list[tuple[str, int]]
) -> None:
    (events,) = run(8, device=device).values()
    assert [(event, number) for event, _, number in events[:3]] == expected


def test_a_task_of_a_cluster_that_sees_several_gpus_makes_its_own_current(run: Run) -> None:
    (events,) = run(8, rank=5, tasks=6, executor="slurm").values()
    assert [(event, number) for event, _, number in events[:3]] == [("set_device", 5), ("load", 5), ("size", 5)]


def test_each_local_worker_sees_a_gpu_of_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    processes = run(2, tasks=4, workers=2, processes=2)
    assert sorted({seen for events in processes.values() for _, seen, _ in events}) == ["5", "7"]
    for events in processes.values():
        assert len({seen for _, seen, _ in events}) == 1, "a process keeps its GPU for all of its tasks"
        assert {number for _, _, number in events} == {0}
        assert [event for event, _, _ in events[:2]] == ["load", "size"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 3, "tasks": 4}, r"\[translation\] workers: 3 processes need a GPU each; there are 2 \(set 2\)"),
        ({"workers": 2, "tasks": 2, "device": "cuda:1"}, r'2 processes cannot share cuda:1 \(set device = "auto"\)'),
    ],
)
def test_processes_that_have_no_gpu_are_refused(run: Run, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(2, **settings)


ASSERT = "CUDA error: device-side assert triggered"


def test_a_process_whose_gpu_failed_takes_no_further_task(run: Run, tmp_path: Path) -> None:
    """One process has three tasks: the first ends with the fault, the others do not load the model again."""
    with pytest.raises(HubkitError, match=r"12 units were not translated: an assertion failed on the GPU \(Runtime"):
        run(8, tasks=3, fault=ASSERT)
    (events,) = read_log(tmp_path / "log").values()
    assert [event for event, _, _ in events].count("load") == 1
    assert list(Checkpoints(tmp_path / "parts").statuses().values()) == ["flagged"] * 2


def test_one_process_alone_ends_with_the_fault(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_errors, "_broken", [])
    with pytest.raises(HubkitError, match=r"^an assertion failed on the GPU \(RuntimeError\) \(most often the tok"):
        run(8, fault=ASSERT)
    assert len(Checkpoints(tmp_path / "parts").statuses()) == 2
