"""Which sentences of a translation belong to which of its source.

As many sentences as the source has are taken one by one. Otherwise the cheapest chain is sought among sentences that
answer one another, that are merged or parted, and that are alone (after Gale and Church, 1993; what both sides name
counts beside their lengths).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hubkit.clinical.assertion import Sentence
from hubkit.translation.checks.sides import Side

ALONE = 0.55
"""The cost of a sentence without counterpart; one that answers another costs 0 to about 1."""

MERGED = 0.25

STEPS = ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2), (3, 1), (1, 3))

EXPECTED_RATIO = 1.1
"""Characters of Portuguese for one of English."""


def align(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs of sides in their order; one side is empty where sentences have no counterpart."""
    if len(source) == len(translation):
        return [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=True)]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for at in range(len(source) + 1):
        for to in range(len(translation) + 1):
            for taken, given in STEPS:
                before = best.get((at - taken, to - given))
                if before is None:
                    continue
                cost = before[0] + _cost(source[at - taken : at], translation[to - given : to])
                if (at, to) not in best or cost < best[at, to][0]:
                    best[at, to] = cost, (taken, given)
    pairs = []
    at, to = len(source), len(translation)
    while (at, to) != (0, 0):
        taken, given = best[at, to][1]
        pairs.append((Side(source[at - taken : at]), Side(translation[to - given : to])))
        at, to = at - taken, to - given
    return pairs[::-1]


def _cost(source: Sequence[Sentence], translation: Sequence[Sentence]) -> float:
    if not source or not translation:
        return ALONE
    ratio = (_length(translation) + 8) / (EXPECTED_RATIO * _length(source) + 8)
    likeness = _likeness(_signature(source), _signature(translation))
    if len(source) + len(translation) > 2:
        # Each of the merged sentences must be found in the one that answers them.
        parts, whole = (source, translation) if len(translation) == 1 else (translation, source)
        likeness *= min(_share(_signature([part]), _signature(whole)) for part in parts)
    merged = MERGED * (len(source) + len(translation) - 2)
    return 1 - likeness + 0.5 * abs(math.log(ratio)) + merged


def _length(sentences: Sequence[Sentence]) -> int:
    return sum(len(sentence.text) for sentence in sentences)


def _signature(sentences: Sequence[Sentence]) -> set[str]:
    names = {concept.name for sentence in sentences for term in sentence.terms for concept in term.concepts}
    tokens = {token.word for sentence in sentences for token in sentence.tokens}
    return names | {word.replace(",", ".") for word in tokens if word[0].isdigit() or word[0] == "_"}


def _likeness(one: set[str], other: set[str]) -> float:
    """Share of the smaller and larger signature that both have; middling where nothing is known of one."""
    if not one or not other:
        return 0.5 if one == other else 0.3
    return 2 * len(one & other) / (len(one) + len(other))


def _share(part: set[str], whole: set[str]) -> float:
    return len(part & whole) / len(part) if part else 0.2
