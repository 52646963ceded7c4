"""Finds values that two findings of a sentence have exchanged: their sides, sizes, grades, trends or roles."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from hubkit.checks.flags import Flag
from hubkit.checks.links import HEADS, LINKED, Links, is_parted, links_of, predicates_of, varies
from hubkit.checks.sides import Side
from hubkit.clinical.statements import Statement

ORDERED = frozenset({"size", "grade", "trend", "side"})
"""Of two of these the order stays, unless what they belong to is reversed as well."""

TURNED = frozenset(
    (
        *("side", "grade", "trend", "size", "when", "role", "zone", "age", "action", "course_of", "vessel"),
        *("finding", "device", "device_type", "anatomy", "tract", "bone", "part", "subject"),
    )
)
"""Dimensions whose order is looked at: where more than one of them is reversed, the parts have only moved."""

SUBJECTS = frozenset({"finding", "device", "device_type"})

OWN = frozenset({"calcified", "kept", "density", "benign", "position"})
"""Of the dimensions that vary, those that no two findings of a sentence share by a common head."""

OPPOSED = (
    frozenset({"effect", "cause"}),
    frozenset({"later", "earlier"}),
    frozenset({"acting", "acted on"}),
)
"""Roles that exclude each other. Of two that are compared, one finding may be both: "right greater
than left effusion"."""


MOST_SENTENCES = 3
"""Sentences of a side in which values are looked for that were exchanged."""

TRENDS = ("finding", "trend")

WAY = {"up": 1, "worse": 1, "down": -1, "better": -1, "resolved": -1}
"""Which way a finding goes: "improved" and "diminuiu" agree, whatever the words."""


def exchanged(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where two values of one dimension belong to each other's finding, side, size or role."""
    if max(len(source.sentences), len(translation.sentences)) > MOST_SENTENCES:
        return
    if not (is_parted(source) and is_parted(translation)):
        return
    if not any(varies(sentence) for sentence in source.sentences) and len(source.sentences) < 2:
        return
    said, mine = links_of(source)
    if len(said) < 2:
        return
    told, theirs = links_of(translation)
    if len(told) < 2:
        return
    single = len(source.sentences) == len(translation.sentences) == 1
    flag = None
    # Where the translation links all that the source does, only whole parts can have changed places.
    if any(mine[kinds].keys() - theirs[kinds].keys() for kinds in mine.keys() & theirs.keys()):
        flag = _swapped(told, mine, theirs, single) or _crossed(source, translation)
        if flag is None and single:
            flag = _moved(said, told, mine, theirs) or _contrary(said, told, mine, theirs)
    if flag is None and single and _is_turned(said, told, mine, theirs):
        flag = Flag("exchanged", "error", said[0].span, told[0].span)
    if flag is not None:
        yield flag


def _swapped(told: Sequence[Statement], mine: Links, theirs: Links, single: bool) -> Flag | None:
    """A flag where each of two values stands with what the other stood with, or one does and all are named once."""
    counts = Counter(item for part in told for item in part.values.items())
    sure = {item for item, count in counts.items() if count == 1 and single}
    for kinds in sorted(mine.keys() & theirs.keys()):
        ours, others = mine[kinds], theirs[kinds]
        for (a, b), (c, d) in itertools.combinations(ours, 2):
            if a == c or b == d or (a, b) in others or (c, d) in others:
                continue
            crossed = (a, d) if (a, d) in others else (c, b)
            whole = (a, d) in others and (c, b) in others
            if whole or (crossed in others and {(kinds[0], a), (kinds[0], c), (kinds[1], b), (kinds[1], d)} <= sure):
                return Flag("exchanged", "error", ours[a, b], others[crossed])
    return None


def _crossed(source: Side, translation: Side) -> Flag | None:
    """A flag where of two things each has the predicate of the other, in whatever dimensions: "fractured", "intact"."""
    mine, theirs = predicates_of(source), predicates_of(translation)
    for head in HEADS:
        ours, others = mine.get(head, {}), theirs.get(head, {})
        for (a, b), (c, d) in itertools.combinations(ours, 2):
            if a != c and (c, b) in others and (a, d) in others and (a, b) not in others and (c, d) not in others:
                return Flag("exchanged", "error", ours[a, b], others[c, b])
    return None


def _moved(said: Sequence[Statement], told: Sequence[Statement], mine: Links, theirs: Links) -> Flag | None:
    """A flag where a value that belongs to one thing alone went to another, and both texts name both things."""
    for kinds in sorted(mine.keys() & theirs.keys()):
        if OWN.isdisjoint(kinds) or SUBJECTS.isdisjoint(kinds):
            continue
        at = 0 if kinds[0] in SUBJECTS else 1
        names = [[part.values.get(kinds[at]) for part in parts] for parts in (said, told)]
        for ours, others in itertools.product(mine[kinds], theirs[kinds]):
            one, other = ours[at], others[at]
            apart = one != other and ours[1 - at] == others[1 - at]
            if apart and names[0].count(other) == 1 and names[1].count(one) == 1:
                return Flag("exchanged", "error", mine[kinds][ours], theirs[kinds][others])
    return None


def _contrary(said: Sequence[Statement], told: Sequence[Statement], mine: Links, theirs: Links) -> Flag | None:
    """A flag where one thing goes the other way in the translation, or has the opposite role."""
    trends = mine.get(TRENDS, {}), theirs.get(TRENDS, {})
    # Not where a finding is shared: "larger right and smaller left effusions".
    if [len(own) for own in trends] == [sum("trend" in part.values for part in parts) for parts in (said, told)]:
        for (finding, trend), (same, other) in itertools.product(*trends):
            if same == finding and WAY.get(trend, 0) * WAY.get(other, 0) < 0:
                return Flag("exchanged", "error", trends[0][finding, trend], trends[1][same, other])
    roles, others = mine.get(("role", "subject"), {}), theirs.get(("role", "subject"), {})
    if max(len(roles), len(others)) <= 2:
        for (role, subject), (other, same) in itertools.product(roles, others):
            if subject == same and frozenset({role, other}) in OPPOSED:
                return Flag("exchanged", "error", roles[role, subject], others[other, same])
    return None


def _is_turned(said: Sequence[Statement], told: Sequence[Statement], mine: Links, theirs: Links) -> bool:
    """Whether the values of one ordered dimension stand in the reverse order, and nothing else does."""
    if sum(len(part.values.keys() & LINKED) > 1 for part in said) < 2:
        return False
    turned = _turned(said, told)
    # What still stands with the same value says that the parts have only moved.
    linked = any(ours.keys() & theirs.get(kinds, {}).keys() for kinds, ours in mine.items() if turned & {*kinds})
    return len(turned) == 1 and turned <= ORDERED and not linked


def _turned(said: Sequence[Statement], told: Sequence[Statement]) -> set[str]:
    """The dimensions of which both texts have the same two values, in the reverse order."""
    orders: list[dict[str, list[str]]] = []
    for parts in (said, told):
        order: dict[str, list[str]] = defaultdict(list)
        for part in parts:
            for name, value in part.values.items():
                order[name].append(value)
        orders.append(order)
    return {
        name
        for name, values in orders[0].items()
        if len(values) == 2 and values[0] != values[1] and orders[1].get(name) == values[::-1] and name in TURNED
    }
