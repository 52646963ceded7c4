"""The leak guard: nothing of the corpus, of a person or of this machine in what is public.

Looked at is everything in dist/ but the cells of the Parquet files and the adapter's weights, which stand behind the
gate: cards, scripts, settings, file names, metadata of images. A finding names file and line, and never the text.
"""

from __future__ import annotations

import bisect
import itertools
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.leakguard.extract import lines, spaced
from hubkit.leakguard.identifiers import SUBJECT_OR_STUDY, machine_pattern, machine_words, traces
from hubkit.leakguard.ngrams import COMMON, RUN, PublicRuns
from hubkit.leakguard.renderings import readings
from hubkit.leakguard.salt import GATED, is_salted
from hubkit.sources.find import find_source
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace

UNSALTED = "a subject or study id that the file's size and digest give away, since it has no salt"

LISTED = 8


class Leak(NamedTuple):
    """Something that may not be public. `line` is 0 where the file's own name is meant."""

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.file} {f'line {self.line}' if self.line else '(its name)'}: {self.kind}"


class KnownCorpus(NamedTuple):
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
    found = leaks(dist, read_corpus(config, workspace), machine_words(config, workspace))
    if found:
        listed = "; ".join(str(leak) for leak in found[:LISTED])
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise HubkitError(
            f"the leak guard refuses it: {listed}{more}",
            where=dist.name,
            hint="take it out of the file or its template",
        )


def guard_text(text: str, config: ReleaseConfig, workspace: Workspace) -> None:
    """Refuse a text of a person's own that is to be shown on the Hub.

    Raises:
        HubkitError: it leaks, or the workspace does not hold the corpus that it would be compared with.
    """
    missing = [path for path, _ in _columns(workspace) if not path.exists()]
    if missing:
        hint = "give the --workspace of the release, or leave --reason out"
        raise HubkitError("the reason cannot be compared with the corpus", where=missing[0], hint=hint)
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "reason"
        shown.mkdir()
        (shown / "reason.txt").write_text(text, encoding="utf-8")
        guard(shown, config, workspace)


def leaks(dist: Path, corpus: KnownCorpus, machine: Iterable[str] = ()) -> list[Leak]:
    """What leaks in the files below `dist`, sorted by file and line.

    Args:
        machine: texts that tell of this machine: paths and tokens.
    """
    files = sorted(path for path in dist.rglob("*") if path.is_file())
    names = [path.relative_to(dist).as_posix() for path in files]
    texts = ["\n".join([name, *lines(path)]) for name, path in zip(names, files, strict=True)]
    pattern = machine_pattern(machine)
    found = set()
    for name, text in zip(names, texts, strict=True):
        starts = [0, *(at.end() for at in re.finditer("\n", text))]
        for place, kind in traces(name, text, corpus.ids, pattern):
            line = bisect.bisect_right(starts, place) - 1
            if kind != SUBJECT_OR_STUDY or name not in GATED:
                found.add(Leak(name, line, kind))
            elif not is_salted(dist / name):
                found.add(Leak(name, line, UNSALTED))
    kind = f"a run of {RUN} words of fewer than {COMMON} subjects' reports"
    # A file's name in its words, after all texts: line 0 of the file.
    read = [*enumerate(texts), *enumerate(map(spaced, names))]
    found |= {Leak(names[at], line, kind) for at, line in _rare_runs(read, corpus.reports)}
    return sorted(found)


def _rare_runs(texts: list[tuple[int, str]], reports: Iterable[tuple[int, str]]) -> set[tuple[int, int]]:
    """(number, line) of the runs in the texts of these numbers, in every way that a text may be read."""
    read = [(at, reading) for at, text in texts for reading in readings(text)]
    runs = PublicRuns([reading.words for _, reading in read])
    runs.count(reports)
    return {(read[number][0], read[number][1].lines[word]) for number, word in runs.rare()}


def read_corpus(config: ReleaseConfig, workspace: Workspace) -> KnownCorpus:
    """The corpus of a workspace, read as it is gone through: its studies, and the other reports of `[corpus] root`.

    Where the corpus is not on this machine, the studies of the workspace are all that is known; that is said.
    """
    import pyarrow.parquet as pq

    ids = pq.read_table(workspace.studies, columns=["subject_id", "study_id"])
    subject_of = dict(zip(ids["study_id"].to_pylist(), ids["subject_id"].to_pylist(), strict=True))
    try:
        source = find_source(config.corpus.root, config.corpus.kind)
        others = {ids: name for ids, name in source.listing().names.items() if ids[1] not in subject_of}
    except HubkitError as error:
        print(f"  leak guard: knows the studies of the workspace alone: {error}", file=sys.stderr)
        return KnownCorpus(frozenset(subject_of) | frozenset(subject_of.values()), _reports(workspace, subject_of))
    texts = zip((subject for subject, _ in others), source.texts(others.values()), strict=True)
    known = {*subject_of, *subject_of.values(), *(number for ids in others for number in ids)}
    return KnownCorpus(frozenset(known), itertools.chain(_reports(workspace, subject_of), texts))


def _columns(workspace: Workspace) -> list[tuple[Path, list[str]]]:
    """The tables that hold text of the corpus, and in which columns."""
    generations = [workspace.generations(condition) for condition in CONDITIONS]
    return [
        (workspace.studies, ["report"]),
        (workspace.translations, ["translation"]),
        *((path, ["reference", "generated"]) for path in generations),
    ]


def _reports(workspace: Workspace, subject_of: dict[int, int]) -> Iterator[tuple[int, str]]:
    for path, texts in _columns(workspace):
        for study, text in _column(path, texts):
            yield subject_of.get(study, study), text


def _column(path: Path, texts: list[str]) -> Iterator[tuple[int, str]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["study_id", *texts]):
            for name in texts:
                rows = zip(batch["study_id"].to_pylist(), batch[name].to_pylist(), strict=True)
                yield from ((study, text) for study, text in rows if text)
