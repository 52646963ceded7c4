"""The release on the Hub, as researchers will use it, by processes without hubkit: the stage `verify`, and the command.

The stage looks at what a workspace pushed. `hubkit verify REPO...` looks at anybody's release: all that it needs is in
the repos, and what else a check needs (images, the English reports, the corpus that opens sealed text) is the reader's
own. A check that cannot be made is not run and says why; it has not passed.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hubkit.artifacts.receipt import Pins
from hubkit.artifacts.verification import Verification, VerifiedRepo
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import connect
from hubkit.hub.gate import UNGRANTED_TOKEN, ungranted_token
from hubkit.hub.receipt import standing_receipt
from hubkit.sources.mimic_cxr import as_distributed
from hubkit.terms.kinds import terms_of
from hubkit.tokens import environment_token
from hubkit.verification import signed
from hubkit.verification.checks import CHECKS, names_for
from hubkit.verification.clean_env import CleanEnv, clean_env, other_versions
from hubkit.verification.discovery import OnHub, find_release
from hubkit.verification.examination import Examination, Own, Reader
from hubkit.verification.findings import FAILED, NOT_RUN, PASSED, Findings
from hubkit.verification.pinned import CHECK, check_pinned_code
from hubkit.verification.snippets import find_snippets
from hubkit.verification.versions import expand
from hubkit.workspace import Workspace

GRANTED_TOKEN = "HUBKIT_GRANTED_TOKEN"

LOADING_CHECKS = names_for("versions")

READER_CHECKS = names_for("granted")

SEALED_CHECKS = names_for("granted", sealed=True)
"""What reads sealed text with the reader that the release carries."""

UNSIGNED = "needs a signature that holds: without one, nothing of the release is run"


def verify(config: ReleaseConfig, workspace: Workspace) -> None:
    """Check the release on the Hub and write verification.json: who, with which versions, what held.

    Raises:
        HubkitError: there is no receipt, a check failed, or a process ended with an error.
    """
    receipt = standing_receipt(workspace)
    names = [f"{repo.type}s/{repo.id}" for repo in receipt.repos.values()]
    sets = expand(config.hub.verify_with)
    public_key = signed.kept_public_key(workspace, receipt.tag)
    report = workspace.verification
    with _reported(report, names):
        release = find_release(connect(), names, receipt.tag)
    joined = terms_of(config.corpus).joined and as_distributed(config.corpus.root)
    corpus = config.corpus.root if joined else None
    own = Own(corpus, config.corpus.images or config.corpus.root)
    ungranted = ungranted_token(config.hub.waive_ungranted_probe)
    _examine(release, own, sets, ungranted, workspace.root, report, pins=receipt.pins, public_key=public_key)


def verify_repos(
    names: Iterable[str],
    tag: str | None,
    own: Own,
    versions: Iterable[str],
    report: Path,
    kept: Path | None = None,
    public_key: bytes | None = None,
) -> Verification:
    """Check a release of which no more is known than its repos, and write and return the report.

    Args:
        names, tag: as in `find_release`.
        versions: sets of versions that have to load it in addition to the installed ones.
        kept: the folder where the environments of these versions stay.
        public_key: in PEM: the release has to be signed with it; None where that is not checked.

    Raises:
        HubkitError: as in `find_release`; the corpus is not there, a check failed, or none could be made.
    """
    from hubkit.custody.sealed import find_corpus

    names, sets = list(names), expand(versions)
    with _reported(report, names):
        for path, option in ((own.corpus, "--corpus"), (own.images, "--images")):
            if path is not None and not path.exists():
                raise HubkitError("there is no such file or folder", where=path, hint=f"give another with {option}")
        if own.corpus is not None and not find_corpus(own.corpus).groups():
            raise HubkitError("holds no report of MIMIC-CXR", where=own.corpus, hint="give another with --corpus")
        release = find_release(connect(), names, tag)
    with tempfile.TemporaryDirectory(prefix="hubkit-verify-", ignore_cleanup_errors=True) as root:
        return _examine(
            release, own, sets, environment_token(UNGRANTED_TOKEN), Path(root), report, kept, public_key=public_key
        )


@contextlib.contextmanager
def _reported(path: Path, names: list[str]) -> Iterator[None]:
    """Leave a report also where no check is reached; a wrong command writes none, and an older one goes either way."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise HubkitError(f"cannot be written: {error.strerror}", where=path, hint="choose another --report") from None
    findings = Findings(path, Verification(release=None, repos={}, named=names, counts={}))
    findings.plan("granted", READER_CHECKS)
    try:
        yield
    except UsageError:
        raise
    except HubkitError as error:
        with findings.written():
            findings.give_up("granted", READER_CHECKS, error)
        raise


