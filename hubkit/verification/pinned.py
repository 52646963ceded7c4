"""The code that a release tells people to run: whether it is what the card names, by commit and SHA-256."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import pins
from hubkit.artifacts.receipt import Pins
from hubkit.digests import file_digest
from hubkit.hub.client import retried
from hubkit.hub.targets import CARD
from hubkit.verification.discovery import ARTIFACTS, OnHub
from hubkit.verification.findings import FAILED, NOT_RUN, PASSED

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CHECK = "pinned_code"

_KINDS = {artifact: kind for kind, artifact in ARTIFACTS.items()}


def check_pinned_code(api: HfApi, release: OnHub, noted: Pins | None = None) -> tuple[str, str]:
    """Loader, metric and reader have the SHA-256s on the dataset's card, at the commits that it names and at the tag.

    Args:
        noted: what the push noted down of the commits and SHA-256s, where it is there to compare with.

    Returns:
        The result, and a sentence about it.
    """
    if "dataset" not in release.repos:
        return NOT_RUN, "needs the dataset, whose card names commits and digests"
    repo, at = release.repos["dataset"], release.commits["dataset"]
    path = _fetched(api, repo, "dataset", CARD, at)
    card = path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
    named, code = pins.commits(card), pins.code(card)
    if not named or not code:
        return NOT_RUN, "the card of the dataset names no commits or no digests: an older hubkit pushed it"
    if noted is not None and code != [pins.Digest(file.path, file.repo, file.sha256) for file in noted.code]:
        return FAILED, "the card has other digests than the receipt"
    wrong, compared, gone = [], 0, []
    for digest in code:
        artifact = next((name for name, known in release.repos.items() if known == digest.repo), None)
        if artifact is None:
            continue
        revisions = {named.get(artifact, ""): "the commit on the card", release.commits[artifact]: release.tag}
        for commit, called in revisions.items():
            file = _fetched(api, digest.repo, _KINDS[artifact], digest.path, commit) if commit else None
            if file is None and called != release.tag:
                gone.append(f"{digest.repo} has no {digest.path} at the commit on the card, {commit[:12]}")
            elif file is None or file_digest(file) != digest.sha256:
                wrong.append(f"{digest.path} of {digest.repo} at {called} has not the SHA-256 on the card")
            else:
                compared += 1
    differing = [] if noted is None else [part for part in named if named[part] != noted.commits.get(part)]
    if wrong:
        return FAILED, "; ".join(wrong)
    if gone:
        # A withdrawal of another version rewrites the history, after which commits have other ids.
        return NOT_RUN, f"{'; '.join(gone)}; at {release.tag} the SHA-256s are right"
    if differing:
        return FAILED, f"the card names other commits than the receipt: {', '.join(differing)}"
    if not compared:
        return NOT_RUN, "needs the repos whose code the card names"
    return PASSED, f"digests of code compared at the card's commits and the tag: {compared}"


@retried("{repo}")
def _fetched(api: HfApi, repo: str, kind: str, path: str, revision: str) -> Path | None:
    from huggingface_hub.errors import RemoteEntryNotFoundError, RevisionNotFoundError

    try:
        return Path(api.hf_hub_download(repo, path, repo_type=kind, revision=revision))
    except (RemoteEntryNotFoundError, RevisionNotFoundError):
        return None
