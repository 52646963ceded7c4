"""Generation on several GPUs: each task answers its share of the batches in a process and on a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from hubkit.config import Generation
from hubkit.errors import HubkitError, UsageError
from hubkit.models.loading import pick_device

Share = Callable[[int, int], None]
"""Answers what task `n` of `m` is to answer; picklable, since it runs in a process that is started afresh."""


def run_tasks(settings: Generation, share: Share) -> None:
    """Run `share` in as many processes as there are tasks, and wait for all of them.

    Raises:
        UsageError: there are fewer devices than tasks, or one device is named for all of them.
        HubkitError: a task failed; what the tasks answered is kept.
    """
    devices = _devices(settings)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(settings.tasks, mp_context=context) as pool:
        futures = [
            pool.submit(_run, share, task, settings.tasks, devices[task] if devices else None)
            for task in range(settings.tasks)
        ]
        try:
            failures = [failure for future in futures if (failure := future.result())]
        except BrokenProcessPool:
            failures = ["a task was killed; where memory ran out, lower [generation] tasks or batch_size"]
    if failures:
        raise HubkitError("; ".join(dict.fromkeys(failures)), hint="run again: what was answered is kept")


def _devices(settings: Generation) -> list[str]:
    """What CUDA_VISIBLE_DEVICES is for each task; empty on a CPU."""
    import torch

    where, device = "[generation] tasks", pick_device(settings.device)
    if device == "cpu":
        return []
    if ":" in device:
        raise UsageError(f"{settings.tasks} tasks cannot share {device}", where=where, hint='set device = "auto"')
    count = torch.cuda.device_count()
    if settings.tasks > count:
        raise UsageError(f"{settings.tasks} tasks need a GPU each; there are {count}", where=where, hint=f"set {count}")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return visible.split(",") if visible else [str(number) for number in range(count)]


def _run(share: Share, task: int, tasks: int, device: str | None) -> str | None:
    """Run in a process of its own; returns what went wrong, since not every error can be sent between processes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if device is not None:
        # Before CUDA starts in this process: whatever asks for "cuda" gets this device, and no memory of another.
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    try:
        share(task, tasks)
    except HubkitError as error:
        return f"task {task + 1} of {tasks}: {error}"
    return None


def _end_with_parent() -> None:
    """End this process with the one that started it, however that ends: it holds a GPU and writes to the workspace."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
