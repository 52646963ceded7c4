"""Finds values that two findings of a sentence have exchanged: their sides, sizes, grades, trends or roles."""

from __future__ import annotations

import functools
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from hubkit.checks.flags import Flag, Span
from hubkit.checks.sides import KEPT, Side
from hubkit.clinical.quantity_patterns import NUMBERS
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import RENAMED, Statement, statements

VARYING = frozenset(
    (
        *("side", "grade", "trend", "size", "when", "role", "zone", "age", "action", "course_of", "vessel"),
        *("state", "calcified", "displaced", "extent", "spread", "margin", "kept", "likelihood"),
        *("density", "pattern", "benign", "symmetry", "relation", "position", "tract", "depth"),
    )
)
"""What a finding has, and another may be given by mistake."""

ORDERED = frozenset({"size", "grade", "trend", "side"})
"""Of two of these the order stays, unless what they belong to is reversed as well."""

TURNED = frozenset(
    (
        *("side", "grade", "trend", "size", "when", "role", "zone", "age", "action", "course_of", "vessel"),
        *("finding", "device", "device_type", "anatomy", "tract", "bone", "part", "subject"),
    )
)
"""Dimensions whose order is looked at: where more than one of them is reversed, the parts have only moved."""

PREDICATES = frozenset(
    (
        *("trend", "age", "state", "kept", "course_of", "position", "calcified", "displaced", "finding", "collapse"),
        *("limits", "action", "depth", "margin", "density", "quality"),
    )
)
"""What belongs to one thing alone. A place or side may be shared by several: "left basilar consolidation and
effusion" is "consolidação e derrame na base esquerda"."""

SUBJECTS = frozenset({"finding", "device", "device_type"})

OWN = frozenset({"calcified", "kept", "density", "benign", "position"})
"""Of the dimensions that vary, those that no two findings of a sentence share by a common head."""

LINKED = VARYING | {"finding", "device", "device_type", "anatomy", "bone", "part", "subject", "level"} | PREDICATES

FIXED = frozenset({"device", "device_type", "part", "subject", "bone"})
"""Dimensions that describe one thing: nothing is learned where two of them stand together."""

HEADS = ("finding", "device", "device_type", "anatomy", "bone", "level")
"""What has a predicate."""

Links = dict[tuple[str, str], dict[tuple[str, str], Span]]
"""By two dimensions, which of their values stand together in a part, and where."""

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

NUMBER_WORDS = frozenset(itertools.chain.from_iterable(NUMBERS["en"]["words"].values()))
"""Numbers that are words."""


def exchanged(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where two values of one dimension belong to each other's finding, side, size or role."""
    if not any(_varies(sentence) for sentence in source.sentences) and len(source.sentences) < 2:
        return
    if len(source.sentences) > MOST_SENTENCES or len(translation.sentences) > MOST_SENTENCES:
        return
    said, mine = _read(source)
    if len(said) < 2:
        return
    told, theirs = _read(translation)
    if len(told) < 2:
        return
    single = len(source.sentences) == len(translation.sentences) == 1
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
                yield Flag("exchanged", "error", ours[a, b], others[crossed])
                return
    flag = _crossed(source, translation) or (_moved(said, told, mine, theirs) if single else None)
    if flag is not None:
        yield flag
        return
    if not single:
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
    # What still stands with the same value says that the parts have only moved.
    linked = any(ours.keys() & theirs.get(kinds, {}).keys() for kinds, ours in mine.items() if turned & {*kinds})
    if len(turned) == 1 and turned <= ORDERED and not linked:
        yield Flag("exchanged", "error", said[0].span, told[0].span)


@functools.lru_cache(maxsize=KEPT)
def _read(side: Side) -> tuple[Sequence[Statement], Links]:
    """The statements of a side and what they link."""
    parts = [part for sentence in side.sentences for part in statements(sentence, sentence.language)]
    return parts, _links(parts)


def _crossed(source: Side, translation: Side) -> Flag | None:
    """A flag where of two things each has the predicate of the other, in whatever dimensions: "fractured", "intact"."""
    mine, theirs = _predicates(source), _predicates(translation)
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


@functools.lru_cache(maxsize=KEPT)
def _predicates(side: Side) -> dict[str, dict[tuple[str, tuple[str, str]], Span]]:
    """By the dimension of a thing: by the thing and a predicate of it, as dimension and value, where both stand."""
    found: dict[str, dict[tuple[str, tuple[str, str]], Span]] = defaultdict(dict)
    for (one, other), values in _read(side)[1].items():
        for (a, b), span in values.items():
            if other in PREDICATES:
                found[one][a, (other, b)] = span
            if one in PREDICATES:
                found[other][b, (one, a)] = span
    return found


def _varies(sentence: Sentence) -> bool:
    """Whether a sentence has two values in a dimension, or a relation: otherwise nothing can be exchanged.

    Of two things, two predicates can.
    """
    seen: dict[str, object] = {}
    several, predicates = False, set[tuple[str, object]]()
    for term in sentence.terms:
        for concept in term.meaning.concepts:
            kind = concept.kind
            if kind in VARYING or kind in HEADS:
                other = seen.setdefault(kind, concept.name) != concept.name
                if other and kind in VARYING:
                    return True
                several = several or other
            if kind in PREDICATES:
                predicates.add((kind, concept.name))
    for attribute in sentence.attributes.found:
        for name, values in attribute.values.items():
            name = RENAMED.get(name, name)
            if name == "role_of" or (name in VARYING and seen.setdefault(name, values) != values):
                return True
            if name in PREDICATES:
                predicates.add((name, values))
    if several and len(predicates) > 1 and any(kind != "finding" for kind, _ in predicates):
        return True
    return sum(word[0].isdigit() or word in NUMBER_WORDS for word in sentence.words) > 1


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


def _links(parts: Sequence[Statement]) -> Links:
    """By two dimensions, which of their values stand together; values that stand in several parts link nothing."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for part in parts:
        for item in part.values.items():
            counts[item] += 1
    links: Links = defaultdict(dict)
    for part in parts:
        own = sorted(item for item in part.values.items() if counts[item] == 1 and item[0] in LINKED)
        for (one, value), (other, another) in itertools.combinations(own, 2):
            if not (one in FIXED and other in FIXED):
                links[one, other][value, another] = part.span
    return links
