"""How fast a corpus of the size of MIMIC-CXR is read: 227,835 studies and 377,110 image rows, made here.

    python benchmarks/corpus.py [--root FOLDER] [--studies N] [--workers 2] [--one-by-one]

Prints seconds, CPU seconds, MB/s of report text and the peak memory of all processes together for: the way from
mimic-cxr-reports.zip to studies.parquet with every study, the balanced selection, the fingerprint, and, with
--one-by-one, the same text read from single files with pandas and open(). The corpus is synthetic: sentences of
its own grammar that say nothing of any patient.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import tempfile
import textwrap
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from hubkit.config import Subset, parse_config
from hubkit.corpus.read import chosen_studies, fingerprint, read
from hubkit.corpus.readers import open_corpus
from hubkit.tables import CHEXPERT_LABELS
from hubkit.workspace import Workspace

STUDIES, IMAGES = 227_835, 377_110
SPLIT_SHARES = {"validate": 1_808 / STUDIES, "test": 3_269 / STUDIES}
LABEL_RATES = (0.20, 0.20, 0.05, 0.12, 0.03, 0.02, 0.03, 0.22, 0.33, 0.24, 0.01, 0.07, 0.05, 0.29)
"""How often each of the 14 labels is positive, about as in MIMIC-CXR."""

SENTENCES = [
    f"The {part} of the {side} {region} {verb} {state}."
    for part in ("outline", "upper part", "base", "border", "hilar part")
    for side in ("left", "right", "whole")
    for region in ("lung", "hemithorax", "pleural space", "chest wall")
    for verb in ("is", "remains", "appears")
    for state in ("clear", "unchanged since ___", "a little blurred", "obscured by a tube", "in its normal position")
]


class Study(NamedTuple):
    subject_id: int
    study_id: int
    split: str
    images: int


class Cost(NamedTuple):
    """What a piece of work took; memory is the proportional set size of all its processes together, in bytes."""

    seconds: float
    cpu: float
    memory: int


def main() -> None:
    """Make the corpus where it is not there yet, and time each way of reading it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="where the corpus is made, or was made before")
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one-by-one", action="store_true", help="also unpack the zip file and read file by file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, scratch = options.root or Path(folder) / "corpus", Path(folder)
        reports = root / "mimic-cxr-reports.zip"
        if not reports.exists():
            print(f"making {options.studies} studies in {root}", flush=True)
            make_corpus(root, options.studies)
        with zipfile.ZipFile(reports) as archive:
            text = sum(entry.file_size for entry in archive.infolist())
            if options.one_by_one:
                archive.extractall(scratch / "tree")
        print(f"{text / 1e6:.0f} MB of text in a zip file of {reports.stat().st_size / 1e6:.0f} MB; ", end="")
        print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        show("zip to studies.parquet", in_new_process(read_all, root, scratch, options.workers), text)
        show("selection", in_new_process(select, root, scratch, options.workers))
        show("fingerprint", in_new_process(digest, root, scratch, options.workers))
        if options.one_by_one:
            show("one by one (pandas, open)", in_new_process(one_by_one, root, scratch, options.workers), text)


def read_all(root: Path, scratch: Path, workers: int) -> Cost:
    config = parse_config({"corpus": {"root": str(root), "subset": "all", "workers": workers}})
    return measured(lambda: read(config, Workspace(scratch / "work").running("read", "benchmark")))


def select(root: Path, scratch: Path, workers: int) -> Cost:
    """The default subset, or what a smaller corpus gives of it; the catalogue is there already, as in the stage."""
    config = parse_config({"corpus": {"root": str(root)}})
    catalogue = open_corpus(config.corpus).catalogue()
    held = Counter(catalogue.studies["split"].to_pylist())
    sizes = {split: min(size, held[split]) for split, size in Subset().sizes().items()}
    return measured(lambda: chosen_studies(catalogue, parse_config({"corpus": {"subset": sizes}})))


def digest(root: Path, scratch: Path, workers: int) -> Cost:
    config = parse_config({"corpus": {"root": str(root)}})
    return measured(lambda: fingerprint(config))


def one_by_one(root: Path, scratch: Path, workers: int) -> Cost:
    """Join the tables with pandas, then open every report, as one does in a notebook."""
    import pandas as pd

    def work() -> None:
        splits = pd.read_csv(root / "mimic-cxr-2.0.0-split.csv.gz")
        labels = pd.read_csv(root / "mimic-cxr-2.0.0-chexpert.csv.gz")
        views = pd.read_csv(root / "mimic-cxr-2.0.0-metadata.csv.gz")[["dicom_id", "ViewPosition"]]
        studies = splits.merge(views, on="dicom_id").drop_duplicates("study_id")
        rows = []
        for _, study in studies.merge(labels, on=["subject_id", "study_id"]).iterrows():
            subject = f"p{study['subject_id']}"
            with open(scratch / "tree/files" / subject[:3] / subject / f"s{study['study_id']}.txt") as file:
                report = file.read()
            findings, _, impression = report.partition("FINDINGS:")[2].partition("IMPRESSION:")
            rows.append({**study, "findings": findings.strip(), "impression": impression.strip(), "report": report})
        pd.DataFrame(rows).to_parquet(scratch / "one-by-one.parquet")

    return measured(work)


