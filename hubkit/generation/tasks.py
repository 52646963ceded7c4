"""Generation on several GPUs: each task answers its share of the batches in a process and on a device of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from hubkit.config import Generation
from hubkit.errors import HubkitError
from hubkit.models.devices import gpus_for, see_only

Share = Callable[[int, int], None]
"""Answers what task `n` of `m` is to answer; picklable, since it runs in a process that is started afresh."""


def run_tasks(settings: Generation, share: Share) -> None:
    """Run `share` in as many processes as there are tasks, and wait for all of them.

    Raises:
        UsageError: there are fewer devices than tasks, or one device is named for all of them.
        HubkitError: a task failed; what the tasks answered is kept.
    """
    gpus = gpus_for(settings.tasks, settings.device, "[generation] tasks")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(settings.tasks, mp_context=context) as pool:
        futures = [
            pool.submit(_run, share, task, settings.tasks, gpus[task] if gpus else None)
            for task in range(settings.tasks)
        ]
        try:
            failures = [failure for future in futures if (failure := future.result())]
        except BrokenProcessPool:
            failures = ["a task was killed; where memory ran out, lower [generation] tasks or batch_size"]
    if failures:
        raise HubkitError("; ".join(dict.fromkeys(failures)), hint="run again: what was answered is kept")


def _run(share: Share, task: int, tasks: int, gpu: str | None) -> str | None:
    """Run in a process of its own; returns what went wrong, since not every error can be sent between processes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if gpu is not None:
        see_only(gpu)
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
