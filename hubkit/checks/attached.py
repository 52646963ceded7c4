"""Finds a side that a translation took from the second of two findings: "atelectasis and left effusion"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side
from hubkit.clinical.lexicon import Term
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import IS

SIDE_BOUNDS = frozenset({",", ";", "and", "with", "e", "com"})
"""What a side does not reach beyond."""

WHOLE = re.compile(r"\b(?:amb[oa]s|respectivamente|tod[oa]s)\b")
"""What gives a side to all that stands before it."""

OWNERS = frozenset({"finding", "device"})


def side_left_out(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where a side stands with the first of two findings alone, and with the second in the source.

    In English a side before the second finding does not reach back to the first; in Portuguese one that
    follows the first does not reach on to the second.
    """
    if len(source.sentences) != 1 or len(translation.sentences) != 1:
        return
    said, told = source.sentences[0], translation.sentences[0]
    if (
        not _sides(told.terms)
        or not _sides(said.terms)
        or SIDE_BOUNDS.isdisjoint(said.words)
        or WHOLE.search(told.folded)
    ):
        return
    parts = _parts(told)
    first, *others = _parts(said)
    if _sides(first) or not _owners(first):
        return
    for part in others:
        owners, sides = _owners(part), _sides(part)
        if not sides:
            continue
        if len(owners) != 1 or len(sides) != 1 or sides[0].first > owners[0].first:
            return
        names = owners[0].meaning.names
        places = [at for at, other in enumerate(parts) if any(names & term.meaning.names for term in _owners(other))]
        if len(places) != 1 or _sides(parts[places[0]]):
            return
        earlier = [(_owners(other), _sides(other)) for other in parts[: places[0]]]
        follows = all(mine and mine[0].first < side.first for mine, named in earlier for side in named)
        later = any(_sides(other) for other in parts[places[0] + 1 :])
        if follows and not later and any(named for _, named in earlier):
            (own,) = (term for term in _owners(parts[places[0]]) if names & term.meaning.names)
            yield Flag("laterality", "error", said.span(sides[0]), told.span(own))
        return


def _parts(sentence: Sentence) -> list[list[Term]]:
    """The findings, devices and sides of a sentence, by the parts between its joints."""
    words = sentence.words
    joints = [at for at, word in enumerate(words) if word in SIDE_BOUNDS and sentence.written(at) not in IS]
    bounds = [0, *joints, len(words)]
    return [[term for term in sentence.terms if first <= term.first < last] for first, last in pairwise(bounds)]


def _owners(part: list[Term]) -> list[Term]:
    return [term for term in part if term.meaning.kinds & OWNERS]


def _sides(part: list[Term]) -> list[Term]:
    return [term for term in part if "side" in term.meaning.kinds]
