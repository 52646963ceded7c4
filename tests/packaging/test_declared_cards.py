"""The cards of a corpus of one CSV, whose terms are declared: nothing in them is the demo's or PhysioNet's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from invented_release import build_release, release_config

from hubkit.packaging.package import package

CLINIC = {"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "The reports of a clinic, 2026."}

OF_THE_DEMO = re.compile(
    r"demonstration|demonstração|MIMIC-CXR\.\*\*|models are tiny|base are tiny|small grammar|drawn images|"
    r"drew the images|labels are drawn|other models"
)


@pytest.mark.parametrize(
    ("synthetic", "custody", "said", "unsaid"),
    [
        (True, {}, ["**This corpus is synthetic.**", "**Este corpus é sintético.**", "A program."], []),
        (False, {}, ["Not stated here: see the source."], ["synthetic", "sintético", "Radiologists, in the course"]),
        (True, {"adapter_custody": "physionet"}, ["| LoRA adapter | not published |"], ["| LoRA adapter | PhysioNet"]),
        (False, {"adapter_custody": "physionet"}, ["| LoRA adapter | not published |"], ["| LoRA adapter | PhysioNet"]),
    ],
)
def test_a_declared_corpus_is_neither_the_demo_nor_physionets(
    tmp_path: Path, synthetic: bool, custody: dict[str, str], said: list[str], unsaid: list[str]
) -> None:
    workspace = build_release(tmp_path)
    terms = {**CLINIC, "synthetic": synthetic}
    corpus = {"root": str(tmp_path / "corpus"), "kind": "csv", "terms": terms}
    config = release_config(tmp_path / "corpus", corpus=corpus, custody=custody, release={"title": "Clinic"})
    package(config, workspace)
    pages = [
        *workspace.dist.rglob("*.md"),
        *workspace.dist.rglob("CITATION.cff"),
        *workspace.dist.rglob("croissant.json"),
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    assert len(texts) >= 3
    assert {path.name: hits for path, text in texts.items() if (hits := OF_THE_DEMO.findall(text))} == {}
    card = (workspace.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    assert [text for text in said if text not in card] == []
    assert [text for text in unsaid if text in card] == []