def _examine(
    release: OnHub,
    own: Own,
    versions: list[str],
    ungranted: str | None,
    root: Path,
    report: Path,
    kept: Path | None = None,
    pins: Pins | None = None,
    public_key: bytes | None = None,
) -> Verification:
    log, token = report.with_suffix(".log"), environment_token(GRANTED_TOKEN) or str(connect().token)
    repos = {name: VerifiedRepo(id=repo, commit=release.commits[name]) for name, repo in release.repos.items()}
    findings = Findings(report, Verification(release=release.tag, repos=repos, counts={}))
    also = SEALED_CHECKS if release.sealed else []
    readers = [
        Reader(name, token, [name for name in [*LOADING_CHECKS, *also] if "versions" in CHECKS[name].readers])
        for name in versions
    ]
    readers.append(Reader("granted", token, [*READER_CHECKS, *also]))
    refused = names_for("refused")
    others = [Reader("stranger", None, refused), Reader("ungranted", ungranted, refused)]
    for reader in (*readers, *others):
        findings.plan(reader.who, reader.checks)
    opens = release.sealed and own.corpus
    findings.plan("hubkit", [CHECK, *(["unsealed"] if opens else []), *([signed.CHECK] if public_key else [])])
    with findings.written():
        log.unlink(missing_ok=True)
        # Before any of that code is run.
        try:
            findings.record("hubkit", CHECK, *check_pinned_code(connect(), release, pins))
        except HubkitError as error:
            findings.give_up("hubkit", [CHECK], error)
        if public_key and not _is_signed(release, public_key, findings):
            # Its code may be anybody's, and some of it would run with the reader's token.
            for reader in (*readers, *others):
                for check in reader.checks:
                    findings.record(reader.who, check, NOT_RUN, UNSIGNED)
            if opens:
                findings.record("hubkit", "unsealed", NOT_RUN, UNSIGNED)
            return findings.conclude()
        with tempfile.TemporaryDirectory(prefix="opened-", dir=root, ignore_cleanup_errors=True) as folder:
            opened = _open(release, own.corpus, Path(folder), findings) if release.sealed and own.corpus else None
            with findings.shown():
                _look(Examination(release, own, opened, log, findings), readers, others, root, kept)
    return findings.conclude()


def _is_signed(release: OnHub, public_key: bytes, findings: Findings) -> bool:
    try:
        result, detail = signed.check_signatures(connect(), release, public_key)
    except HubkitError as error:
        findings.give_up("hubkit", [signed.CHECK], error)
        return False
    findings.record("hubkit", signed.CHECK, result, detail)
    return result == PASSED


def _look(examination: Examination, readers: list[Reader], others: list[Reader], root: Path, kept: Path | None) -> None:
    findings = examination.findings
    with contextlib.ExitStack() as stack:
        ready: list[tuple[CleanEnv, Reader, dict[str, Any]]] = []
        # What takes seconds, and may fail at the installing, comes before what may take hours.
        for reader in readers:
            try:
                last = reader is readers[-1]
                process = stack.enter_context(clean_env(root) if last else other_versions(root, reader.who, kept))
            except HubkitError as error:
                findings.give_up(reader.who, reader.checks, error)
                continue
            ready.append((process, reader, examination.look(process, reader)))
        process = ready[-1][0]
        for reader in others:
            if reader.who == "ungranted" and not reader.token:
                needs = f"needs a second account without a grant: set {UNGRANTED_TOKEN} to its token"
                for check in reader.checks:
                    findings.record(reader.who, check, NOT_RUN, needs)
            else:
                examination.look(process, reader)
        for process, reader, _ in ready:
            if any(CHECKS[name].snippet for name in reader.checks):
                examination.paste(process, reader, find_snippets(connect(), examination.release))
        # No process with a token starts after one that ran code of the release: that could have left something behind.
        for process, reader, downloaded in ready:
            examination.look_offline(process, reader, downloaded)


def _open(release: OnHub, corpus: Path, folder: Path, findings: Findings) -> Path | None:
    """A sealed release opens whole with the reader's corpus; later checks read the opened folder. Needs `--corpus`."""
    from hubkit.custody.unseal import fetch_release, unseal_release

    repo = release.repos["dataset"]
    version = release.tag.removeprefix("release-") if release.tag.startswith("release-") else None
    try:
        done = unseal_release(fetch_release(repo, release.tag), folder / repo.split("/")[1], corpus, version)
    except HubkitError as error:
        findings.record("hubkit", "unsealed", FAILED, str(error))
        return None
    findings.record("hubkit", "unsealed", PASSED, f"{sum(done.rows.values())} rows in {len(done.rows)} tables")
    return done.folder
