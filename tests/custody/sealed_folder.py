"""A small corpus of invented reports in two top folders, and a release that is sealed under it."""

from __future__ import annotations

import random
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from hubkit.custody.roster import write_roster
from hubkit.custody.sealed import Keyring, OwnCorpus, find_corpus
from hubkit.custody.tables import seal_table
from hubkit.packaging.dataset import default_schema
from hubkit.packaging.parquet import of_table, write_split
from hubkit.tables import CHEXPERT_LABELS, GENERATIONS, SCORES

RELEASE = ("lab/mimic-cxr-ptbr", "1.0.0")
SENTENCES = ("Coração normal.", "Pulmões limpos.", "Pequeno derrame à esquerda.", "Sem pneumotórax.")
STUDIES = [(10_000_100 + 500_000 * (number % 3), 50_000_000 + 7 * number) for number in range(18)]
"""(subject, study): a third each in p10, p10 and p11."""

CARD = """---
license: other
viewer: false
configs:
- config_name: default
  default: true
  data_files:
  - split: train
    path: data/default/train-*.parquet
  - split: test
    path: data/default/test-*.parquet
- config_name: generations
  data_files:
  - split: test
    path: data/generations/test-*.parquet
dataset_info:
- config_name: default
  features:
  - name: subject_id
    dtype: int64
  - name: study_id
    dtype: int64
  - name: indication
    dtype: large_binary
  - name: findings
    dtype: large_binary
  - name: impression
    dtype: large_binary
  - name: report
    dtype: large_binary
  - name: images
    dtype: large_binary
  - name: labels
    dtype: large_binary
  - name: translation_flags
    dtype: large_binary
---

# Sealed reports
"""


def write_corpus(root: Path, changes: dict[tuple[int, int], str | None] | None = None) -> Path:
    """A corpus of invented reports; `changes` has other texts, more studies, and None for those left out."""
    reports = {ids: f" FINAL REPORT\n Invented report no. {ids[1]}.\n" for ids in STUDIES} | (changes or {})
    for (subject, study), text in reports.items():
        folder = root / "files" / f"p{str(subject)[:2]}" / f"p{subject}"
        folder.mkdir(parents=True, exist_ok=True)
        if text is not None:
            (folder / f"s{study}.txt").write_text(text)
    return root


def zip_corpus(root: Path, path: Path) -> Path:
    """The same reports as PhysioNet's zip, in another order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for report in sorted(root.rglob("*.txt"), reverse=True):
            archive.write(report, report.relative_to(root).as_posix())
    return path


def keyring(root: Path, release: tuple[str, str] = RELEASE, cache: bool = False) -> Keyring:
    corpus: OwnCorpus = find_corpus(root, cache)
    return Keyring(corpus, *release)


def plain_tables(studies: list[tuple[int, int]] = STUDIES) -> dict[tuple[str, str], pa.Table]:
    """The tables of a release by (config, split): two splits of reports, and generations with scores of one of them."""
    train, test = studies[:12], studies[12:]
    generated = [_generated(ids, condition) for ids in test for condition in ("zero_shot", "lora")]
    return {
        ("default", "train"): pa.Table.from_pylist([_row(ids) for ids in train], schema=default_schema(False)),
        ("default", "test"): pa.Table.from_pylist([_row(ids) for ids in test], schema=default_schema(False)),
        ("generations", "test"): pa.Table.from_pylist(generated, schema=GENERATIONS),
        ("scores", "test"): pa.Table.from_pylist([_scored(row) for row in generated], schema=SCORES),
    }


def plain_spans(studies: list[tuple[int, int]] = STUDIES[:12]) -> pa.Table:
    """The config `spans` in clear: two or three rows a study."""
    rows = [
        {"subject_id": subject, "study_id": study, "section": section, "start": start, "stop": 9 + study % 1000}
        for subject, study in studies
        for start, section in enumerate(("findings", "impression", "report"))
        if section != "impression" or study % 2
    ]
    ids = [(name, pa.int64()) for name in ("subject_id", "study_id")]
    return pa.Table.from_pylist(
        rows, schema=pa.schema([*ids, ("section", pa.string()), ("start", pa.int32()), ("stop", pa.int32())])
    )


def write_sealed(
    folder: Path, keys: Keyring, tables: dict[tuple[str, str], pa.Table] | None = None, rows_per_file: int = 5
) -> Path:
    """A sealed release as it lies on the Hub, with several files a split."""
    tables = plain_tables() if tables is None else tables
    shutil.rmtree(folder, ignore_errors=True)
    parts = {}
    for (config, split), table in tables.items():
        sealed = seal_table(table, config, split, keys)
        parts[f"{config}/{split}"] = write_split(folder, config, split, of_table(sealed), rows_per_file).files
    (folder / "loader").mkdir()
    (folder / "loader" / "mimic_cxr_ptbr.py").write_text("LOADED = True\n")
    (folder / "LICENSE").write_text("Terms.\n")
    write_roster(folder, parts, keys)
    (folder / "README.md").write_text(CARD)
    return folder


def _row(ids: tuple[int, int]) -> dict[str, Any]:
    rng = random.Random(str(ids))
    findings = " ".join(rng.sample(SENTENCES, 3))
    failed = ids[1] % 5 == 0
    return {
        "subject_id": ids[0],
        "study_id": ids[1],
        "indication": None,
        "findings": findings,
        "impression": None if failed else rng.choice(SENTENCES),
        "report": None if failed else f"ACHADOS: {findings}\n\nIMPRESSÃO: exame nº {ids[1]}",
        "images": [f"files/p{ids[0]}/s{ids[1]}/{number}.jpg" for number in range(ids[1] % 3)],
        "labels": {label: rng.choice((1, 0, -1, None)) for label in CHEXPERT_LABELS} if ids[1] % 4 else None,
        "translation_flags": ["impression:failed"] if failed else [],
    }


def _generated(ids: tuple[int, int], condition: str) -> dict[str, Any]:
    text = random.Random(f"{ids}{condition}").choice(SENTENCES)
    return {
        "subject_id": ids[0],
        "study_id": ids[1],
        "condition": condition,
        "reference": f"ACHADOS: {text}",
        "generated": text,
        "finish_reason": "stop",
    }


def _scored(row: dict[str, Any]) -> dict[str, Any]:
    rng = random.Random(str(row))
    ids = {name: row[name] for name in ("subject_id", "study_id", "condition")}
    return {**ids, "setup": "bertimbau", **{name: rng.random() for name in ("precision", "recall", "f1")}}
