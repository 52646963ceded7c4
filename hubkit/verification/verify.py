"""The release on the Hub, as researchers will use it, by processes without hubkit: the stage `verify`, and the command.

The stage looks at what a workspace pushed. `hubkit verify REPO...` looks at anybody's release: all that it needs is in
the repos, and what else a check needs (images, the English reports, the corpus that opens sealed text) is the reader's
own. A check that cannot be made is skipped and says why; it has not passed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.formats import FORMATS, check_format
from hubkit.hub.client import connect
from hubkit.hub.gate import UNGRANTED_TOKEN, ungranted_token
from hubkit.models.recipe import RECIPE
from hubkit.record import RECORD
from hubkit.terms.kinds import terms_of
from hubkit.tokens import environment_token
from hubkit.verification.clean_env import CleanEnv, clean_env, other_versions
from hubkit.verification.discovery import OnHub, find_release
from hubkit.verification.versions import expand
from hubkit.workspace import Workspace, write_json

GRANTED_TOKEN = "HUBKIT_GRANTED_TOKEN"

SCRIPT = Path(__file__).with_name("downstream")

STUDIES = 20
"""How many reports are generated again, at the least."""

LOADING_CHECKS = ["datasets_load", "literal_load", "loader_joins"]

READER_CHECKS = ["one_release", *LOADING_CHECKS, "bertimbau_table", "xlm_roberta_table", "reports_regenerated"]

SEALED_CHECKS = ["opened_as_read"]
"""What reads sealed text with hubkit on the path."""


class Own(NamedTuple):
    """What a reader has beside the release: their copies of MIMIC-CXR (folder or zip) and of MIMIC-CXR-JPG."""

    corpus: Path | None = None
    images: Path | None = None


class Reader(NamedTuple):
    """Someone who comes to the Hub: who they are, with which token, and what has to hold for them."""

    who: str
    token: str | None
    checks: list[str]


class Examination(NamedTuple):
    """How a release is looked at.

    Attributes:
        release: what is on the Hub.
        own: the reader's files.
        opened: the folder in which a sealed release was opened with the reader's corpus.
        root: a folder for everything that is downloaded.
        log: what the processes say.
    """

    release: OnHub
    own: Own
    opened: Path | None
    root: Path
    log: Path

    def ask(self, process: CleanEnv, reader: Reader, with_hubkit: bool = False) -> dict[str, Any]:
        """Have a process make the reader's checks, and print what came of each."""
        asked, answered = process.root / "task.json", process.root / "report.json"
        answered.unlink(missing_ok=True)
        write_json(asked, self._task(reader))
        process.run(SCRIPT, [str(asked), str(answered)], reader.token, current_endpoint(), self.log, with_hubkit)
        report: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
        for check in report["checks"]:
            _shown(reader.who, check)
        return {"reader": reader.who, **report}

    def _task(self, reader: Reader) -> dict[str, Any]:
        paths = {"corpus": self.own.corpus, "images": self.own.images, "opened": self.opened}
        return {
            **{name: str(path.absolute()) if path else None for name, path in paths.items()},
            "repos": self.release.repos,
            "tag": self.release.tag,
            "sealed": self.release.sealed,
            "script": self.release.script,
            "files": {name: file for name, file in self.release.files.items() if name != "metric"},
            "record": RECORD,
            "recipe": RECIPE,
            "sample": STUDIES,
            "checks": reader.checks,
        }


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
            hint="set [hub] endpoint, or run: hubkit push",
        )
    names = [f"{repo['type']}s/{repo['id']}" for repo in receipt["repos"].values()]
    release = find_release(connect(), names, receipt["repos"]["dataset"]["tag"])
    corpus = config.corpus.root if terms_of(config.corpus.kind).joined else None
    own = Own(corpus, config.corpus.images or config.corpus.root)
    ungranted = ungranted_token(config.hub.waive_ungranted_probe)
    report = workspace.root / "verification.json"
    _examine(release, own, config.hub.verify_with, ungranted, workspace.root, report)


def verify_repos(
    names: Iterable[str],
    tag: str | None,
    own: Own,
    versions: Iterable[str],
    report: Path,
    kept: Path | None = None,
) -> dict[str, Any]:
    """Check a release of which no more is known than its repos, and write and return the report.

    Args:
        names, tag: as in `find_release`.
        versions: sets of versions that have to load it beside the installed ones.
        kept: the folder where the environments of these versions stay.

    Raises:
        HubkitError: as in `find_release`; the corpus is not there, a check failed, or none could be made.
    """
    from hubkit.custody.sealed import find_corpus

    for path, option in ((own.corpus, "--corpus"), (own.images, "--images")):
        if path is not None and not path.exists():
            raise HubkitError("there is no such file or folder", where=path, hint=f"give another with {option}")
    if own.corpus is not None and not find_corpus(own.corpus).groups():
        raise HubkitError("holds no report of MIMIC-CXR", where=own.corpus, hint="give another with --corpus")
    release = find_release(connect(), names, tag)
    report.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hubkit-verify-", ignore_cleanup_errors=True) as root:
        return _examine(release, own, versions, environment_token(UNGRANTED_TOKEN), Path(root), report, kept)


