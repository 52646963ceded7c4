"""Writes the demo's corpus: synthetic studies, laid out and named to the file as MIMIC-CXR and MIMIC-CXR-JPG are."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hubkit.demo.drawing import SIZE, View, draw
from hubkit.demo.facts import Facts
from hubkit.demo.grammar import Report, sample_report
from hubkit.demo.layout import lay_out
from hubkit.progress import track
from hubkit.tables import CHEXPERT_LABELS

TRUTH = "demo-truth.jsonl"
"""Next to the corpus, for tests and benchmarks: `{study_id, section, source, translation}` a line."""

SHARES = {"train": 200, "validate": 40, "test": 60}
"""Studies in the official splits, in parts of 300."""

UNLABELLED = 13
"""This one in each hundred studies has no row of labels: some have none in MIMIC-CXR-JPG."""


class Image(NamedTuple):
    """One picture of a study and where it lies below the corpus' root."""

    dicom_id: str
    view: View
    path: str


class Study(NamedTuple):
    """A study as it is written: its facts, its report in both languages, its split and its pictures."""

    subject_id: int
    study_id: int
    split: str
    facts: Facts
    report: Report
    images: tuple[Image, ...]

    @property
    def folder(self) -> str:
        return f"files/p{str(self.subject_id)[:2]}/p{self.subject_id}/s{self.study_id}"


def write_corpus(root: Path, studies: int = 300, seed: int = 0) -> None:
    """Write a synthetic corpus with the layout of MIMIC-CXR and MIMIC-CXR-JPG in one folder.

    About two thirds of the studies are in the split train, a fifth in test, the rest in validate; a subject is in one
    split. The same arguments give the same bytes with the same versions of numpy and Pillow.

    Args:
        root: the folder; it is made when it is missing.
        studies: how many.
        seed: which.
    """
    written = list(sample_studies(studies, seed))
    for study in track(written, "demo corpus: studies", len(written)):
        _write_study(root, study)
    _write_tables(root, written)
    truth = (
        {"study_id": study.study_id, "section": name, "source": source, "translation": translation}
        for study in written
        for name, source, translation in study.report.sections
    )
    (root / TRUTH).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in truth), encoding="utf-8")


def sample_studies(studies: int, seed: int) -> Iterable[Study]:
    """Draw the studies of the corpus, sorted by subject and study; a subject has one to three."""
    rng = random.Random(f"corpus {seed}")
    subjects = iter(sorted(rng.sample(range(10_000_000, 12_000_000), studies)))
    study_ids = iter(rng.sample(range(50_000_000, 60_000_000), studies))
    counts = dict.fromkeys(SHARES, 0)
    while (left := studies - sum(counts.values())) > 0:
        subject_id = next(subjects)
        # The split that is furthest behind its share takes the subject.
        split = min(SHARES, key=lambda name: counts[name] / SHARES[name])
        share = min(rng.choice((1, 1, 1, 2, 3)), left)
        counts[split] += share
        for study_id in sorted(next(study_ids) for _ in range(share)):
            yield _sample_study(subject_id, study_id, split, rng)


def _sample_study(subject_id: int, study_id: int, split: str, rng: random.Random) -> Study:
    facts, report = sample_report(rng)
    views: tuple[View, ...] = ("AP",) if facts.portable else ("PA", "LATERAL")
    if not facts.portable and rng.random() < 0.08:
        views = (*views, "PA")
    folder = f"files/p{str(subject_id)[:2]}/p{subject_id}/s{study_id}"
    images = []
    for view in views:
        dicom_id = "-".join(f"{rng.getrandbits(32):08x}" for _ in range(5))
        images.append(Image(dicom_id, view, f"{folder}/{dicom_id}.jpg"))
    return Study(subject_id, study_id, split, facts, report, tuple(images))


def _write_study(root: Path, study: Study) -> None:
    text = lay_out(study.report, random.Random(f"layout {study.study_id}"), portable=study.facts.portable)
    folder = root / study.folder
    folder.mkdir(parents=True, exist_ok=True)
    folder.with_suffix(".txt").write_text(text, encoding="utf-8")
    for image in study.images:
        (root / image.path).write_bytes(draw(study.facts, image.view, image.dicom_id))


def _write_tables(root: Path, studies: list[Study]) -> None:
    images = [(study, image) for study in studies for image in study.images]
    rows: Iterable[Iterable[object]] = (
        (study.subject_id, study.study_id, image.dicom_id, image.path.replace(".jpg", ".dcm"))
        for study, image in images
    )
    _write_csv(root / "cxr-record-list.csv.gz", ("subject_id", "study_id", "dicom_id", "path"), rows)
    rows = ((study.subject_id, study.study_id, f"{study.folder}.txt") for study in studies)
    _write_csv(root / "cxr-study-list.csv.gz", ("subject_id", "study_id", "path"), rows)
    rows = ((image.dicom_id, study.study_id, study.subject_id, study.split) for study, image in images)
    split = ("dicom_id", "study_id", "subject_id", "split")
    _write_csv(root / "mimic-cxr-2.0.0-split.csv.gz", split, rows)
    labelled = [study for number, study in enumerate(studies) if number % 100 != UNLABELLED]
    for labeller in ("chexpert", "negbio"):
        rows = [(study.subject_id, study.study_id, *_label_cells(study.report)) for study in labelled]
        header = ("subject_id", "study_id", *CHEXPERT_LABELS)
        _write_csv(root / f"mimic-cxr-2.0.0-{labeller}.csv.gz", header, rows)
    _write_csv(root / "mimic-cxr-2.0.0-metadata.csv.gz", METADATA, (_metadata(*image) for image in images))
    (root / "IMAGE_FILENAMES").write_text("".join(f"{image.path}\n" for _, image in images), encoding="utf-8")
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name not in (TRUTH, "SHA256SUMS.txt"))
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(root).as_posix()}\n" for path in files)
    (root / "SHA256SUMS.txt").write_text("".join(sums), encoding="utf-8")


def _label_cells(report: Report) -> list[str]:
    return [f"{report.labels[label]:.1f}" if label in report.labels else "" for label in CHEXPERT_LABELS]


METADATA = (
    "dicom_id",
    "subject_id",
    "study_id",
    "PerformedProcedureStepDescription",
    "ViewPosition",
    "Rows",
    "Columns",
    "StudyDate",
    "StudyTime",
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)


def _metadata(study: Study, image: Image) -> tuple[object, ...]:
    rng = random.Random(f"metadata {study.study_id}")
    date = f"2{rng.randrange(110, 200)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    time = f"{rng.randrange(24):02d}{rng.randrange(60):02d}{rng.randrange(60):02d}.{rng.randrange(1000):03d}"
    lateral = image.view == "LATERAL"
    procedure = "CHEST (PORTABLE AP)" if study.facts.portable else "CHEST (PA AND LAT)"
    view = "lateral" if lateral else "antero-posterior" if image.view == "AP" else "postero-anterior"
    return (
        *(image.dicom_id, study.subject_id, study.study_id, procedure, image.view),
        *(SIZE[1], SIZE[0], date, time, procedure, view, "Recumbent" if study.facts.portable else "Erect"),
    )


def _write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    # A gzip file holds the time at which it was written; without it the same rows give the same bytes.
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
