"""A corpus of one CSV goes through the whole demo-size release, from the file to a verified push on loopback."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from loopback import hub, own_home, point_clients

from hubkit.artifacts.verification import read_verification
from hubkit.config import Corpus, ReleaseConfig, parse_config
from hubkit.corpus.readers import open_corpus
from hubkit.demo.config import demo_config
from hubkit.demo.corpus import write_corpus
from hubkit.demo.release import _publish_models
from hubkit.localhub import LocalHub
from hubkit.release import run
from hubkit.tables import CHEXPERT_LABELS
from hubkit.workspace import Workspace, read_table

__all__ = ["hub", "own_home"]

TERMS = {
    "name": "Clinic reports",
    "licence": "CC-BY-4.0",
    "citation": "The reports of a clinic that a program made, 2026.",
    "derivatives": True,
    "synthetic": True,
}


def write_csv(demo: Path, path: Path) -> None:
    """The demo corpus as one CSV, with the paths of its images."""
    rows = open_corpus(Corpus(kind="demo", root=demo)).catalogue().studies.to_pylist()
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("subject_id", "study_id", "split", "report", "images", *CHEXPERT_LABELS))
        for row in rows:
            labels = row["labels"] or {}
            report = (demo / row["source"]).read_text(encoding="utf-8")
            images = ";".join(image["path"] for image in row["images"])
            ids = (row["subject_id"], row["study_id"], row["split"])
            writer.writerow((*ids, report, images, *(labels.get(label) for label in CHEXPERT_LABELS)))


@pytest.mark.long
def test_a_csv_is_released_whole(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("HF_ENDPOINT", hub.url),
        ("HF_TOKEN", hub.tokens["owner"]),
        ("HUBKIT_GRANTED_TOKEN", hub.tokens["granted"]),
        ("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"]),
    ):
        monkeypatch.setenv(name, value)
    point_clients(monkeypatch, hub.url)
    write_corpus(tmp_path / "demo")
    write_csv(tmp_path / "demo", tmp_path / "reports.csv")
    corpus = {
        "kind": "csv",
        "root": str(tmp_path / "reports.csv"),
        "images": str(tmp_path / "demo"),
        "terms": TERMS,
        "subset": "all",
        "image_size": 112,
    }
    config: ReleaseConfig = demo_config(tmp_path / "demo", hub.url, hub.owner, _publish_models(hub.owner))
    config = config.model_copy(update={"corpus": parse_config({"corpus": corpus}).corpus})
    workspace = Workspace(tmp_path / "work")
    run(config, workspace)

    demo = open_corpus(Corpus(kind="demo", root=tmp_path / "demo")).catalogue().studies
    studies = read_table(workspace.studies)
    for name in ("subject_id", "study_id", "split", "labels"):
        assert studies[name].to_pylist() == demo[name].to_pylist()
    assert sum(studies["images"].combine_chunks().value_lengths().to_pylist()) > studies.num_rows
    for folder in ("dataset", "adapter"):
        card = (workspace.dist / folder / "README.md").read_text(encoding="utf-8")
        assert "Clinic reports" in card
        assert "CC-BY-4.0" in card
        assert "official splits" not in card
        assert "PhysioNet" not in card
        assert "CITI certificate" not in card
    found = read_verification(workspace)
    assert found.counts["failed"] == 0
    assert found.counts["passed"] > 10
    assert all(step.action == "skip" for step in run(config, workspace))
