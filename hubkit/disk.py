"""A full disk in one line: where, how much is free, how much is needed, and that the work goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from hubkit.errors import HubkitError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""No space on the disk, or in the user's quota."""

NO_ROOM = re.compile(rf"(errno|os error) ({'|'.join(map(str, sorted(FULL)))})\b", re.IGNORECASE)
"""How Python, Arrow, and Rust behind safetensors and hf-xet write these numbers into messages of their own."""

HINT = "free space there and run the same command again: it continues where it stopped"


class FullDiskError(HubkitError):
    """A disk or a quota is exhausted; what was finished before is kept."""


def is_full(error: BaseException) -> bool:
    """Whether `error`, or one that it came from, says that there is no space left."""
    current: BaseException | None = error
    while current is not None:
        if getattr(current, "errno", None) in FULL or NO_ROOM.search(str(current)):
            return True
        current = current.__cause__ or current.__context__
    return False


def full_disk_error(folder: Path, needed: str | None = None, hint: str = HINT) -> FullDiskError:
    """The error for the disk of `folder`.

    Args:
        folder: the folder or file that could not be written.
        needed: how much is needed and for what, such as "translate needs about 0.2 GB".
        hint: the command that helps.
    """
    parts = [f"the disk is full: {gigabytes(free_bytes(folder))} free", *([needed] if needed else [])]
    return FullDiskError(f"cannot be written: {', '.join(parts)}", where=folder, hint=hint)


@contextlib.contextmanager
def full_disk(folder: Path, needed: Callable[[], str]) -> Iterator[None]:
    """Turn whatever is raised because a disk is full into one error that says where.

    Args:
        folder: where the block writes, as far as its error does not name another place.
        needed: says how much the block needs in `folder`; not called for other places, such as a cache of models.

    Raises:
        FullDiskError: there is no space left.
    """
    try:
        yield
    except Exception as error:
        of_ours = isinstance(error, HubkitError)
        if not (isinstance(error, FullDiskError) if of_ours else is_full(error)):
            raise
        named = getattr(error, "where", None) or getattr(error, "filename", None)
        place = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else folder
        inside = place == folder or folder in place.parents
        raise full_disk_error(place, needed() if inside else None) from error


def free_bytes(path: Path) -> int:
    """Bytes that are free where `path` is or would be."""
    absolute = path.absolute()
    home = next(place for place in (absolute, *absolute.parents) if place.exists())
    return shutil.disk_usage(home).free


def gigabytes(count: float) -> str:
    """Bytes as text, in GB of 10^9."""
    return f"{count / 1e9:.1f} GB"
