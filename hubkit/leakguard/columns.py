"""The words of a text in the order of its columns, keys and steps, for tables with a word or a few in each line."""

from __future__ import annotations

import re
from collections.abc import Iterator

Cell = tuple[int, str]
"""The number of a line, and a part of it."""

SPLITTERS = (re.compile(r"\|"), re.compile(r"\t| {2,}"), re.compile(r"[,;]"))
"""Where columns part: in Markdown, in what is set side by side or by tabs, in CSV."""

FIRST_WORDS = 6
"""Columns that are looked at where a space parts them, as in CoNLL's `word tag chunk name`."""

VALUE = re.compile(r"(?<!\w)(\w{1,40})[\"']?\s{0,8}[:=]\s{0,8}[\"']([^\"'\n]*)[\"']")
"""A key and its value, in JSON, in Python and in an attribute of XML."""


def columns(text: str) -> Iterator[list[Cell]]:
    """For each way of parting the lines of a text without tags: its first column, then its second, and so on."""
    lines = text.split("\n")
    for splitter in SPLITTERS:
        if splitter.search(text):
            yield _by_column((line, splitter.split(content)) for line, content in enumerate(lines))
    yield _by_column((line, content.split(None, FIRST_WORDS)[:FIRST_WORDS]) for line, content in enumerate(lines))


def by_key(text: str) -> list[Cell]:
    """The values of each key, in order: [{"token": "Uma", "tag": "O"}, ...]."""
    found: dict[str, list[Cell]] = {}
    line, counted = 0, 0
    for value in VALUE.finditer(text):
        line += text.count("\n", counted, value.start(2))
        counted = value.start(2)
        found.setdefault(value[1], []).append((line, value[2]))
    return [cell for values in found.values() if len(values) > 1 for cell in values]


def _by_column(rows: Iterator[tuple[int, list[str]]]) -> list[Cell]:
    found: dict[int, list[Cell]] = {}
    for line, cells in rows:
        for number, cell in enumerate(cells):
            if cell.strip():
                found.setdefault(number, []).append((line, cell))
    return [cell for column in found.values() if len(column) > 1 for cell in column]
