"""SHA-256 of files and folders; that of a folder with many files comes from an index next to it.

`images.sha256` next to `images/` has a line for each file: digest, size, time of change, name. Whoever writes the files
writes the lines, and a file whose size and time are still those of its line is not read again. So 107 GB of images are
known by 377,110 calls of stat. A file that somebody replaces by one of equal size, with the time of the old one, goes
unnoticed; to notice that would take a quarter of an hour in every plan.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

MANY = 1_000
"""Files of a folder that had to be read: then an index is written, also of a folder that an older hubkit made."""

SETTLED_NS = 2 * 10**9
"""A file that was changed so lately may change again within the same tick of its clock: it gets no line yet. Two
seconds are the coarsest clock of a file system in use (FAT); ext4's has a tick of some milliseconds."""

_held: dict[Path, str] | None = None


class Entry(NamedTuple):
    """What an index knows of a file: SHA-256 of its content, bytes, and time of change in nanoseconds."""

    sha256: str
    size: int
    changed: int


def value_digest(value: object) -> str:
    """SHA-256 of a value of JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's file names and contents; "missing" where there is neither."""
    if _held is None:
        return _digest(path)
    if path not in _held:
        _held[path] = _digest(path)
    return _held[path]


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Digest every path once: nothing writes while the block runs, or it says so with `changing`."""
    global _held
    before, _held = _held, {}
    try:
        yield
    finally:
        _held = before


@contextlib.contextmanager
def changing() -> Iterator[None]:
    """Let the block write, inside of `unchanged`: what was digested before it is forgotten."""
    global _held
    held, _held = _held, None
    try:
        yield
    finally:
        _held = None if held is None else {}


def index_of(folder: Path) -> Path:
    """Where the index of a folder is."""
    return folder.with_name(f"{folder.name}.sha256")


def read_index(folder: Path) -> dict[str, Entry]:
    """The lines of a folder's index by name, the last of each; a line that was cut off counts as none."""
    try:
        text = index_of(folder).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in text.split("\n")[:-1]:
        with contextlib.suppress(ValueError):
            digest, size, changed, name = line.split(" ", 3)
            found[name] = Entry(digest, int(size), int(changed))
    return found


def entry_of(path: Path) -> Entry:
    """The line of a file that is there."""
    status = path.stat()
    return Entry(_content_digest(path), status.st_size, status.st_mtime_ns)


def append_index(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Add lines to a folder's index, and bring them onto the disk."""
    with open(index_of(folder), "ab+", opener=_for_owner) as file:
        # A line that a power cut tore ends before the next one begins.
        torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read() != b"\n"
        file.write("".join(["\n" if torn else "", *(_line(*item) for item in entries.items())]).encode())
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    if path.is_dir():
        return _folder_digest(path)
    try:
        return _content_digest(path)
    except FileNotFoundError:
        return "missing"


def _content_digest(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    index, fresh, listed = read_index(folder), dict[str, Entry](), []
    for name, status in _files(str(folder), ""):
        known = index.get(name)
        if known is None or known.size != status.st_size or known.changed != status.st_mtime_ns:
            known = fresh[name] = entry_of(folder / name)
        listed.append((name, known.sha256))
    if len(fresh) >= MANY:
        _write_index(folder, {name: fresh.get(name) or index[name] for name, _ in listed})
    # The order of pathlib, folder by folder, by which earlier versions made the digests in manifests.
    listed.sort(key=lambda item: item[0].replace("/", "\0"))
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


def _files(folder: str, above: str) -> Iterator[tuple[str, os.stat_result]]:
    """Name below the folder, and status, of every file; `pathlib` takes five times as long over 400,000."""
    with os.scandir(folder) as found:
        for entry in found:
            # A link to a folder is not followed, as rglob does not.
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{above}{entry.name}/")
            elif entry.is_file():
                yield f"{above}{entry.name}", entry.stat()


def _write_index(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Write the whole index; where that is not possible, the files are read again the next time."""
    settled = time.time_ns() - SETTLED_NS
    lines = [_line(name, entry) for name, entry in entries.items() if entry.changed < settled and "\n" not in name]
    temporary = index_of(folder).with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        with open(temporary, "w", encoding="utf-8", opener=_for_owner) as file:
            file.writelines(lines)
        temporary.replace(index_of(folder))


def _for_owner(name: str, flags: int) -> int:
    """Open a file that nobody else can read."""
    return os.open(name, flags, 0o600)


def _line(name: str, entry: Entry) -> str:
    return f"{entry.sha256} {entry.size} {entry.changed} {name}\n"
