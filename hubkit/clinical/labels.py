"""CheXpert labels from the words of a report, in Portuguese or English.

The conventions are those of CheXpert (Irvin and others, 2019): a positive mention wins over an uncertain one, that over
a negative one; No Finding is positive where nothing but Support Devices is positive or uncertain.
"""

from __future__ import annotations

import re

from hubkit.clinical.assertion import Sentence, mentions, sentences
from hubkit.clinical.lexicon import Language, Term
from hubkit.clinical.text import canonical_text
from hubkit.tables import CHEXPERT_LABELS

PAIRS = {
    ("heart", "enlarged"): ("Cardiomegaly", 1),
    ("heart", "widened"): ("Cardiomegaly", 1),
    ("heart", "borderline"): ("Cardiomegaly", -1),
    ("heart", "normal"): ("Cardiomegaly", 0),
    ("mediastinum", "enlarged"): ("Enlarged Cardiomediastinum", 1),
    ("mediastinum", "widened"): ("Enlarged Cardiomediastinum", 1),
    ("mediastinum", "borderline"): ("Enlarged Cardiomediastinum", -1),
    ("mediastinum", "normal"): ("Enlarged Cardiomediastinum", 0),
    ("cardiomediastinum", "enlarged"): ("Enlarged Cardiomediastinum", 1),
    ("cardiomediastinum", "widened"): ("Enlarged Cardiomediastinum", 1),
    ("cardiomediastinum", "borderline"): ("Enlarged Cardiomediastinum", -1),
    ("cardiomediastinum", "normal"): ("Enlarged Cardiomediastinum", 0),
}
"""The labels that an organ and what is said of it give together."""

STRENGTH = (0, -1, 1).index

ASKED = re.compile(
    r"\b(evaluate|eval|assess|assessment|rule out|r/o|question|avaliar|avalie|pesquisar|descartar|investigar)\b"
)


def labels(text: str, language: Language) -> dict[str, int]:
    """Return the CheXpert labels that a text mentions: 1 positive, 0 negative, -1 uncertain.

    What a text only asks for ("evaluate for pneumonia") is no mention, nor is a device that was removed.

    Args:
        text: findings and impression of a report.
        language: "pt" or "en".
    """
    said: dict[str, int] = {}
    text = canonical_text(text)
    for sentence in sentences(text, language):
        for label, value in _said(sentence):
            said[label] = max(said.get(label, value), value, key=STRENGTH)
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


def _said(sentence: Sentence) -> list[tuple[str, int]]:
    asked = ASKED.search(sentence.folded)
    found = []
    for term, polarity in mentions(sentence):
        if asked and sentence.span(term)[0] - sentence.start >= asked.start():
            continue
        named = next((concept.label for concept in term.meaning.concepts if concept.label), None)
        if named == "Support Devices" and polarity != 1:
            continue
        if named:
            found.append((named, polarity))
        found += _of_organs(sentence, term, polarity)
    return found


def _of_organs(sentence: Sentence, state: Term, polarity: int) -> list[tuple[str, int]]:
    """The labels that a state gives with the organs of which it is said."""
    states = [concept.name for concept in state.meaning.concepts if concept.kind == "state"]
    found = []
    for organ in _organs(sentence, state) if states else ():
        for name in states:
            if (organ, name) in PAIRS:
                label, value = PAIRS[organ, name]
                found.append((label, _combined(value, polarity)))
                break
    return found


def _combined(value: int, polarity: int) -> int:
    if polarity == 1:
        return value
    return polarity if value == 1 else 1 - polarity if value == 0 and polarity == 0 else value


def _organs(sentence: Sentence, state: Term) -> list[str]:
    """The organs that a state is said of: those before it in its clause, else the first after it."""
    at = sentence.terms.index(state)
    before: list[str] = []
    for term in reversed(sentence.terms[:at]):
        between = {*sentence.words[term.last : state.first]}
        if between & {";", ":"} or "scope" in term.meaning.kinds or "state" in term.meaning.kinds:
            break
        before += _organ(term)
    if before:
        return before
    for term in sentence.terms[at + 1 :]:
        if "scope" in term.meaning.kinds or "state" in term.meaning.kinds:
            break
        if "anatomy" in term.meaning.kinds:
            return _organ(term)
    return []


def _organ(term: Term) -> list[str]:
    return [concept.name for concept in term.meaning.concepts if concept.kind == "anatomy"][:1]
