"""What a translation says in another sentence than its source does, or does not repeat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubkit.checks.sides import Place, Side, near, same

ELLIPTIC = re.compile(
    r"\b[oa]s? (?:d[aeo]s?|que|arterial|venos[oa]|(?:direit|esquerd|outr|primeir|segund|mesm|ultim|nov|antig)[oa]s?"
    r"|maior(?:es)?|menor(?:es)?|restantes?|inferior(?:es)?|superior(?:es)?)\b|^\W*(?:el|est|ess)[ea]s?\b|[aei]-l[oa]s?\b"
)
"""An article whose noun is left out, or a pronoun that stands for it ("avançá-lo"), in folded words."""


def is_elliptic(translation: Side) -> bool:
    """Whether a sentence leaves out what the one before it names: "O arterial está em T9"."""
    return any(ELLIPTIC.search(sentence.folded) for sentence in translation.sentences)


def settle_moved(open_ends: Sequence[tuple[list[Place], list[Place]]]) -> list[tuple[int, int]]:
    """Take out what one sentence lacks and another has too much: it stands in another sentence now.

    Returns between which sentences something moved, as pairs of their places, each pair once.
    """
    moved = set()
    for at, (lost, _) in enumerate(open_ends):
        for place in list(lost):
            for to, (_, added) in enumerate(open_ends):
                found = next((other for other in added if same(place.meaning, other.meaning)), None)
                if to != at and found is not None:
                    lost.remove(place)
                    added.remove(found)
                    moved.add((min(at, to), max(at, to)))
                    break
    return sorted(moved)


def told_nearly(place: Place, pairs: Sequence[tuple[Side, Side]]) -> bool:
    """Whether another sentence of the translation says nearly so, and its own source does not.

    "ETT out" may have become "extubado" in the sentence before.
    """
    return any(
        "negation" in other.meaning.kinds
        and near(place.meaning, other.meaning)
        and other.meaning.names.isdisjoint(source.names)
        for source, translation in pairs
        for other in translation.places
    )