def in_new_process(task: Callable[[Path, Path, int], Cost], root: Path, scratch: Path, workers: int) -> Cost:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(task, root, scratch, workers).result()


def measured(work: Callable[[], object]) -> Cost:
    """Do `work`, and look at the memory of this process and its children ten times a second meanwhile."""
    peak, done = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.1):
            peak = max(peak, sum(map(_memory, _family(os.getpid()))))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started, before = time.perf_counter(), os.times()
    work()
    seconds, after = time.perf_counter() - started, os.times()
    done.set()
    watcher.join()
    return Cost(seconds, sum(after[:4]) - sum(before[:4]), max(peak, _memory(os.getpid())))


def show(what: str, cost: Cost, text: int = 0) -> None:
    rate = f"{text / 1e6 / cost.seconds:6.1f} MB/s" if text else " " * 11
    print(f"{what:<26} {cost.seconds:7.1f} s {cost.cpu:7.1f} s CPU {rate} {cost.memory / 1e9:6.2f} GB", flush=True)


def make_corpus(root: Path, count: int) -> None:
    """Write mimic-cxr-reports.zip and the CSV files of MIMIC-CXR-JPG."""
    chance = random.Random(0)
    listed = list(studies(count, chance))
    images = [(study, f"{study.study_id:08x}-0-0-0-{number:x}") for study in listed for number in range(study.images)]
    root.mkdir(parents=True, exist_ok=True)
    splits = (f"{_dicom(name)},{study.study_id},{study.subject_id},{study.split}" for study, name in images)
    _write_csv(root / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split", splits)
    views = (
        f"{_dicom(name)},{study.subject_id},{study.study_id},CHEST,{chance.choice(('AP', 'PA', 'LATERAL', 'LL', ''))}"
        for study, name in images
    )
    columns = "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition"
    _write_csv(root / "mimic-cxr-2.0.0-metadata.csv.gz", columns, views)
    labels = (f"{study.subject_id},{study.study_id},{','.join(_labels(chance))}" for study in listed)
    _write_csv(root / "mimic-cxr-2.0.0-chexpert.csv.gz", ",".join(("subject_id", "study_id", *CHEXPERT_LABELS)), labels)
    unfinished = root / "unfinished.zip"
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for study in listed:
            subject = f"p{study.subject_id}"
            archive.writestr(f"files/{subject[:3]}/{subject}/s{study.study_id}.txt", report(chance))
    unfinished.replace(root / "mimic-cxr-reports.zip")


def studies(count: int, chance: random.Random) -> Iterator[Study]:
    """Yield studies, three or four a subject, with as many images in all as MIMIC-CXR has for its studies."""
    study_ids = chance.sample(range(50_000_000, 60_000_000), count)
    subject, split, left = 10_000_000, "train", 0
    for number, study_id in enumerate(study_ids):
        if left == 0:
            subject += chance.randint(1, 100)
            left = chance.randint(1, 6)
            drawn = chance.random()
            border = SPLIT_SHARES["validate"]
            split = "validate" if drawn < border else "test" if drawn < border + SPLIT_SHARES["test"] else "train"
        left -= 1
        before, after = (IMAGES * place // STUDIES for place in (number, number + 1))
        yield Study(subject, study_id, split, after - before)


def report(chance: random.Random) -> str:
    """A report of about 950 characters in MIMIC-CXR's shape."""
    findings, impression = (" ".join(chance.choices(SENTENCES, k=chance.randint(*k))) for k in ((5, 16), (1, 5)))
    parts = ("INDICATION:  ___ year old", "COMPARISON:  ___.", f"FINDINGS:  {findings}", f"IMPRESSION:  {impression}")
    wrapped = (textwrap.fill(part, 79, initial_indent=" ", subsequent_indent=" ") for part in parts)
    return " " * 33 + "FINAL REPORT\n" + "\n \n".join(wrapped) + "\n"


def _labels(chance: random.Random) -> Iterator[str]:
    for rate in LABEL_RATES:
        drawn = chance.random()
        yield "1.0" if drawn < rate else "-1.0" if drawn < rate * 1.2 else "0.0" if drawn > 0.9 else ""


def _dicom(name: str) -> str:
    return "-".join(f"{int(part, 16):08x}" for part in name.split("-"))


def _write_csv(path: Path, header: str, lines: Iterator[str]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as file:
        file.write(header + "\n")
        file.writelines(f"{line}\n" for line in lines)


def _family(parent: int) -> Iterator[int]:
    """The process `parent` and those below it."""
    yield parent
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _memory(process: int) -> int:
    """Proportional set size in bytes; 0 for a process that ended."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))


if __name__ == "__main__":
    main()
