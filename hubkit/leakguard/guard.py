"""The leak guard: nothing of the corpus, of a person or of this machine in what is public.

Looked at is everything in dist/ but the cells of the Parquet files and the adapter's weights, which stand behind the
gate: cards, scripts, settings, file names, metadata of images. A finding names file and line, and never the text.
"""

from __future__ import annotations

import bisect
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.leakguard.credentials import Secret, machine_secrets, secret_places
from hubkit.leakguard.decode import packed
from hubkit.leakguard.extract import lines, spaced
from hubkit.leakguard.identifiers import (
    IMAGE,
    MACHINE_PATH,
    SUBJECT_OR_STUDY,
    VOCABULARIES,
    any_of,
    image_ids,
    machine_paths,
    paths,
    study_ids,
)
from hubkit.leakguard.known_corpus import KnownCorpus, read_corpus, text_columns
from hubkit.leakguard.ngrams import COMMON, RUN, PublicRuns
from hubkit.leakguard.renderings import MARKUP_BELOW, joined, readings, rearranged
from hubkit.leakguard.salt import GATED, is_salted
from hubkit.workspace import Workspace

UNSALTED = "a subject or study id that the file's size and digest give away, since it has no salt"

LISTED = 8
"""Leaks that a message lists: they fit a screen, and the next run lists the rest."""

PACKED_KIND = "something packed that the guard cannot read"


class Leak(NamedTuple):
    """Something that may not be public. `line` is 0 where the file's own name is meant."""

    file: str
    line: int
    kind: str

    def __str__(self) -> str:
        return f"{self.file} {f'line {self.line}' if self.line else '(its name)'}: {self.kind}"


class Machine(NamedTuple):
    """What tells of this machine, and what this release may state.

    Attributes:
        paths: its folders.
        secrets: its tokens and passwords.
        sizes: numbers that the release states as sizes of its own.
    """

    paths: Collection[str] = ()
    secrets: Sequence[Secret] = ()
    sizes: frozenset[int] = frozenset()


NOTHING_KNOWN = Machine()


class Passage(NamedTuple):
    """A text to look at: a file's own, or what was packed in it.

    Attributes:
        file: the file's name.
        text: its lines, with the name as line 0.
        line: the line of the file in which all of the text stands, if it is one.
    """

    file: str
    text: str
    line: int | None = None

    def lines_of(self, places: Iterable[tuple[int, str]], text: str | None = None) -> Iterator[Leak]:
        """The leaks at these (place, kind) in a version of the text whose lines are the same."""
        starts = [0, *(found.end() for found in re.finditer("\n", self.text if text is None else text))]
        for place, kind in places:
            yield Leak(self.file, bisect.bisect_right(starts, place) - 1 if self.line is None else self.line, kind)


def guard(dist: Path, config: ReleaseConfig, workspace: Workspace, sizes: Iterable[int] = ()) -> None:
    """Refuse a release that leaks.

    Args:
        dist: the folder that holds what will be on the Hub.
        sizes: what its cards state as sizes of tables in memory. One of them may equal somebody's id.

    Raises:
        HubkitError: it names file and line of what was found.
    """
    machine = Machine(machine_paths(config, workspace), machine_secrets(config), frozenset(sizes))
    found = leaks(dist, read_corpus(config, workspace), machine)
    if found:
        listed = "; ".join(str(leak) for leak in found[:LISTED])
        more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise HubkitError(
            f"the leak guard refuses it: {listed}{more}",
            where=dist.name,
            hint="take it out of the file or its template",
        )


def guard_text(text: str, config: ReleaseConfig, workspace: Workspace) -> None:
    """Refuse a text of a person's own that would be shown on the Hub.

    Raises:
        HubkitError: it leaks, or the workspace does not hold the corpus that it would be compared with.
    """
    missing = [path for path, _ in text_columns(workspace) if not path.exists()]
    if missing:
        hint = "give the --workspace of the release, or leave --reason out"
        raise HubkitError("the reason cannot be compared with the corpus", where=missing[0], hint=hint)
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "reason"
        shown.mkdir()
        (shown / "reason.txt").write_text(text, encoding="utf-8")
        guard(shown, config, workspace)


