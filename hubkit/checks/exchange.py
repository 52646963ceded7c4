"""Finds values that two findings of a sentence have exchanged: their sides, sizes, grades, trends or roles."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side
from hubkit.clinical.quantity_patterns import NUMBERS
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import Statement, statements

VARYING = frozenset(
    {"side", "grade", "trend", "size", "when", "role", "zone", "age", "new", "action", "course_of", "vessel"}
)
"""What a finding has, and another may be given by mistake."""

ORDERED = frozenset({"size", "grade", "trend", "side"})
"""Of two of these the order stays, unless what they belong to is reversed as well."""

LINKED = VARYING | {"finding", "device", "anatomy", "tract", "bone", "part", "subject"}

OPPOSED = (
    frozenset({"effect", "cause"}),
    frozenset({"later", "earlier"}),
    frozenset({"acting", "acted on"}),
)
"""Roles that exclude each other. Of two that are compared, one finding may be both: "right greater
than left effusion"."""


TRENDS = ("finding", "trend")

WAY = {"up": 1, "worse": 1, "down": -1, "better": -1, "resolved": -1}
"""Which way a finding goes: "improved" and "diminuiu" agree, whatever the words."""

COUNTED = frozenset(itertools.chain.from_iterable(NUMBERS["en"]["words"].values()))
"""Numbers that are words."""


def exchanged(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where two values of one dimension belong to each other's finding, side, size or role."""
    if len(source.sentences) != 1 or len(translation.sentences) != 1:
        return
    if not _varies(source.sentences[0]):
        return
    said = statements(source.sentences[0], "en")
    if len(said) < 2:
        return
    told = statements(translation.sentences[0], "pt")
    if len(told) < 2:
        return
    mine, theirs = _links(said), _links(told)
    counts = Counter(item for part in told for item in part.values.items())
    sure = {item for item, count in counts.items() if count == 1}
    for kinds in sorted(mine.keys() & theirs.keys()):
        ours, others = mine[kinds], theirs[kinds]
        for (a, b), (c, d) in itertools.combinations(ours, 2):
            if a == c or b == d or (a, b) in others or (c, d) in others:
                continue
            crossed = (a, d) if (a, d) in others else (c, b)
            whole = (a, d) in others and (c, b) in others
            if whole or (crossed in others and {(kinds[0], a), (kinds[0], c), (kinds[1], b), (kinds[1], d)} <= sure):
                yield Flag("exchanged", "error", ours[a, b], others[crossed])
                return
    trends = mine.get(TRENDS, {}), theirs.get(TRENDS, {})
    # Not where a finding is shared: "larger right and smaller left effusions".
    if [len(own) for own in trends] == [sum("trend" in part.values for part in parts) for parts in (said, told)]:
        for (finding, trend), (same, other) in itertools.product(*trends):
            if same == finding and WAY.get(trend, 0) * WAY.get(other, 0) < 0:
                yield Flag("exchanged", "error", trends[0][finding, trend], trends[1][same, other])
                return
    roles, others = mine.get(("role", "subject"), {}), theirs.get(("role", "subject"), {})
    if max(len(roles), len(others)) <= 2:
        for (role, subject), (other, same) in itertools.product(roles, others):
            if subject == same and frozenset({role, other}) in OPPOSED:
                yield Flag("exchanged", "error", roles[role, subject], others[other, same])
                return
    turned = _turned(said, told) if sum(len(part.values.keys() & LINKED) > 1 for part in said) > 1 else set()
    linked = mine.get(("size", "when"), {}).keys() & theirs.get(("size", "when"), {}).keys()
    if len(turned) == 1 and turned <= ORDERED and not linked:
        yield Flag("exchanged", "error", said[0].span, told[0].span)


def _varies(sentence: Sentence) -> bool:
    """Whether a sentence has two values in a dimension, or a relation: otherwise nothing can be exchanged."""
    seen: dict[str, object] = {}
    for term in sentence.terms:
        for concept in term.meaning.concepts:
            if concept.kind in VARYING and seen.setdefault(concept.kind, concept.name) != concept.name:
                return True
    for attribute in sentence.attributes.found:
        for name, values in attribute.values.items():
            if name == "role_of" or (name in VARYING and seen.setdefault(name, values) != values):
                return True
    return sum(word[0].isdigit() or word in COUNTED for word in sentence.words) > 1


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
        if len(values) == 2 and values[0] != values[1] and orders[1].get(name) == values[::-1] and name in LINKED
    }


def _links(parts: Sequence[Statement]) -> dict[tuple[str, str], dict[tuple[str, str], tuple[int, int]]]:
    """By two dimensions, which of their values stand together; values that stand in several parts link nothing."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for part in parts:
        for item in part.values.items():
            counts[item] += 1
    links: dict[tuple[str, str], dict[tuple[str, str], tuple[int, int]]] = defaultdict(dict)
    for part in parts:
        own = sorted(item for item in part.values.items() if counts[item] == 1 and item[0] in LINKED)
        for (one, value), (other, another) in itertools.combinations(own, 2):
            if one in VARYING or other in VARYING:
                links[one, other][value, another] = part.span
    return links
