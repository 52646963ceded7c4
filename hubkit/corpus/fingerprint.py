"""A cheap digest of a corpus on disk, so that `read` runs again when it changes and does not when it does not."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkit.digests import file_digest

MAX_FILES = 20_000
"""Files of a tree that are looked at one by one; a larger tree is known by its tables and its upper folders."""


def digest_of(source: Path, tables: Iterable[Path], trees: Iterable[Path]) -> str:
    """Digest of the archive `source` (size and time of change), of the contents of `tables`, and of files/ in `trees`.

    Of a tree with at most MAX_FILES files the size and time of change of each count; of a larger one those of its
    upper folders.
    """
    parts = {
        "source": _state(source) if source.is_file() else None,
        "tables": [(path.name, file_digest(path)) for path in tables],
        "trees": [_tree(path / "files") for path in dict.fromkeys(trees) if path.is_dir()],
    }
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _tree(root: Path) -> list[tuple[str, int, int]]:
    states = []
    for path in _files(root):
        states.append((str(path), *_state(path)))
        if len(states) > MAX_FILES:
            return [(str(folder), *_state(folder)) for folder in sorted(root.glob("*"))]
    return sorted(states)


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(base, name) for name in names)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
