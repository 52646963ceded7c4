"""The clinical errors of a generated report: what it says otherwise than its reference, by dimension.

Both are in one language, and written independently of each other: neither their sentences nor their order
answer one another. So findings are compared, not sentences. A finding that only one report has is an
error of existence. Of one that both have, a value is an error where both speak of the dimension and
each has a value that the other lacks. Silence about a value is not an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

from hubkit.clinical.attributes import ATTRIBUTES, near
from hubkit.clinical.lexicon import Language
from hubkit.error_profile.mentions import Entity, Mention, Reading, entities, read
from hubkit.error_profile.names import GENERAL, IMPLIED

Dimension = Literal["missed", "invented", "side", "place", "severity", "size", "trend", "certainty", "devices"]

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

PLACES = ("zone", "region", "bone", "spine", "aorta", "vessel", "tract", "organ", "depth", "front", "fissure")
"""Dimensions of the statements that say where a finding is."""

OF_DEVICES = (
    "vessel",
    "chamber",
    "tract",
    "relation",
    "position",
    "course",
    "zone",
    "region",
    "device",
    "depth",
    "action",
)
"""Dimensions of the statements that say what a device is and where it ends."""

Near = Callable[[str], Iterable[str]]


class ProfileError(NamedTuple):
    """An error of a generated report: its dimension, the finding or device, and its CheXpert label if it has one."""

    dimension: Dimension
    finding: str
    label: str | None


def profile(reference: str, generated: str, language: Language = "pt") -> list[ProfileError]:
    """Return the clinical errors of a generated report, both texts in one language, each error once a finding."""
    first, second = read(reference, language), read(generated, language)
    found = [
        *(_error("missed", one) for one in _missing(first, second)),
        *(_error("invented", one) for one in _missing(second, first)),
    ]
    theirs = entities(second.mentions)
    for one in entities(first.mentions):
        others = tuple(mention for other in theirs if one.first.names & other.first.names for mention in other.mentions)
        if one.value and others and Entity(others).value:
            found += (_error(name, one) for name in _differing(one.positive(), Entity(others).positive()))
    return list(dict.fromkeys(found))


def has(report: str, language: Language = "pt") -> set[str | None]:
    """Return the CheXpert labels of what a report has; None stands for all that have no label."""
    return {one.first.label for one in entities(read(report, language).mentions) if one.value and not one.soft}


def _error(dimension: Dimension, entity: Entity) -> ProfileError:
    named: Dimension = "devices" if entity.first.kind == "device" else dimension
    return ProfileError(named, entity.name, entity.first.label)


def _missing(report: Reading, other: Reading) -> Iterator[Entity]:
    """The findings of a report that the other one lacks.

    Each sentence that the other report alone has and that was not understood may be one of them by
    another name, on its side. What the other report denies is none of them.
    """
    ours, theirs = entities(report.mentions), entities(other.mentions)
    known = frozenset[str]().union(*(sentence.words for sentence in report.unread))
    free = [sentence for sentence in other.unread if not sentence.words <= known]
    for one in ours:
        asked = one.value == -1 and not one.first.names.isdisjoint(other.asked)  # in doubt in both
        if asked or not _unanswered(one, theirs, ours):
            continue
        denied = any(one.first.names & those.first.names for those in theirs)
        sides = {*one.positive().sides}
        fitting = [sentence for sentence in free if not (sentence.sides and sides and sides.isdisjoint(sentence.sides))]
        if denied or not fitting:
            yield one
        else:
            free.remove(fitting[0])


def _unanswered(one: Entity, theirs: Sequence[Entity], ours: Sequence[Entity]) -> bool:
    """Whether a finding of one report is in the other neither by its name nor by a near one."""
    if not one.value or one.soft:
        return False
    same = [other for other in theirs if one.first.names & other.first.names]
    if same:
        return not any(other.value for other in same)
    if not one.first.names.isdisjoint(GENERAL) and any(
        _names(theirs, name) for mention in one.mentions for name in mention.explained - one.first.names
    ):
        return False
    if any(all(_names(theirs, name) for name in those) for those in IMPLIED.get(one.name, ())):
        return False
    return not any(
        other.value
        and _is_near(one.first, other.first)
        and _may_agree(one, other)
        # What both reports name alike stands for nothing else: "opacidade" answers "opacidade", and no edema.
        # But "opacidade por atelectasia" says no more than "atelectasia".
        and not (one.first.kind == "finding" and one.alone and _has(ours, other))
        for other in theirs
    )


def _has(entities: Iterable[Entity], other: Entity) -> bool:
    return any(one.value and one.first.names & other.first.names for one in entities)


def _names(entities: Iterable[Entity], name: str) -> bool:
    return any(one.value and name in one.first.names for one in entities)


def _is_near(one: Mention, other: Mention) -> bool:
    return any(
        not these.near.isdisjoint(those.names)
        or any(not GENERAL.get(name, frozenset()).isdisjoint(those.names) for name in these.names)
        for these, those in ((one, other), (other, one))
    )


def _may_agree(one: Entity, other: Entity) -> bool:
    """Whether two findings of near names can be one: neither their sides nor their zones exclude each other."""
    one, other = one.positive(), other.positive()
    zones = {value for zone in other.of("zone") for value in _near("zone")(zone)}
    return all(
        not these or not those or not these.isdisjoint(those)
        for these, those in (({*one.sides}, {*other.sides}), ({*one.of("zone")}, zones))
    )


def _differing(one: Entity, other: Entity) -> list[Dimension]:
    """The dimensions in which a finding that both reports have differs; the first is the reference's."""
    if one.first.kind == "device":
        changed = _sides_differ(one, other) or _lengths_differ(one, other)
        changed = changed or any(_replaced(one.of(name), other.of(name), _near(name)) for name in OF_DEVICES)
        return ["devices"] if changed else []
    found: list[Dimension] = []
    if _sides_differ(one, other):
        found.append("side")
    if any(_replaced(one.of(name), other.of(name), _near(name)) for name in PLACES):
        found.append("place")
    if _replaced(one.of("grade"), other.of("grade")):
        found.append("severity")
    if _lengths_differ(one, other):
        found.append("size")
    if _replaced(one.ways, other.ways) or _replaced(one.of("age"), other.of("age"), _near("age")):
        found.append("trend")
    stronger, weaker = (one, other) if one.value == 1 else (other, one)
    doubted = one.value != other.value and stronger.doubts < weaker.doubts
    doubted = doubted and not any(mention.inferred for mention in stronger.mentions)
    if doubted and (one.first.names.isdisjoint(GENERAL) or (one.alone and other.alone)):
        found.append("certainty")
    return found


def _sides_differ(one: Entity, other: Entity) -> bool:
    sides, others = one.sides, other.sides
    relative = "away" in (*one.of("toward"), *other.of("toward"))  # "contralateral" is a side that was not read
    return bool(sides and others) and not relative and ({*sides} != {*others} or _replaced(sides, others))


def _lengths_differ(one: Entity, other: Entity) -> bool:
    return _replaced(one.of("size"), other.of("size"))


def _near(dimension: str) -> Near:
    if dimension not in ATTRIBUTES:
        return lambda value: (value,)
    return lambda value: near(dimension).get(value, (value,))


def _replaced(ours: Sequence[str], theirs: Sequence[str], alike: Near = lambda value: (value,)) -> bool:
    """Whether each of two lists has a value that the other lacks, counted one by one.

    What a report says twice, or of one of two places more, replaces nothing.
    """
    left, others = list(ours), list(theirs)
    for accepted in (lambda value: (value,), alike):
        for value in list(left):
            answer = next((one for one in others if one in accepted(value)), None)
            if answer is not None:
                left.remove(value)
                others.remove(answer)
    return bool(left and others)
