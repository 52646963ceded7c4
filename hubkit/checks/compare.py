"""Compares what two texts say of their findings, by dimension; dimensions.toml says which difference is an error."""

from __future__ import annotations

import functools
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from hubkit.checks.differences import TERMS, Difference, Located, settle_moved
from hubkit.checks.flags import Flag
from hubkit.checks.sides import KEPT, Place, Side, differing
from hubkit.clinical.attributes import loose, near

Severity = Literal["error", "warning"]

Change = Literal["changed", "lost", "added"]

AGAIN = "again"
""""Persists" and "remains" come and go next to another trend, and can stand for "unchanged"."""

PLAIN = frozenset({"up", "down", "better", "worse", "low", "mid", "high"})

LOOSE = frozenset(
    {"early", "very", "somewhat", "waning", "exaggerated", "diffuse", "diffusely", "significant", "larger", "advanced"}
)
"""Words that are grades or changes in some sentences alone."""

COMPARATIVES = frozenset({"more", "less"})
"""What the trends of the other language answer: "right more than left", "maior à direita"."""

DENYING = frozenset({"no", "not", "without", "nor", "unless", "or"})

DENIED_WITHIN = 3
"""Words before a grade in which one of these takes it up: "no large effusion"."""


class Dimension(NamedTuple):
    """A row of dimensions.toml: its name in Portuguese, the severity of each change, and an example."""

    portuguese: str
    severities: dict[Change, Severity]
    example: tuple[str, str, str]

    @property
    def shown(self) -> Change:
        """The change that the example shows."""
        return "changed" if "changed" in self.severities else "lost"


@functools.cache
def dimensions() -> dict[str, Dimension]:
    """Return the table of dimensions by name."""
    rows = tomllib.loads(Path(__file__).with_name("dimensions.toml").read_text(encoding="utf-8"))
    return {
        name: Dimension(
            row["portuguese"],
            {change: row[change] for change in ("changed", "lost", "added") if row.get(change, "none") != "none"},
            tuple(row["example"]),
        )
        for name, row in rows.items()
    }


def compare(pairs: Sequence[tuple[Side, Side]]) -> list[list[Flag]]:
    """Return, for each pair of source and translation, the dimensions in which they differ.

    What one sentence lacks and another has too much has only moved. A sentence without counterpart
    is the matter of other checks.
    """
    found = [_differences(source, translation) for source, translation in pairs]
    settle_moved(pairs, found)
    return [
        [*_flags(differences)] if source.sentences and translation.sentences else []
        for (source, translation), differences in zip(pairs, found, strict=True)
    ]


def _differences(source: Side, translation: Side) -> dict[str, Difference]:
    said, told = _by_dimension(source), _by_dimension(translation)
    found = {}
    # In an order of its own: a set's depends on the process, and so would that of the flags.
    for name in sorted(said.keys() | told.keys()):
        ours, theirs = said.get(name, []), told.get(name, [])
        if len(ours) == len(theirs) == 1 and not ours[0].values.isdisjoint(theirs[0].values):
            # The same value on both sides, as nearly always.
            continue
        lost, added = _unanswered(name, ours, theirs)
        found[name] = Difference(lost, added)
    for name, kind in TERMS.items():
        difference = _of_terms(kind, source, translation)
        if difference is not None:
            found[name] = difference
    return found


@functools.lru_cache(maxsize=KEPT)
def _by_dimension(side: Side) -> dict[str, list[Located]]:
    found: dict[str, list[Located]] = defaultdict(list)
    compared = dimensions()
    for sentence in side.sentences:
        for values, first, last, denied in sentence.attributes.found:
            for name, meant in values.items():
                if name in compared:
                    found[name].append(Located(sentence, first, last, meant, not denied))
    return found


def _unanswered(name: str, ours: list[Located], theirs: list[Located]) -> Iterator[list[Located]]:
    """What each of two lists has that the other says nowhere, in the same words or in near ones."""
    if not ours or not theirs:
        yield from (list(ours), list(theirs))
        return
    for left, others in ((ours, theirs), (theirs, ours)):
        said = {value for other in others for value in other.values}
        yield [one for one in left if all(near(name)[value].isdisjoint(said) for value in one.values)]


def _of_terms(kind: str, source: Side, translation: Side) -> Difference | None:
    """What only one side grades, or says to have changed.

    A word that means other things as well ("prominent", "discreto") is one only where the other side
    has a grade that nothing else answers.
    """

    if not source.of_kind(kind) and not translation.of_kind(kind):
        return None

    def unambiguous(side: Side) -> list[Place]:
        return [place for place in side.of_kind(kind) if AGAIN not in place.meaning.names]

    def all_of(side: Side) -> list[Place]:
        return [place for place in side.places if kind in place.meaning.kinds and AGAIN not in place.meaning.names]

    lost, added = differing(unambiguous, source, translation)
    if not lost and not added:
        return None
    if lost and not added:
        answers = all_of(translation)
        if len(answers) >= len(unambiguous(source)):
            return Difference([_located(place, True) for place in lost], [_located(answers[0], True)])
    compared = not source.names.isdisjoint(COMPARATIVES)
    replacing = not lost and len(all_of(source)) + compared >= len(unambiguous(translation))
    return Difference([_located(p) for p in lost], [_located(p, True) for p in added], replacing)


def _located(place: Place, plain: bool | None = None) -> Located:
    sentence, term, meaning = place
    if plain is None:
        before = sentence.words[max(0, term.first - DENIED_WITHIN) : term.first]
        plain = meaning.names <= PLAIN and meaning.first not in LOOSE and DENYING.isdisjoint(before)
    return Located(sentence, term.first, term.last, meaning.names, plain)


def _flags(differences: dict[str, Difference]) -> Iterator[Flag]:
    for name, difference in differences.items():
        lost, added, _ = difference
        severities = dimensions()[name].severities
        if name not in TERMS:
            # A value near a negation is the matter of the check of negations: "not enlarged", "normal".
            lost, plain = [one for one in lost if one.plain], [one for one in added if one.plain]
            if lost and plain:
                added = plain
            elif lost and added:
                continue
        if lost and added and "changed" in severities:
            yield Flag(f"{name}_changed", severities["changed"], lost[0].span, added[0].span)
        elif lost and "lost" in severities and not all(one.values <= loose(name) for one in lost):
            severity = severities["lost"] if any(one.plain for one in lost) else "warning"
            yield Flag(f"{name}_lost", severity, lost[0].span, None)
        elif added and difference.replacing:
            yield Flag(f"{name}_changed", severities["changed"], None, added[0].span)
        elif added and "added" in severities:
            yield Flag(f"{name}_added", severities["added"], None, added[0].span)
