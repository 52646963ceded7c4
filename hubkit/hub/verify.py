"""The stage `verify`: the release on the Hub, as researchers will use it, by processes without hubkit."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.bystander import Bystander, bystander, other_versions
from hubkit.hub.client import connect
from hubkit.hub.endpoint import current_endpoint
from hubkit.hub.gate import ungranted_token
from hubkit.hub.versions import expand
from hubkit.models.recipe import RECIPE
from hubkit.workspace import Workspace, write_json

GRANTED_TOKEN = "HUBKIT_GRANTED_TOKEN"

SCRIPT = Path(__file__).with_name("downstream.py")

STUDIES = 20
"""How many reports are generated again, at the least."""

READER_CHECKS = ["datasets_load", "literal_load"]

TEXT_CHECKS = ["table_recomputed", "reports_regenerated"]
"""Checks that read text, which stock libraries cannot do in a sealed release."""


class Reader(NamedTuple):
    """Someone who comes to the Hub: who they are, with which token, and what has to hold for them."""

    who: str
    token: str | None
    checks: list[str]


def verify(config: ReleaseConfig, workspace: Workspace) -> None:
    """Check the release on the Hub and write verification.json: who, with which versions, what held.

    Raises:
        HubkitError: there is no receipt, a check failed, or a process ended with an error.
    """
    receipt, endpoint = _receipt(workspace), current_endpoint()
    if receipt["endpoint"] != endpoint:
        raise HubkitError(
            f"the release was pushed to {receipt['endpoint']}, and this is {endpoint}",
            where=workspace.receipt,
            mend="set [hub] endpoint, or run: hubkit push",
        )
    task = _task(config, receipt)
    log = workspace.root / "verification.log"
    log.unlink(missing_ok=True)
    with bystander(workspace.root) as process:
        reports = [_run(process, reader, task, endpoint, log) for reader in _readers(config)]
    for name in expand(config.hub.verify_with):
        reader = Reader(name, _granted_token(), READER_CHECKS)
        with other_versions(workspace.root, name) as process:
            reports.append(_run(process, reader, task, endpoint, log))
    write_json(workspace.root / "verification.json", {"release": task["tag"], "readers": reports})
    failed = [check for report in reports for check in report["checks"] if not check["passed"]]
    if failed:
        raise HubkitError(
            f"{len(failed)} checks failed, first {failed[0]['check']}: {failed[0]['detail']}",
            where=workspace.root / "verification.json",
            mend="compare the versions in it with those that the release was made with",
        )


def _receipt(workspace: Workspace) -> dict[str, Any]:
    try:
        receipt: dict[str, Any] = json.loads(workspace.receipt.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubkitError("nothing was pushed yet", where=workspace.receipt, mend="run: hubkit push") from None
    return receipt


def _task(config: ReleaseConfig, receipt: dict[str, Any]) -> dict[str, Any]:
    repos = receipt["repos"]
    encoder = config.scoring.bertimbau
    return {
        "dataset": repos["dataset"]["id"],
        "adapter": repos["adapter"]["id"] if "adapter" in repos else None,
        "metric": repos["metric"]["id"],
        "tag": repos["dataset"]["tag"],
        "data_file": next(path for path in repos["dataset"]["files"] if path.endswith(".parquet")),
        "recipe": RECIPE,
        "images": str((config.corpus.images or config.corpus.root).absolute()),
        "sample": STUDIES,
        "encoder": {"model": encoder.model, "layer": encoder.layer, "revision": encoder.revision},
        "idf": config.scoring.idf,
        "dtype": config.scoring.dtype,
    }


def _readers(config: ReleaseConfig) -> list[Reader]:
    readable = [*READER_CHECKS, *TEXT_CHECKS]
    if not config.custody.adapter_on_hub:
        readable.remove("reports_regenerated")
    if config.custody.mode == "sealed":
        readable = READER_CHECKS
        print(f"  verify: sealed, so not checked: {', '.join(TEXT_CHECKS)}; try: hubkit unseal", file=sys.stderr)
    readers = [
        Reader("granted", _granted_token(), readable),
        Reader("stranger", None, ["refused"]),
    ]
    ungranted = ungranted_token(config.hub.waive_ungranted_probe)
    return [*readers, Reader("ungranted", ungranted, ["refused"])] if ungranted else readers


def _granted_token() -> str:
    return os.environ.get(GRANTED_TOKEN) or str(connect().token)


def _run(process: Bystander, reader: Reader, task: dict[str, Any], endpoint: str, log: Path) -> dict[str, Any]:
    asked, answered = process.root / "task.json", process.root / "report.json"
    answered.unlink(missing_ok=True)
    write_json(asked, {**task, "checks": reader.checks})
    process.run(SCRIPT, [str(asked), str(answered)], reader.token, endpoint, log)
    report: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
    for check in report["checks"]:
        said = "passed" if check["passed"] else "FAILED"
        print(f"  verify: {reader.who:<16} {check['check']:<20} {said}: {check['detail']}", file=sys.stderr)
    return {"reader": reader.who, **report}
