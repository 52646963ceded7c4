"""What strangers or readers without the data can see of a release: the text of every file, line by line."""

from __future__ import annotations

import html
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from hubkit.errors import HubkitError

ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|[abfnrtv])")
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
    """A line as it reads: JSON and Python write line breaks and letters as escapes, HTML as entities."""
    if "\\" in line:
        line = ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", line)
    return html.unescape(line) if "&" in line else line


def _image(path: Path) -> Iterator[str]:
    from PIL import Image

    with Image.open(path) as image:
        image.load()
        found = [*image.info.items(), *image.getexif().items()]
    for name, value in found:
        text = value.decode("utf-8", errors="ignore") if isinstance(value, bytes) else str(value)
        yield f"{name} {text}"


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
