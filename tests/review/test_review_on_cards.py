"""What a review comes to on the cards and on the maintainer's page; without a review nothing of either changes."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from invented_release import build_release, release_config

from hubkit.artifacts.review import ReviewKind
from hubkit.artifacts.review_results import Results, write_results
from hubkit.packaging.package import package
from hubkit.packaging.reviews import card_reviews
from hubkit.report.contents import reviews
from hubkit.stages import STAGES
from hubkit.workspace import Workspace

DAY = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)


def results(kind: ReviewKind, simulated: bool = False, groups: tuple[str | None, ...] = (None,)) -> Results:
    def reader(known_as: str, **more: Any) -> dict[str, Any]:
        counts = {"items": 40, "repeats": 2, "asked": 42, "seconds": 50.0, "alike": False, "sha256": "0" * 64}
        return {"id": known_as, "language": "pt", "saved": DAY, **counts, **more}

    share = {"value": 0.021, "low": 0.0119, "high": 0.0361}
    return Results.model_validate(
        {
            "review": "0" * 64,
            "kind": kind,
            "collected": DAY.date(),
            "corpus": "demo",
            "simulated": simulated,
            "confidence": 0.95,
            "readers": [reader("ana", years=12, name="Ana Invented"), reader("rui", years=4), reader("eva")],
            "strata": [
                {"name": "passed", "size": 4880, "sampled": 200, "read": 199},
                {"name": "flagged", "size": 120, "sampled": 80, "read": 80},
            ],
            "rates": [
                {"what": what, "group": group, "read": 279, "found": 31.5, "share": share}
                for group in groups
                for what in ("an error", "critical", "fluency")
            ],
            "agreement": [
                {
                    "question": "an error",
                    "between": "readers",
                    "items": 56,
                    "coefficients": {
                        "AC1": {"value": 0.912, "low": 0.85, "high": 0.97},
                        "alpha": {"value": None, "low": None, "high": None},
                    },
                }
            ],
            "checks": [],
            "metrics": [],
            "learning": [],
            "disagreements": [
                {
                    "item": "007",
                    "study_id": 5,
                    "section": "findings",
                    "question": "an error",
                    "answers": {"ana": "yes", "rui": "no"},
                }
            ],
            "corrections": 7,
        }
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def with_results(workspace: Workspace, name: str, found: Results) -> None:
    folder = workspace.review(name)
    folder.mkdir(parents=True)
    write_results(folder, found)


def test_what_a_card_says_of_a_review(workspace: Workspace) -> None:
    with_results(workspace, "pilot", results("translation"))
    [found] = card_reviews(workspace)
    assert found.sentences == [
        "Read by 3 radiologists, with 4 and 12 years of experience: 279 of 5,000 sections, drawn with known chances.",
        "Ana Invented agreed to be named.",
        "Shares are estimates for all 5,000, with 95 % intervals.",
        "Readers corrected 7 of the sections.",
    ]
    assert [name for name, _ in found.rates] == [
        "with an error",
        "with an error that could change what is done with the patient",
    ]
    assert found.agreement == [("an error", 56, "0.912 [0.850, 0.970]", "-")]


def test_a_rehearsal_says_that_it_is_one(workspace: Workspace) -> None:
    with_results(workspace, "rehearsal", results("translation", simulated=True))
    [found] = card_reviews(workspace)
    assert found.sentences[0].startswith("Read by 3 simulated readers")
    assert found.sentences[1] == "This was a rehearsal: a program made the answers, and they say nothing of the texts."
    assert not any("radiologist" in sentence or "Ana" in sentence for sentence in found.sentences)


def test_the_cards_have_a_section_each(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    config = release_config(workspace.root)
    package(config, workspace)
    cards = [workspace.dist / name / "README.md" for name in ("dataset", "adapter")]
    before = [card.read_text(encoding="utf-8") for card in cards]
    assert not any("What readers found" in card for card in before)
    assert "No person annotated anything. No agreement between annotators can be reported." in before[0]
    with_results(workspace, "pilot", results("translation"))
    with_results(workspace, "reports", results("generation", groups=("lora", "zero_shot")))
    package(config, workspace)
    dataset, adapter = (card.read_text(encoding="utf-8") for card in cards)
    assert "### What readers found\n\nRead by 3 radiologists" in dataset
    assert "| with an error | 2.1 % [1.2 %, 3.6 %] |" in dataset
    assert "| an error | 56 | 0.912 [0.850, 0.970] | - |" in dataset
    assert "No person" not in dataset
    assert "## What readers found\n\nRead by 3 radiologists" in adapter
    assert "| LoRA: with an error | 2.1 % [1.2 %, 3.6 %] |" in adapter
    assert "fluency" not in dataset + adapter


def test_packaging_runs_again_for_new_results_alone(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    [stage] = [stage for stage in STAGES if stage.name == "package"]
    config = release_config(workspace.root)
    before = stage.key(config, workspace)
    workspace.review("pilot").mkdir(parents=True)
    (workspace.review("pilot") / "ana.html").write_text("a page")
    assert stage.key(config, workspace) == before
    write_results(workspace.review("pilot"), results("translation"))
    assert stage.key(config, workspace) != before


def test_the_page_shows_figures_and_disagreements(workspace: Workspace) -> None:
    assert reviews(workspace) == []
    with_results(workspace, "pilot", results("translation"))
    [(name, lines, apart)] = reviews(workspace)
    assert (name, lines[0]) == ("pilot", "279 of 5,000 sections read by 3 readers")
    assert [row.item for row in apart] == ["007"]
