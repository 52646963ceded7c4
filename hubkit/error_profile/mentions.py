"""Reads a report, in Portuguese or English, into what it says of each finding and device.

A part of a sentence that names nothing ("agora moderado", "à esquerda") speaks of what the part
before it names, or, where it opens a sentence, of what the next one names. The tip of a device
speaks of the device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hubkit.clinical.lexicon import Language
from hubkit.clinical.sentences import sentences
from hubkit.clinical.text import canonical_text
from hubkit.error_profile.names import PARTS, WITH_LEADS
from hubkit.error_profile.parts import Kind, Unread, Values, read_sentence, sides_of


class Mention(NamedTuple):
    """What a report says of one finding or device at one place.

    Attributes:
        names: of the concepts that its phrase can mean.
        kind: finding or device.
        label: its CheXpert label, where it has one.
        soft: whether there are so many ways to say it that silence about it means nothing.
        near: names that other reports may choose in its place.
        value: 1 present, 0 absent, -1 possible.
        values: by dimension of the statements, all its values.
        alone: whether its sentence names nothing else.
        inferred: whether its sentence draws it from others ("compatível com"), which another reader calls possible.
        doubts: how many doubts its sentence has, be they of this or of another thing.
        explained: what its sentence draws from it or gives as its cause: "opacidade que corresponde a hérnia".
    """

    names: frozenset[str]
    kind: Kind
    label: str | None
    soft: bool
    near: frozenset[str]
    value: int
    values: dict[str, list[str]]
    alone: bool
    inferred: bool
    doubts: int
    explained: frozenset[str]


UNDERSTOOD = 0.5
"""The share of a report's words that has to be understood before others may be names of findings: an answer in
English, or in no language, would be right about everything otherwise."""


class Reading(NamedTuple):
    """A report as it was read.

    Attributes:
        mentions: what it says of its findings and devices, in its order.
        unread: of each sentence that has such, what was not understood and may be the name of a finding.
        asked: what it only asks for.
    """

    mentions: list[Mention]
    unread: list[Unread]
    asked: frozenset[str]


def read(text: str, language: Language = "pt") -> Reading:
    """Read a report.

    What is only asked for ("avaliar pneumonia") and the patient's history are not mentions.
    """
    found: list[Mention] = []
    unread: list[Unread] = []
    asked: set[str] = set()
    last_device: list[Mention] = []
    words, understood = 0, 0
    for sentence in sentences(canonical_text(text), language):
        words += len(sentence.words)
        understood += len(sentence.words) - len(sentence.unread)
        current: list[Mention] = []
        waiting: list[Values] = []
        said = read_sentence(sentence.text, language)
        asked |= said.asked
        unread += [said.unread] if said.unread.words else []
        alone = sum(len(part.subjects) for part in said.parts) == 1
        for part in said.parts:
            named = [
                Mention(*subject, defaultdict(list), alone, part.inferred, said.doubts, said.explained)
                for subject in part.subjects
            ]
            new = [one for one in named if not one.names <= PARTS]
            if named and not new:
                owners = [one for one in current if one.kind == "device"] or last_device
                if any("lead" in one.names for one in named):
                    owners = [one for one in owners if not one.names.isdisjoint(WITH_LEADS)]
                    new = [] if owners else [one for one in named if "lead" in one.names]
                current = owners or new
            elif new or part.other:
                current = new
            if not current and not part.other:
                waiting.append(part.values)
            for one in current:
                for values in (*waiting, part.values):
                    for name, those in values.items():
                        one.values[name] += those
            if current:
                waiting = []
            last_device = [one for one in current if one.kind == "device"] or last_device
            found += new
    if understood < UNDERSTOOD * words:
        unread = []
    return Reading(found, unread, frozenset(asked))


WAYS = {"up": "up", "worse": "up", "new": "up", "down": "down", "better": "down", "same": "same"}
"""Which way a finding goes. "Persistent" comes and goes next to another trend, and is not compared."""


class Entity(NamedTuple):
    """All that a report says of one finding or device."""

    mentions: tuple[Mention, ...]

    @property
    def first(self) -> Mention:
        return self.mentions[0]

    @property
    def name(self) -> str:
        return min(self.first.names)

    @property
    def value(self) -> int:
        """Its strongest mention: present, else possible, else absent."""
        return max((one.value for one in self.mentions), key=(0, -1, 1).index)

    def positive(self) -> Entity:
        """The same without what is denied."""
        return Entity(tuple(one for one in self.mentions if one.value))

    @property
    def soft(self) -> bool:
        """Whether silence about it means nothing, wherever it is mentioned."""
        return all(one.soft for one in self.mentions)

    @property
    def alone(self) -> bool:
        """Whether no sentence names it with others: a doubt may be about these ("opacidade, talvez atelectasia")."""
        return all(one.alone for one in self.mentions)

    @property
    def doubts(self) -> int:
        """Of the sentence that has most of them."""
        return max(one.doubts for one in self.mentions)

    def of(self, dimension: str) -> list[str]:
        return [value for one in self.mentions for value in one.values.get(dimension, ())]

    @property
    def sides(self) -> list[str]:
        return [*sides_of(self.of("side"))]

    @property
    def ways(self) -> list[str]:
        return [WAYS[value] for value in self.of("trend") if value in WAYS]


def entities(found: Sequence[Mention]) -> list[Entity]:
    grouped: dict[frozenset[str], list[Mention]] = {}
    for one in found:
        grouped.setdefault(one.names, []).append(one)
    return [Entity(tuple(those)) for those in grouped.values()]
