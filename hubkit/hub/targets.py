"""The repos of a release: which folder of dist/ goes where, and what stands in the way of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from hubkit.config import Artifact, ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

PROBE = "gate-probe.txt"
"""A file without data in each gated repo, by which the gate is tried."""

LFS_PROBE = "gate-probe.bin"
"""The same as an LFS file, by its suffix: the tables and the adapter go that way, past what serves plain files."""

PROBE_TEXT = b"This file holds no data. It is read to find out whether the gate of this repository is shut.\n"

PROBES = {PROBE: PROBE_TEXT, LFS_PROBE: PROBE_TEXT}

CARD = "README.md"

SCRIPT_BRANCH = "script"

HUBS_OWN = ".gitattributes"

SIGNATURES = "signatures"
"""The folder on main with a signature for each version that was signed."""

WITHOUT_DATA = {*PROBES, HUBS_OWN, CARD, "LICENSE"}
"""What a gated repo holds before any data, and what stays when a version is taken back."""

Kind = Literal["dataset", "model", "space"]

_KINDS: dict[Artifact, Kind] = {"dataset": "dataset", "adapter": "model", "metric": "space"}
"""The Hub's type of the repo of each part."""

_CODE = {".cff", ".cfg", ".html", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml", ""}


class Target(NamedTuple):
    """A repo and the folder that it will hold.

    Attributes:
        artifact: dataset, adapter or metric.
        repo: `namespace/name`.
        kind: the Hub's type of repo.
        folder: what it will hold.
        gated: whether it stands behind a gate; the metric does not.
    """

    artifact: Artifact
    repo: str
    kind: Kind
    folder: Path
    gated: bool

    def files(self) -> dict[str, Path]:
        """The files of the folder by their path in the repo."""
        return files_below(self.folder)

    def card(self) -> str:
        """The card as `package` wrote it; empty where there is none."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def samples(self) -> list[str]:
        """A file of each folder that holds data, by which the gate is tried once they are on the Hub."""
        folders: dict[Path, str] = {}
        for path, file in self.files().items():
            if path not in WITHOUT_DATA:
                known = folders.setdefault(file.parent, path)
                # The largest: it goes by LFS where any of them does.
                if file.stat().st_size > (self.folder / known).stat().st_size:
                    folders[file.parent] = path
        return sorted(folders.values())

    @property
    def web(self) -> str:
        prefix = {"dataset": "datasets/", "model": "", "space": "spaces/"}[self.kind]
        return f"{prefix}{self.repo}"


def targets(config: ReleaseConfig, workspace: Workspace) -> list[Target]:
    """The repos of the release: the dataset, and the adapter and the metric where they go to the Hub.

    Raises:
        HubkitError: a folder of dist/ is missing, or a repo that is open to all would hold something other than code.
    """
    found = planned_targets(config, workspace)
    for target in found:
        if not any(target.folder.glob("*")):
            raise HubkitError("is missing", where=target.folder, hint="run: hubkit package")
        for path, file in target.files().items():
            if not target.gated and file.suffix not in _CODE:
                hint = f"take {path} out of the {target.artifact}"
                raise HubkitError("is not code, and the Space is public", where=file, hint=hint)
    return found


def planned_targets(config: ReleaseConfig, workspace: Workspace) -> list[Target]:
    """The repos of the release by its settings alone, whether or not there is anything to push yet.

    Raises:
        UsageError: there is no namespace.
    """
    return [
        Target(artifact, repo, _KINDS[artifact], workspace.dist / artifact, gated=artifact != "metric")
        for artifact, repo in config.repos().items()
    ]


def signature_path(tag: str) -> str:
    """Where main has the signature of a version."""
    return f"{SIGNATURES}/{tag}.sig"


def is_signature(path: str) -> bool:
    """Whether a path is that of some version's signature: nothing else belongs into the folder."""
    return re.fullmatch(rf"{SIGNATURES}/[^/]+\.sig", path) is not None


def files_below(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
