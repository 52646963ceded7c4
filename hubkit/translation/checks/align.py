"""Which sentences of a translation belong to which of its source.

As many sentences as the source has are taken one by one. Otherwise the cheapest chain is sought among sentences that
answer one another, that are merged or parted, and that are alone (after Gale and Church, 1993; what both sides name
counts beside their lengths).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.clinical.assertion import Sentence
from hubkit.translation.checks.sides import Side

ALONE = 0.55
"""The cost of a sentence without counterpart; one that answers another costs 0 to about 1."""

MERGED = 0.25

STEPS = ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2), (3, 1), (1, 3))

BAND = 12
"""How many sentences the chain may stray from the straight line; a long text would take too long without."""

VAGUE = frozenset({"hedge", "negation", "scope", "ignore"})
"""Kinds of phrases that any sentence may hold."""

EXPECTED_RATIO = 1.1
"""Characters of Portuguese for one of English."""


def align(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs of sides in their order; one side is empty where sentences have no counterpart."""
    if len(source) == len(translation):
        return [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=True)]
    said, told = [_signature(sentence) for sentence in source], [_signature(sentence) for sentence in translation]
    lengths = [len(sentence.text) for sentence in source], [len(sentence.text) for sentence in translation]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    width = min(BAND + abs(len(source) - len(translation)), 5 * BAND)
    for at in range(len(source) + 1):
        straight = at * len(translation) // len(source) if source else 0
        for to in range(max(0, straight - width), min(len(translation), straight + width) + 1):
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


class Signature(NamedTuple):
    """What a sentence names, with its numbers and tokens of de-identification, and how its long words begin."""

    names: frozenset[str]
    stems: frozenset[str]


def _cost(said: Sequence[Signature], told: Sequence[Signature], ratio: float) -> float:
    """How ill sentences answer one another, by what each names and by the ratio of their lengths."""
    one, other = _together(said), _together(told)
    likeness = _likeness(one.names, other.names)
    if len(said) + len(told) > 2:
        # Each of the merged sentences must be found in the one that answers them.
        parts, whole = (said, other) if len(told) == 1 else (told, one)
        likeness *= min(_share(part, whole) for part in parts)
    return 1 - likeness + 0.5 * abs(math.log(ratio)) + MERGED * (len(said) + len(told) - 2)


def _together(signatures: Sequence[Signature]) -> Signature:
    if len(signatures) == 1:
        return signatures[0]
    return Signature(
        frozenset[str]().union(*[signature.names for signature in signatures]),
        frozenset[str]().union(*[signature.stems for signature in signatures]),
    )


def _signature(sentence: Sentence) -> Signature:
    marks = [word.replace(",", ".") for word in sentence.words if word[0].isdigit() or word[0] == "_"]
    telling = [term.meaning.names for term in sentence.terms if not term.meaning.kinds <= VAGUE]
    return Signature(frozenset(marks).union(*telling), frozenset(word[:5] for word in sentence.words if len(word) > 6))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of the smaller and larger signature that both have; middling where nothing is known of one."""
    if not one or not other:
        return 0.5 if one == other else 0.3
    return 2 * len(one & other) / (len(one) + len(other))


def _share(part: Signature, whole: Signature) -> float:
    """How much of a sentence stands in another; words that begin alike, such as clinically and clinicamente, count."""
    cognates = len(part.stems & whole.stems)
    known = len(part.names) + cognates
    return (len(part.names & whole.names) + cognates) / known if known else 0.2
