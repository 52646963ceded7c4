"""Where a file that PhysioNet lists may be written: below the folder that was chosen, whatever its path says.

The list comes from the network. A path in it can be absolute, climb out with `..`, or lead through a
link that lies in the folder already.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hubkit.errors import HubkitError

_PLAIN = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]+")
"""No control character, which a terminal would obey; no backslash, which separates folders elsewhere; no byte that
was not UTF-8."""


def check_path(path: str, where: str) -> None:
    """Refuse a listed path that is not one of a file below the project's folder.

    Raises:
        HubkitError: names the path.
    """
    # A drive letter counts as absolute, as it would on Windows.
    plain = _PLAIN.fullmatch(path) and not re.match(r"[A-Za-z]:", path)
    if not plain or any(part in ("", ".", "..") for part in path.split("/")):
        raise HubkitError(
            f"lists the path {path!r}, which is not one of a file below its folder",
            where=where,
            hint="nothing was written there; see the project's page, and tell PhysioNet",
        )


def check_way(root: Path, target: Path) -> None:
    """Refuse to write `target` where a link below `root` would lead elsewhere.

    Raises:
        HubkitError: names the link.
    """
    for place in (*reversed(target.parents), target):
        # The root itself may be a link: that is the user's choice. What lies below it is written by fetch alone.
        if root in place.parents and place.is_symlink():
            raise HubkitError(
                "is a link, which would lead out of the folder",
                where=place,
                hint="put a folder in its place, or set [corpus] root to where it leads",
            )


def open_in_place(path: str, flags: int) -> int:
    """An opener for `open` that follows no link and lets nobody else read."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
