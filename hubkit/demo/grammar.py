"""The grammar of the demo's reports: from the same facts and choices an English section and its true Portuguese.

The sentences stand in phrases.toml; here is decided which of them a report has, and in which order. An English sentence
has one Portuguese translation, so that a translation can be right or wrong.
"""

from __future__ import annotations

import functools
import random
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from hubkit.demo.facts import Facts, sample_facts
from hubkit.tables import CHEXPERT_LABELS

PHRASES = Path(__file__).with_name("phrases.toml")

PHRASE_WEIGHTS = (10, 4, 2, 1, 1)
"""How often the first, second ... phrase of a topic is taken."""


CENTIMETRES = ("0.8", "1.2", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0")


class Section(NamedTuple):
    """A section of a report in both languages; `name` as in `hubkit.tables.SECTIONS`."""

    name: str
    source: str
    translation: str


class Report(NamedTuple):
    """A report in both languages.

    Attributes:
        sections: in the order in which they are written; findings and impression, or last_paragraph alone, among them.
        labels: by CheXpert name: 1 positive, 0 negative, -1 uncertain; what is not mentioned is left out.
    """

    sections: tuple[Section, ...]
    labels: dict[str, int]


class Topic(NamedTuple):
    """Something to express, and the word for each slot in braces."""

    name: str
    slots: Mapping[str, str] = {}


def write_report(facts: Facts, rng: random.Random) -> Report:
    """Write the report of a study, in English and in Portuguese."""
    prior = rng.random() < 0.6
    findings = _findings(facts, rng, prior)
    impression = _impression(facts, rng)
    sections = [_say("indication", [_indication(facts, rng)], rng)] if rng.random() < 0.92 else []
    if rng.random() < 0.8:
        sections.append(_say("comparison", [Topic("comparison.prior" if prior else "comparison.none")], rng))
    shape = rng.random()
    if shape < 0.07:
        said = [findings]
        sections = sections if shape < 0.05 else []
        sections.append(_say("last_paragraph", findings, rng))
    elif shape < 0.14:
        said = [impression]
        sections.append(_say("impression", impression, rng))
    elif shape < 0.2:
        said = [findings]
        sections.append(_say("findings", findings, rng))
    else:
        said = [findings, impression]
        sections.append(_say("findings", findings, rng))
        sections.append(_say("impression", impression, rng, numbered=len(impression) > 1 and rng.random() < 0.2))
    return Report(tuple(sections), _labels([topic for topics in said for topic in topics]))


def sample_report(rng: random.Random) -> tuple[Facts, Report]:
    """Draw the facts of a study and write its report."""
    facts = sample_facts(rng)
    return facts, write_report(facts, rng)


def sample_sentence(rng: random.Random) -> tuple[str, str]:
    """Draw one sentence of the grammar, of any topic, in English and in Portuguese."""
    words = {name: rng.choice(sorted(entries)) for name, entries in _phrases()["words"].items()}
    slots = {**words, "symptom2": rng.choice(sorted(_phrases()["words"]["symptom"])), "cm": rng.choice(CENTIMETRES)}
    return _sentence(Topic(rng.choice(sorted(_phrases()["topics"])), slots), rng)


def _indication(facts: Facts, rng: random.Random) -> Topic:
    symptom, symptom2 = rng.sample(sorted(_phrases()["words"]["symptom"]), 2)
    slots = {
        "patient": facts.patient,
        "symptom": symptom,
        "symptom2": symptom2,
        "question": rng.choice(sorted(_phrases()["words"]["question"])),
    }
    kind = facts.device.kind if facts.device and rng.random() < 0.5 else None
    return Topic({"tube": "indication.tube", "line": "indication.line"}.get(str(kind), "indication.adult"), slots)


def _findings(facts: Facts, rng: random.Random, prior: bool) -> list[Topic]:
    technique = [Topic("technique.one" if facts.portable else "technique.two")] if rng.random() < 0.3 else []
    device = [Topic(f"device.{facts.device.kind}", _slots(facts.device))] if facts.device else []
    bones = [Topic("fracture", {"side": facts.fracture})] if facts.fracture else []
    if not bones and rng.random() < 0.4:
        bones = [Topic("bones.normal")]
    body = [_lungs(facts), _pleura(facts), _heart(facts, rng)]
    if rng.random() < 0.2:
        body = [body[2], body[0], body[1]]
    change = [Topic("unchanged")] if prior and rng.random() < 0.12 else []
    return [*technique, *device, *(topic for part in body for topic in part), *bones, *change]


def _lungs(facts: Facts) -> list[Topic]:
    topics = []
    if facts.opacity:
        topics.append(Topic(facts.opacity.kind, _slots(facts.opacity)))
    if facts.edema:
        topics.append(Topic("edema", {"grade": facts.edema}))
    if facts.atelectasis:
        topics.append(_by_side("atelectasis", facts.atelectasis))
    if not topics:
        return [Topic("lungs.clear")]
    if not facts.opacity:
        topics.append(Topic("lungs.noconsolidation"))
    return topics


def _pleura(facts: Facts) -> list[Topic]:
    thickening = [Topic("thickening", {"side": facts.thickening})] if facts.thickening else []
    if facts.effusion:
        effusion = _by_side("effusion", facts.effusion.side, size=facts.effusion.size)
        return [effusion, Topic("pneumothorax.none"), *thickening]
    if facts.pneumothorax:
        return [Topic("pneumothorax", _slots(facts.pneumothorax)), Topic("effusion.none"), *thickening]
    return [Topic("pleura.clear"), *thickening]


def _heart(facts: Facts, rng: random.Random) -> list[Topic]:
    if facts.heart:
        heart = Topic("heart.enlarged", {"grade": facts.heart})
    else:
        heart = Topic("heart.normal" if facts.wide_mediastinum or rng.random() < 0.7 else "heart.silhouette")
    edema = [Topic("edema.none")] if facts.heart and not facts.edema else []
    return [heart, *([Topic("mediastinum.wide")] if facts.wide_mediastinum else []), *edema]


def _impression(facts: Facts, rng: random.Random) -> list[Topic]:
    if not facts.abnormal:
        device = [Topic("impression.device")] if facts.device and rng.random() < 0.5 else []
        return [*device, Topic("impression.normal")]
    topics = []
    if facts.opacity:
        kind = f"pneumonia.{facts.opacity.pneumonia}" if facts.opacity.pneumonia else "nodule"
        topics.append(Topic(f"impression.{kind}", _slots(facts.opacity)))
    if facts.edema:
        topics.append(Topic("impression.edema", {"grade": facts.edema}))
    if facts.effusion:
        topics.append(_by_side("impression.effusion", facts.effusion.side, size=facts.effusion.size))
    if facts.pneumothorax:
        topics.append(Topic("impression.pneumothorax", _slots(facts.pneumothorax)))
    if facts.atelectasis:
        topics.append(_by_side("impression.atelectasis", facts.atelectasis))
    if facts.heart:
        topics.append(Topic("impression.heart", {"grade": facts.heart}))
    if facts.wide_mediastinum:
        topics.append(Topic("impression.mediastinum"))
    if facts.fracture:
        topics.append(Topic("impression.fracture", {"side": facts.fracture}))
    if facts.thickening:
        topics.append(Topic("impression.thickening", {"side": facts.thickening}))
    if facts.opacity is None and rng.random() < 0.3:
        topics.append(Topic("impression.nopneumonia"))
    return topics


def _by_side(name: str, side: str, **slots: str) -> Topic:
    return Topic(f"{name}.both", slots) if side == "both" else Topic(f"{name}.one", {"side": side, **slots})


def _slots(fact: Any) -> dict[str, str]:
    return {name: str(value) for name, value in fact._asdict().items() if value is not None}


def _say(name: str, topics: list[Topic], rng: random.Random, numbered: bool = False) -> Section:
    pairs = [_sentence(topic, rng) for topic in topics]
    number = "{0}. " if numbered else ""
    english, portuguese = (
        " ".join(number.format(index) + pair[language] for index, pair in enumerate(pairs, 1)) for language in (0, 1)
    )
    return Section(name, english, portuguese)


def _sentence(topic: Topic, rng: random.Random) -> tuple[str, str]:
    phrases = _phrases()["topics"][topic.name]["phrases"]
    english, portuguese = rng.choices(phrases, PHRASE_WEIGHTS[: len(phrases)])[0]
    words = {slot: _word(slot.rstrip("2"), word) for slot, word in topic.slots.items()}
    pair = english.format(**words), portuguese.format(**words)
    return pair[0][0].upper() + pair[0][1:], pair[1][0].upper() + pair[1][1:]


class _Word(SimpleNamespace):
    """An English word that carries its Portuguese forms: "{side}" is left, "{side.f}" esquerda."""

    def __format__(self, spec: str) -> str:
        return format(self.en, spec)


def _word(slot: str, word: str) -> _Word:
    if slot == "cm":
        return _Word(en=word, m=word.replace(".", ","))
    return _Word(en=word, **_phrases()["words"].get(slot, {}).get(word, {}))


def _labels(topics: list[Topic]) -> dict[str, int]:
    """Merge what the topics say, a positive mention before an uncertain one before a negative one."""
    said: dict[str, int] = {}
    for topic in topics:
        for label, value in _phrases()["topics"][topic.name].get("labels", {}).items():
            said[label] = max(said.get(label, value), value, key=(0, -1, 1).index)
    if not any(value for label, value in said.items() if label != "Support Devices"):
        said["No Finding"] = 1
    return {label: said[label] for label in CHEXPERT_LABELS if label in said}


@functools.cache
def _phrases() -> dict[str, Any]:
    return tomllib.loads(PHRASES.read_text(encoding="utf-8"))
