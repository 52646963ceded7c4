"""The corpus kind csv: what is read of one file, what is said of a wrong one, and what its card says."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml
from invented_release import build_release
from PIL import Image

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig, parse_config
from hubkit.corpus.read import read
from hubkit.corpus.readers import open_corpus
from hubkit.custody.own_copies import require_own_copies
from hubkit.errors import HubkitError, UsageError
from hubkit.packaging.package import package
from hubkit.tables import CHEXPERT_LABELS, SPLITS
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace, read_table

TERMS = {"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "The reports of a clinic, 2026."}
REPORT = " FINAL REPORT\n FINDINGS:  Lungs are clear.\n\n IMPRESSION:  Normal.\n"
ROWS: list[dict[str, str]] = [
    {
        "Subject_ID": str(100_000 + at // 2),
        "study_id": f"s{200_000 + at}",
        "report": REPORT,
        "split": ("train", "train", "Validation", "validation", "test", "test")[at],
        "images": "" if at == 1 else f"chest/{at} a.png; chest/{at}-b.png",
        "edema": ("1", "0", "-1", "", "1.0", "-1.0")[at],
    }
    for at in range(6)
]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def configured(root: Path, **more: Any) -> ReleaseConfig:
    corpus = {"kind": "csv", "root": str(root), "subset": "all", "image_size": 16, "workers": 1, "terms": TERMS}
    return parse_config({"corpus": corpus | more})


def read_rows(config: ReleaseConfig, folder: Path) -> list[dict[str, Any]]:
    workspace = Workspace(folder)
    read(config, workspace.running("read", "key"))
    rows: list[dict[str, Any]] = read_table(workspace.studies).to_pylist()
    return rows


def test_reports_splits_labels_and_images_are_read(tmp_path: Path) -> None:
    root = write(tmp_path / "reports.csv.gz", ROWS)
    (tmp_path / "images" / "chest").mkdir(parents=True)
    for at in (0, 2, 3, 4, 5):
        for name in (f"{at} a.png", f"{at}-b.png"):
            Image.new("L", (8, 8), 40 * at).save(tmp_path / "images" / "chest" / name)
    rows = read_rows(configured(root, images=str(tmp_path / "images")), tmp_path / "work")
    assert [(row["subject_id"], row["study_id"], row["split"]) for row in rows] == [
        (100_000 + at // 2, 200_000 + at, ("train", "validate", "test")[at // 2]) for at in range(6)
    ]
    assert {(row["findings"], row["impression"], row["report"]) for row in rows} == {
        ("Lungs are clear.", "Normal.", REPORT)
    }
    assert [row["labels"]["Edema"] for row in rows] == [1, 0, -1, None, 1, -1]
    assert {label for row in rows for label, value in row["labels"].items() if value is not None} == {"Edema"}
    assert [[image["dicom_id"] for image in row["images"]] for row in rows] == [
        [] if at == 1 else [f"chest-{at}-a", f"chest-{at}-b"] for at in range(6)
    ]
    assert (tmp_path / "work" / "studies" / "images" / "chest-4-b.jpg").exists()


def test_sections_without_splits_and_labels_are_read(tmp_path: Path) -> None:
    rows = [
        {"subject": str(at // 2), "study": str(at), "findings": f"Finding {at}.", "impression": "" if at % 2 else "Ok."}
        for at in range(400)
    ]
    config = configured(write(tmp_path / "reports.csv", rows))
    found = read_rows(config, tmp_path / "work")
    assert [(row["findings"], row["impression"]) for row in found[:2]] == [("Finding 0.", "Ok."), ("Finding 1.", None)]
    assert {row["labels"] for row in found if row["labels"] is not None} == set()
    assert read_selection(Workspace(tmp_path / "work")).headers == "sectioned"
    splits: dict[int, set[str]] = {}
    for row in found:
        splits.setdefault(row["subject_id"], set()).add(row["split"])
    assert all(len(names) == 1 for names in splits.values()), "no patient is in two splits"
    assert set.union(*splits.values()) == set(SPLITS)
    again = read_rows(config, tmp_path / "again")
    assert [row["split"] for row in again] == [row["split"] for row in found]


def changed(row: int, **cells: str) -> list[dict[str, str]]:
    return [{**cell, **cells} if at == row else cell for at, cell in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (changed(2, split="dev"), "row 3: split is none of train, validate, validation, valid, test"),
        (changed(1, split="test"), "row 2: its patient is in two splits"),
        (changed(4, edema="yes"), "row 5: Edema is none of 1, 0, -1 and empty"),
        (changed(0, images="../x.png"), "row 1: images has a path that is not one of a .jpg or .png below the folder"),
        (changed(0, images="a/../x.png"), "row 1: images has a path that is not one"),
        (changed(0, images="/x.png"), "row 1: images has a path that is not one"),
        (changed(0, images="x.dcm"), "row 1: images has a path that is not one"),
        (changed(3, images="chest/0 a.png"), "row 4: an image is listed twice"),
        (changed(3, images="chest-0-a.png"), "row 4: an image is listed twice, or its path differs from another in"),
        (changed(3, study_id="s200000"), "holds the report of study 200000 twice"),
        ([{"subject_id": "1", "report": REPORT}], "has no column study_id"),
        ([{"study_id": "1", "text_of": REPORT}], "has no column of reports or of sections"),
        ([{"study_id": "one", "report": REPORT}], "no row has numbers of at most 18 digits in study_id"),
        ([{"study_id": "-5", "report": REPORT}], "no row has numbers of at most 18 digits in study_id"),
        ([{"study_id": "1" * 19, "report": REPORT}], "no row has numbers of at most 18 digits in study_id"),
        ([{"study_id": "1", "report": REPORT, "Report ": REPORT}], "has the column report twice"),
    ],
)
def test_a_wrong_row_is_named_in_one_line(tmp_path: Path, rows: list[dict[str, str]], fault: str) -> None:
    root = write(tmp_path / "reports.csv", rows)
    with pytest.raises(HubkitError) as caught:
        read_rows(configured(root), tmp_path / "work")
    assert str(caught.value).startswith(f"{root}: {fault}")
    assert "\n" not in str(caught.value)
    assert "Lungs" not in str(caught.value)
    assert caught.value.hint


def test_a_header_without_rows_is_named(tmp_path: Path) -> None:
    root = tmp_path / "reports.csv"
    root.write_text("study_id,report\n", encoding="utf-8")
    with pytest.raises(HubkitError, match=r"reports\.csv: has a header, and no row \(docs/corpus\.md"):
        read_rows(configured(root), tmp_path / "work")


def test_too_few_studies_for_a_test_split_are_said(tmp_path: Path) -> None:
    rows = [{"study_id": str(at), "report": REPORT} for at in (1, 2)]
    with pytest.raises(HubkitError, match=r"the split test has no studies \(train 2\) \(it needs more studies\)"):
        read_rows(configured(write(tmp_path / "reports.csv", rows)), tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "fault"), [("none.csv", "the CSV of reports is missing"), (".", "is not a .csv or .csv.gz")]
)
def test_a_root_that_is_no_csv_is_named(tmp_path: Path, name: str, fault: str) -> None:
    with pytest.raises(HubkitError, match=fault):
        open_corpus(configured(tmp_path / name).corpus)


def test_a_folder_of_images_that_is_missing_is_named(tmp_path: Path) -> None:
    root = write(tmp_path / "reports.csv", ROWS)
    with pytest.raises(HubkitError, match="the folder of images is missing"):
        open_corpus(configured(root, images=str(tmp_path / "none")).corpus)


@pytest.mark.parametrize(
    ("corpus", "fault"),
    [
        ({"kind": "csv"}, r"\[corpus.terms\]: a corpus of kind csv has to declare its terms \(set name, licence"),
        ({"kind": "demo", "terms": TERMS}, r"\[corpus.terms\]: the terms of demo are known, and cannot be declared"),
        ({"kind": "xls"}, "there is no corpus kind xls"),
    ],
)
def test_terms_are_declared_where_they_are_not_known(corpus: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        terms_of(parse_config({"corpus": corpus}).corpus)


@pytest.mark.parametrize(
    ("key", "value"),
    [("name", ""), ("name", "a\nb"), ("licence", "a: b"), ("citation", "<b>"), ("url", "ftp://x"), ("licence", None)],
)
def test_declared_terms_that_a_card_cannot_print_are_refused(key: str, value: str | None) -> None:
    terms = {name: text for name, text in (TERMS | {key: value}).items() if text is not None}
    with pytest.raises(UsageError, match=rf"terms\.{key}|{key}"):
        parse_config({"corpus": {"kind": "csv", "terms": terms}})


def test_declared_terms_decide(tmp_path: Path) -> None:
    terms = terms_of(configured(tmp_path).corpus)
    assert (terms.called, terms.title("2.1.0"), terms.licence) == ("Clinic reports", "Clinic reports", "CC-BY-4.0")
    assert (terms.credentialed, terms.derivatives, terms.kind) == (False, False, "csv")
    assert terms_of(configured(tmp_path, terms=TERMS | {"derivatives": True}).corpus).derivatives
    assert len(CHEXPERT_LABELS) == 14


@pytest.mark.parametrize(
    ("more", "identifiers"),
    [
        ({}, "Whether identifiers were taken out of them at the source is not stated"),
        ({"deidentified": "Two people read them."}, "Two people read them."),
        ({"synthetic": True}, "**This corpus is synthetic.**"),
    ],
)
def test_the_cards_print_the_declared_terms(tmp_path: Path, more: dict[str, Any], identifiers: str) -> None:
    workspace = build_release(tmp_path)
    root = write(tmp_path / "reports.csv", ROWS)
    corpus = {"kind": "csv", "root": str(root), "terms": TERMS | more}
    package(parse_config({"corpus": corpus, "hub": {"namespace": "lab"}}), workspace)
    card = (workspace.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    for text in ("Clinic reports", "CC-BY-4.0", TERMS["citation"], identifiers):
        assert text in card
    for claim in (
        "official splits",
        "CLINIC REPORTS",
        "the csv corpus",
        "Their identifiers were taken out at the source",
    ):
        assert claim not in card
    # Neither the gate nor any other part names terms that are not those of the corpus.
    files = (path for path in workspace.dist.rglob("*") if path.is_file() and path.suffix not in (".py", ".parquet"))
    texts = {path: path.read_bytes() for path in files}
    assert [path for path, text in texts.items() if b"PhysioNet" in text or b"CITI certificate" in text] == []
    citation = yaml.safe_load((workspace.dist / "dataset" / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == "CC-BY-4.0"


def test_a_csv_is_not_sealed(tmp_path: Path) -> None:
    config = configured(tmp_path).model_copy(update={"custody": parse_config({"custody": {"mode": "sealed"}}).custody})
    with pytest.raises(UsageError, match="a corpus of kind csv cannot be sealed"):
        require_own_copies(config, None)
