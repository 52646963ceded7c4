"""The checks of what must be carried over as it is: de-identification tokens, numbers and units."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterator
from typing import Literal

from hubkit.checks.flags import Flag
from hubkit.clinical.quantities import Quantity, bound, deidentified, quantities
from hubkit.clinical.quantity_patterns import IDIOMS, PHYSICAL, in_days

Severity = Literal["error", "warning"]

IMPLIED = "cm"
"""The unit of a tube's depth, which terse reports leave out."""

LAST_RIB = 12
"""Ribs and vertebrae are the only things whose ranges are spelled out."""

RANGE = re.compile(
    r"(?:st|nd|rd|th|[ºªoa])?\s*(?:-|–|—|/|to|through|thru|a|à|até|ao)\s*(?:#|the |o |a )?\s*[A-Z]?", re.IGNORECASE
)
"""What stands between the ends of a range of ribs."""

LEVEL = re.compile(r"(?<![\w/-])[CTDLS](?:1[0-2]|[1-9])(?!\w)")
"""A vertebra, such as T7 and L1."""


def check_tokens(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag for each kind of token (___ or XXXX) that is not there as often as in the source."""
    if "__" not in source + translation and "xxx" not in (source + translation).lower():
        return
    said, told = deidentified(source), deidentified(translation)
    counts, others = Counter(kind for kind, _ in said), Counter(kind for kind, _ in told)
    for kind in sorted(counts | others):
        if counts[kind] > others[kind]:
            span = next(span for found, span in said if found == kind)
            yield Flag("deidentification_lost", "error", span, None)
        elif counts[kind] < others[kind]:
            span = [span for found, span in told if found == kind][-1]
            yield Flag("deidentification_added", "error", None, span)


def _check_levels(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag for a vertebra in place of another. The dorsal spine is the thoracic one."""
    said, told = _levels(source), _levels(translation)
    lost, added = said.keys() - told.keys(), told.keys() - said.keys()
    if lost and added:
        yield Flag("number_changed", "error", said[min(lost)], told[min(added)])


def _levels(text: str) -> dict[str, tuple[int, int]]:
    return {match[0].replace("D", "T"): match.span() for match in LEVEL.finditer(text)}


def check_numbers(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag where numbers or units differ, whatever the order."""
    said, told = quantities(source, "en"), quantities(translation, "pt")
    if not said and not told:
        return
    pairs, lost, added = match(said, told)
    for one, other in pairs:
        if one.unit != other.unit and {*_meant(one)}.isdisjoint(_readings(other)) and _units_differ(one, other):
            # "ETT 4" is dictated without its unit, and written out in the translation.
            severity: Severity = "warning" if one.unit is None and other.unit == IMPLIED else "error"
            yield Flag("unit", severity, one.span, other.span)
        elif {bound(source, one, "en"), bound(translation, other, "pt")} == {"most", "least"}:
            yield Flag("number_changed", "error", one.span, other.span)
        elif one.unit in PHYSICAL and "." in translation[slice(*other.span)] and max(one.values) < 1000:
            yield Flag("decimal_point", "warning", one.span, other.span)
    lost = [one for one in lost if one.required and not _within(one, told, translation)]
    added = [other for other in added if other.required and not _within(other, said, source)]
    for one, other in zip(lost, added, strict=False):
        yield Flag("number_changed", "error", one.span, other.span)
    for one in lost[len(added) :]:
        yield Flag("number_lost", "error", one.span, None)
    for other in added[len(lost) :]:
        yield Flag("number_added", "error", None, other.span)
    yield from _check_levels(source, translation)


def _within(one: Quantity, others: list[Quantity], text: str) -> bool:
    """Whether a number lies in a range that the other text spells out: "ribs 9 to 11", "9º, 10º e 11º arcos"."""
    return one.unit is None and any(
        RANGE.fullmatch(text, first.span[1], last.span[0]) is not None
        and min(first.values) < min(one.values) < min(last.values) <= LAST_RIB
        for first, last in itertools.pairwise(others)
    )


def match(
    said: list[Quantity], told: list[Quantity]
) -> tuple[list[tuple[Quantity, Quantity]], list[Quantity], list[Quantity]]:
    """Pair quantities: those equal in value and unit first, then in measure, then in value alone.

    Returns:
        The pairs, and what is left of both sides.
    """
    pairs: list[tuple[Quantity, Quantity]] = []
    left = dict(enumerate(told))
    ours = dict(enumerate(said))
    # What must be there answers first: "advance 2" and "2 cm", whatever "bilaterais" counts.
    for needed in (True, False):
        for keys, others in ((_exact, _exact), (_measures, _measures), (_meant, _readings), (_values, _values)):
            places: dict[Hashable, deque[int]] = defaultdict(deque)
            for at, other in sorted(left.items(), key=lambda item: not item[1].required):
                if other.required or not needed:
                    for key in others(other):
                        places[key].append(at)
            for number, one in sorted(ours.items(), key=lambda item: not item[1].required):
                free = [first for key in keys(one) if (first := _first(places[key], left)) is not None]
                if free and (one.required or not needed):
                    pairs.append((one, left.pop(min(free))))
                    del ours[number]
    return pairs, [*ours.values()], [*left.values()]


def _first(places: deque[int], left: dict[int, Quantity]) -> int | None:
    """The first of some places that is not taken yet; those that are leave the queue for good."""
    while places and places[0] not in left:
        places.popleft()
    return places[0] if places else None


def _exact(one: Quantity) -> list[Hashable]:
    return [(one.unit, value) for value in one.values]


def _measures(one: Quantity) -> list[Hashable]:
    return list(one.measures)


def _readings(one: Quantity) -> list[Hashable]:
    """Its measures, and what else it may be: "9F fell" is an age, and "d/w Dr. ___ 1420" a time."""
    found: list[Hashable] = [*one.measures]
    found += [("duration", days) for value in one.values if (days := in_days(one.unit, value)) is not None]
    if one.unit == "french":
        found += [("year", value) for value in one.values]
    if one.unit is None:
        found += [("clock", value // 100 * 60 + value % 100) for value in one.values if _is_time(value)]
    return found


def _meant(one: Quantity) -> list[Hashable]:
    """What a number of the source may be: two weeks are "quinze dias" as well, but 15 days are not "duas semanas"."""
    return [
        *_readings(one),
        *(("duration", IDIOMS[one.unit, value]) for value in one.values if (one.unit, value) in IDIOMS),
    ]


def _is_time(value: float) -> bool:
    return 1000 <= value < 2400 and value % 1 == 0 and value % 100 < 60


def _values(one: Quantity) -> list[Hashable]:
    return list(one.values)


def _units_differ(one: Quantity, other: Quantity) -> bool:
    units = {one.unit, other.unit}
    return bool(units & PHYSICAL) or (None not in units and "month of the year" not in units)