def leaks(dist: Path, corpus: KnownCorpus, machine: Machine = NOTHING_KNOWN) -> list[Leak]:
    """What leaks in the files below `dist`, sorted by file and line."""
    files = sorted(path for path in dist.rglob("*") if path.is_file())
    # A name may hold bytes that are no text.
    names = [os.fsencode(path.relative_to(dist).as_posix()).decode("utf-8", "replace") for path in files]
    sizes = machine.sizes | _file_sizes(dist, files)
    folders = any_of(machine.paths)
    found: set[Leak] = set()
    passages = []
    for name, path in zip(names, files, strict=True):
        whole = Passage(name, "\n".join([name, *lines(path)]))
        for passage in _with_packed(whole, found):
            passages.append(passage)
            found |= set(passage.lines_of(secret_places(name, passage.text, machine.secrets)))
            told = paths(name, passage.text, folders, packed=passage is not whole)
            found |= set(passage.lines_of((at, MACHINE_PATH) for at in told))
            found |= set(_ids(passage, corpus, sizes, dist))
    # A file's name in its words, after all texts: line 0 of the file.
    passages += [Passage(name, spaced(name), 0) for name in names]
    return sorted(found | _rare_runs(passages, corpus.reports))


def _with_packed(whole: Passage, found: set[Leak]) -> list[Passage]:
    """A file's text, and what is in base64 or hexadecimal within it; what cannot be read is noted in `found`."""
    if whole.file.endswith(VOCABULARIES) or len(whole.text) >= MARKUP_BELOW:
        return [whole]
    within = list(packed(whole.text))
    places = whole.lines_of((place, PACKED_KIND) for place, _ in within)
    passages = [whole]
    for (_, text), leak in zip(within, places, strict=True):
        if text is None:
            found.add(leak)
        else:
            passages.append(Passage(whole.file, text, leak.line))
    return passages


def _ids(passage: Passage, corpus: KnownCorpus, sizes: frozenset[int], dist: Path) -> Iterator[Leak]:
    """Ids in a text as it is written and, where it is not a vocabulary, as it is shown."""
    versions = [passage.text]
    if len(passage.text) < MARKUP_BELOW:
        versions.append(joined(passage.text))
    gated = passage.file in GATED
    kind = UNSALTED if gated else SUBJECT_OR_STUDY
    for text in dict.fromkeys(versions):
        yield from passage.lines_of(((at, IMAGE) for at in image_ids(text, corpus.images)), text)
        if not (gated and is_salted(dist / passage.file)):
            yield from passage.lines_of(((at, kind) for at in study_ids(text, corpus.ids, sizes)), text)


def _file_sizes(dist: Path, files: Sequence[Path]) -> frozenset[int]:
    """Sizes of the files, and of all in a folder: what cards and Croissant state may equal somebody's id."""
    of_folder: dict[Path, int] = {}
    found = set()
    for path in files:
        size = path.stat().st_size
        found.add(size)
        for folder in path.relative_to(dist).parents:
            of_folder[folder] = of_folder.get(folder, 0) + size
    return frozenset(found | set(of_folder.values()))


def _rare_runs(passages: Sequence[Passage], reports: Iterable[tuple[int, str]]) -> set[Leak]:
    """The leaks in these passages, in every way that a text may be read."""
    kind = f"a run of {RUN} words of fewer than {COMMON} subjects' reports"
    read = []
    for passage in passages:
        in_order = readings(passage.text)
        read += [(passage, way) for way in (*in_order, *rearranged(passage.text, in_order[-1]))]
    runs = PublicRuns([reading.words for _, reading in read])
    runs.count(reports)
    found = set()
    for number, word in runs.rare():
        passage, reading = read[number]
        if reading.tells(word):
            found.add(Leak(passage.file, reading.lines[word] if passage.line is None else passage.line, kind))
    return found
