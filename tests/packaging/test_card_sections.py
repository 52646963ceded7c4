"""The cards have what the Hub's own templates ask for: each heading and each line of them has its place."""

from __future__ import annotations

import re
from pathlib import Path

import huggingface_hub
import pytest
from invented_release import build_release, release_config

from hubkit.packaging.package import package
from hubkit.workspace import Workspace, write_json

TEMPLATES = Path(huggingface_hub.__file__).parent / "templates"

ASKED = re.compile(r"^#{2,4} (?P<heading>.+?)(?: \[optional\])?$|^- \*\*(?P<line>.+?)(?: \[optional\])?:\*\*", re.M)

BOTH = {
    "Uses": "## Uses",
    "Direct Use": "- **For**: ",
    "Out-of-Scope Use": "- **Out of scope**: ",
    "Bias, Risks, and Limitations": "## Bias: what is known and what is not",
    "Recommendations": "### Recommendations",
    "Citation": "## Credit and citation",
    "Glossary": "## Glossary and more information",
    "More Information": "## Glossary and more information",
    "Funded by": "| funded by | ",
    "Shared by": "| shared by | ",
    "License": "| licence | ",
    "Repository": "| repository | ",
    "Paper": "| paper | ",
    "Demo": "| demo | ",
}
PLACES = {
    "datasetcard_template.md": BOTH
    | {
        "Dataset Details": "## Details",
        "Dataset Description": "## Details",
        "Dataset Sources": "| repository | ",
        "Dataset Structure": "## What is in it",
        "Dataset Creation": "## How it was made",
        "Curation Rationale": "**Why.** ",
        "Source Data": "**Source data.** ",
        "Data Collection and Processing": "**Source data.** ",
        "Who are the source data producers?": "**Who wrote the source.** ",
        "Annotations": "**Annotations.** ",
        "Annotation process": "**Annotations.** ",
        "Who are the annotators?": "No person annotated anything.",
        "Personal and Sensitive Information": "## Personal and sensitive information",
        "Dataset Card Authors": "The card was written by hubkit ",
        "Dataset Card Contact": "Contact: ",
        "Curated by": "| curated by | ",
        "Language(s) (NLP)": "| languages | ",
    },
    "modelcard_template.md": BOTH
    | {
        "Model Details": "## Details",
        "Model Description": "## Details",
        "Model Sources": "| repository | ",
        "Downstream Use": "- **After further training**: ",
        "How to Get Started with the Model": "## How to use it",
        "Training Details": "## Training",
        "Training Data": "**Data.** ",
        "Training Procedure": "**Objective.** ",
        "Preprocessing": "**Preprocessing.** ",
        "Training Hyperparameters": "| learning rate, schedule, warm-up | ",
        "Training regime": "| training regime | ",
        "Speeds, Sizes, Times": "| size of the adapter | ",
        "Evaluation": "## Evaluation",
        "Testing Data, Factors & Metrics": "## Evaluation",
        "Testing Data": "test studies of ",
        "Factors": "F1 by finding, ",
        "Metrics": "- **BERTScore**: ",
        "Results": "| BERTScore | condition | ",
        "Summary": "Known failures, ",
        "Model Examination": "## What the adapter remembers",
        "Environmental Impact": "## Hardware, hours, energy and carbon",
        "Hardware Type": "| work | hardware | ",
        "Hours used": "| hours | ",
        "Cloud Provider": "Cloud provider and region: ",
        "Compute Region": "Cloud provider and region: ",
        "Carbon Emitted": " | carbon |",
        "Technical Specifications": "## Training",
        "Model Architecture and Objective": "**Objective.** ",
        "Compute Infrastructure": "## Hardware, hours, energy and carbon",
        "Hardware": "| work | hardware | ",
        "Software": "| made with | ",
        "Model Card Authors": "The card was written by hubkit ",
        "Model Card Contact": "Contact: ",
        "Developed by": "| developed by | ",
        "Model type": "| model type | ",
        "Language(s) (NLP)": "| language | ",
        "Finetuned from model": "| fine-tuned from | ",
    },
}
CARDS = {"datasetcard_template.md": "dataset", "modelcard_template.md": "adapter"}


@pytest.fixture(scope="module", params=["mimic-cxr", "demo", "openi"])
def packaged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("sections")
    workspace = build_release(root)
    took = {"seconds": 5400, "hardware": {"name": "GPU X", "count": 1, "watts": 700.0}, "versions": {}}
    write_json(workspace.manifest("finetune"), took)
    corpus = {"root": str(root / "corpus"), "kind": request.param}
    package(release_config(root / "corpus", corpus=corpus), workspace)
    return workspace


@pytest.mark.parametrize("template", PLACES)
def test_every_section_of_the_hubs_template_has_its_place(packaged: Workspace, template: str) -> None:
    text = (TEMPLATES / template).read_text(encoding="utf-8").split("\n---\n", 1)[1]
    asked = {found["heading"] or found["line"] for found in ASKED.finditer(text)}
    assert asked == set(PLACES[template])
    card = (packaged.dist / CARDS[template] / "README.md").read_text(encoding="utf-8")
    assert {name: place for name, place in PLACES[template].items() if place not in card} == {}


@pytest.mark.parametrize("artifact", ["dataset", "adapter"])
def test_no_section_is_empty(packaged: Workspace, artifact: str) -> None:
    card = (packaged.dist / artifact / "README.md").read_text(encoding="utf-8")
    body = re.sub(r"<!--.*?-->", "", card.split("\n---\n", 1)[1])
    parts = re.split(r"^(#{1,3} .+)$", re.sub(r"```.*?```", "code", body, flags=re.DOTALL), flags=re.MULTILINE)
    empty = [heading for heading, said in zip(parts[1::2], parts[2::2], strict=True) if not said.strip()]
    assert empty == []
    # A row without a value, or a sentence that lost a part.
    lost = re.compile(r"^\| [^|]+ \| *\|$|\bNone\b|\w  +\w| [.,;]( |$)")
    prose = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert [line for line in prose.splitlines() if lost.search(line)] == []
