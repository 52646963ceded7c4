"""The dossier: every item of every guideline with its evidence, and what all of it rests on."""

from __future__ import annotations

from typing import NamedTuple

from hubkit import __version__
from hubkit.artifacts.manifest import Manifest
from hubkit.artifacts.model import to_json
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest, unchanged
from hubkit.dossier.answers import EXTENTS, Answer, AnsweredGuideline, answer_all
from hubkit.dossier.evidence import FILES, Evidence, plain
from hubkit.dossier.guidelines import GUIDELINES, load_guideline
from hubkit.dossier.stage_states import StageState
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

KEY_DIGITS = 12
"""Digits of a digest in the table of stages: enough to compare by eye."""


INTRODUCTION = (
    f"Made by hubkit {__version__} from the workspace. Topics are in the words of hubkit; the guidelines have the "
    "wording that counts. Files are those of the workspace; docs/ and dataset_card/ are those of hubkit. A second "
    "reader follows each pointer, and ticks an item that its pointers answer."
)

COVERAGE_COLUMNS = ("guideline", "items", *EXTENTS)

STAGE_COLUMNS = ("stage", "began (UTC)", "seconds", "hardware", "seed", "packages", "key", "state")

PACKAGE_COLUMNS = ("packages", "versions")


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


def coverage_rows(dossier: Dossier) -> list[tuple[str, ...]]:
    """The cells of each guideline, in the order of `COVERAGE_COLUMNS`."""
    return [
        (answered.guideline.name, str(len(answered.answers)), *map(str, answered.counts().values()))
        for answered in dossier.guidelines
    ]


def counts_line(answered: AnsweredGuideline) -> str:
    """How many items a guideline has, and how far they are answered."""
    counts = ", ".join(f"{count} {extent}" for extent, count in answered.counts().items())
    return f"{len(answered.answers)} items: {counts}"


def open_parts(answer: Answer) -> list[str]:
    """What an item leaves to the authors, as sentences."""
    item, parts = answer.item, []
    if item.undone:
        parts.append(f"Not done in this release: {item.undone}. If the authors did it elsewhere, only they know.")
    if item.authors:
        parts.append(f"Only the authors know: {item.authors}.")
    return parts


def stage_rows(dossier: Dossier) -> list[tuple[str, ...]]:
    """The cells of each stage, in the order of `STAGE_COLUMNS`."""
    rows, sets = [], _package_sets(dossier)
    for name, state in dossier.states.items():
        cells = _manifest(state.manifest, sets) if state.manifest else ("",) * (len(STAGE_COLUMNS) - 2)
        rows.append((name, *cells, state.problem or state.unknown or "as it left it"))
    return rows


def package_rows(dossier: Dossier) -> list[tuple[str, ...]]:
    """The cells of each set of packages that stages ran with, in the order of `PACKAGE_COLUMNS`."""
    return [(f"set {number}", versions) for number, versions in enumerate(_package_sets(dossier), 1)]


def _package_sets(dossier: Dossier) -> list[str]:
    # Most stages of a release ran with the same packages: a table of ten equal lists is hard to compare.
    manifests = (state.manifest for state in dossier.states.values())
    return list(dict.fromkeys(plain(manifest.versions) for manifest in manifests if manifest))


def _manifest(manifest: Manifest, sets: list[str]) -> tuple[str, ...]:
    values = to_json(manifest)
    shown = (values.get(name) for name in ("started", "seconds", "hardware", "seed"))
    packages = f"set {sets.index(plain(manifest.versions)) + 1}"
    return (*map(plain, shown), packages, manifest.key[:KEY_DIGITS])
