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
    said, told = [_signature(sentence) for sentence in source], [_signature(sentence) for sentence in translation]
    lengths = [len(sentence.text) for sentence in source], [len(sentence.text) for sentence in translation]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for at in range(len(source) + 1):
        for to in range(len(translation) + 1):
            for taken, given in STEPS:
                before = best.get((at - taken, to - given))
                if before is None:
                    continue
                cost = ALONE
                if taken and given:
                    ratio = (sum(lengths[1][to - given : to]) + 8) / (
                        EXPECTED_RATIO * sum(lengths[0][at - taken : at]) + 8
                    )
                    cost = _cost(said[at - taken : at], told[to - given : to], ratio)
                if (at, to) not in best or before[0] + cost < best[at, to][0]:
                    best[at, to] = before[0] + cost, (taken, given)
    pairs = []
    at, to = len(source), len(translation)
    while (at, to) != (0, 0):
        taken, given = best[at, to][1]
        pairs.append((Side(source[at - taken : at]), Side(translation[to - given : to])))
        at, to = at - taken, to - given
    return pairs[::-1]


def _cost(said: Sequence[frozenset[str]], told: Sequence[frozenset[str]], ratio: float) -> float:
    """How ill sentences answer one another, by what each names and by the ratio of their lengths."""
    if len(said) == len(told) == 1:
        return 1 - _likeness(said[0], told[0]) + 0.5 * abs(math.log(ratio))
    one, other = frozenset[str]().union(*said), frozenset[str]().union(*told)
    # Each of the merged sentences must be found in the one that answers them.
    parts, whole = (said, other) if len(told) == 1 else (told, one)
    likeness = _likeness(one, other) * min(_share(part, whole) for part in parts)
    return 1 - likeness + 0.5 * abs(math.log(ratio)) + MERGED * (len(said) + len(told) - 2)


def _signature(sentence: Sentence) -> frozenset[str]:
    """What a sentence names, and its numbers and tokens of de-identification."""
    marks = [word.replace(",", ".") for word in sentence.words if word[0].isdigit() or word[0] == "_"]
    return frozenset(marks).union(*[term.meaning.names for term in sentence.terms])


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the smaller and larger signature that both have; middling where nothing is known of one."""
    if not one or not other:
        return 0.5 if one == other else 0.3
    return 2 * len(one & other) / (len(one) + len(other))


def _share(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 0.2
