"""The dossier: every item of every guideline with its evidence, as Markdown in the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit import __version__
from hubkit.artifacts.manifest import Manifest
from hubkit.artifacts.model import to_json
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest, unchanged
from hubkit.dossier.answers import Answer, AnsweredGuideline, answer_all
from hubkit.dossier.evidence import FILES, Evidence, Row, plain
from hubkit.dossier.guidelines import GUIDELINES, load_guideline
from hubkit.dossier.stage_states import StageState
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace, write_text

SPECIAL = re.compile(r"([\\`*\[\]<|])")
"""What Markdown would read as markup in a value, or as the end of a cell."""

KEY_DIGITS = 12
"""Digits of a digest in the table of stages: enough to compare by eye."""


class Dossier(NamedTuple):
    """What a dossier holds.

    Attributes:
        title: of the release.
        guidelines: see there.
        states: of the stages, by name.
        files: SHA-256 of the files that pointers name and the workspace has.
    """

    title: str
    guidelines: list[AnsweredGuideline]
    states: dict[str, StageState]
    files: dict[str, str]

    @property
    def open_stages(self) -> list[str]:
        """The stages that have not run."""
        return [name for name, state in self.states.items() if state.manifest is None]


@unchanged()
def make_dossier(config: ReleaseConfig, workspace: Workspace) -> Dossier:
    """Answer the items of all guidelines from a workspace.

    Raises:
        HubkitError: no stage has run in it, or one of its files is damaged.
    """
    evidence = Evidence(config, workspace)
    if all(state.manifest is None for state in evidence.states.values()):
        hint = "run: hubkit release; a dossier of another workspace: --workspace"
        raise HubkitError("no stage has run here", where=workspace.root, hint=hint)
    answered = [answer_all(load_guideline(name), evidence) for name in GUIDELINES]
    files = {name: file_digest(path) for name in FILES if (path := workspace.root / name).exists()}
    return Dossier(config.release.title, answered, evidence.states, files)


def write_dossier(dossier: Dossier, workspace: Workspace) -> Path:
    """Write the dossier into the workspace as Markdown, readable by its owner, and return its path."""
    path = workspace.root / "dossier.md"
    write_text(path, "\n".join(markdown(dossier)) + "\n")
    return path


def markdown(dossier: Dossier) -> Iterator[str]:
    """The lines of a dossier."""
    yield f"# Reporting dossier: {escaped(dossier.title)}"
    yield ""
    yield (
        f"Made by hubkit {__version__} from the workspace. Topics are in the words of hubkit; the guidelines have the "
        "wording that counts. Files are those of the workspace; docs/ and dataset_card/ are those of hubkit. A second "
        "reader follows each pointer, and ticks an item that its pointers answer."
    )
    for answered in dossier.guidelines:
        yield from _guideline(answered)
    yield from _stages(dossier)


def _guideline(answered: AnsweredGuideline) -> Iterator[str]:
    guideline = answered.guideline
    counts = ", ".join(f"{count} {extent}" for extent, count in answered.counts().items())
    yield from ("", f"## {guideline.name}", "")
    yield f"{guideline.citation} <https://doi.org/{guideline.doi}>"
    yield from ("", guideline.source, "", f"{len(answered.answers)} items: {counts}.")
    for answer in answered.answers:
        yield from _item(answer)


def _item(answer: Answer) -> Iterator[str]:
    item = answer.item
    yield from ("", f"### {item.number} {item.topic}", "", f"- [ ] **{answer.extent}**")
    if item.undone:
        yield f"- Not done in this release: {item.undone}. If the authors did it elsewhere, only they know."
    if item.authors:
        yield f"- Only the authors know: {item.authors}."
    if answer.rows:
        yield from ("", "| what | value | where |", "|---|---|---|")
        yield from map(_row, answer.rows)


def _row(row: Row) -> str:
    value = "" if row.value is None else escaped(row.value)
    remark = f"*{row.remark}*" if row.remark else ""
    return f"| {row.says} | {' '.join(filter(None, (value, remark)))} | `{row.where}` |"


def _stages(dossier: Dossier) -> Iterator[str]:
    names = ("stage", "began (UTC)", "seconds", "hardware", "seed", "versions", "key", "state")
    yield from ("", "## What this rests on", "", f"| {' | '.join(names)} |", "|---" * len(names) + "|")
    for name, state in dossier.states.items():
        cells = _manifest(state.manifest) if state.manifest else ("",) * (len(names) - 2)
        yield f"| {' | '.join((name, *cells, state.problem or state.unknown or 'as it left it'))} |"
    yield from ("", "| file | SHA-256 |", "|---|---|")
    yield from (f"| `{name}` | `{digest}` |" for name, digest in dossier.files.items())


def _manifest(manifest: Manifest) -> tuple[str, ...]:
    values = to_json(manifest)
    shown = (values.get(name) for name in ("started", "seconds", "hardware", "seed", "versions"))
    return (*(escaped(plain(value)) for value in shown), manifest.key[:KEY_DIGITS])


def escaped(text: str) -> str:
    """A value as Markdown shows it, on one line."""
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))
