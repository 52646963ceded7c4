"""Compares what two texts say of their findings, by dimension; dimensions.toml says which difference is an error."""

from __future__ import annotations

import functools
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from hubkit.checks.exchange import exchanged
from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side
from hubkit.clinical.attributes import Attribute, Values, near
from hubkit.clinical.sentences import Sentence

Severity = Literal["error", "warning"]


class Dimension(NamedTuple):
    """A row of dimensions.toml: the severity of a value that changed or is lost, None for no flag, and an example."""

    portuguese: str
    changed: Severity | None
    lost: Severity | None
    example: tuple[str, str, str]


class Located(NamedTuple):
    """An attribute and the sentence that it stands in."""

    sentence: Sentence
    attribute: Attribute
    values: Values

    @property
    def span(self) -> tuple[int, int]:
        return self.sentence.span_of(self.attribute.first, self.attribute.last)


class Difference(NamedTuple):
    """What only one of two sentences says in a dimension."""

    lost: list[Located]
    added: list[Located]


@functools.cache
def dimensions() -> dict[str, Dimension]:
    """Return the table of dimensions by name."""
    rows = tomllib.loads(Path(__file__).with_name("dimensions.toml").read_text(encoding="utf-8"))
    return {
        name: Dimension(row["portuguese"], _severity(row["changed"]), _severity(row["lost"]), tuple(row["example"]))
        for name, row in rows.items()
    }


def _severity(name: str) -> Severity | None:
    return "error" if name == "error" else "warning" if name == "warning" else None


def compare(pairs: Sequence[tuple[Side, Side]]) -> list[list[Flag]]:
    """Return, for each pair of source and translation, the dimensions in which they differ.

    What one sentence lacks and another has too much has only moved. A sentence without counterpart
    is the matter of other checks.
    """
    found = [_differences(source, translation) for source, translation in pairs]
    _settle_moved(found)
    return [
        list(_flags(source, translation, differences)) if source.sentences and translation.sentences else []
        for (source, translation), differences in zip(pairs, found, strict=True)
    ]


def _differences(source: Side, translation: Side) -> dict[str, Difference]:
    said = _by_dimension(source, "en")
    told = _by_dimension(translation, "pt")
    found = {}
    for name in said.keys() | told.keys():
        ours, theirs = said.get(name, []), told.get(name, [])
        if len(ours) == len(theirs) == 1 and not ours[0].values[name].isdisjoint(theirs[0].values[name]):
            # The same value on both sides, as nearly always.
            continue
        found[name] = Difference(*_unanswered(name, ours, theirs))
    return found


def _by_dimension(side: Side, language: Literal["en", "pt"]) -> dict[str, list[Located]]:
    found: dict[str, list[Located]] = defaultdict(list)
    compared = dimensions()
    for sentence in side.sentences:
        for attribute in sentence.attributes.found:
            for name in attribute.values:
                if name in compared:
                    found[name].append(Located(sentence, attribute, attribute.values))
    return found


def _unanswered(name: str, ours: list[Located], theirs: list[Located]) -> Iterator[list[Located]]:
    """What each of two lists has that the other says nowhere, in the same words or in near ones."""
    for left, others in ((ours, theirs), (theirs, ours)):
        said = {value for other in others for value in other.values[name]}
        yield [one for one in left if all(near(name)[value].isdisjoint(said) for value in one.values[name])]


def _settle_moved(found: Sequence[dict[str, Difference]]) -> None:
    places: dict[tuple[str, str], list[list[Located]]] = defaultdict(list)
    for differences in found:
        for name, difference in differences.items():
            for one in difference.added:
                for value in one.values[name]:
                    places[name, value].append(difference.added)
    for differences in found:
        for name, difference in differences.items():
            for one in list(difference.lost):
                wanted = {value for mine in one.values[name] for value in near(name)[mine]}
                added = next((there for value in wanted for there in places[name, value] if there), None)
                if added is not None and added is not difference.added:
                    difference.lost.remove(one)
                    other = next((other for other in added if other.values[name] & wanted), None)
                    if other is not None:
                        added.remove(other)


def _flags(source: Side, translation: Side, differences: dict[str, Difference]) -> Iterator[Flag]:
    for name, (lost, added) in differences.items():
        row = dimensions()[name]
        lost = [one for one in lost if not one.attribute.denied]
        plain = [one for one in added if not one.attribute.denied]
        if lost and plain and row.changed:
            added = plain
            yield Flag(f"{name}_changed", row.changed, lost[0].span, added[0].span)
        elif lost and not added and row.lost:
            yield Flag(f"{name}_lost", row.lost, lost[0].span, None)
    yield from exchanged(source, translation)
