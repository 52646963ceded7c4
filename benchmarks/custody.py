"""Time to derive the keys of a sealed release, to open it, and to load it, at the size of MIMIC-CXR, on synthetic text.

    python benchmarks/custody.py [--studies 227835]

Prints one JSON object. The reports have about 90 words drawn by rank, as in language; the keys come from a zip of them,
with nothing cached, and one process opens the text columns. `load` compares `load_dataset` of the sealed folder with
that of the same rows in clear, each the fastest of eight, turn and turn about, without a cache. Each time is given as
seconds by the clock and as processor time, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from hubkit.custody.sealed import IDS, Keyring, find_corpus, open_table
from hubkit.custody.tables import seal_table
from hubkit.packaging.dataset import default_schema
from hubkit.packaging.parquet import of_table, write_split
from hubkit.tables import CHEXPERT_LABELS

LENGTHS = {"indication": 8, "findings": 50, "impression": 20, "report": 90}
VOCABULARY = 40_000
ROWS_PER_FILE = 100_000
ROUNDS = 8


class Time(NamedTuple):
    """Seconds of a piece of work."""

    clock: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=227_835)
    studies = parser.parse_args().studies
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plain = rows(studies)
        write_zip(root / "mimic-cxr-reports.zip", plain)
        corpus = find_corpus(root, cache=False)
        digest = clocked(lambda: [corpus.digest(group) for group in corpus.groups()])
        keys = Keyring(corpus, "lab/mimic-cxr-ptbr", "1.0.0")
        sealed = seal_table(plain, "default", "train", keys)
        text = sealed.select([*IDS, *LENGTHS])
        result = {
            "studies": studies,
            "zip_mb": (root / "mimic-cxr-reports.zip").stat().st_size // 2**20,
            "keys_seconds": digest._asdict(),
            "open_text_seconds": clocked(lambda: open_table(text, keys))._asdict(),
            "bytes_a_row": {"plain": plain.nbytes // studies, "sealed": sealed.nbytes // studies},
        }
        for name, table in (("plain", plain), ("sealed", sealed)):
            write_split(root / name, "default", "train", of_table(table), ROWS_PER_FILE)
        times = [(load(root / "plain", root / "cache"), load(root / "sealed", root / "cache")) for _ in range(ROUNDS)]
    plain_load, sealed_load = (Time(*map(min, zip(*column, strict=True))) for column in zip(*times, strict=True))
    ratio = Time(*(round(one / other, 2) for one, other in zip(sealed_load, plain_load, strict=True)))
    loads = {"plain": plain_load._asdict(), "sealed": sealed_load._asdict(), "ratio": ratio._asdict()}
    print(json.dumps({**result, "load_seconds": loads}))


def rows(studies: int) -> pa.Table:
    """A table of the config `default`, with synthetic text."""
    rng = np.random.default_rng(1)
    ranks = 1 / np.arange(1, VOCABULARY + 1)
    letters = rng.choice(list("aaeeiioosrndmtucãçé"), (VOCABULARY, 12))
    words = np.array(["".join(line[: 2 + rank % 11]) for rank, line in enumerate(letters)])
    subjects = 10_000_000 + (np.arange(studies) * (9_999_999 / studies)).astype("int64")
    columns: dict[str, object] = {"subject_id": subjects, "study_id": 50_000_000 + 40 * np.arange(studies)}
    for name, length in LENGTHS.items():
        drawn = rng.choice(VOCABULARY, (studies, length), p=ranks / ranks.sum())
        columns[name] = [" ".join(line) for line in words[drawn]]
    columns["images"] = [
        [f"files/p{subject // 10**6}/p{subject}/{at:040x}.jpg" for at in (0, 1)] for subject in subjects
    ]
    values = rng.choice(
        np.array([1, 0, -1, None], dtype=object), (studies, len(CHEXPERT_LABELS)), p=(0.1, 0.05, 0.05, 0.8)
    )
    columns["labels"] = [dict(zip(CHEXPERT_LABELS, line, strict=True)) for line in values]
    columns["translation_flags"] = [[] for _ in range(studies)]
    return pa.table(columns, schema=default_schema(include_source=False))


def write_zip(path: Path, table: pa.Table) -> None:
    """Reports of 110 words, as PhysioNet's zip has them: with these it is as large as that of MIMIC-CXR."""
    columns = [table[name].to_pylist() for name in (*IDS, "report", "impression")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for subject, study, report, impression in zip(*columns, strict=True):
            archive.writestr(f"files/p{subject // 10**6}/p{subject}/s{study}.txt", f"{report}\n {impression}\n")


def load(folder: Path, cache: Path) -> Time:
    from datasets import disable_progress_bars, load_dataset

    disable_progress_bars()
    found = clocked(lambda: load_dataset(str(folder), cache_dir=str(cache)))
    shutil.rmtree(cache)
    return found


def clocked(work: Callable[[], object]) -> Time:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return Time(round(time.perf_counter() - started, 2), round(time.process_time() - cpu, 2))


if __name__ == "__main__":
    main()
