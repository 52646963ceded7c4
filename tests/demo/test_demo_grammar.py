"""The grammar says the same in both languages, and what it says follows from the facts."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo_models.captions import caption
from hubkit.demo.facts import Device, Effusion, Facts, Opacity, Pneumothorax, sample_facts
from hubkit.demo.grammar import Report, sample_report, sample_sentence, write_report
from hubkit.tables import CHEXPERT_LABELS, SECTIONS

SEEDS = st.integers(min_value=0, max_value=10**9)


def text(report: Report, language: int) -> str:
    return " ".join(section[language] for section in report.sections)


def count(pattern: str, said: str) -> int:
    return len(re.findall(pattern, said, re.IGNORECASE))


@given(SEEDS)
@settings(max_examples=settings().max_examples * 2)
def test_both_languages_say_as_much(seed: int) -> None:
    facts, report = sample_report(random.Random(seed))
    for name, english, portuguese in report.sections:
        assert name in SECTIONS
        assert not re.search(r"[{}]|  |None", english.replace("None.", "") + portuguese)
        assert english.count("___") == portuguese.count("___")
        assert count(r"\bleft\b", english) == count(r"\besquerd[oa]\b", portuguese)
        assert count(r"\bright\b", english) == count(r"\bdireit[oa]\b", portuguese)
        negation = count(r"\b(no|none|without)\b", english)
        assert negation == count(r"\b(não|sem|nenhuma)\b", portuguese)
        numbers = [number.replace(".", ",") for number in re.findall(r"\d+\.\d", english)]
        assert numbers == re.findall(r"\d+,\d", portuguese)
    assert set(report.labels) <= set(CHEXPERT_LABELS)
    findings = {label for label, value in report.labels.items() if value and label != "Support Devices"}
    assert ("No Finding" in findings) == (findings <= {"No Finding"})
    assert facts.abnormal or findings == {"No Finding"}


def test_an_english_section_has_one_translation() -> None:
    rng, translations = random.Random(5), {}
    for _ in range(3000):
        for section in sample_report(rng)[1].sections:
            assert translations.setdefault(section.source, section.translation) == section.translation
        english, portuguese = sample_sentence(rng)
        assert translations.setdefault(english, portuguese) == portuguese


def test_held_out_reports_are_not_all_seen_before() -> None:
    seen = {text(sample_report(random.Random(seed))[1], 1) for seed in range(2000)}
    fresh = [text(sample_report(random.Random(seed))[1], 1) for seed in range(5000, 5200)]
    assert sum(report not in seen for report in fresh) > 150


@pytest.mark.parametrize(
    ("facts", "label", "value", "english", "portuguese", "named"),
    [
        (
            Facts(effusion=Effusion("left", "large")),
            "Pleural Effusion",
            1,
            r"large (left )?pleural effusion",
            r"volumoso derrame pleural (à esquerda|do lado esquerdo|esquerdo)",
            "large left pleural effusion",
        ),
        (
            Facts(opacity=Opacity("nodule", "right", "middle", 1.5, None)),
            "Lung Lesion",
            1,
            r"1\.5 cm .*right middle lobe",
            r"1,5 cm .*lobo médio direito",
            "nodule in the right middle lobe",
        ),
        (
            Facts(opacity=Opacity("opacity", "left", "upper", None, "possible")),
            "Lung Opacity",
            1,
            "opacity .*left upper lobe",
            "opacidade .*lobo superior esquerdo",
            "opacity in the left upper lobe",
        ),
        (
            Facts(pneumothorax=Pneumothorax("right", "small")),
            "Pneumothorax",
            1,
            "small (right apical )?pneumothorax",
            "pequeno pneumotórax",
            "small right pneumothorax",
        ),
        (Facts(heart="severe"), "Cardiomegaly", 1, "markedly|severe", "acentuada", "markedly enlarged heart"),
        (Facts(edema="mild"), "Edema", 1, "mild pulmonary edema", "edema pulmonar leve", "mild pulmonary edema"),
        (Facts(device=Device("pacemaker", "left")), "Support Devices", 1, "pacemaker", "marca-passo", "pacemaker"),
        (Facts(fracture="left"), "Fracture", 1, "left (lateral )?rib", "fratura", "left rib fracture"),
        (Facts(), "No Finding", 1, "lungs .*clear|clear", "pulmões .*limpos", "a normal chest"),
        (Facts(), "Pleural Effusion", 0, "no pleural|without", "derrame", "a normal chest"),
    ],
)
def test_report_labels_and_caption_follow_from_the_facts(
    facts: Facts, label: str, value: int, english: str, portuguese: str, named: str
) -> None:
    reports = [write_report(facts, random.Random(seed)) for seed in range(20)]
    whole = [report for report in reports if "findings" in {section.name for section in report.sections}]
    assert len(whole) > 10
    for report in whole:
        assert report.labels[label] == value
        assert re.search(english, text(report, 1), re.IGNORECASE)
        assert re.search(portuguese, text(report, 2), re.IGNORECASE)
    assert named in caption(facts)


def test_every_finding_is_drawn_by_chance() -> None:
    rng = random.Random(1)
    sampled = [sample_facts(rng) for _ in range(500)]
    for index, name in enumerate(Facts._fields):
        assert len({str(facts[index]) for facts in sampled}) > 1, name
    assert 0.15 < sum(not facts.abnormal for facts in sampled) / 500 < 0.35
