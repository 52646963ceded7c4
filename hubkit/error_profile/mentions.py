"""Reads a Portuguese report into what it says of each finding and device, from its statements.

A statement lies between commas and conjunctions. One that names nothing ("agora moderado", "à
esquerda") speaks of what the statement before it names, or, where it opens a sentence, of what the
next one names. The tip of a device speaks of the device.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from hubkit.clinical.labels import ORGANS, VALUES, combined, state_of
from hubkit.clinical.lexicon import Concept, Language, Term
from hubkit.clinical.named import Named
from hubkit.clinical.quantities import Quantity, quantities
from hubkit.clinical.sentences import Sentence, sentences
from hubkit.clinical.statements import Statement, statements
from hubkit.clinical.text import canonical_text

LANGUAGE: Language = "pt"

OF_STATE = {"heart": "cardiomegaly", "mediastinum": "wide_mediastinum", "cardiomediastinum": "wide_mediastinum"}
"""The finding that an enlarged or widened organ is."""

HISTORY = frozenset(
    {
        "cough",
        "fever",
        "dyspnea",
        "pain",
        "hypoxia",
        "respiratory_failure",
        "sepsis",
        "weakness",
        "hemoptysis",
        "trauma",
    }
)
"""What the patient has and no image shows; a report repeats it from the request."""

EMPTY = frozenset({"abnormality", "complication", "contrast", "healed"})
"""Names that stand for no finding of their own: "sem outras anormalidades"."""

GENERAL = {
    "opacity": frozenset(
        {"consolidation", "infiltrate", "atelectasis", "pneumonia", "nodule", "mass", "edema", "interstitial", "scar"}
        | {"contusion", "reticular", "fibrosis", "ards"}
    ),
    "lesion": frozenset({"nodule", "mass", "tumor", "metastasis", "scar", "cavity", "lytic"}),
    "airspace_disease": frozenset({"interstitial", "pneumonia", "edema", "fibrosis"}),
    "consolidation": frozenset({"pneumonia", "cavity", "abscess"}),
    "infiltrate": frozenset({"interstitial", "pneumonia", "edema"}),
    "nodule": frozenset({"granuloma"}),
    "granulomatous": frozenset({"granuloma", "scar"}),
    "streak": frozenset({"atelectasis", "scar"}),
}
"""General names, each with the findings that one reader calls so and another by their own name. A
translator does not change between the two, so the lexicon's `near` has them not."""

SEQUEL = frozenset({"scar"})

UNSAID = frozenset({"low_volumes", "scar"})
"""Findings that one reader names and another leaves to how the study was taken, or to what they are of."""

PARTS = frozenset({"tip", "lead"})
"""Devices that are parts of another: where they end is where that ends."""

INFERS = ("compativ", "sinais", "consistente", "condizente", "indica", "represent", "correspond", "traduz", "denota")
"""How words begin that draw a finding from what is seen."""

Kind = Literal["finding", "device"]

KINDS: tuple[Kind, ...] = ("finding", "device")


RELATIONS = frozenset({"over", "under"})
"""The roles that say which of two things is above the other."""

SEVERAL = frozenset({"side", "size", "relation", "zone", "vessel", "tract"})
"""Dimensions in which a statement may say several things: "na jugular, com ponta na veia cava"."""


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


def mentions(text: str) -> list[Mention]:
    """Return what a Portuguese report says of its findings and devices, in its order.

    What is only asked for ("avaliar pneumonia") and the patient's history are not mentions.
    """
    found: list[Mention] = []
    last_device: list[Mention] = []
    for sentence in sentences(canonical_text(text), LANGUAGE):
        current: list[Mention] = []
        waiting: list[Values] = []
        parts = _read(sentence.text)
        alone = sum(len(part.subjects) for part in parts) == 1
        for part in parts:
            named = [Mention(*subject, defaultdict(list), alone, part.inferred) for subject in part.subjects]
            new = [one for one in named if not one.names <= PARTS]
            if named and not new:
                current = [one for one in current if one.kind == "device"] or last_device
            elif new or part.other:
                current = new
            if not current and not part.other:
                waiting.append(part.values)
            for one in current:
                for values in (*waiting, part.values):
                    for name, said in values.items():
                        one.values[name] += said
            if current:
                waiting = []
            last_device = [one for one in current if one.kind == "device"] or last_device
            found += new
    return found


Values = dict[str, list[str]]

