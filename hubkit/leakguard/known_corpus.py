"""What the leak guard compares with: the reports of the corpus, their translations, and what was generated."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.study_batches import ROWS_AT_ONCE, study_batches
from hubkit.tables import CONDITIONS
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace, read_table


class KnownCorpus(NamedTuple):
    """What may not be seen.

    Attributes:
        ids: subject and study ids.
        reports: (subject_id, text) of the reports, their translations and what was generated.
        images: image ids of the workspace's studies, without the marks within them.
    """

    ids: frozenset[int]
    reports: Iterable[tuple[int, str]]
    images: frozenset[str] = frozenset()


def read_corpus(config: ReleaseConfig, workspace: Workspace) -> KnownCorpus:
    """The corpus of a workspace, read as it is gone through: its studies, and the other reports of `[corpus] root`.

    Where the corpus is not on this machine, the studies of the workspace are all that is known; a message says so.
    """
    ids = read_table(workspace.studies, ["subject_id", "study_id"])
    subject_of = dict(zip(ids["study_id"].to_pylist(), ids["subject_id"].to_pylist(), strict=True))
    images = frozenset(re.sub("[^0-9a-f]", "", name.lower()) for name in _image_names(workspace) if name)
    try:
        source = terms_of(config.corpus).find(config.corpus.root)
        others = {ids: name for ids, name in source.listing().names.items() if ids[1] not in subject_of}
    except HubkitError as error:
        print(f"  leak guard: knows the studies of the workspace alone: {error}", file=sys.stderr)
        known = frozenset(subject_of) | frozenset(subject_of.values())
        return KnownCorpus(known, _reports(workspace, subject_of), images)
    texts = zip((subject for subject, _ in others), source.texts(others.values()), strict=True)
    everyone = {*subject_of, *subject_of.values(), *(number for ids in others for number in ids)}
    return KnownCorpus(frozenset(everyone), itertools.chain(_reports(workspace, subject_of), texts), images)


def _image_names(workspace: Workspace) -> Iterator[str | None]:
    import pyarrow.compute as pc

    for batch in study_batches(workspace.studies, ["study_id", "images"]):
        yield from pc.struct_field(pc.list_flatten(batch["images"]), ["dicom_id"]).to_pylist()


def text_columns(workspace: Workspace) -> list[tuple[Path, list[str]]]:
    """The tables that hold text of the corpus, and in which columns."""
    generations = [workspace.generations(condition) for condition in CONDITIONS]
    return [
        (workspace.studies, ["report"]),
        (workspace.translations, ["translation"]),
        # Texts that were replaced or left out are of the corpus too.
        *((path, ["translation"]) for path in (workspace.machine_translations,) if path.exists()),
        *((path, ["reference", "generated"]) for path in generations),
    ]


def _reports(workspace: Workspace, subject_of: dict[int, int]) -> Iterator[tuple[int, str]]:
    """The texts by subject. Texts that all systems share, and those that the machine wrote and that were published as
    they are, come once."""
    english, published, *others = text_columns(workspace)
    tables = [_column(*english), _column(*published)]
    if others[0][0] == workspace.machine_translations:
        tables.append(_replaced(*others.pop(0), *published))
    tables.append(_once(itertools.chain.from_iterable(_column(*table) for table in others)))
    for study, text in itertools.chain.from_iterable(tables):
        yield subject_of.get(study, study), text


def _replaced(machine: Path, texts: list[str], published: Path, of_published: list[str]) -> Iterator[tuple[int, str]]:
    """What the machine wrote and is not published in the same row. A row that is moved comes too, which costs time."""
    for wrote, kept in itertools.zip_longest(_cells(machine, texts), _cells(published, of_published)):
        if wrote is not None and wrote != kept and wrote[1]:
            yield wrote


def _once(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    for study, text in rows:
        digest = hash((study, text))
        if digest not in seen:
            seen.add(digest)
            yield study, text


def _column(path: Path, texts: list[str]) -> Iterator[tuple[int, str]]:
    return ((study, text) for study, text in _cells(path, texts) if text)


def _cells(path: Path, texts: list[str]) -> Iterator[tuple[int, str]]:
    """Study and text of each row, for one column after the other within a batch; a text may be missing."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=["study_id", *texts]):
            for name in texts:
                yield from zip(batch["study_id"].to_pylist(), batch[name].to_pylist(), strict=True)
