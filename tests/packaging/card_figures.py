"""A card taken apart into the figures of its prose, its code and its tables, and figures as a card writes them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from recomputed import Figure

FIGURE = re.compile(r"[\w.+-]*\d[\w.+-]*")
"""Whatever has a digit in it."""

NOT_FIGURES = re.compile(
    r"[Ff]1|SHA-256|md5|\w+[-_]4b[-_]it[\w-]*|medgemma-27b-text-it|\w*float(16|32)|[\w-]+-150|cafe12|abc123|nf4"
    r"|release-1\.0\.0"
)
"""Names with a digit in them: of measures, models, types and tags, which other tests look at."""


class Block(NamedTuple):
    """What has a digit in a part of a card: figures of the prose, of the code, and tables (header, rows of cells)."""

    prose: list[str]
    code: list[str]
    tables: list[list[list[str]]]


def figures(text: str) -> list[str]:
    found = [word.rstrip(".-") for word in FIGURE.findall(text)]
    return [word for word in found if not NOT_FIGURES.fullmatch(word)]


def card(folder: Path) -> tuple[dict[str, Any], dict[str, Block]]:
    """The YAML of a card, and what has figures in each of its blocks; outside of the blocks there may be none."""
    _, front, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    mark = re.compile(r"<!-- hubkit:begin ([\w-]+) .*?-->\n(.*?)<!-- hubkit:end \1 -->", re.DOTALL)
    assert figures(mark.sub("", body)) == []
    blocks = {name: taken_apart(text) for name, text in mark.findall(body)}
    return yaml.safe_load(front), {name: block for name, block in blocks.items() if any(block)}


def taken_apart(text: str) -> Block:
    fence = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
    code = [word for part in fence.findall(text) for word in figures(part)]
    text = fence.sub("", text)
    grid = re.compile(r"(?:^\|.*\|$\n?)+", re.MULTILINE)
    tables = [[cells(line) for line in part.splitlines()] for part in grid.findall(text)]
    rows = [[table[0], *(row for row in table[2:] if figures(" ".join(row)))] for table in tables]
    return Block(figures(grid.sub("", text)), code, [table for table in rows if len(table) > 1])


def cells(line: str) -> list[str]:
    return [cell.replace("`", "").strip() for cell in line.strip("|").split("|")]


def flat(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in JSON or YAML that has a digit, or is a number, with where it stands."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from flat(value, f"{path}/{key}")
    elif isinstance(values, list):
        for at, value in enumerate(values):
            yield from flat(value, f"{path}/{at}")
    elif isinstance(values, str):
        if found := figures(values):
            yield path, " ".join(found)
    elif not isinstance(values, bool) and values is not None:
        yield path, values


def shown(figure: Figure, digits: int = 3) -> str:
    value, low, high = (f"{number:.{digits}f}" for number in figure)
    return f"{value} [{low}, {high}]"


def percent(share: float) -> str:
    return re.sub(r"\.0 %$", " %", f"{share * 100:.1f} %")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
