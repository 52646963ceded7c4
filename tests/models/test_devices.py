"""Which device each process sees, on a machine whose GPUs are made up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hubkit.errors import HubkitError, UsageError
from hubkit.models import devices
from hubkit.models.devices import claim_gpu, gpus_for, pick_device, use_device


@pytest.mark.parametrize(
    ("device", "visible", "count", "tasks", "expected"),
    [
        ("cpu", None, 8, 4, []),
        ("auto", None, 0, 4, []),
        ("auto", None, 2, 2, ["0", "1"]),
        ("cuda", "3,5,7", 3, 2, ["3", "5", "7"]),
        ("cuda", "GPU-a,GPU-b", 2, 2, ["GPU-a", "GPU-b"]),
        ("cuda:1", None, 2, 1, []),
    ],
)
def test_a_device_for_each_task(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, count: int, tasks: int, expected: list[str]
) -> None:
    _machine(monkeypatch, count, visible)
    assert gpus_for(tasks, device, "[generation] tasks") == expected


@pytest.mark.parametrize(
    ("device", "tasks", "said"),
    [
        ("auto", 3, r"3 processes need a GPU each; there are 2 \(set 2\)"),
        ("cuda:1", 2, "2 processes cannot share cuda:1"),
    ],
)
def test_tasks_that_have_no_device(monkeypatch: pytest.MonkeyPatch, device: str, tasks: int, said: str) -> None:
    _machine(monkeypatch, 2, None)
    with pytest.raises(UsageError, match=said):
        gpus_for(tasks, device, "[generation] tasks")


@pytest.mark.parametrize(
    ("device", "count", "expected", "current"),
    [
        ("auto", 0, "cpu", None),
        ("auto", 2, "cuda", None),
        ("cuda", 2, "cuda", None),
        ("cuda:1", 2, "cuda:1", "cuda:1"),
        ("cuda:0", 1, "cuda:0", "cuda:0"),
        ("cpu", 2, "cpu", None),
    ],
)
def test_a_device_with_a_number_becomes_the_current_one(
    monkeypatch: pytest.MonkeyPatch, device: str, count: int, expected: str, current: str | None
) -> None:
    _machine(monkeypatch, count, None)
    made: list[str] = []
    monkeypatch.setattr(torch.cuda, "set_device", made.append)
    assert use_device(device) == expected
    assert made == ([] if current is None else [current])


@pytest.mark.parametrize(
    ("device", "count", "said"),
    [
        ("cuda", 0, r"^the device cuda is not there \(set device"),
        ("cuda:2", 2, r"^the device cuda:2 is not there; there are 2, counted from 0 \(set device"),
    ],
)
def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, device: str, count: int, said: str) -> None:
    _machine(monkeypatch, count, None)
    with pytest.raises(UsageError, match=said):
        pick_device(device)


CLAIM = """
import os, sys
from pathlib import Path
from hubkit.models.devices import claim_gpu
for _ in range(2):
    claim_gpu(["5", "GPU-b/1"], Path(sys.argv[1]))
print(os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""


def test_processes_claim_a_gpu_each_until_they_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim does not load torch, and an end of any kind frees the GPU for the next process."""
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}

    def start() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    started = [start(), start()]
    assert [seen for _, seen in started] == ["5", "GPU-b/1"]
    monkeypatch.setattr(devices, "_held", [])
    with pytest.raises(HubkitError, match="all 2 GPUs are taken by other workers of this run"):
        claim_gpu(["5", "GPU-b/1"], tmp_path)
    started[0][0].kill()
    started[0][0].wait()
    again, seen = start()
    assert seen == "5"
    for process in (started[0][0], started[1][0], again):
        process.communicate()


def _machine(monkeypatch: pytest.MonkeyPatch, count: int, visible: str | None) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
