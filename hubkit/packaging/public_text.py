"""What strangers or readers without the data can see of a release: the text of every file, line by line."""

from __future__ import annotations

import html
import json
import re
import struct
import unicodedata
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from hubkit.errors import HubkitError
from hubkit.packaging.runs import INVISIBLE

ESCAPE = re.compile(
    r"\\+(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|N\{([A-Z -]+)\}|[abfnrtv])"
)
READABLE = re.compile(r"[\w\s.,;:!?()'\"/=-]{12,}")
"""What is read of a picture's bytes beside its metadata: comments in places of their own, and what follows its end."""

MAX_HEADER = 100 * 2**20


def lines(path: Path) -> list[str]:
    """The text in a file: lines of text files, metadata alone of images, weights and Parquet files.

    Raises:
        HubkitError: the file is of a kind that no text can be read from, so that nobody can say what is in it.
    """
    reader = {".png": _image, ".jpg": _image, ".jpeg": _image, ".safetensors": _weights, ".parquet": _parquet}
    if path.suffix in reader:
        return [_unescaped(line) for line in reader[path.suffix](path)]
    raw = path.read_bytes()
    if path.name == "tokenizer.model":
        return raw.decode("utf-8", errors="ignore").splitlines()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise HubkitError(
            "is no text, and nobody can say what is in it", where=path, mend="leave it out of the release"
        )
    return [_unescaped(line) for line in text.splitlines()]


def _unescaped(line: str) -> str:
    """A line as it reads: programs write letters as escapes, HTML as entities, addresses in percent."""
    if "\\" in line:
        line = ESCAPE.sub(_character, line)
    if "&" in line:
        # Twice, since an entity may be written as one: &amp;eacute;
        line = html.unescape(html.unescape(line))
    if "%" in line:
        line = urllib.parse.unquote(line)
    if not line.isascii():
        line = INVISIBLE.sub("", unicodedata.normalize("NFC", line))
    return " ".join(line.splitlines())


def _character(escape: re.Match[str]) -> str:
    *codes, name = escape.groups()
    try:
        return unicodedata.lookup(name) if name else chr(int(next(filter(None, codes)), 16))
    except (StopIteration, KeyError, ValueError):
        # A break or a tab, or no character at all.
        return " "


def _image(path: Path) -> Iterator[str]:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        found = [*image.info.items(), *image.getexif().items()]
    for name, value in found:
        text = value.decode("utf-8", errors="ignore") if isinstance(value, bytes) else str(value)
        yield f"{name} {text}"
    # Without the zeros that UTF-16 puts between letters.
    raw = path.read_bytes().replace(b"\0", b"").decode("utf-8", errors="ignore")
    yield from (found[0] for found in READABLE.finditer(raw))


def _weights(path: Path) -> Iterator[str]:
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(min(size, MAX_HEADER)) or b"{}")
    yield from header
    yield json.dumps(header.get("__metadata__", {}), ensure_ascii=False)


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    yield from schema.names
    for name, value in (schema.metadata or {}).items():
        yield f"{name.decode()} {value.decode('utf-8', errors='ignore')}"
