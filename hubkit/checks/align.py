"""Which sentences of a translation belong to which of its source.

As many sentences as the source has are taken one by one. Otherwise the cheapest chain is sought among sentences that
answer one another, that are merged or parted, and that are alone (after Gale and Church, 1993; what both sides name
counts in addition to their lengths).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.checks.sides import Side
from hubkit.clinical.sentences import Sentence

ALONE = 0.55
"""The cost of a sentence without counterpart; one that answers another costs 0 to about 1."""

MERGED = 0.25

STEPS = ((1, 1), (1, 0), (0, 1), (2, 1), (1, 2), (3, 1), (1, 3))

BAND = 12
"""How many sentences the chain may stray from the straight line; a long text would take too long without."""

MOST_ALONE, MOST_SENTENCES = 4 * BAND, 500
"""Beyond these no chain is sought: the text loops or is cut off, and the band may hold no way to its end."""

VAGUE = frozenset({"hedge", "negation", "scope", "ignore"})
"""Kinds of phrases that any sentence may hold."""

EXPECTED_RATIO = 1.1
"""Characters of Portuguese for one of English."""


def align(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs of sides in their order; one side is empty where sentences have no counterpart."""
    if len(source) == len(translation):
        return [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=True)]
    if abs(len(source) - len(translation)) > MOST_ALONE or max(len(source), len(translation)) > MOST_SENTENCES:
        return _in_order(source, translation)
    best = _steps(_runs(source), _runs(translation), len(source), len(translation))
    pairs = []
    at, to = len(source), len(translation)
    while (at, to) != (0, 0):
        taken, given = best[at, to]
        pairs.append((Side(source[at - taken : at]), Side(translation[to - given : to])))
        at, to = at - taken, to - given
    return pairs[::-1]


def _in_order(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs one by one, and what is left of the longer side as one sentence without counterpart."""
    pairs = [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=False)]
    return [*pairs, (Side(source[len(pairs) :]), Side(translation[len(pairs) :]))]


class Signature(NamedTuple):
    """What a sentence names, with its numbers and tokens of de-identification, and how its long words begin."""

    names: frozenset[str]
    stems: frozenset[str]


class SentenceRun(NamedTuple):
    """Sentences that follow one another: what they name together, what each of them does, and their characters."""

    whole: Signature
    parts: list[Signature]
    length: int


Runs = dict[tuple[int, int], SentenceRun]


def _runs(sentences: Sequence[Sentence]) -> Runs:
    """Return up to three sentences that end before a place, by that place and their number."""
    signatures = [_signature(sentence) for sentence in sentences]
    runs = {}
    for end in range(1, len(sentences) + 1):
        for count in range(1, min(end, 3) + 1):
            parts = signatures[end - count : end]
            whole = Signature(*(frozenset[str]().union(*field) for field in zip(*parts, strict=True)))
            runs[end, count] = SentenceRun(whole, parts, sum(len(one.text) for one in sentences[end - count : end]))
    return runs


def _steps(said: Runs, told: Runs, many: int, others: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the last step of the cheapest chain to each place, by how many sentences of both sides lie before it."""
    costs, steps = {(0, 0): 0.0}, {}
    width = min(BAND + abs(many - others), 5 * BAND)
    for at in range(many + 1):
        straight = at * others // many if many else 0
        for to in range(max(0, straight - width), min(others, straight + width) + 1):
            cheapest = math.inf
            for taken, given in STEPS:
                before = costs.get((at - taken, to - given), math.inf)
                cost = ALONE
                if taken and given and before < cheapest:
                    cost = _cost(said[at, taken], told[to, given], cheapest - before)
                if before + cost < cheapest:
                    cheapest = costs[at, to] = before + cost
                    steps[at, to] = taken, given
    return steps


def _cost(said: SentenceRun, told: SentenceRun, limit: float) -> float:
    """How ill sentences answer one another, by what each names and by their lengths; infinite where over `limit`."""
    merged = len(said.parts) + len(told.parts) - 2
    unlike = 0.5 * abs(math.log((told.length + 8) / (EXPECTED_RATIO * said.length + 8))) + MERGED * merged
    if unlike >= limit:
        return math.inf
    likeness = _likeness(said.whole.names, told.whole.names)
    if merged:
        # Each of the merged sentences must be found in the one that answers them.
        parts, whole = (said.parts, told.whole) if len(told.parts) == 1 else (told.parts, said.whole)
        likeness *= min(_share(part, whole) for part in parts)
    return 1 - likeness + unlike


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
