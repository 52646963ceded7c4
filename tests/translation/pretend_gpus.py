"""A worker on a machine whose GPUs are made up: the real engine and executors, on a replaced torch.cuda.

It writes down which GPUs a process sees and which one is current, in the order it happens: when it
chooses a device, when it loads the model, and when transformers asks for the memory of its cache.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hubkit.translation.worker import Worker

ALL = "0,1,2,3,4,5,6,7"
"""What a process sees on this machine where nobody tells it what to see."""

SECONDS = 60.0
"""How long a process waits for the others, so that one alone does not take every task."""


class PretendWorker(Worker):
    """A worker on 8 GPUs, or on those that CUDA_VISIBLE_DEVICES names.

    Args:
        log: the file of what happened.
        processes: how many have to be at work before any of them is answered.
        fault: what every GPU reports from the second chunk of a process on.
    """

    def __init__(self, *arguments: Any, log: Path, processes: int = 1, fault: str | None = None):
        super().__init__(*arguments)
        self.log, self.processes, self.fault = log, processes, fault

    def run(self, *arguments: Any, **options: Any) -> None:
        import pytest

        with pytest.MonkeyPatch.context() as patch:
            replace_cuda(patch, self.log, self.processes, self.fault)
            super().run(*arguments, **options)


def read_log(path: Path) -> dict[int, list[tuple[str, str, int]]]:
    """What each process did, by its id: (event, the GPUs that it saw, the device)."""
    events: dict[int, list[tuple[str, str, int]]] = {}
    for line in path.read_text().splitlines():
        pid, *event = json.loads(line)
        events.setdefault(pid, []).append((event[0], event[1], event[2]))
    return events


def replace_cuda(patch: Any, log: Path, processes: int, fault: str | None) -> None:
    """Give this process 80 GB GPUs, and a tiny model that says it is on one of them."""
    import torch
    import transformers

    current = 0

    def note(event: str, device: int) -> None:
        with log.open("a") as file:
            file.write(json.dumps([os.getpid(), event, _visible(), device]) + "\n")

    def set_device(device: Any) -> None:
        nonlocal current
        current = torch.device(device).index if isinstance(device, str) else int(getattr(device, "index", device))
        note("set_device", current)

    def mem_get_info(device: Any = None) -> tuple[int, int]:
        index = None if device is None else torch.device(device).index
        note("size", current if index is None else index)
        return 60 * 10**9, 80 * 10**9

    def load(name: str, *arguments: Any, device_map: dict[str, str], **options: Any) -> Any:
        index = torch.device(device_map[""]).index or 0
        note("load", index)
        model = loaded(name, *arguments, device_map={"": "cpu"}, **options)
        own = {"device": property(lambda self: torch.device("cuda", index))}
        model.__class__ = type("Pretended", (type(model),), own)
        model.init_continuous_batching = lambda *settings, **more: Manager(log, processes, fault)
        return model

    loaded = transformers.AutoModelForCausalLM.from_pretrained
    patch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", load)
    for name, value in {
        "is_available": lambda: True,
        "device_count": lambda: len(_visible().split(",")),
        "current_device": lambda: current,
        "set_device": set_device,
        "mem_get_info": mem_get_info,
        "memory_reserved": lambda device=None: 0,
        "empty_cache": lambda: None,
        "synchronize": lambda device=None: None,
    }.items():
        patch.setattr(torch.cuda, name, value)


def _visible() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", ALL)


class Manager:
    """Sizes a cache as transformers does, and answers every request with the same tokens."""

    def __init__(self, log: Path, processes: int, fault: str | None):
        self.log, self.processes, self.fault = log, processes, fault
        self.ready: list[Any] = []
        self.asked = 0

    def warmup(self) -> None:
        from transformers.generation.continuous_batching.utils import get_device_and_memory_breakdown

        get_device_and_memory_breakdown()
        end = time.monotonic() + SECONDS
        while len(read_log(self.log)) < self.processes and time.monotonic() < end:
            time.sleep(0.05)

    def start(self) -> None:
        return

    def add_request(self, prompt: list[int], max_new_tokens: int) -> str:
        self.asked += 1
        name, error = f"request {self.asked}", self.fault if self.asked > 2 else None
        done = {"request_id": name, "generated_tokens": prompt[:9], "error": error, "is_finished": lambda: True}
        self.ready.append(SimpleNamespace(**done))
        return name

    def get_result(self, timeout: float) -> Any:
        return self.ready.pop(0) if self.ready else None

    def is_running(self) -> bool:
        return True

    def stop(self, hard_stop: bool) -> None:
        return

    def destroy(self) -> None:
        return
