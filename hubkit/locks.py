"""One process at a time: a lock on a file that says who holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from hubkit.disk import full_disk_error, is_full
from hubkit.errors import HubkitError


@contextlib.contextmanager
def only_one(path: Path, what: str, otherwise: str) -> Iterator[None]:
    """Hold the lock `path`; the kernel lets go of it when the process ends, however it ends.

    Args:
        path: the file, in the folder that the error names. It is left behind: to delete it would let a third
            process lock another file of the same name.
        what: what two processes may not do, such as "works in this workspace".
        otherwise: what a second run needs to go on at the same time.

    Raises:
        HubkitError: another process holds it, in which case the error says which and how to go on; or the file
            cannot be written or locked.
    """
    handle = _open(path)
    try:
        try:
            _lock(handle, path)
        except BlockingIOError:
            holder, stop = _holder(handle)
            raise HubkitError(
                f"another hubkit {what}{holder}", where=path.parent, hint=f"wait until it ends{stop}; {otherwise}"
            ) from None
        _sign(handle)
        yield
    finally:
        os.close(handle)


def take(path: Path) -> int | None:
    """Take the lock `path` until this process ends, or until the file that is returned is closed.

    Returns:
        The open file; None where another process holds the lock.

    Raises:
        HubkitError: the file cannot be written or locked.
    """
    handle = _open(path)
    try:
        _lock(handle, path)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    _sign(handle)
    return handle


def is_held(path: Path) -> bool:
    """Whether a process holds the lock `path` now."""
    try:
        with open(path) as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if is_full(error):
            raise full_disk_error(path) from None
        raise HubkitError(f"cannot be written: {error.strerror}", where=path, hint="fix the permissions") from None


def _lock(handle: int, path: Path) -> None:
    """Lock an open file at once, or raise BlockingIOError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        # Some network file systems have no locks; without one, two runs would write the same files.
        raise HubkitError(
            f"cannot be locked: {error.strerror}", where=path, hint="use a folder on another file system"
        ) from None


def _sign(handle: int) -> None:
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    # A full disk must not keep anyone from the work that frees it: the signature is a courtesy.
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}).encode(), 0)


def _holder(handle: int) -> tuple[str, str]:
    """Who holds the lock, and how to end it: the second only where it runs on this machine."""
    try:
        signed = json.loads(os.pread(handle, 4096, 0))
        pid, host, since = int(signed["pid"]), str(signed["host"]), str(signed["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
    here = host == socket.gethostname()
    stop = f", or stop it with: kill -INT {pid} (it can be continued)" if here else ""
    return f" (process {pid}{'' if here else f' on {host}'}, since {since})", stop
