"""The text in a picture apart from its pixels: comments, Exif, XMP, IPTC, chunks of any name, what follows the end."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator

READABLE = re.compile(r"[\w\s.,;:!?()'\"/=-]{12,}")
LATIN = re.compile(rb"[\t\n\r\x20-\x7e\xa0-\xff]{12,}")
WIDE = re.compile(rb"(?:[\t\n\r\x20-\x7e\xa0-\xff]\0){8,}|(?:\0[\t\n\r\x20-\x7e\xa0-\xff]){8,}")
"""Text in UTF-16 whose letters are of the first 256, as Portuguese and English are."""

IFDS = (0x8769, 0x8825, 1)
"""The parts of Exif below its first: the camera's (UserComment), the place, the thumbnail's."""

MOST_TEXT = 8 << 20
"""Bytes that one packed comment may come to."""


def picture_text(raw: bytes) -> Iterator[str]:
    """The texts of a PNG or JPEG file.

    Raises:
        Exception: of any kind, where the file is damaged, too large or none of the two.
    """
    from PIL import Image

    with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG")) as image:
        image.load()
        exif = image.getexif()
        found = [*image.info.items(), *exif.items()]
        for ifd in IFDS:
            found += exif.get_ifd(ifd).items()
    for name, value in found:
        for text in _decoded(value):
            yield f"{name} {text}"
    if raw.startswith(b"\x89PNG"):
        for content in _unpacked_chunks(raw):
            yield from _decoded(content)
    # Comments in places of their own. Without the zeros that UTF-16 puts between letters.
    plain = raw.replace(b"\0", b"").decode("utf-8", errors="ignore")
    yield from (text[0] for text in READABLE.finditer(plain))
    yield from (text[0].decode("latin-1") for text in LATIN.finditer(raw))
    yield from _wide(raw)


def _decoded(value: object) -> Iterator[str]:
    """A value as text: bytes in each encoding that they may be in."""
    if isinstance(value, tuple) and value and all(isinstance(part, int) and 0 <= part < 256 for part in value):
        value = bytes(value)
    if not isinstance(value, bytes):
        yield str(value).replace("\0", " ")
        return
    yield value.replace(b"\0", b"").decode("utf-8", errors="ignore")
    yield value.replace(b"\0", b"").decode("latin-1")
    yield from _wide(value)


def _wide(raw: bytes) -> Iterator[str]:
    for found in WIDE.finditer(raw):
        yield found[0].decode("utf-16-be" if found[0][0] == 0 else "utf-16-le")


def _unpacked_chunks(raw: bytes) -> Iterator[bytes]:
    """The packed texts of a PNG file, each of them: of two with the same keyword, programs show the last."""
    place = 8
    while place + 8 <= len(raw):
        size, kind = int.from_bytes(raw[place : place + 4], "big"), raw[place + 4 : place + 8]
        data = raw[place + 8 : place + 8 + size]
        place += size + 12
        stream = b""
        if kind in (b"zTXt", b"iCCP"):
            stream = data.partition(b"\0")[2][1:]
        elif kind == b"iTXt" and data.partition(b"\0")[2][:1] == b"\1":
            stream = data.partition(b"\0")[2][2:].partition(b"\0")[2].partition(b"\0")[2]
        if stream:
            unpacker = zlib.decompressobj()
            yield unpacker.decompress(stream, MOST_TEXT)
            if unpacker.unconsumed_tail:
                raise ValueError("a comment is too large")
