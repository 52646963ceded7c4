"""The checks of what must be carried over as it is: de-identification tokens, numbers and units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hubkit.checks.flags import Flag
from hubkit.clinical.quantities import PHYSICAL, Quantity, bound, deidentified, quantities


def check_tokens(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag for each kind of token (___ or XXXX) that is not there as often as in the source."""
    said, told = deidentified(source), deidentified(translation)
    counts, others = Counter(kind for kind, _ in said), Counter(kind for kind, _ in told)
    for kind in sorted(counts | others):
        if counts[kind] > others[kind]:
            span = next(span for found, span in said if found == kind)
            yield Flag("deidentification_lost", "error", span, None)
        elif counts[kind] < others[kind]:
            span = [span for found, span in told if found == kind][-1]
            yield Flag("deidentification_added", "error", None, span)


def check_numbers(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag where numbers or units differ, whatever the order."""
    said, told = quantities(source, "en"), quantities(translation, "pt")
    if not said and not told:
        return
    pairs, lost, added = match(said, told)
    for one, other in pairs:
        if one.unit != other.unit and not one.measures & other.measures and _units_differ(one, other):
            yield Flag("unit", "error", one.span, other.span)
        elif {bound(source, one, "en"), bound(translation, other, "pt")} == {"most", "least"}:
            yield Flag("number_changed", "error", one.span, other.span)
        elif one.unit in PHYSICAL and "." in translation[slice(*other.span)] and max(one.values) < 1000:
            yield Flag("decimal_point", "warning", one.span, other.span)
    lost = [one for one in lost if one.required]
    added = [other for other in added if other.required]
    for one, other in zip(lost, added, strict=False):
        yield Flag("number_changed", "error", one.span, other.span)
    for one in lost[len(added) :]:
        yield Flag("number_lost", "error", one.span, None)
    for other in added[len(lost) :]:
        yield Flag("number_added", "error", None, other.span)


def match(
    said: list[Quantity], told: list[Quantity]
) -> tuple[list[tuple[Quantity, Quantity]], list[Quantity], list[Quantity]]:
    """Pair quantities: those equal in value and unit first, then in measure, then in value alone.

    Returns:
        The pairs, and what is left of both sides.
    """
    pairs = []
    for equal in (_same, _as_large, _same_value):
        for one in [one for one in said if one.required] + [one for one in said if not one.required]:
            other = next((other for other in told if equal(one, other)), None)
            if other is not None:
                pairs.append((one, other))
                said = [rest for rest in said if rest is not one]
                told = [rest for rest in told if rest is not other]
    return pairs, said, told


def _same(one: Quantity, other: Quantity) -> bool:
    return one.unit == other.unit and not one.values.isdisjoint(other.values)


def _as_large(one: Quantity, other: Quantity) -> bool:
    return not one.measures.isdisjoint(other.measures)


def _same_value(one: Quantity, other: Quantity) -> bool:
    return not one.values.isdisjoint(other.values)


def _units_differ(one: Quantity, other: Quantity) -> bool:
    units = {one.unit, other.unit}
    return bool(units & PHYSICAL) or (None not in units and "month of the year" not in units)
