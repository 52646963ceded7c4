"""Large files as Xet stores them: xorbs, which hold chunks, and shards, which say which chunks make up a file.

The formats are those of hub-docs, xet/xorb.md and xet/shard.md. Reading them here, rather than through hf_xet, takes
little memory, gives any range of a file, and works where hf_xet is not installed.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

XORB_PREFIX = "default."

_RECORD = 48  # bytes of a record of a shard, by the documented format; so are the two flags and the head below
_VERIFIED, _WITH_SHA256 = 1 << 31, 1 << 30  # flags of a file in a shard
_BOOKEND = b"\xff" * 32

_HEAD = 8  # bytes before each chunk of a xorb
_PLAIN, _LZ4, _GROUPED_LZ4 = range(3)
"""How a chunk is stored; the last has each fourth byte together, which suits floats."""


class Segment(NamedTuple):
    """A run of chunks: `first` to `last`, without it, of a xorb; `size` is in bytes, unpacked."""

    xorb: str
    size: int
    first: int
    last: int


class XetFile(NamedTuple):
    """A file as Xet knows it: its hash, and what it is made of."""

    hash: str
    segments: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(segment.size for segment in self.segments)


class _Chunk(NamedTuple):
    """Where a chunk lies in its xorb, and how many bytes it has packed and unpacked."""

    place: int
    packed: int
    scheme: int
    size: int


def files_in(shard: bytes) -> Iterator[tuple[str, XetFile]]:
    """The files of a shard by SHA-256.

    A shard is a head and then records of 48 bytes: of each file its hash, flags and number of segments, then the
    segments, as many verification records, and one with the SHA-256.
    """
    at = _RECORD
    while shard[at : at + 32] != _BOOKEND:
        flags, count = struct.unpack_from("<II", shard, at + 32)
        places = range(at + _RECORD, at + _RECORD * (1 + count), _RECORD)
        segments = tuple(
            Segment(_hex(shard[place : place + 32]), *struct.unpack_from("<III", shard, place + 36)) for place in places
        )
        end = at + _RECORD * (1 + count * (2 if flags & _VERIFIED else 1))
        if flags & _WITH_SHA256:
            yield _hex(shard[end : end + 32]), XetFile(_hex(shard[at : at + 32]), segments)
            end += _RECORD
        at = end


def read_chunks(xorbs: Path, file: XetFile, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a file from `start` to `stop`, without it, chunk by chunk.

    Raises:
        OSError: a xorb is missing.
        ValueError: a chunk is stored in a way that is not known here.
    """
    at = 0
    for segment in file.segments:
        if at < stop and at + segment.size > start:
            path = xorbs / f"{XORB_PREFIX}{segment.xorb}"
            with open(path, "rb") as xorb:
                begin = at
                for chunk in _chunks(str(path))[segment.first : segment.last]:
                    if begin < stop and begin + chunk.size > start:
                        content = _unpacked(os.pread(xorb.fileno(), chunk.packed, chunk.place), chunk)
                        yield content[max(start - begin, 0) : stop - begin]
                    begin += chunk.size
        at += segment.size


# A xorb has 64 MiB and about 1,000 chunks: this many tables take about 10 MB.
@functools.lru_cache(maxsize=64)
def _chunks(path: str) -> tuple[_Chunk, ...]:
    """The chunks of a xorb, each of which follows a head of 8 bytes."""
    found, at = [], 0
    with open(path, "rb") as xorb:
        while len(head := os.pread(xorb.fileno(), _HEAD, at)) == _HEAD and head[0] == 0:
            packed, size = int.from_bytes(head[1:4], "little"), int.from_bytes(head[5:8], "little")
            found.append(_Chunk(at + _HEAD, packed, head[4], size))
            at += _HEAD + packed
    return tuple(found)


def _unpacked(content: bytes, chunk: _Chunk) -> bytes:
    if chunk.scheme == _PLAIN:
        return content
    if chunk.scheme not in (_LZ4, _GROUPED_LZ4):
        raise ValueError(f"chunks stored by scheme {chunk.scheme} cannot be read")
    unpacked: bytes = _lz4().decompress(content, decompressed_size=chunk.size, asbytes=True)
    if chunk.scheme == _LZ4:
        return unpacked
    ungrouped, begin = bytearray(chunk.size), 0
    for place in range(4):
        count = len(range(place, chunk.size, 4))
        ungrouped[place::4] = unpacked[begin : begin + count]
        begin += count
    return bytes(ungrouped)


@functools.cache
def _lz4() -> Any:
    # Imported where it is needed: most large files are compressed already, and the import takes memory and time.
    import pyarrow as pa

    return pa.Codec("lz4")


def _hex(digest: bytes) -> str:
    # Digests lie in shards as four little-endian words.
    return "".join(digest[word : word + 8][::-1].hex() for word in range(0, 32, 8))
