"""The Hub behind its addresses: what is kept, and who may do what with it.

Everything runs on one event loop, and nothing awaits between reading a record and replacing it: changes need no lock.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path
from typing import Any

from starlette.requests import Request

from hubkit.localhub.accounts import Account, Accounts
from hubkit.localhub.collections import Collections
from hubkit.localhub.errors import Refusal, gated, moved, read_only, repo_not_found, revision_not_found, storage_full
from hubkit.localhub.objects import Commit, Objects, Tree
from hubkit.localhub.repos import KINDS, Repo, Repos, now
from hubkit.localhub.xet import Xet
from hubkit.workspace import write_text

OPEN_FILES = {"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"}
"""What the gate lets through, at the root of a repo."""

LINK_SECONDS = 3600


class Hub:
    """What a Hub keeps under `root`.

    Args:
        root: its folder.
        granted: accounts that stand on the list of accepted readers of each repo from its start.
        quota: bytes that a namespace may store in large files; None sets no limit.
    """

    def __init__(self, root: Path, granted: tuple[str, ...] = (), quota: int | None = None):
        self.root, self.granted, self.quota = root, granted, quota
        self.accounts = Accounts(root)
        self.objects = Objects(root)
        self.repos = Repos(root)
        self.xet = Xet(root, self.objects)
        self.collections = Collections(root)
        key = root / "key"
        if not key.exists():
            write_text(key, secrets.token_hex(32))
            key.chmod(0o600)
        self._key = bytes.fromhex(key.read_text(encoding="utf-8"))

    def commit(self, repo: Repo, tree: Tree, parent: str | None, account: str, title: str, message: str = "") -> str:
        """Keep `tree` as a commit that no branch points to yet, and return its id."""
        commit = Commit(repo.uid, self.objects.put_tree(tree), parent, title, message, account, now())
        return self.objects.put_commit(commit)

    def resolve(self, repo: Repo, revision: str) -> str:
        """The commit that a branch, tag, pull request or commit id names.

        Raises:
            Refusal: none of them is called that, or the commit is in no history that this repo still serves (404).
        """
        heads = _heads(repo)
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if name in heads:
            return heads[name]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            for head in heads.values():
                for oid, _ in self.objects.history(head):
                    if oid.startswith(revision):
                        return oid
        raise revision_not_found(revision)

    def tree(self, commit: str) -> Tree:
        return self.objects.tree(self.objects.commit(commit).tree)

    def text(self, tree: Tree, path: str) -> str:
        """What a file says; nothing where there is none."""
        return self.objects.blob(tree[path].sha256).read_text("utf-8", "replace") if path in tree else ""

    def stored(self, repo: Repo) -> int:
        """The bytes of the large files of `repo`, in its history or not."""
        return sum(self.objects.blob(sha256).stat().st_size for sha256 in self.repos.held(repo))

    def check_quota(self, repo: Repo, more: int = 0) -> None:
        """Refuse to store `more` bytes where they are too many.

        Raises:
            Refusal: the namespace of `repo` stores as much as it may (403).
        """
        if self.quota is not None:
            siblings = [other for kind in KINDS for other in self.repos.all(kind) if other.owner == repo.owner]
            if sum(map(self.stored, siblings)) + more > self.quota:
                raise storage_full()

    def delete(self, repo: Repo) -> None:
        """Delete a repo and what it alone kept."""
        self.repos.delete(repo)
        self.xet.forget(repo.uid)
        self.sweep()

    def sweep(self) -> None:
        """Delete the files, trees and commits that no repo serves any longer."""
        repos = [repo for kind in KINDS for repo in self.repos.all(kind)]
        blobs = {sha256 for repo in repos for sha256 in self.repos.held(repo)}
        graph = set[str]()
        for head in {head for repo in repos for head in _heads(repo).values()}:
            for oid, commit in self.objects.history(head):
                if oid in graph:
                    break
                graph |= {oid, commit.tree}
                blobs |= {entry.sha256 for entry in self.objects.tree(commit.tree).values()}
        self.objects.keep_only(blobs, graph)

    def sign(self, repo: Repo, sha256: str, size: int) -> str:
        """The query of an address to which the content of `sha256` may be sent without a token, for an hour."""
        until = int(time.time()) + LINK_SECONDS
        return f"size={size}&until={until}&signature={self._signature(repo.uid, sha256, size, until)}"

    def check_signature(self, repo: Repo, sha256: str, query: dict[str, str]) -> int:
        """The size that a signed address allows.

        Raises:
            Refusal: it was not made by `sign`, or its hour is over (403).
        """
        try:
            size, until = int(query["size"]), int(query["until"])
        except (KeyError, ValueError):
            raise Refusal(403, "Request is not signed") from None
        signature = self._signature(repo.uid, sha256, size, until)
        if not hmac.compare_digest(signature, query.get("signature", "")) or until < time.time():
            raise Refusal(403, "Request has expired")
        return size

    def _signature(self, *parts: Any) -> str:
        return hmac.new(self._key, "/".join(map(str, parts)).encode(), hashlib.sha256).hexdigest()


def hub_of(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


def asker(request: Request) -> Account | None:
    account: Account | None = request.state.account
    return account


def base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def signed_in(request: Request) -> Account:
    account = asker(request)
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    return account


def owns(account: Account | None, repo: Repo) -> bool:
    return account is not None and repo.owner in account.namespaces


def visible(request: Request) -> Repo:
    """The repo of the address, for whoever may know of it.

    Raises:
        Refusal: it does not exist, is private, or has another name now (307).
    """
    params, account, repos = request.path_params, asker(request), hub_of(request).repos
    asked = f"{params['namespace']}/{params['name']}"
    repo = repos.find(params["kind"], asked) or repos.moved(params["kind"], asked)
    if repo is None or (repo.private and not owns(account, repo)):
        raise repo_not_found(signed_in=account is not None)
    if repo.id.lower() != asked.lower():
        raise moved(request.scope["raw_path"].decode("latin-1"), request.url.query, asked, repo.id)
    request.state.repo = repo
    return repo


def readable(request: Request, path: str | None = None) -> Repo:
    """The repo of the address, for whoever may read its files (or the file `path`).

    Raises:
        Refusal: it is not visible, or the gate is closed to this account.
    """
    repo, account = visible(request), asker(request)
    if passes_gate(repo, account) or path in OPEN_FILES:
        return repo
    standing = "anonymous" if account is None else repo.requests.get(account.name, {}).get("status", "none")
    raise gated(repo.kind, repo.id, standing, base_url(request))


def passes_gate(repo: Repo, account: Account | None) -> bool:
    if not repo.gated or owns(account, repo):
        return True
    return account is not None and repo.requests.get(account.name, {}).get("status") == "accepted"


def writable(request: Request) -> Repo:
    """The repo of the address, for whoever may change it.

    Raises:
        Refusal: it is not visible, or this account or token may only read (401, 403).
    """
    repo, account = visible(request), signed_in(request)
    if not owns(account, repo) or account.role != "write":
        raise read_only()
    return repo


def writable_or_proposed(request: Request) -> Repo:
    """The repo of the address, for whoever may change it, or propose a change where `create_pr` asks for that.

    Raises:
        Refusal: as `writable` or `proposable` do.
    """
    return proposable(request) if "create_pr" in request.query_params else writable(request)


def proposable(request: Request) -> Repo:
    """The repo of the address, for whoever may propose a change to it.

    Raises:
        Refusal: it is not visible, the gate is closed, or this token may only read (401, 403).
    """
    repo, account = readable(request), signed_in(request)
    if account.role != "write":
        raise read_only()
    return repo


def _heads(repo: Repo) -> dict[str, str]:
    pulls = {f"refs/pr/{number}": pull["head"] for number, pull in enumerate(repo.pulls, 1) if pull.get("head")}
    return {**pulls, **repo.tags, **repo.branches}
