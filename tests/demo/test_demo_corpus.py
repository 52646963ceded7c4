"""The demo's corpus has the files of MIMIC-CXR and MIMIC-CXR-JPG, and the same bytes every time."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hubkit.demo.config import MODELS, demo_config
from hubkit.demo.corpus import TRUTH, write_corpus
from hubkit.digests import file_digest
from hubkit.disclosure import publishable
from hubkit.scoring.groups import DIVISIONS, Study, memberships
from hubkit.sources.mimic_cxr_jpg import study_records
from hubkit.tables import CHEXPERT_LABELS, SECTIONS


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root)
    return root


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def truth(root: Path) -> list[dict]:
    return [json.loads(line) for line in (root / TRUTH).read_text(encoding="utf-8").splitlines()]


def test_every_listed_report_and_image_is_there_and_no_other(corpus: Path) -> None:
    reports = {row["path"] for row in rows(corpus / "cxr-study-list.csv.gz")}
    images = (corpus / "IMAGE_FILENAMES").read_text().split()
    assert {path.relative_to(corpus).as_posix() for path in corpus.glob("files/*/*/*.txt")} == reports
    assert sorted(path.relative_to(corpus).as_posix() for path in corpus.rglob("*.jpg")) == sorted(images)
    assert len(reports) == 300
    assert all(re.fullmatch(r"files/p1\d/p1\d{7}/s5\d{7}\.txt", path) for path in reports)
    assert all(re.fullmatch(r"files/p1\d/p1\d{7}/s5\d{7}/([0-9a-f]{8}-){4}[0-9a-f]{8}\.jpg", path) for path in images)
    records = rows(corpus / "cxr-record-list.csv.gz")
    assert sorted(row["path"].replace(".dcm", ".jpg") for row in records) == sorted(images)


def test_scores_by_view_may_be_shown(corpus: Path) -> None:
    config = demo_config(corpus, "http://127.0.0.1:9", "demo", dict.fromkeys(MODELS, ("demo/model", "main")))
    metadata = corpus / "mimic-cxr-2.0.0-metadata.csv.gz"
    records, views, subjects = study_records(metadata), defaultdict(list), {}
    split = {row["dicom_id"]: row["split"] for row in rows(corpus / "mimic-cxr-2.0.0-split.csv.gz")}
    for row in rows(metadata):
        if split[row["dicom_id"]] == "test":
            views[row["study_id"]].append(row["ViewPosition"])
            subjects[row["study_id"]] = row["subject_id"]
    studies = [Study(tuple(seen), 0, records.get(int(study)), None) for study, seen in views.items()]
    minimum = config.scoring.subgroup_minimum
    (name,) = config.scoring.subgroups
    masks = memberships(studies, DIVISIONS[name])
    assert publishable(masks, np.array([*subjects.values()]), minimum) == ["AP", "PA", "portable", "lateral"]


def test_splits_have_their_shares_and_no_subject_is_in_two(corpus: Path) -> None:
    split = {row["study_id"]: row["split"] for row in rows(corpus / "mimic-cxr-2.0.0-split.csv.gz")}
    counts = {name: list(split.values()).count(name) for name in ("train", "validate", "test")}
    assert 195 <= counts["train"] <= 205
    assert 37 <= counts["validate"] <= 43
    assert 57 <= counts["test"] <= 63
    by_subject: dict[str, set[str]] = {}
    for row in rows(corpus / "mimic-cxr-2.0.0-split.csv.gz"):
        by_subject.setdefault(row["subject_id"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_subject.values())


def test_labels_and_metadata_have_the_columns_of_the_real_files(corpus: Path) -> None:
    for labeller in ("chexpert", "negbio"):
        table = rows(corpus / f"mimic-cxr-2.0.0-{labeller}.csv.gz")
        assert list(table[0]) == ["subject_id", "study_id", *CHEXPERT_LABELS]
        assert {row[label] for row in table for label in CHEXPERT_LABELS} == {"1.0", "0.0", "-1.0", ""}
        assert all(any(row[label] == "1.0" for row in table) for label in CHEXPERT_LABELS)
        assert 290 < len(table) < 300
    views = [row["ViewPosition"] for row in rows(corpus / "mimic-cxr-2.0.0-metadata.csv.gz")]
    assert set(views) == {"PA", "AP", "LATERAL"}


def test_reports_are_wrapped_and_hold_every_source_sentence(corpus: Path) -> None:
    texts = {}
    for path in corpus.glob("files/*/*/*.txt"):
        texts[int(path.stem[1:])] = text = path.read_text(encoding="utf-8")
        assert "FINAL REPORT\n" in text
        assert all(len(line) <= 79 for line in text.splitlines())
    for row in truth(corpus):
        assert row["source"] in " ".join(texts[row["study_id"]].split())
    assert any("\n " + "_" * 78 + "\n" in text for text in texts.values()), "no wet read"
    assert any("\n" + "_" * 78 + "\n" in text for text in texts.values()), "no addendum"
    assert any("INDICATION:" not in text for text in texts.values()), "no report without an indication"


def test_truth_has_every_kind_of_section_in_two_languages(corpus: Path) -> None:
    assert {row["section"] for row in truth(corpus)} == set(SECTIONS)
    assert all(row["source"] and row["translation"] for row in truth(corpus))


def test_images_are_gray_jpegs(corpus: Path) -> None:
    for path in list(corpus.rglob("*.jpg"))[:20]:
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("JPEG", "L")


def test_checksums_hold(corpus: Path) -> None:
    for line in (corpus / "SHA256SUMS.txt").read_text().splitlines()[::25]:
        digest, _, name = line.partition(" ")
        assert hashlib.sha256((corpus / name).read_bytes()).hexdigest() == digest


def test_same_seed_same_bytes_and_another_seed_other_ones(tmp_path: Path) -> None:
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        write_corpus(tmp_path / name, studies=12, seed=seed)
    assert file_digest(tmp_path / "first") == file_digest(tmp_path / "again")
    assert file_digest(tmp_path / "first") != file_digest(tmp_path / "other")
