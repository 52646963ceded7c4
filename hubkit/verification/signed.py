"""Whether a release is signed with a key that a reader trusts, and holds what was signed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.artifacts.manifest import read_manifest, write_manifest
from hubkit.artifacts.verification import (
    CheckResult,
    ReaderReport,
    Verification,
    read_verification,
    write_verification,
)
from hubkit.digests import file_digest
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import connect
from hubkit.hub.receipt import standing_receipt
from hubkit.hub.signatures import CURVES, OTHER_CURVE, fault_of, read_signature, signed_files, signed_name
from hubkit.hub.targets import SCRIPT_BRANCH, signature_path
from hubkit.verification.discovery import ARTIFACTS, OnHub, find_release
from hubkit.verification.findings import FAILED, PASSED, RESULTS
from hubkit.workspace import Workspace, write_text

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CHECK = "signed"

_KINDS = {artifact: kind for kind, artifact in ARTIFACTS.items()}


def read_public_key(path: Path) -> bytes:
    """The public key in PEM.

    Raises:
        UsageError: it cannot be read, or is not a public key on a NIST curve.
    """
    # Imported here as well, so that a missing extra is named before hours of checks.
    import model_signing  # noqa: F401
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    hint = "give --public-key the file that the maintainers publish"
    try:
        text = path.read_bytes()
        key = serialization.load_pem_public_key(text)
    except OSError as error:
        raise UsageError(f"the key cannot be read: {error.strerror}", where=path, hint=hint) from None
    except ValueError:
        raise UsageError("is not a public key in PEM", where=path, hint=hint) from None
    except UnsupportedAlgorithm:
        raise UsageError(OTHER_CURVE, where=path, hint=hint) from None
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise UsageError(OTHER_CURVE, where=path, hint=hint)
    return text


def check_signatures(api: HfApi, release: OnHub, public_key: bytes) -> tuple[str, str]:
    """Every repo has a signature of its tag by this key, over the files that the tag names now.

    Returns:
        The result, and a sentence about it.

    Raises:
        HubkitError: the Hub refused or did not answer.
    """
    wrong, count = [], 0
    for artifact, repo in release.repos.items():
        kind = _KINDS[artifact]
        signature = read_signature(api, repo, kind, release.tag)
        if signature is None:
            wrong.append(f"{repo} has no {signature_path(release.tag)} on main")
            continue
        files = signed_files(api, repo, kind, release.tag, release.commits[artifact])
        fault = fault_of(signature, signed_name(repo, release.tag), files, public_key)
        wrong += [f"{repo}: {fault}"] if fault else []
        count += len(files)
    if wrong:
        return FAILED, "; ".join(wrong)
    script = f", and the branch {SCRIPT_BRANCH}" if release.script else ""
    uncovered = f"not covered: the card, which decides what is loaded{script}"
    return PASSED, f"files that are as they were signed: {count}; {uncovered}"


def own_signatures(workspace: Workspace, public_key: bytes) -> str:
    """Check the signatures of the last push of a workspace, and return what was found as a sentence.

    A key by which they are good is kept, so that the stage verify makes the check as well.

    Raises:
        HubkitError: as in `standing_receipt`; a signature is missing or does not hold.
    """
    receipt, api = standing_receipt(workspace), connect()
    release = find_release(api, [f"{repo.type}s/{repo.id}" for repo in receipt.repos.values()], receipt.tag)
    result, detail = check_signatures(api, release, public_key)
    if result == FAILED:
        record_after_failure(workspace, FAILED, detail)
        hint = "if you did not sign it: hubkit sign --key KEY; else see who else may push there"
        raise HubkitError(detail, where=receipt.tag, hint=hint)
    write_text(workspace.public_key(receipt.tag), public_key.decode("ascii", "replace"))
    return f"{receipt.tag}: {detail}"


def kept_public_key(workspace: Workspace, tag: str) -> bytes | None:
    """The key by which the signatures of `tag` were good before; None where they were not checked.

    Raises:
        UsageError: as in `read_public_key`.
    """
    path = workspace.public_key(tag)
    return read_public_key(path) if path.exists() else None


def record_signatures(workspace: Workspace, result: str, detail: str) -> None:
    """Enter the check into verification.json, where that is of the release that was pushed last.

    A stage verify that ran before the key was given has no such check. Its manifest follows, unless somebody else
    changed the report since. What the stage itself found to fail stays.
    """
    with workspace.lock():
        path = workspace.verification
        if not path.exists():
            return
        report, manifest = read_verification(workspace), read_manifest(workspace, "verify")
        name = path.relative_to(workspace.root).as_posix()
        edited = manifest is not None and manifest.outputs.get(name) != file_digest(path)
        if edited or report.release != standing_receipt(workspace).tag:
            return
        if result == PASSED and _fails(report):
            return
        write_verification(path, _with_check(report, CheckResult(check=CHECK, result=result, detail=detail)))
        if manifest is not None:
            outputs = {**manifest.outputs, name: file_digest(path)}
            write_manifest(workspace, manifest.model_copy(update={"outputs": outputs}))


def _fails(report: Verification) -> bool:
    made = [check for reader in report.readers if reader.reader == "hubkit" for check in reader.checks]
    return any(check.check == CHECK and check.result == FAILED for check in made)


def record_after_failure(workspace: Workspace, result: str, detail: str) -> None:
    """The same where something else failed, and is what the command ends with: a fault of the report is printed."""
    try:
        record_signatures(workspace, result, detail)
    except HubkitError as error:
        print(f"  {CHECK}: not entered into the report: {error}", file=sys.stderr)


def _with_check(report: Verification, made: CheckResult) -> Verification:
    """The report with a check of hubkit's own, in place of an earlier one of that name."""
    by_name = {reader.reader: reader for reader in report.readers}
    own = by_name.get("hubkit", ReaderReport(reader="hubkit", checks=[]))
    others = [check for check in own.checks if check.check != made.check]
    readers = {**by_name, "hubkit": own.model_copy(update={"checks": [*others, made]})}
    results = [check.result for reader in readers.values() for check in reader.checks]
    counts = {name: results.count(name) for name in RESULTS}
    return report.model_copy(update={"readers": list(readers.values()), "counts": counts})
