"""Which GPU a process computes on."""

from __future__ import annotations

import os
from pathlib import Path

from hubkit.errors import HubkitError, UsageError
from hubkit.locks import take

_held: list[int] = []
"""The lock on this process's GPU. It is kept, and the kernel lets go of it when the process ends."""


def pick_device(device: str) -> str:
    """Return `device`, with "auto" resolved to "cuda" where there is one and to "cpu" elsewhere.

    Raises:
        UsageError: a CUDA device was asked for that is not there.
    """
    import torch

    available = torch.cuda.is_available()
    if device == "auto":
        device = "cuda" if available else "cpu"
    if device.startswith("cuda"):
        count = torch.cuda.device_count() if available else 0
        if count <= int(device.partition(":")[2] or 0):
            gpus = f"; there are {count}, counted from 0" if count else ""
            raise UsageError(f"the device {device} is not there{gpus}", hint='set device = "auto"')
    # Processes that train together have a device each.
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and "LOCAL_RANK" in os.environ else device


def use_device(device: str) -> str:
    """Resolve `device`, and make it the current one where it has a number.

    Libraries ask for the memory of the current device, whatever device the model is on.

    Raises:
        UsageError: as in `pick_device`.
    """
    import torch

    picked = pick_device(device)
    if picked.startswith("cuda:"):
        torch.cuda.set_device(picked)
    return picked


def gpus_for(processes: int, device: str, where: str) -> list[str]:
    """Return what CUDA_VISIBLE_DEVICES may be for processes that run at the same time; empty on a CPU.

    Args:
        processes: how many they are.
        device: as configured.
        where: the setting that says how many processes there are.

    Raises:
        UsageError: there are fewer GPUs than processes, or one device is named for all of them.
    """
    import torch

    picked = pick_device(device)
    if picked == "cpu" or (":" in picked and processes == 1):
        return []
    if ":" in picked:
        raise UsageError(f"{processes} processes cannot share {picked}", where=where, hint='set device = "auto"')
    count = torch.cuda.device_count()
    if processes > count:
        raise UsageError(f"{processes} processes need a GPU each; there are {count}", where=where, hint=f"set {count}")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return visible.split(",") if visible else [str(number) for number in range(count)]


def see_only(gpu: str) -> None:
    """Let this process see one GPU.

    It has to come before CUDA starts in the process. Whatever asks for "cuda" then gets this GPU, and
    no memory of another one.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu


def claim_gpu(gpus: list[str], folder: Path) -> None:
    """Let this process see the first of `gpus` that no other process has claimed, and keep it until the process ends.

    Nothing happens without GPUs, or in a process that has one.

    Args:
        folder: where the locks lie, the same for all processes of a run.

    Raises:
        HubkitError: all of them are taken.
    """
    if not gpus or _held:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number, gpu in enumerate(gpus):
        lock = take(folder / f"gpu-{number}.lock")
        if lock is not None:
            _held.append(lock)
            see_only(gpu)
            return
    raise HubkitError(
        f"all {len(gpus)} GPUs are taken by other workers of this run",
        where=folder,
        hint="wait until the workers of an earlier run have ended, and run again",
    )
