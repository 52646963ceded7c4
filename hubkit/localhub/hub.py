"""The Hub behind its addresses: what is kept.

What only reads runs on one event loop. What changes a repo runs in a thread, and has its turn there first (`turns`):
nothing else changes the repo between the reading of its record and its replacement.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
import secrets
import time
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.collections import Collections
from hubkit.localhub.contents import Content, content_of_file
from hubkit.localhub.errors import Refusal, revision_not_found, storage_full
from hubkit.localhub.objects import Commit, Objects, Tree
from hubkit.localhub.ratelimits import WINDOW, RateLimits
from hubkit.localhub.repos import KINDS, Repo, Repos, now
from hubkit.localhub.turns import Turns
from hubkit.localhub.xet import Xet
from hubkit.own_hub import OwnHub
from hubkit.workspace import write_text

LINK_SECONDS = 3600
"""How long a signed address of a file is good: longer than an upload on one machine takes."""


class Hub:
    """What a Hub keeps under `root`.

    Args:
        root: its folder.
        granted: accounts that stand on the list of accepted readers of each repo from its start.
        quota: bytes that a namespace may store in large files, unless its account has another; None sets no limit.
        window: seconds in which requests are counted; None counts none.
    """

    def __init__(
        self, root: Path, granted: tuple[str, ...] = (), quota: int | None = None, window: int | None = WINDOW
    ):
        self.root, self.granted, self.quota = root, granted, quota
        self.limits = RateLimits(window) if window else None
        self.own: OwnHub | None = None
        self.accounts = Accounts(root)
        self.objects = Objects(root)
        self.repos = Repos(root)
        self.xet = Xet(root, self.objects)
        self.collections = Collections(root)
        self.turns = Turns()
        key = root / "key"
        if not key.exists():
            write_text(key, secrets.token_hex(32))
        self._key = bytes.fromhex(key.read_text(encoding="utf-8"))

    def commit(self, repo: Repo, tree: Tree, parent: str | None, account: str, title: str, message: str = "") -> str:
        """Keep `tree` as a commit that no branch points to yet, and return its id."""
        commit = Commit(repo.uid, self.objects.put_tree(tree), parent, title, message, account, now())
        oid = self.objects.put_commit(commit)
        before = self.tree(parent) if parent else {}
        new = {entry.sha256 for path, entry in tree.items() if not entry.lfs and before.get(path) != entry}
        self.objects.sync(new, {oid, commit.tree})
        # Read here, in a thread: the next request for it would keep all others waiting.
        self.objects.tree(commit.tree)
        return oid

    def resolve(self, repo: Repo, revision: str) -> str:
        """The commit that a branch, tag, pull request or commit id names.

        Raises:
            Refusal: none of them is called that, or the commit is in no history that this repo still serves (404).
        """
        heads = repo.heads
        name = "main" if revision == "HEAD" else revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if name in heads:
            return heads[name]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            # huggingface_hub leaves a squash's old commits unnamed, and no document says that they go: they are served.
            for head in [*heads.values(), *repo.detached]:
                for oid, _ in self.objects.history(head):
                    if oid.startswith(revision):
                        return oid
        raise revision_not_found(revision)

    def change_refs(self, repo: Repo, **changes: Any) -> Repo:
        """Replace refs of `repo`; commits that none of them leads to any more are still served by their SHA."""
        heads = dataclasses.replace(repo, **changes).heads.values()
        reached = {oid for head in {*heads, *repo.detached} for oid, _ in self.objects.history(head)}
        lost = [head for head in dict.fromkeys(repo.heads.values()) if head not in reached]
        return self.repos.change(repo, detached=[*repo.detached, *lost], **changes)

    def tree(self, commit: str) -> Tree:
        return self.objects.tree(self.objects.commit(commit).tree)

    def text(self, tree: Tree, path: str) -> str:
        """What a file says; nothing where there is none, or where git holds a pointer alone."""
        if path not in tree or tree[path].lfs:
            return ""
        return self.objects.blob(tree[path].sha256).read_text("utf-8", "replace")

    def content(self, repo: Repo, sha256: str) -> Content:
        """The bytes of a file of `repo`.

        Raises:
            HubkitError: they are lost.
        """
        plain = self.objects.blob(sha256)
        if plain.exists():
            return content_of_file(plain)
        file = self.xet.find(repo.uid, sha256)
        if file is None:
            raise HubkitError("a file of a repo is missing", where=plain, hint="push the repo again to another --root")
        return self.xet.content(repo.uid, file)

    def stored(self, repo: Repo) -> int:
        """The bytes of the large files of `repo`, in its history or not."""
        return sum(self.content(repo, sha256).size for sha256 in self.repos.held(repo))

    def check_quota(self, repo: Repo, more: int = 0) -> None:
        """Refuse to store `more` bytes where they are too many.

        Raises:
            Refusal: the namespace of `repo` stores as much as it may (403).
        """
        own = self.accounts.settings(repo.owner).quota
        quota = self.quota if own is None else own
        if quota is not None:
            siblings = [other for kind in KINDS for other in self.repos.all(kind) if other.owner == repo.owner]
            if sum(map(self.stored, siblings)) + more > quota:
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
        for head in {head for repo in repos for head in [*repo.heads.values(), *repo.detached]}:
            for oid, commit in self.objects.history(head):
                if oid in graph:
                    break
                graph |= {oid, commit.tree}
                blobs |= {entry.sha256 for entry in self.objects.tree(commit.tree).values() if not entry.lfs}
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
