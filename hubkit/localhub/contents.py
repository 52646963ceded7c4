"""The bytes of a file, wherever they are kept, and in whichever range they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PIECE = 2**18
"""Bytes that are read at least before they are sent: fewer take a switch of threads for each chunk."""


class Content(NamedTuple):
    """What a file holds.

    Attributes:
        size: in bytes.
        read: yields the bytes from a first to a last place, without the latter.
    """

    size: int
    read: Callable[[int, int], Iterator[bytes]]


def content_of_file(path: Path) -> Content:
    """The content of a file as it lies on the disk."""

    def read(start: int, stop: int) -> Iterator[bytes]:
        with open(path, "rb") as file:
            while start < stop and (piece := os.pread(file.fileno(), min(PIECE, stop - start), start)):
                start += len(piece)
                yield piece

    return Content(path.stat().st_size, read)


def content_of_bytes(content: bytes) -> Content:
    """Content that is in memory."""
    return Content(len(content), lambda start, stop: iter([content[start:stop]]))


def in_pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least PIECE."""
    waiting: list[bytes] = []
    for chunk in chunks:
        waiting.append(chunk)
        if sum(map(len, waiting)) >= PIECE:
            yield b"".join(waiting)
            waiting = []
    if waiting:
        yield b"".join(waiting)
