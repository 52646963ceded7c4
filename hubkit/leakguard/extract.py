"""What strangers or readers without the data can see of a release: the text of every file, line by line."""

from __future__ import annotations

import html
import json
import re
import struct
import unicodedata
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError
from hubkit.leakguard.ngrams import INVISIBLE

if TYPE_CHECKING:
    import pyarrow as pa

ESCAPE = re.compile(
    r"\\+(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|N\{([A-Z -]+)\}|[abfnrtv])"
)
WINDOWS_PATH = re.compile(
    r"(?<!\w)[A-Za-z]:(?:\\\\[\w.$-]+){2,}"  # D:\\models\\name, as JSON and Python write it
    r"|(?<!\w)[A-Za-z]:(?=[\w.$\\-]*\\[^\W\dabfnrtvuxNU])(?:\\[\w.$-]+){2,}"  # D:\models\name, of which \m is no escape
    r"|(?<![^\s\"'`=(\[{,;:|>])(?P<sign>\\{1,2})(?P=sign)[\w.-]{2,}(?P=sign)[\w.$-]+"  # \\server\share, in both ways
)
CASE = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿ"
SEAM = re.compile(
    "(?<=[{1}])(?=[{0}])|(?<=[{0}])(?=[{0}][{1}])".format(*CASE) + r"|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)"
)
"""Where a word begins in a name without spaces: at a capital, at a figure and after it."""

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
            "is no text, and nobody can say what is in it", where=path, hint="leave it out of the release"
        )
    return [_unescaped(line) for line in text.splitlines()]


def spaced(name: str) -> str:
    """A file's name with its words apart: HeartSize2 is "Heart Size 2"."""
    return SEAM.sub(" ", unicodedata.normalize("NFC", name))


def _unescaped(line: str) -> str:
    """A line as it reads: programs write letters as escapes, HTML as entities, addresses in percent."""
    if "\\" in line:
        line = ESCAPE.sub(_character, WINDOWS_PATH.sub(_address, line))
    if "&" in line:
        # Twice, since an entity may be written as one: &amp;eacute;
        line = html.unescape(html.unescape(line))
    if "%" in line:
        line = urllib.parse.unquote(line)
    if not line.isascii():
        line = INVISIBLE.sub("", unicodedata.normalize("NFC", line))
    return " ".join(line.splitlines())


def _address(path: re.Match[str]) -> str:
    # As an address, of which no part looks like an escape: \models\new has a break in it for Python.
    return f"file://{path[0]}".replace("\\", "/")


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
    yield from _metadata(schema.metadata)
    for column in schema:
        yield from _names(column)


def _names(column: pa.Field) -> Iterator[str]:
    """Name and metadata of a column and of all that lies within it."""
    yield column.name
    yield from _metadata(column.metadata)
    for at in range(column.type.num_fields):
        yield from _names(column.type.field(at))


def _metadata(found: Mapping[bytes, bytes] | None) -> Iterator[str]:
    for name, value in (found or {}).items():
        yield f"{name.decode('utf-8', errors='ignore')} {value.decode('utf-8', errors='ignore')}"
