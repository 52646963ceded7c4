"""Which sentences of a translation belong to which of its source.

As many sentences as the source has are taken one by one, where each names something of its
counterpart. Otherwise the cheapest chain is sought among sentences that answer one another, that
are merged or parted, and that are alone (after Gale and Church, 1993; what both sides name counts
in addition to their lengths). A sentence that is left alone then joins the pair that says what it
says: translators move half of a sentence to another.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.checks.sides import KEPT, Side, stems
from hubkit.clinical.quantities import quantities
from hubkit.clinical.sentences import Sentence

ALONE = 0.55
"""The cost of a sentence without counterpart; one that answers another costs 0 to about 1."""

MERGED = 0.25
"""The cost of each sentence of the source that shares a partner, in the unit of the other costs: where lengths fit as
well, sentences are paired one by one."""

STEPS = ((1, 1), (1, 0), (0, 1), (2, 1))
"""How many sentences of source and translation are paired. What else was parted or joined is found afterwards, by
`_join_alone`: steps of (1, 2), (3, 1) and (1, 3) changed no pair of 2,189 texts but in two that loop."""

BAND = 12
"""How many sentences the chain may stray from the straight line; a long text would take too long without."""

MOST_ALONE, MOST_SENTENCES = 4 * BAND, 500
"""Beyond these no chain is sought: the text loops or is cut off, and the band may hold no way to its end."""

JOINED = 0.4
"""The share of what a sentence names that a pair must have to spare for the sentence to join it."""

VAGUE = frozenset({"hedge", "negation", "scope", "ignore"})
"""Kinds of phrases that any sentence may hold."""

EXPECTED_RATIO = 1.1
"""Characters of Portuguese for one of English."""


def align(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs of sides in their order; one side is empty where sentences have no counterpart."""
    if len(source) == len(translation) and (len(source) == 1 or _answer_in_turn(source, translation)):
        return [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=True)]
    if abs(len(source) - len(translation)) > MOST_ALONE or max(len(source), len(translation)) > MOST_SENTENCES:
        return _in_order(source, translation)
    most = max(taken for taken, _ in STEPS), max(given for _, given in STEPS)
    said, told = _runs(source, most[0]), _runs(translation, most[1])
    best = _steps(said, told, len(source), len(translation))
    pairs: list[Indices] = []
    at, to = len(source), len(translation)
    while (at, to) != (0, 0):
        taken, given = best[at, to]
        pairs.append(([*range(at - taken, at)], [*range(to - given, to)]))
        at, to = at - taken, to - given
    pairs = _facing(pairs[::-1])
    _join_alone(pairs, _signatures(said, len(source)), _signatures(told, len(translation)))
    return [(Side([source[at] for at in ours]), Side([translation[to] for to in theirs])) for ours, theirs in pairs]


def _answer_in_turn(source: Sequence[Sentence], translation: Sequence[Sentence]) -> bool:
    """Whether each sentence names something that its counterpart names, or one of both names nothing."""
    for one, other in zip(source, translation, strict=True):
        mine, theirs = _named(one.origin), _named(other.origin)
        if mine and theirs and mine.isdisjoint(theirs):
            return False
    return True


def _facing(pairs: list[Indices]) -> list[Indices]:
    """Pair a lone sentence with the lone one of the other text that stands at the same place, where it has one.

    They may say the same in words that were not understood: "Low vols." and "Volumes baixos."
    """
    found: list[Indices] = []
    for ours, theirs in pairs:
        before = found[-1] if found else ([0], [0])
        if not theirs and not before[0]:
            found[-1] = ours, before[1]
        elif not ours and not before[1]:
            found[-1] = before[0], theirs
        else:
            found.append((ours, theirs))
    return found


