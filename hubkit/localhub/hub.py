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
from hubkit.localhub.answers import Refusal, gated, read_only, repo_not_found, revision_not_found
from hubkit.localhub.collections import Collections
from hubkit.localhub.objects import Commit, Objects, Tree
from hubkit.localhub.repos import Repo, Repos, now
from hubkit.workspace import write_text

OPEN_FILES = {"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"}
"""What the gate lets through, at the root of a repo."""

LINK_SECONDS = 3600


class Hub:
    """What a Hub keeps under `root`.

    Args:
        root: its folder.
        granted: accounts that stand on the list of accepted readers of each repo from its start.
    """

    def __init__(self, root: Path, granted: tuple[str, ...] = ()):
        self.root, self.granted = root, granted
        self.accounts = Accounts(root)
        self.objects = Objects(root)
        self.repos = Repos(root)
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
        heads = {**_pull_refs(repo), **repo.tags, **repo.branches}
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
    return account is not None and account.name == repo.owner


def visible(request: Request) -> Repo:
    """The repo of the address, for whoever may know of it.

    Raises:
        Refusal: it does not exist or is private.
    """
    params, account = request.path_params, asker(request)
    repo = hub_of(request).repos.find(params["kind"], f"{params['namespace']}/{params['name']}")
    if repo is None or (repo.private and not owns(account, repo)):
        raise repo_not_found(signed_in=account is not None)
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


def _pull_refs(repo: Repo) -> dict[str, str]:
    return {f"refs/pr/{number}": pull["head"] for number, pull in enumerate(repo.pulls, 1) if pull.get("head")}
