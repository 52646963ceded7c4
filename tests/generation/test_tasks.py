"""Which device each task of `generate` sees, on a machine whose GPUs are made up."""

from __future__ import annotations

import pytest
import torch

from hubkit.config import Generation
from hubkit.errors import UsageError
from hubkit.generation.tasks import _devices


@pytest.mark.parametrize(
    ("device", "visible", "count", "tasks", "expected"),
    [
        ("cpu", None, 8, 4, []),
        ("auto", None, 0, 4, []),
        ("auto", None, 2, 2, ["0", "1"]),
        ("cuda", "3,5,7", 3, 2, ["3", "5", "7"]),
        ("cuda", "GPU-a,GPU-b", 2, 2, ["GPU-a", "GPU-b"]),
    ],
)
def test_a_device_for_each_task(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, count: int, tasks: int, expected: list[str]
) -> None:
    _machine(monkeypatch, count, visible)
    assert _devices(Generation(device=device, tasks=tasks)) == expected


@pytest.mark.parametrize(
    ("device", "tasks", "said"),
    [("auto", 3, r"3 tasks need a GPU each; there are 2 \(set 2\)"), ("cuda:1", 2, "2 tasks cannot share cuda:1")],
)
def test_tasks_that_have_no_device(monkeypatch: pytest.MonkeyPatch, device: str, tasks: int, said: str) -> None:
    _machine(monkeypatch, 2, None)
    with pytest.raises(UsageError, match=said):
        _devices(Generation(device=device, tasks=tasks))


def _machine(monkeypatch: pytest.MonkeyPatch, count: int, visible: str | None) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)


def test_a_process_that_is_started_runs_no_command_of_its_own() -> None:
    """A spawned process imports the main module of its parent under another name: no command may start there."""
    import runpy

    runpy.run_module("hubkit", run_name="__mp_main__")