def _examine(
    release: OnHub,
    own: Own,
    versions: Iterable[str],
    ungranted: str | None,
    root: Path,
    report: Path,
    kept: Path | None = None,
) -> dict[str, Any]:
    log, token = report.with_suffix(".log"), environment_token(GRANTED_TOKEN) or str(connect().token)
    log.unlink(missing_ok=True)
    readers: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="opened-", dir=root, ignore_cleanup_errors=True) as folder:
        opened = None
        if release.sealed and own.corpus:
            opened, found = _open(release, own.corpus, Path(folder))
            readers.append({"reader": "hubkit", "checks": [found]})
        examination = Examination(release, own, opened, root, log)
        # What takes seconds, and may fail at the installing, comes before what may take hours.
        for name in expand(versions):
            with other_versions(root, name, kept) as process:
                readers += _read(examination, process, Reader(name, token, LOADING_CHECKS))
        with clean_env(root) as process:
            readers += _read(examination, process, Reader("granted", token, READER_CHECKS))
            readers.append(examination.ask(process, Reader("stranger", None, ["refused"])))
            if ungranted:
                readers.append(examination.ask(process, Reader("ungranted", ungranted, ["refused"])))
            else:
                readers.append({"reader": "ungranted", "checks": [_untried()]})
    return _conclude(release, readers, report)


def _read(examination: Examination, process: CleanEnv, reader: Reader) -> list[dict[str, Any]]:
    found = [examination.ask(process, reader)]
    if examination.release.sealed:
        ours = Reader(f"{reader.who}, with hubkit", reader.token, SEALED_CHECKS)
        found.append(examination.ask(process, ours, with_hubkit=True))
    return found


def _open(release: OnHub, corpus: Path, folder: Path) -> tuple[Path | None, dict[str, str]]:
    """Open a sealed release with the reader's own corpus: its folder, and how the check `unsealed` came out."""
    from hubkit.custody.unseal import fetch_release, unseal_release

    repo, found = release.repos["dataset"], {"check": "unsealed"}
    version = release.tag.removeprefix("release-") if release.tag.startswith("release-") else None
    try:
        done = unseal_release(fetch_release(repo, release.tag), folder / repo.split("/")[1], corpus, version)
    except HubkitError as error:
        found |= {"result": "failed", "detail": str(error)}
    else:
        found |= {"result": "passed", "detail": f"{sum(done.rows.values())} rows in {len(done.rows)} tables"}
    return (done.folder if found["result"] == "passed" else None), _shown("hubkit", found)


def _untried() -> dict[str, str]:
    needs = f"needs a second account without a grant: set {UNGRANTED_TOKEN} to its token"
    return _shown("ungranted", {"check": "refused", "result": "skipped", "detail": needs})


def _conclude(release: OnHub, readers: list[dict[str, Any]], path: Path) -> dict[str, Any]:
    repos = {name: {"id": repo, "commit": release.commits[name]} for name, repo in release.repos.items()}
    checks = [check for reader in readers for check in reader["checks"]]
    counts = {result: sum(check["result"] == result for check in checks) for result in ("passed", "failed", "skipped")}
    report = {
        "format": FORMATS["verification"],
        "release": release.tag,
        "endpoint": current_endpoint(),
        "repos": repos,
        "counts": counts,
        "readers": readers,
    }
    write_json(path, report)
    failed = [check for check in checks if check["result"] == "failed"]
    if failed:
        raise HubkitError(
            f"{len(failed)} of {len(checks)} checks failed, first {failed[0]['check']}: {failed[0]['detail']}",
            where=path,
            hint="it names the versions that each check ran with; for what differs on the Hub: hubkit push --dry-run",
        )
    if not counts["passed"]:
        raise HubkitError("no check could be made", where=path, hint="it says of each what it needs")
    return report


def _receipt(workspace: Workspace) -> dict[str, Any]:
    try:
        receipt: dict[str, Any] = json.loads(workspace.receipt.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubkitError("nothing was pushed yet", where=workspace.receipt, hint="run: hubkit push") from None
    check_format("receipt", receipt, workspace.receipt)
    if "withdrawn" in receipt:
        what = f"{receipt['repos']['dataset']['tag']} was withdrawn on {receipt['withdrawn']}"
        raise HubkitError(what, where=workspace.receipt, hint="raise [release] version, then run: hubkit release")
    return receipt


def _shown(who: str, check: dict[str, str]) -> dict[str, str]:
    said = "FAILED" if check["result"] == "failed" else check["result"]
    print(f"  verify: {who:<26} {check['check']:<20} {said}: {check['detail']}", file=sys.stderr)
    return check
