"""What two sentences differ in, and what has only moved to another sentence or was swapped with one."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.checks.flags import Span
from hubkit.checks.sides import Side
from hubkit.clinical.attributes import near
from hubkit.clinical.sentences import Sentence

TERMS = {"severity": "grade", "comparison": "trend"}
"""Dimensions whose values are terms of the lexicon, of this kind."""

THINGS = ("finding", "device")
"""Kinds of what has a grade or a trend."""

MOST_SWAPPED = 12
"""Sentences that differ in one dimension, of which each two are compared: a report has two or three."""


class Located(NamedTuple):
    """Words that have a value in a dimension.

    Attributes:
        sentence: where they stand.
        first: their first word.
        last: the word after their last.
        values: what they can mean.
        plain: whether they mean it plainly: not denied, and no word that is a grade in some sentences alone.
    """

    sentence: Sentence
    first: int
    last: int
    values: frozenset[str]
    plain: bool

    @property
    def span(self) -> Span:
        return self.sentence.span_of(self.first, self.last)


class Difference(NamedTuple):
    """What only one of two sentences says in a dimension.

    Attributes:
        lost: what the source says.
        added: what the translation says.
        replacing: whether all that is added stands for something of the source, by their numbers.
    """

    lost: list[Located]
    added: list[Located]
    replacing: bool = False


def settle_moved(pairs: Sequence[tuple[Side, Side]], found: Sequence[dict[str, Difference]]) -> None:
    """Take out of each difference what another sentence says, but for what two sentences swapped.

    Args:
        pairs: source and translation.
        found: in which dimensions each pair differs; these are changed.
    """
    swapped = _swapped(pairs, found)
    places: dict[tuple[str, str], list[list[Located]]] = defaultdict(list)
    for differences in found:
        for name, difference in differences.items():
            for one in difference.added:
                for value in one.values:
                    places[name, value].append(difference.added)
    for at, differences in enumerate(found):
        for name, difference in differences.items():
            for one in list(difference.lost) if (at, name) not in swapped else ():
                wanted = one.values if name in TERMS else {v for mine in one.values for v in near(name)[mine]}
                added = next((there for value in sorted(wanted) for there in places[name, value] if there), None)
                if added is not None and added is not difference.added:
                    difference.lost.remove(one)
                    other = next((other for other in added if other.values & wanted), None)
                    if other is not None:
                        added.remove(other)


def _swapped(pairs: Sequence[tuple[Side, Side]], found: Sequence[dict[str, Difference]]) -> set[tuple[int, str]]:
    """In which pair which dimension has the value of another pair, which has its own, while the findings stay.

    "Marked scoliosis. Mild arthrosis." is not "Escoliose leve. Artrose acentuada."
    """
    changed: dict[str, list[int]] = defaultdict(list)
    for at, differences in enumerate(found):
        for name, difference in differences.items():
            if len(difference.lost) == len(difference.added) == 1 and all(side.lone for side in pairs[at]):
                changed[name].append(at)
    swapped: set[tuple[int, str]] = set()
    for name, places in changed.items():
        for one, other in itertools.combinations(places[:MOST_SWAPPED], 2):
            ((lost,), (added,), _), ((given,), (taken,), _) = found[one][name], found[other][name]
            if lost.values.isdisjoint(taken.values) or given.values.isdisjoint(added.values):
                continue
            own, others = ([_things(side) for side in pairs[at]] for at in (one, other))
            if own[0] & own[1] and others[0] & others[1] and own[0].isdisjoint(others[0]):
                swapped |= {(one, name), (other, name)}
    return swapped


def _things(side: Side) -> frozenset[str]:
    """The names of the findings and devices of a side."""
    return frozenset[str]().union(*(place.meaning.names for kind in THINGS for place in side.of_kind(kind)))
