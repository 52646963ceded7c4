"""Time and memory of the leak guard over a corpus of the size of MIMIC-CXR, on synthetic text.

    python benchmarks/leakguard.py [--reports 227835]

Prints one JSON object. The texts have the length of real reports (about 90 words, in each of two languages) and words
drawn by rank, so that runs repeat as they do in language.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubkit.config import parse_config
from hubkit.leakguard.guard import leaks
from hubkit.leakguard.known_corpus import read_corpus
from hubkit.published import published
from hubkit.tables import CONDITIONS, GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace

WORDS, VOCABULARY, SUBJECTS_PER_REPORT = 90, 40_000, 0.29


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=227_835)
    reports = parser.parse_args().reports
    with tempfile.TemporaryDirectory() as folder:
        workspace, planted = build(Path(folder), reports)
        config = parse_config({"corpus": {"root": str(Path(folder) / "elsewhere")}})
        dist = public_files(Path(folder) / "dist", planted)
        before, started, cpu = peak_memory(), time.perf_counter(), time.process_time()
        found = leaks(dist, read_corpus(config, workspace))
        seconds = time.perf_counter() - started
        cpu_seconds = time.process_time() - cpu
    result = {
        "reports": reports,
        "words": 2 * WORDS * reports,
        "public_files": len(list(published("dataset_card").iterdir())),
        "planted_lines_found": sorted({leak.line for leak in found if leak.file == "planted.md"}),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_mb": peak_memory(),
        "peak_before_mb": before,
    }
    print(json.dumps(result))


def peak_memory() -> int:
    """Of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def build(root: Path, reports: int) -> tuple[Workspace, str]:
    """A workspace of synthetic studies, and a sentence of one of them."""
    rng = np.random.default_rng(1)
    ranks = 1 / np.arange(1, VOCABULARY + 1)
    drawn = rng.choice(VOCABULARY, (reports, WORDS), p=ranks / ranks.sum()).astype("int32")
    study_ids = 50_000_000 + 40 * np.arange(reports)
    subject_ids = 10_000_000 + 100 * (np.arange(reports) * SUBJECTS_PER_REPORT).astype("int64")
    workspace = Workspace(root)
    for path in (workspace.studies, workspace.translations, workspace.generations("lora")):
        path.parent.mkdir(parents=True, exist_ok=True)
    english, portuguese = (np.array([f"{stem}{n:x}" for n in range(VOCABULARY)]) for stem in ("word", "palavrã"))
    with (
        pq.ParquetWriter(workspace.studies, STUDIES, compression="zstd") as studies,
        pq.ParquetWriter(workspace.translations, TRANSLATIONS, compression="zstd") as translations,
    ):
        for first in range(0, reports, 20_000):
            part = slice(first, first + 20_000)
            ids = {"study_id": study_ids[part], "subject_id": subject_ids[part]}
            texts = {"report": [" ".join(row) for row in english[drawn[part]]]}
            studies.write_table(_table(STUDIES, {**ids, **texts}))
            translated = [" ".join(row) for row in portuguese[drawn[part]]]
            translations.write_table(_table(TRANSLATIONS, {"study_id": ids["study_id"], "translation": translated}))
    for condition in CONDITIONS:
        pq.write_table(_table(GENERATIONS, {"study_id": study_ids[:1]}), workspace.generations(condition))
    return workspace, " ".join(portuguese[drawn[reports // 2]][40:52])


def _table(schema: pa.Schema, columns: dict[str, object]) -> pa.Table:
    rows = len(columns["study_id"])  # type: ignore[arg-type]
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def public_files(dist: Path, planted: str) -> Path:
    """The card templates as public files, and a file with a planted sentence on its second line."""
    dist.mkdir()
    for path in published("dataset_card").iterdir():
        (dist / path.name).write_bytes(path.read_bytes())
    (dist / "planted.md").write_text(f"A card.\n{planted}\n", encoding="utf-8")
    return dist


if __name__ == "__main__":
    main()
