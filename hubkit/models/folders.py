"""Which public model a folder holds, as far as its download says."""

from __future__ import annotations

import re
from pathlib import Path

METADATA = Path(".cache/huggingface/download/config.json.metadata")
"""What `hf download --local-dir` writes of config.json; its first line is the commit."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_CACHED = re.compile(r"models--([^/]+?)--([^/]+)/snapshots/([0-9a-f]{40})/?$")
"""The end of a path into the Hub's cache: owner, name and commit."""


def folder_name(folder: Path) -> str | None:
    """The repo that a snapshot in the Hub's cache belongs to; None of any other folder."""
    found = _CACHED.search(folder.absolute().as_posix())
    return f"{found[1]}/{found[2]}" if found else None


def folder_commit(folder: Path) -> str | None:
    """The commit that a folder was downloaded from, where its path or its download metadata says so."""
    found = _CACHED.search(folder.absolute().as_posix())
    if found:
        return found[3]
    try:
        line = (folder / METADATA).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return line if _COMMIT.fullmatch(line) else None
