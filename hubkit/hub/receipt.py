"""The receipt of the last push in a workspace: read, and marked once its version is withdrawn."""

from __future__ import annotations

import datetime
import json
from typing import Any

from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.workspace import Workspace, write_json


def mark_withdrawn(workspace: Workspace, tag: str) -> None:
    """Let receipt and manifest say that the version was withdrawn, where this workspace pushed it."""
    receipt = read_receipt(workspace)
    if receipt is None or receipt["repos"]["dataset"]["tag"] != tag or "withdrawn" in receipt:
        return
    write_json(workspace.receipt, {**receipt, "withdrawn": datetime.datetime.now(datetime.UTC).date().isoformat()})
    path = workspace.manifest("push")
    if path.exists():
        manifest = json.loads(path.read_text(encoding="utf-8"))
        name = workspace.receipt.relative_to(workspace.root).as_posix()
        manifest["outputs"][name] = file_digest(workspace.receipt)
        write_json(path, manifest)


def taken_back(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Why a push does not count as done: its version was withdrawn since; None where it was not."""
    receipt = read_receipt(workspace)
    if receipt is None or "withdrawn" not in receipt:
        return None
    return f"{receipt['repos']['dataset']['tag']} was withdrawn on {receipt['withdrawn']}"


def read_receipt(workspace: Workspace) -> dict[str, Any] | None:
    """The receipt of the last push, or None."""
    if not workspace.receipt.exists():
        return None
    receipt: dict[str, Any] = json.loads(workspace.receipt.read_text(encoding="utf-8"))
    return receipt
