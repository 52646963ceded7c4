"""Texts in pieces: which characters of a source or a translation a check points at."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """Characters of a text that a check points at, from `start` up to and without `end`."""

    start: int | None
    end: int | None
    check: str


class Piece(NamedTuple):
    """A part of a text, with the checks that point at it; none where it is in order."""

    text: str
    checks: tuple[str, ...]


def marked(text: str, spans: Iterable[Span]) -> list[Piece]:
    """Cut a text where a span begins or ends; its pieces together are the text.

    Spans may overlap. What lies outside of the text, or has no length, marks nothing.
    """
    placed: list[tuple[int, int, str]] = []
    for span in spans:
        if span.start is not None and span.end is not None:
            start, end = max(span.start, 0), min(span.end, len(text))
            if start < end:
                placed.append((start, end, span.check))
    cuts = sorted({0, len(text), *(cut for start, end, _ in placed for cut in (start, end))})
    return [
        Piece(text[start:end], tuple(sorted({check for first, last, check in placed if first <= start < last})))
        for start, end in pairwise(cuts)
    ]
