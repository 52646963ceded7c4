"""The leak guard: nothing of the corpus, of a person or of this machine in what is public.

Looked at is everything in dist/ but the cells of the Parquet files and the adapter's weights, which stand behind the
gate: cards, scripts, settings, file names, metadata of images. A finding names file and line, and never the text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.packaging.public_text import lines
from hubkit.packaging.runs import COMMON, RUN, PublicRuns, words
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace

GATED = ("adapter/hubkit_generation.json", "adapter/training.json")
"""Files behind the gate that name studies: the few-shot examples, and those left out of the training."""

NUMBER = re.compile(r"(?<![0-9A-Za-z.])[ps]?(\d{6,10})(?![0-9A-Za-z]|\.\d)")
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
SIZE = re.compile(r"\b(?:num_bytes|download_size|dataset_size|contentSize)\b\W*\d+")
DICOM = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{8}){4}\b")
TOKEN = re.compile(
    r"\bhf_(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
LOCAL_PATH = re.compile(
    r"(?<![\w.:/~}-])/(?:home|root|Users|tmp|mnt|media|data|scratch|work|opt|srv|var|private|gpfs|lustre|content)/[\w.-]+"
    r"|\b[A-Za-z]:\\\\?Users\b|\bfile:///"
)
SECRETS = ("HF_TOKEN", "HUBKIT_UNGRANTED_TOKEN", "PHYSIONET_PASSWORD", "PHYSIONET_USERNAME")
LISTED = 8


class Leak(NamedTuple):
    """Something that may not be public. `line` is 0 where the file's own name is meant."""

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.file} {f'line {self.line}' if self.line else '(its name)'}: {self.kind}"


class Corpus(NamedTuple):
    """What may not be seen.

    Attributes:
        ids: subject and study ids.
        reports: (subject_id, text) of the reports, their translations and what was generated.
    """

    ids: frozenset[int]
    reports: Iterable[tuple[int, str]]


def guard(dist: Path, config: ReleaseConfig, workspace: Workspace) -> None:
    """Refuse a release that leaks.

    Args:
        dist: the folder that holds what is to be on the Hub.

    Raises:
        HubkitError: it names file and line of what was found.
    """
    found = leaks(dist, read_corpus(workspace), machine_words(config, workspace))
    if found:
        listed = "; ".join(str(leak) for leak in found[:LISTED])
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise HubkitError(
            f"the leak guard refuses it: {listed}{more}",
            where=dist.name,
            mend="take it out of the file or its template",
        )


def leaks(dist: Path, corpus: Corpus, machine: Iterable[str] = ()) -> list[Leak]:
    """What leaks in the files below `dist`, sorted by file and line.

    Args:
        machine: texts that tell of this machine: paths and tokens.
    """
    files = sorted(path for path in dist.rglob("*") if path.is_file())
    names = [path.relative_to(dist).as_posix() for path in files]
    texts = [[name, *lines(path)] for name, path in zip(names, files, strict=True)]
    machine = [word for word in machine if word]
    found = set()
    for name, text in zip(names, texts, strict=True):
        for number, line in enumerate(text):
            found |= {Leak(name, number, kind) for kind in _line_leaks(line, name, corpus.ids, machine)}
    kind = f"a run of {RUN} words of fewer than {COMMON} subjects' reports"
    found |= {Leak(names[text], line, kind) for text, line in _rare_runs(texts, corpus.reports)}
    return sorted(found)


def _rare_runs(texts: list[list[str]], reports: Iterable[tuple[int, str]]) -> set[tuple[int, int]]:
    """(text, line) of the runs: as the text is written, and as it is shown, without tags between the words."""
    shown = [(at, [TAG.sub(" ", line) for line in text]) for at, text in enumerate(texts)]
    versions = [*enumerate(texts), *((at, text) for at, text in shown if text != texts[at])]
    public = [(at, [(word, line) for line, part in enumerate(text) for word in words(part)]) for at, text in versions]
    runs = PublicRuns([[word for word, _ in found] for _, found in public])
    runs.count(reports)
    return {(public[version][0], public[version][1][word][1]) for version, word in runs.rare()}


def read_corpus(workspace: Workspace) -> Corpus:
    """The corpus of a workspace, read as it is gone through."""
    import pyarrow.parquet as pq

    ids = pq.read_table(workspace.studies, columns=["subject_id", "study_id"])
    subject_of = dict(zip(ids["study_id"].to_pylist(), ids["subject_id"].to_pylist(), strict=True))
    return Corpus(frozenset(subject_of) | frozenset(subject_of.values()), _reports(workspace, subject_of))


def machine_words(config: ReleaseConfig, workspace: Workspace) -> list[str]:
    """Paths and secrets of this machine that may stand in no file."""
    paths = [workspace.root, Path.home(), config.corpus.root, config.corpus.images]
    absolute = [str(path) for path in paths if path is not None and path.is_absolute() and len(path.parts) > 2]
    return [*absolute, *(os.environ.get(name, "") for name in SECRETS)]


def _reports(workspace: Workspace, subject_of: dict[int, int]) -> Iterator[tuple[int, str]]:
    columns = [(workspace.studies, ["report"]), (workspace.translations, ["translation"])]
    columns += [(workspace.generations(condition), ["reference", "generated"]) for condition in CONDITIONS]
    for path, texts in columns:
        for study, text in _column(path, texts):
            yield subject_of.get(study, study), text


def _column(path: Path, texts: list[str]) -> Iterator[tuple[int, str]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["study_id", *texts]):
            for name in texts:
                rows = zip(batch["study_id"].to_pylist(), batch[name].to_pylist(), strict=True)
                yield from ((study, text) for study, text in rows if text)


def _line_leaks(line: str, name: str, ids: frozenset[int], machine: list[str]) -> Iterator[str]:
    if name not in GATED and any(int(found[1]) in ids for found in NUMBER.finditer(SIZE.sub("", line))):
        yield "a subject or study id"
    if DICOM.search(line):
        yield "an image id"
    if TOKEN.search(line):
        yield "a token"
    if LOCAL_PATH.search(line) or any(word in line for word in machine):
        yield "a path or secret of this machine"
