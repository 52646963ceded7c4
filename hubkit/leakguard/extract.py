"""What strangers or readers without the data can see of a release: the text of every file, line by line."""

from __future__ import annotations

import json
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError
from hubkit.leakguard.decode import PACKED, readable, unescaped
from hubkit.leakguard.pictures import picture_text

if TYPE_CHECKING:
    import pyarrow as pa

CASE = "A-ZÀ-ÖØ-Þ", "a-zß-öø-ÿ"
SEAM = re.compile(
    "(?<=[{1}])(?=[{0}])|(?<=[{0}])(?=[{0}][{1}])".format(*CASE) + r"|(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)"
)
"""Where a word begins in a name without spaces: at a capital, at a figure and after it."""

MAX_HEADER = 100 * 2**20
"""The largest header that the format of safetensors allows."""

TENSOR = {"dtype", "shape", "data_offsets"}
"""What the header of the weights says of a tensor. Anything else is a text of somebody's own."""


def lines(path: Path) -> list[str]:
    """The text in a file: lines of text files, metadata alone of images, weights and Parquet files.

    Raises:
        HubkitError: no text can be read from the file, so that nobody can say what is in it.
    """
    kind = path.suffix.lower()
    if kind not in READERS and path.name != "tokenizer.model":
        text = _text(path)
        return [unescaped(line) for line in text.splitlines()]
    try:
        if path.name == "tokenizer.model":
            return path.read_bytes().decode("utf-8", errors="ignore").splitlines()
        return [unescaped(line) for line in READERS[kind](path)]
    except Exception as error:
        # Whoever wrote the file chose what is in it, and its reader may fail on that in any way.
        hint = "write it again, or leave it out of the release"
        raise HubkitError(
            f"cannot be read as {kind or path.name}: {type(error).__name__}", where=path, hint=hint
        ) from error


def spaced(name: str) -> str:
    """A file's name with its words apart: HeartSize2 is "Heart Size 2"."""
    return SEAM.sub(" ", unicodedata.normalize("NFC", name))


def _text(path: Path) -> str:
    hint = "leave it out of the release"
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HubkitError(f"cannot be read: {error.strerror}", where=path, hint=hint) from error
    text = None if raw.startswith(PACKED) else readable(raw)
    if text is None:
        raise HubkitError("is not text, so the leak guard cannot read it", where=path, hint=hint)
    return text


def _picture(path: Path) -> Iterator[str]:
    yield from picture_text(path.read_bytes())


def _weights(path: Path) -> Iterator[str]:
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > MAX_HEADER:
            raise ValueError("the header is larger than the format allows")
        raw = file.read(size)
    if len(raw) < size:
        raise ValueError("the header is cut off")
    # As pairs: of two entries with the same name, a dict would keep the last.
    for name, entry in json.loads(raw or b"{}", object_pairs_hook=_pairs):
        yield name
        if name == "__metadata__" or not isinstance(entry, list):
            yield json.dumps(entry, ensure_ascii=False)
            continue
        for key, value in entry:
            if key not in TENSOR or not all(isinstance(part, int | str) for part in _listed(value)):
                yield f"{key} {json.dumps(value, ensure_ascii=False)}"
            elif isinstance(value, str) and len(value) > 16:
                # Types are called F32 or F8_E4M3.
                yield value


def _pairs(found: list[tuple[str, object]]) -> list[tuple[str, object]]:
    return found


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


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


READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _picture),
    ".safetensors": _weights,
    ".parquet": _parquet,
}
"""The kinds of files whose metadata is read and nothing else."""
