"""Checkpoints of a training run: room for them on the disk, whole ones and those that were cut off."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from hubkit.errors import HubkitError
from hubkit.finetuning.processes import is_first
from hubkit.models.loading import splits
from hubkit.workspace import sync, sync_folder

WHOLE = "whole"
"""A file that is written last into a checkpoint: a folder without it was cut off while it was saved."""

BYTES_PER_PARAMETER = 12
"""Trained weights and the two moments of AdamW, each in fp32."""

HINT = "free disk space and run again: training continues from the last checkpoint"

NO_ROOM = re.compile(rf"(errno|os error) ({errno.ENOSPC}|{errno.EDQUOT}|{errno.EFBIG})\b", re.IGNORECASE)
"""How Python, and Rust behind safetensors, write that a disk, a quota or the size of a file is exhausted."""

TORCH_CANNOT_WRITE = re.compile(r"inline_container|PytorchStreamWriter|iostream error")
"""What torch.save says of a file that it cannot write on; it does not say why."""


def require_space(folder: Path, trained: int) -> None:
    """Refuse to begin a checkpoint that would not fit on the disk.

    Args:
        trained: the number of trained parameters.

    Raises:
        HubkitError: too few bytes are free.
    """
    size, free = trained * BYTES_PER_PARAMETER, shutil.disk_usage(folder).free
    if free < size:
        what = f"a checkpoint needs {size / 1e6:.1f} MB and {free / 1e6:.1f} MB are free"
        raise HubkitError(what, where=folder, hint=HINT)


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Turn what libraries raise when the disk of `folder` is full, in the middle of a file too, into a HubkitError."""
    try:
        yield
    except HubkitError:
        raise
    except Exception as error:
        no_room = NO_ROOM.search(str(error))
        if not no_room and not (isinstance(error, RuntimeError) and TORCH_CANNOT_WRITE.search(str(error))):
            raise
        why = f" ({os.strerror(int(no_room[2]))})" if no_room else ""
        free = shutil.disk_usage(folder).free
        what = f"a file could not be written to its end{why}; {free / 1e6:.1f} MB are free"
        raise HubkitError(what, where=folder, hint=HINT) from error


def checkpoint_folder(folder: Path, step: int) -> Path:
    """Where a run in `folder` keeps the adapter of the evaluation after a step."""
    return folder / f"best-{step}"


def mark_whole(checkpoint: Path) -> None:
    """Sync a checkpoint to disk, then mark it as one to resume from."""
    sync_folder(checkpoint)
    (checkpoint / WHOLE).touch()
    sync(checkpoint)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint in `folder`; the first process deletes those that were cut off.

    Raises:
        HubkitError: it was written under FSDP and this process trains without, or the other way round.
    """
    from transformers.trainer import FSDP_MODEL_NAME

    whole: list[Path] = []
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / WHOLE).exists():
            whole.append(checkpoint)
        elif is_first():
            shutil.rmtree(checkpoint)
    last = max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)
    if last is not None and (last / f"{FSDP_MODEL_NAME}.bin").exists() != splits():
        raise HubkitError(
            f"was written {'without' if splits() else 'under'} FSDP",
            where=last,
            hint=f"continue with the command that started it, or delete {folder} to start again",
        )
    return last
