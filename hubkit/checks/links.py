"""Which values of a text stand together in its parts, and whether any of them could be exchanged at all."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Sequence

from hubkit.checks.flags import Span
from hubkit.checks.sides import KEPT, Side
from hubkit.clinical.quantity_patterns import NUMBERS
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import JOINTS, RENAMED, Statement, statements

VARYING = frozenset(
    (
        *("side", "grade", "trend", "size", "when", "role", "zone", "age", "action", "course_of", "vessel"),
        *("state", "calcified", "displaced", "extent", "spread", "margin", "kept", "likelihood"),
        *("density", "pattern", "benign", "symmetry", "relation", "position", "tract", "depth"),
    )
)
"""What a finding has, and another may be given by mistake."""

PREDICATES = frozenset(
    (
        *("trend", "age", "state", "kept", "course_of", "position", "calcified", "displaced", "finding", "collapse"),
        *("limits", "action", "depth", "margin", "density", "quality"),
    )
)
"""What belongs to one thing alone. A place or side may be shared by several: "left basilar consolidation and
effusion" is "consolidação e derrame na base esquerda"."""

LINKED = VARYING | {"finding", "device", "device_type", "anatomy", "bone", "part", "subject", "level"} | PREDICATES

FIXED = frozenset({"device", "device_type", "part", "subject", "bone"})
"""Dimensions that describe one thing: nothing is learned where two of them stand together."""

HEADS = ("finding", "device", "device_type", "anatomy", "bone", "level")
"""What has a predicate."""

Links = dict[tuple[str, str], dict[tuple[str, str], Span]]
"""By two dimensions, which of their values stand together in a part, and where."""

NUMBER_WORDS = frozenset(itertools.chain.from_iterable(NUMBERS["en"]["words"].values()))
"""Numbers that are words."""


def is_parted(side: Side) -> bool:
    """Whether a side may have more than one statement; to look for where one ends costs less than to read them."""
    return len(side.sentences) > 1 or any(
        not JOINTS.isdisjoint(sentence.words) or any("role_of" in one.values for one in sentence.attributes.found)
        for sentence in side.sentences
    )


def varies(sentence: Sentence) -> bool:
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


@functools.lru_cache(maxsize=KEPT)
def links_of(side: Side) -> tuple[Sequence[Statement], Links]:
    """The statements of a side and what they link."""
    parts = [part for sentence in side.sentences for part in statements(sentence, sentence.language, asserted=False)]
    return parts, _links(parts)


@functools.lru_cache(maxsize=KEPT)
def predicates_of(side: Side) -> dict[str, dict[tuple[str, tuple[str, str]], Span]]:
    """By the dimension of a thing: by the thing and a predicate of it, as dimension and value, where both stand."""
    found: dict[str, dict[tuple[str, tuple[str, str]], Span]] = defaultdict(dict)
    for (one, other), values in links_of(side)[1].items():
        for (a, b), span in values.items():
            if other in PREDICATES:
                found[one][a, (other, b)] = span
            if one in PREDICATES:
                found[other][b, (one, a)] = span
    return found


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
