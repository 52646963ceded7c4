"""What is said of a model's earlier sight of a corpus."""

from __future__ import annotations

import pytest

from hubkit.config import parse_config
from hubkit.tables import CONDITIONS, SYSTEM_NAMES
from hubkit.terms.exposure import configured_statements, exposure, statements
from hubkit.terms.kinds import TERMS


@pytest.mark.parametrize(
    ("model", "corpus", "seen"),
    [
        ("google/medgemma-4b-it", "mimic-cxr", "seen"),
        ("google/MedGemma-1.5-4B-it", "mimic-cxr", "seen"),
        ("google/medgemma-27b-it", "mimic-cxr", "seen"),
        ("google/medgemma-27b-text-it", "mimic-cxr", "unknown"),
        ("google/medgemma-4b-it", "openi", "unknown"),
        ("someone/medgemma-4b-it", "mimic-cxr", "unknown"),
        ("Qwen/Qwen2.5-VL-3B", "mimic-cxr", "unknown"),
        ("maintainer/vision", "demo", "seen"),
    ],
)
def test_what_a_model_had_seen(model: str, corpus: str, seen: str) -> None:
    found = exposure(model, corpus)
    assert found.seen == seen
    assert found.source


@pytest.mark.parametrize(
    ("base", "corpus", "mark", "said"),
    [
        ("google/medgemma-4b-it", "mimic-cxr", "†", "† `google/medgemma-4b-it` was trained on MIMIC-CXR before ("),
        ("a/b", "openi", "‡", "‡ Whether `a/b` was trained on OPENI before is unknown ("),
        ("a/b", "demo", "‡", "‡ Whether `a/b` was trained on the demo corpus before is unknown ("),
    ],
)
def test_the_conditions_carry_the_mark_of_their_base(base: str, corpus: str, mark: str, said: str) -> None:
    found = statements(base, ["c/d", "c/d", base], TERMS[corpus])
    assert found.sentences[0].startswith(said)
    assert [sentence[:13] for sentence in found.sentences[1:]] == ["Whether `c/d`"]
    marked = {name for name, shown in found.systems.items() if shown == f"{SYSTEM_NAMES[name]} {mark}"}
    assert marked == set(CONDITIONS)
    assert all(found.systems[name] == SYSTEM_NAMES[name] for name in SYSTEM_NAMES if name not in CONDITIONS)


def test_a_folder_is_named_as_the_model_that_it_holds() -> None:
    config = parse_config({"finetuning": {"model": "/models/base", "model_id": "google/medgemma-4b-it"}})
    assert configured_statements(config).sentences[0].startswith("† `google/medgemma-4b-it` was trained on MIMIC-CXR")
