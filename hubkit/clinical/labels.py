"""CheXpert labels as a reading of a report's statements, in Portuguese or English.

The conventions are those of CheXpert (Irvin and others, 2019): a positive mention wins over an uncertain one, that over
a negative one; No Finding is positive where nothing but Support Devices is positive or uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.clinical.lexicon import Language
from hubkit.clinical.named import Named, chexpert_names, is_denial
from hubkit.clinical.sentences import sentences
from hubkit.clinical.statements import Statement, statements
from hubkit.clinical.text import canonical_text
from hubkit.tables import CHEXPERT_LABELS

STATES = {"enlarged": 1, "widened": 1, "borderline": -1, "normal": 0}
"""The value that a state gives to the label of its organ."""

ORGANS = {
    "heart": "Cardiomegaly",
    "mediastinum": "Enlarged Cardiomediastinum",
    "cardiomediastinum": "Enlarged Cardiomediastinum",
}
"""The label that a state gives to an organ."""

LUNG = frozenset({"lung", "lung_field", "zone", "lobe", "lingula", "middle_lobe", "base", "apex", "heart"})
"""Where a density is an opacity of the lung: "retrocardiac density". Of a bone or the pleura it is none."""

VALUES = {"present": 1, "absent": 0, "possible": -1}
"""The value of a label by assertion. What is only asked for is not a mention."""

STRENGTH = (0, -1, 1).index


def labels(text: str, language: Language) -> dict[str, int]:
    """Return the CheXpert labels that a text mentions: 1 positive, 0 negative, -1 uncertain.

    What a text only asks for ("evaluate for pneumonia") is not a mention, unless the next sentence denies it ("None
    seen."). Nor is a device that was removed.

    Args:
        text: findings and impression of a report.
        language: "pt" or "en".
    """
    said: dict[str, int] = {}
    text = canonical_text(text)
    asked: set[str] = set()
    for sentence in sentences(text, language):
        stated = statements(sentence, language)
        found = [item for statement in stated for item in _labels(statement)]
        if is_denial(sentence):
            found += [(label, 0) for label in asked - {"Support Devices"}]
        for label, value in found:
            said[label] = max(said.get(label, value), value, key=STRENGTH)
        asked = {
            label
            for statement in stated
            for one in statement.named
            if one.assertion == "asked for"
            for label in chexpert_names(one.meaning)
        }
    if text.strip() and not any(value for label, value in said.items() if label != "Support Devices"):
        said["No Finding"] = 1
    return {label: said[label] for label in CHEXPERT_LABELS if label in said}


def chexpert_labels(text: str, language: Language = "pt") -> dict[str, int | None]:
    """All 14 CheXpert labels of a report: 1 positive, 0 negative, -1 uncertain, None not mentioned.

    Args:
        text: findings and impression of a report.
        language: "pt" for Brazilian Portuguese, or "en".
    """
    return dict.fromkeys(CHEXPERT_LABELS) | labels(text, language)


def _labels(statement: Statement) -> Iterator[tuple[str, int]]:
    for one in statement.named:
        if one.assertion in VALUES:
            yield from _named(one, VALUES[one.assertion])
            if "density" in one.meaning.names and _is_in_lung(statement):
                yield "Lung Opacity", VALUES[one.assertion]


def _is_in_lung(statement: Statement) -> bool:
    """Whether a density may be an opacity; a linear one is a scar or an atelectasis."""
    return statement.values.get("anatomy") in LUNG and statement.values.get("shape") != "linear"


def _named(one: Named, value: int) -> Iterator[tuple[str, int]]:
    """The labels of one thing that a statement names, and those of the organs that it is a state of."""
    for label in chexpert_names(one.meaning):
        if label != "Support Devices" or value == 1:
            yield label, value
    state = state_of(one)
    for organ in one.organs if state is not None else ():
        if organ in ORGANS and state is not None:
            yield ORGANS[organ], combined(state, value)


def state_of(one: Named) -> int | None:
    """Return the value that a state gives to the label of its organ; None where `one` is not such a state."""
    return next((STATES[c.name] for c in one.meaning.concepts if c.kind == "state" and c.name in STATES), None)


def combined(state: int, assertion: int) -> int:
    """The value of a state that is itself denied or doubted: what is "not normal" is enlarged."""
    if assertion == 1:
        return state
    return assertion if state == 1 else 1 - assertion if state == 0 and assertion == 0 else state