def _join_alone(pairs: list[Indices], said: Sequence[Signature], told: Sequence[Signature]) -> None:
    """Join each sentence without counterpart to the pair that says what it says, and has no other source for it."""
    for own, other, signatures, others in ((0, 1, said, told), (1, 0, told, said)):
        for alone in [pair for pair in pairs if pair[own] and not pair[other]]:
            wanted = frozenset[str]().union(*(signatures[at].names | signatures[at].stems for at in alone[own]))
            named = frozenset[str]().union(*(signatures[at].told for at in alone[own]))
            best, most = None, 0.0
            for pair in pairs:
                if pair is alone or not pair[other]:
                    continue
                spare = frozenset[str]().union(*(others[at].names | others[at].stems for at in pair[other]))
                spare = spare.difference(*(signatures[at].names | signatures[at].stems for at in pair[own]))
                share = max(len(some & spare) / len(some) if some else 0.0 for some in (wanted, named))
                if share > most:
                    best, most = pair, share
            if best is None or most < JOINED:
                understood = any(signatures[at].told for at in alone[own])
                best = None if understood else _beside(alone, pairs, other, others)
            if best is not None:
                best[own][:] = sorted(best[own] + alone[own])
                pairs.remove(alone)


def _beside(alone: Indices, pairs: list[Indices], other: int, others: Sequence[Signature]) -> Indices | None:
    """The pair next to a sentence that was not understood, where it has words that were not understood either."""
    place = pairs.index(alone)
    for pair in [*pairs[max(0, place - 1) : place], *pairs[place + 1 : place + 2]]:
        if any(others[at].unread for at in pair[other]):
            return pair
    return None


def _signatures(runs: Runs, count: int) -> list[Signature]:
    return [runs[at + 1, 1].whole for at in range(count)]


def _in_order(source: Sequence[Sentence], translation: Sequence[Sentence]) -> list[tuple[Side, Side]]:
    """Return pairs one by one, and what is left of the longer side as one sentence without counterpart."""
    pairs = [(Side([one]), Side([other])) for one, other in zip(source, translation, strict=False)]
    return [*pairs, (Side(source[len(pairs) :]), Side(translation[len(pairs) :]))]


class Signature(NamedTuple):
    """What a sentence says, as far as sentences are matched by it.

    Attributes:
        names: what it names, its attributes, numbers and tokens of de-identification.
        told: what it names alone.
        stems: how its long words begin.
        unread: its words that were not understood.
    """

    names: frozenset[str]
    told: frozenset[str]
    stems: frozenset[str]
    unread: frozenset[str]


class SentenceRun(NamedTuple):
    """Sentences that follow one another: what they name together, what each of them does, and their characters."""

    whole: Signature
    parts: list[Signature]
    length: int


Indices = tuple[list[int], list[int]]
"""Which sentences of a source answer which of its translation."""

Runs = dict[tuple[int, int], SentenceRun]


def _runs(sentences: Sequence[Sentence], most: int) -> Runs:
    """Return up to `most` sentences that end before a place, by that place and their number."""
    signatures = [_signature(sentence.origin) for sentence in sentences]
    runs = {}
    for end in range(1, len(sentences) + 1):
        for count in range(1, min(end, most) + 1):
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
    merged = len(said.parts) - 1
    unlike = 0.5 * abs(math.log((told.length + 8) / (EXPECTED_RATIO * said.length + 8))) + MERGED * merged
    if unlike >= limit:
        return math.inf
    likeness = _likeness(said.whole.names, told.whole.names)
    if merged:
        # Each of the merged sentences must be found in the one that answers them.
        likeness *= min(_share(part, told.whole) for part in said.parts)
    return 1 - likeness + unlike


@functools.lru_cache(maxsize=KEPT)
def _signature(sentence: Sentence) -> Signature:
    told = _named(sentence)
    names = {word for word in sentence.words if word[0] == "_"}
    for attribute in sentence.attributes.found:
        names.update(f"{name} {value}" for name, values in attribute.values.items() for value in values)
    for quantity in quantities(sentence.text, sentence.language):
        if quantity.required:
            names.update(map(str, quantity.values))
    return Signature(told | names, told, stems(sentence.words), frozenset(sentence.unread))


@functools.lru_cache(maxsize=KEPT)
def _named(sentence: Sentence) -> frozenset[str]:
    telling = [term.meaning.names for term in sentence.terms if not term.meaning.kinds <= VAGUE]
    return frozenset[str]().union(*telling)


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
