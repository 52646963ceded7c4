"""Which names the files of a repo may have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hubkit.localhub.errors import Refusal

_ODD = re.compile(r"[\x00-\x1f\x7f\\]|%2f|^[a-z]:", re.IGNORECASE)
"""What is a slash, a drive or nothing visible to one client or another: the same name would lead to different files."""


def checked_path(path: str) -> str:
    """`path`, if a file of a repo may be called that.

    Raises:
        Refusal: it leads out of the repo or into git's own folder, or clients read it in different ways (422).
    """
    if any(part in ("", ".", "..", ".git") for part in path.split("/")) or _ODD.search(path):
        raise Refusal(422, "Invalid path in repo")
    return path


def check_tree(paths: Iterable[str]) -> None:
    """Refuse a file and a folder of one name, of which a client could write only one to its disk.

    Raises:
        Refusal: there are such (400).
    """
    files = set(paths)
    for path in files:
        at = path.find("/")
        while at >= 0:
            if path[:at] in files:
                raise Refusal(400, f'"{path[:at]}" cannot be a file and a folder')
            at = path.find("/", at + 1)
