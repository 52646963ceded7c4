"""What is left of a version that was taken back: what the Hub still answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from hubkit.artifacts.receipt import read_receipt
from hubkit.config import ReleaseConfig
from hubkit.endpoint import trusted_certificates
from hubkit.hub.access import plain, requests
from hubkit.hub.changes import remote_files
from hubkit.hub.client import SECONDS_WITHOUT_ANSWER, Stumble, connect, retried, seconds_to_wait
from hubkit.hub.withdraw import Withdrawal
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MAIN, STORED, PULL_REQUEST, COMMIT = "main", "storage", "pull request", "commit"


class Leftover(NamedTuple):
    """A file of a withdrawn version that whoever has access to its repo can still read.

    Attributes:
        where: what still leads to it: main, the Hub's list of large files, the ref of a pull request, a commit.
        revision: the ref or commit by which it was read; the digest of a file that is only in the list.
    """

    repo: str
    path: str
    where: str
    revision: str

    def __str__(self) -> str:
        told = {
            MAIN: "is on main",
            STORED: "is still in the Hub's list of large files",
            PULL_REQUEST: f"answers at {self.revision}: close that pull request and delete its ref, on its page",
            COMMIT: f"answers at the former commit {self.revision[:12]}",
        }
        return f"{self.path} {told[self.where]}"


def leftovers(withdrawal: Withdrawal, workspace: Workspace | None = None) -> list[Leftover]:
    """Look at a repo after a withdrawal, and return what still answers, each file by the first way that leads to it.

    Asked for are main, the list of large files, pull requests, and each commit that the version was reached by.

    Args:
        workspace: names one more commit by its receipt, where a withdrawal that stopped had already rewritten history.

    Raises:
        HubkitError: the Hub refused or did not answer.
    """
    api, found = connect(), dict[str, Leftover]()
    repo, kind, digests = withdrawal.repo, withdrawal.kind, withdrawal.only_here
    stored = set(_stored(api, repo, kind))
    ways = [(MAIN, "main"), *((PULL_REQUEST, ref) for ref in _pull_requests(api, repo, kind))]
    former = [*withdrawal.commits, *_pushed(workspace, repo)]
    ways += [(COMMIT, commit) for commit in dict.fromkeys(former)]
    for where, revision in ways:
        files = remote_files(api, repo, kind, revision=revision).files
        for path, (digest, _) in files.items():
            # A file may have moved: what counts is its content.
            if digest in digests.values() and path not in found and _answers(api, repo, kind, revision, path):
                found[path] = Leftover(repo, path, where, revision)
    for path, digest in withdrawal.files.items():
        if digest in stored:
            found.setdefault(path, Leftover(repo, path, STORED, digest))
    return sorted(found.values())


def readers_left(config: ReleaseConfig, withdrawals: list[Withdrawal]) -> list[str]:
    """Who may read a repo that holds no other release, although its grants were revoked: it has to be nobody."""
    repos = {each.repo for each in withdrawals if each.alone}
    if not repos:
        return []
    return list(dict.fromkeys(plain(asked.user) for asked in requests(config, ("accepted",)) if asked.repo in repos))


def _pushed(workspace: Workspace | None, repo: str) -> list[str]:
    receipt = read_receipt(workspace) if workspace else None
    return [known.commit for known in receipt.repos.values() if known.id == repo] if receipt else []


@retried("{repo}")
def _stored(api: HfApi, repo: str, kind: str) -> list[str]:
    return [str(file.file_oid) for file in api.list_lfs_files(repo, repo_type=kind)]


@retried("{repo}")
def _pull_requests(api: HfApi, repo: str, kind: str) -> list[str]:
    refs = api.list_repo_refs(repo, repo_type=kind, include_pull_requests=True)
    return [ref.ref for ref in refs.pull_requests or []]


@retried("{repo}")
def _answers(api: HfApi, repo: str, kind: str, revision: str, path: str) -> bool:
    """Whether the Hub sends the first byte of a file; a tree may list what is deleted."""
    import httpx

    prefix = "datasets/" if kind == "dataset" else ""
    url = f"{api.endpoint}/{prefix}{repo}/resolve/{quote(revision, safe='')}/{quote(path)}"
    headers = {"Range": "bytes=0-0", "Authorization": f"Bearer {api.token}"}
    answer = httpx.get(
        url,
        headers=headers,
        timeout=SECONDS_WITHOUT_ANSWER,
        follow_redirects=True,
        verify=trusted_certificates(),
    )
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Stumble(f"{path} was answered {answer.status_code}", seconds_to_wait(answer))
    return answer.is_success