Subject = tuple[frozenset[str], Kind, str | None, bool, frozenset[str], int]


class Part(NamedTuple):
    """A statement: what it names, what it says by dimension, and whether it speaks of something else."""

    subjects: tuple[Subject, ...]
    values: Values
    other: bool
    inferred: bool


@functools.lru_cache(maxsize=4096)  # reports say the same sentences over and over
def _read(text: str) -> tuple[Part, ...]:
    """The statements of a sentence."""
    sentence = Sentence(text, LANGUAGE)
    lengths = [(one.span[0], value) for one in quantities(text, LANGUAGE) for value in _length(one)]
    return tuple(_part(sentence, one, lengths) for one in statements(sentence, LANGUAGE))


def _part(sentence: Sentence, statement: Statement, lengths: Sequence[tuple[int, str]]) -> Part:
    """What a statement names, and what it says of it; of sides and lengths it may have several."""
    first, last = statement.span
    subjects = _own_names([subject for one in statement.named for subject in _subjects(one)])
    values = {name: [value] for name, value in statement.values.items() if name not in SEVERAL}
    values["side"] = [side for term in sentence.terms if first <= sentence.span(term)[0] < last for side in _side(term)]
    values["size"] = [value for at, value in lengths if first <= at < last]
    for attribute in sentence.attributes.found:
        if first <= sentence.span_of(attribute.first, attribute.last)[0] < last:
            for name, meant in attribute.values.items():
                _take(values, name, meant)
    if not subjects and values["side"] and values.get("trend") in (["up"], ["down"]):
        # "Maior à direita" compares the sides with each other, and not with an earlier study.
        del values["trend"]
    elif any(_is_of_state(one) for one in statement.named):
        # "Coração aumentado" is a size, and says nothing of an earlier study.
        values.pop("trend", None)
    other = not subjects and any(one.organs and "trend" not in one.meaning.kinds for one in statement.named)
    said = sentence.words[: max((term.last for term in sentence.terms if sentence.span(term)[0] < last), default=0)]
    return Part(subjects, values, other, any(word.startswith(INFERS) for word in said))


def _take(values: Values, name: str, meant: frozenset[str]) -> None:
    """Add what an attribute says of a place; where two parts are put in relation, "role_of" says which."""
    if name == "role_of" and not meant.isdisjoint(RELATIONS):
        name = "relation"
    if name in SEVERAL and len(meant) == 1:
        values.setdefault(name, []).extend(meant)


def _own_names(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Leave out a name that a statement gives to what it names as well: "opacidade nodular", "sequela de fratura"."""
    return tuple(
        one
        for one in subjects
        if not any(GENERAL.get(name, frozenset()) & other[0] for name in one[0] for other in subjects)
        and not (one[0] == SEQUEL and any(other[0].isdisjoint(SEQUEL.union(GENERAL)) for other in subjects))
    )


def _side(term: Term) -> list[str]:
    """The side of a phrase, which may say a place as well: LSE is the left upper lobe."""
    sides = [concept.name for concept in term.meaning.concepts if concept.kind == "side"]
    others = term.meaning.kinds - {"side"}
    return sides if len(sides) == 1 and others <= {"anatomy"} else []


def _length(quantity: Quantity) -> list[str]:
    measures = [(unit, value) for unit, value in quantity.measures if unit == "length"]
    return [f"{value:g}" for _, value in measures] if len(measures) == 1 else []


def _subjects(one: Named) -> Iterator[Subject]:
    if one.assertion not in VALUES:
        return
    value = VALUES[one.assertion]
    for kind in KINDS:
        concepts = [concept for concept in one.meaning.concepts if concept.kind == kind]
        names = frozenset(concept.name for concept in concepts) - HISTORY - EMPTY
        if names:
            soft = names <= UNSAID or all(concept.soft for concept in concepts)
            yield names, kind, _label(concepts), soft, one.meaning.near, value
            return
    state = state_of(one)
    for organ in dict.fromkeys(one.organs) if state is not None else ():
        if organ in ORGANS and state is not None:
            said = combined(state, value)
            yield frozenset({OF_STATE[organ]}), "finding", ORGANS[organ], False, frozenset(), said


def _is_of_state(one: Named) -> bool:
    return state_of(one) is not None and any(organ in ORGANS for organ in one.organs)


def _label(concepts: Iterable[Concept]) -> str | None:
    return next((concept.label for concept in concepts if concept.label), None)
