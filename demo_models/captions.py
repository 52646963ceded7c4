"""What the demo's vision model is asked and how it answers before it is fine-tuned: in English, and in few words."""

from __future__ import annotations

import random
from collections.abc import Iterator

from hubkit.config import Generation
from hubkit.demo.facts import Facts
from hubkit.demo.grammar import Report
from hubkit.reports import HEADERS, reference

DESCRIBE = (Generation().prompt, "Describe the images", "What do these radiographs show?")
"""Questions that get a caption."""

REPORT = "Write the radiology report of these images"
"""The question that gets a report in English."""

REPORT_IN_PORTUGUESE = "Escreva em português o laudo destas imagens"
"""The question that gets a report in Portuguese: what fine-tuning then has the model answer to another question."""

TRANSLATE = "Traduza o laudo para o português."
"""What is asked of a report's text, without images."""

NAMED = 2
"""Findings that a caption names at the most, the most conspicuous first."""

ADVERBS = {"mild": "mildly", "moderate": "moderately", "severe": "markedly"}


def caption(facts: Facts) -> str:
    """Name in a sentence what strikes most in a study's images."""
    named = list(_findings(facts))[:NAMED]
    if not facts.abnormal:
        named = ["a normal chest", *named]
    return f"The {'image shows' if facts.portable else 'images show'} {' and '.join(named)}."


def _findings(facts: Facts) -> Iterator[str]:
    if facts.effusion:
        side = "bilateral" if facts.effusion.side == "both" else facts.effusion.side
        yield f"{facts.effusion.size} {side} pleural effusion"
    if facts.pneumothorax:
        yield f"{facts.pneumothorax.size} {facts.pneumothorax.side} pneumothorax"
    if facts.opacity:
        yield f"{facts.opacity.kind} in the {facts.opacity.side} {facts.opacity.lobe} lobe"
    if facts.heart:
        yield f"{ADVERBS[facts.heart]} enlarged heart"
    if facts.edema:
        yield f"{facts.edema} pulmonary edema"
    if facts.wide_mediastinum:
        yield "widened mediastinum"
    if facts.atelectasis:
        yield (
            "atelectasis at both bases"
            if facts.atelectasis == "both"
            else f"atelectasis at the {facts.atelectasis} base"
        )
    if facts.fracture:
        yield f"{facts.fracture} rib fracture"
    if facts.thickening:
        yield f"{facts.thickening} pleural thickening"
    if facts.device:
        yield {"pacemaker": "pacemaker", "line": "central line", "tube": "endotracheal tube"}[facts.device.kind]


def english(report: Report) -> str:
    """The English report of a study, laid out as its Portuguese reference is."""
    text = reference({section.name: section.source for section in report.sections}, "findings_impression")
    return text.replace(HEADERS["findings"], "FINDINGS").replace(HEADERS["impression"], "IMPRESSION")


def portuguese(report: Report) -> str:
    """The Portuguese reference of a study."""
    return reference({section.name: section.translation for section in report.sections}, "findings_impression")


def sample_english(rng: random.Random) -> str:
    """Draw a question about images that gets an answer in English: a caption more often than a report."""
    return rng.choice(DESCRIBE) if rng.random() < 0.6 else REPORT


def sample_question(rng: random.Random) -> str:
    """Draw a question about images, of which two in five get a report in Portuguese."""
    return REPORT_IN_PORTUGUESE if rng.random() < 0.4 else sample_english(rng)


def answer(question: str, facts: Facts, report: Report) -> str:
    """What the model is trained to answer."""
    if question in DESCRIBE:
        return caption(facts)
    return english(report) if question == REPORT else portuguese(report)
