"""What a withdrawal means for the workspace that pushed the version."""

from __future__ import annotations

import datetime

from hubkit.artifacts.manifest import read_manifest, write_manifest
from hubkit.artifacts.receipt import read_receipt, write_receipt
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.workspace import Workspace


def mark_withdrawn(workspace: Workspace, tag: str) -> None:
    """Let receipt and manifest say that the version was withdrawn, where this workspace pushed it."""
    receipt = read_receipt(workspace)
    if receipt is None or receipt.tag != tag or receipt.withdrawn:
        return
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    write_receipt(workspace, receipt.model_copy(update={"withdrawn": today}))
    manifest = read_manifest(workspace, "push")
    if manifest:
        name = workspace.receipt.relative_to(workspace.root).as_posix()
        outputs = {**manifest.outputs, name: file_digest(workspace.receipt)}
        write_manifest(workspace, manifest.model_copy(update={"outputs": outputs}))


def taken_back(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Why a push does not count as done: its version was withdrawn since; None where it was not."""
    receipt = read_receipt(workspace)
    if receipt is None or receipt.withdrawn is None:
        return None
    return f"{receipt.tag} was withdrawn on {receipt.withdrawn}"
