"""Who on this machine can read what hubkit writes: its owner, and a group where the settings name one.

Corpus text lies in most files of a workspace, so no file is a public one. The umask closes what is
written from now on, by libraries as well; `close_tree` closes existing files.
"""

from __future__ import annotations

import contextlib
import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.errors import HubkitError, UsageError

PRIVATE_UMASK = 0o077  # nothing for group and others

GROUP_SETTING = "[workspace] group"

_FOLDER, _FILE = 0o700, 0o600
_GROUP_FOLDER, _GROUP_FILE = 0o750, 0o640
_EXECUTABLE = 0o100
"""Modes of what hubkit writes; a file that its owner may run stays so."""


class Tightened(NamedTuple):
    """What `close_tree` found open.

    Attributes:
        found: files and folders that more users could read than now.
        group: the group that can read them now; None where it is their owner alone.
    """

    found: int
    group: str | None


def tighten_umask() -> None:
    """Keep group and others out of whatever this process and its children create; a stricter umask stays."""
    os.umask(os.umask(PRIVATE_UMASK) | PRIVATE_UMASK)


@contextlib.contextmanager
def private_umask() -> Iterator[None]:
    """As `tighten_umask`, until the block ends."""
    before = os.umask(PRIVATE_UMASK)
    os.umask(before | PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)


def find_group(name: str) -> int:
    """The id of a group that this user is in.

    Raises:
        UsageError: there is no such group, or the user is not in it.
    """
    try:
        gid = grp.getgrnam(name).gr_gid
    except KeyError:
        raise UsageError(
            f"there is no group {name!r}", where=GROUP_SETTING, hint=f"yours are {_own_groups()}"
        ) from None
    if gid not in {*os.getgroups(), os.getegid()}:
        raise UsageError(f"you are not in the group {name!r}", where=GROUP_SETTING, hint=f"yours are {_own_groups()}")
    return gid


def _own_groups() -> str:
    known = {group.gr_gid: group.gr_name for group in grp.getgrall()}
    return ", ".join(known.get(gid, str(gid)) for gid in sorted({*os.getgroups(), os.getegid()}))


def close_tree(root: Path, group: str | None = None) -> Tightened:
    """Leave `root` and all below it to its owner, or let `group` read it as well.

    Permissions that the owner lacks stay lacking. Links are left alone: what they point to may not be ours.

    Raises:
        UsageError: as `find_group`.
        HubkitError: a file that others can read belongs to another user.
    """
    gid = None if group is None else find_group(group)
    try:
        # The root first: while it is shut, nobody reaches what is still open below it.
        return Tightened(sum(_close(path, gid) for path in _tree(root)), group)
    except PermissionError as error:
        raise HubkitError(
            "belongs to another user, so that hubkit cannot say who may read it",
            where=error.filename,
            hint="move it away, or choose another workspace with --workspace",
        ) from None
    except OSError as error:
        raise HubkitError(
            f"cannot be closed to others: {error.strerror}",
            where=error.filename,
            hint="own the folder, or choose another workspace with --workspace",
        ) from None


def _tree(root: Path) -> Iterator[str]:
    yield str(root)
    pending = [str(root)]
    while pending:
        with contextlib.suppress(FileNotFoundError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                yield entry.path
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)


def _close(path: str, gid: int | None) -> bool:
    """Set the permissions of one file or folder; return whether more users could read it before."""
    try:
        status = os.lstat(path)
        wanted, before = _mode(status, gid), stat.S_IMODE(status.st_mode)
        if gid is not None and status.st_gid != gid:
            # Shut in between: the former group is never let in.
            os.chmod(path, wanted & ~0o077)
            os.chown(path, -1, gid)
            os.chmod(path, wanted)
        elif before != wanted:
            os.chmod(path, wanted)
    except FileNotFoundError:
        return False  # a temporary file of a process that is just ending
    return bool(before & 0o077 & ~wanted)


def _mode(status: os.stat_result, gid: int | None) -> int:
    before = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        # New files in a folder with the set-group-ID bit belong to its group.
        return (before & _FOLDER) | (0 if gid is None else stat.S_ISGID | (_GROUP_FOLDER & 0o070))
    if not stat.S_ISREG(status.st_mode):
        return before & _FOLDER  # sockets and pipes, for their owner
    executable = before & _EXECUTABLE
    shared = 0 if gid is None else _GROUP_FILE & 0o070 | (0o010 if executable else 0)
    return (before & _FILE) | executable | shared
