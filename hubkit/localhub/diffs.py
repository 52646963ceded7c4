"""What a pull request changes, as git writes it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from hubkit.localhub.hub import Hub
from hubkit.localhub.objects import Entry, Tree, lfs_pointer
from hubkit.localhub.repos import Repo

LARGEST = 2**18
"""Bytes of a file whose lines are compared: it takes time that grows with the square of the lines."""


def unified_diff(hub: Hub, repo: Repo, before: Tree, after: Tree) -> str:
    """The difference between two trees of a repo, in the format of `git diff`."""
    return "".join(
        line
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
        for line in _lines(hub, repo, path, before.get(path), after.get(path))
    )


def _lines(hub: Hub, repo: Repo, path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    yield f"diff --git a/{path} b/{path}\n"
    if old is None:
        yield "new file mode 100644\n"
    if new is None:
        yield "deleted file mode 100644\n"
    yield f"index {old.oid[:7] if old else '0' * 7}..{new.oid[:7] if new else '0' * 7}\n"
    names = f"a/{path}" if old else "/dev/null", f"b/{path}" if new else "/dev/null"
    contents = _held(hub, repo, old), _held(hub, repo, new)
    if any(len(content) > LARGEST or b"\0" in content for content in contents):
        yield f"Binary files {names[0]} and {names[1]} differ\n"
        return
    lines = [content.decode("utf-8", "replace").splitlines(keepends=True) for content in contents]
    for line in difflib.unified_diff(lines[0], lines[1], *names):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _held(hub: Hub, repo: Repo, entry: Entry | None) -> bytes:
    """What git holds of a file: its pointer, where it is a large one."""
    if entry is None:
        return b""
    if entry.lfs:
        return lfs_pointer(entry.sha256, entry.size)
    content = hub.content(repo, entry.sha256)
    return b"".join(content.read(0, min(content.size, LARGEST + 1)))
