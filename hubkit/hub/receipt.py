"""What a workspace pushed, and what a withdrawal means for it."""

from __future__ import annotations

import datetime

from hubkit.artifacts.manifest import read_manifest, write_manifest
from hubkit.artifacts.receipt import Receipt, read_receipt, write_receipt
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace


def standing_receipt(workspace: Workspace) -> Receipt:
    """The receipt of the last push, for what looks at it on the Hub.

    Raises:
        HubkitError: nothing was pushed, the version was withdrawn, or it went to another Hub.
    """
    receipt, endpoint = read_receipt(workspace), current_endpoint()
    if receipt is None:
        raise HubkitError("nothing was pushed yet", where=workspace.receipt, hint="run: hubkit push")
    if receipt.withdrawn:
        what = f"{receipt.tag} was withdrawn on {receipt.withdrawn}"
        raise HubkitError(what, where=workspace.receipt, hint="raise [release] version, then run: hubkit release")
    if receipt.endpoint != endpoint:
        what = f"the release was pushed to {receipt.endpoint}, and this is {endpoint}"
        raise HubkitError(what, where=workspace.receipt, hint="set [hub] endpoint, or run: hubkit push")
    return receipt


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
