"""The repos of a Hub: one JSON record each, replaced as a whole by every change."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import secrets
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hubkit.localhub.objects import sync_files
from hubkit.workspace import write_json

KINDS = ("models", "datasets", "spaces")

_NAME = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]{0,94}\w)?", re.ASCII)

Gated = Literal["auto", "manual", False]


@dataclass(frozen=True)
class Repo:
    """A repo as it stands.

    Attributes:
        uid: stays the same when the repo moves.
        kind: models, datasets or spaces.
        id: `namespace/name`.
        branches: commit by branch.
        tags: commit by tag.
        pulls: pull requests, in order; number n is at n - 1.
        requests: access requests by user: id, status, time, fields of the form.
        former: what it was called before it moved.
        doi: its Digital Object Identifier, which locks name and visibility.
        detached: commits that no ref leads to any more; they are still served by their SHA.
    """

    uid: str
    kind: str
    id: str
    created: str
    updated: str
    private: bool = False
    gated: Gated = False
    sdk: str | None = None
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    former: list[str] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)
    doi: str | None = None

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    @property
    def address(self) -> str:
        """What a scope calls it: `datasets/namespace/name`."""
        return f"{self.kind}/{self.id}"

    @property
    def heads(self) -> dict[str, str]:
        """The commit of each ref by its name; of those that share one, a branch before a tag before a pull request."""
        pulls = {f"refs/pr/{number}": pull["head"] for number, pull in enumerate(self.pulls, 1) if pull.get("head")}
        return {**pulls, **self.tags, **self.branches}


class Repos:
    """All repos under `root`; they are few, so all records are in memory."""

    def __init__(self, root: Path):
        self.home = root / "repos"
        self.home.mkdir(exist_ok=True)
        self._repos: dict[tuple[str, str], Repo] = {}
        for path in self.home.glob("*/repo.json"):
            repo = Repo(**json.loads(path.read_text(encoding="utf-8")))
            self._repos[repo.kind, repo.id.lower()] = repo
        for folder in self.home.iterdir():
            if not (folder / "repo.json").exists():
                shutil.rmtree(folder)
        for unfinished in self.home.rglob(".*.json.*"):
            unfinished.unlink()

    def find(self, kind: str, repo_id: str) -> Repo | None:
        return self._repos.get((kind, repo_id.lower()))

    def moved(self, kind: str, repo_id: str) -> Repo | None:
        """The repo that had this name before it moved."""
        found = (repo for repo in self.all(kind) if repo_id.lower() in map(str.lower, repo.former))
        return next(found, None)

    def all(self, kind: str) -> list[Repo]:
        # A copy, since a thread may add one meanwhile.
        return sorted((repo for repo in list(self._repos.values()) if repo.kind == kind), key=lambda repo: repo.id)

    def add(self, repo: Repo) -> Repo:
        """Keep a new repo, whole: one without its first commit would be of no use to anybody."""
        return self._keep(repo)

    def change(self, repo: Repo, **changes: Any) -> Repo:
        """Replace the record of `repo`, on disk first: what was answered is never lost."""
        changed = dataclasses.replace(repo, updated=now(), **changes)
        if changed.id != repo.id:
            changed = self._keep(dataclasses.replace(changed, former=[*repo.former, repo.id]))
            if changed.id.lower() != repo.id.lower():
                del self._repos[repo.kind, repo.id.lower()]
            return changed
        return self._keep(changed)

    def delete(self, repo: Repo) -> None:
        del self._repos[repo.kind, repo.id.lower()]
        # The record goes first: a folder without one is swept away at the next start.
        (self.home / repo.uid / "repo.json").unlink()
        shutil.rmtree(self.home / repo.uid)

    def holds(self, repo: Repo, sha256: str) -> bool:
        """Whether this LFS file was uploaded to `repo`: knowing its digest does not prove having it."""
        return (self.home / repo.uid / "lfs" / sha256).exists()

    def hold(self, repo: Repo, uploaded: Collection[str]) -> None:
        """Note that LFS files were uploaded to `repo`; on the disk when it returns."""
        folder, when = self.home / repo.uid / "lfs", now()
        folder.mkdir(exist_ok=True)
        for sha256 in uploaded:
            temporary = folder / f".{sha256}"
            temporary.write_text(when, encoding="utf-8")
            temporary.replace(folder / sha256)
        sync_files([folder / sha256 for sha256 in uploaded], self.home)

    def let_go(self, repo: Repo, sha256: str) -> None:
        (self.home / repo.uid / "lfs" / sha256).unlink(missing_ok=True)

    def held(self, repo: Repo) -> dict[str, str]:
        """The LFS files of `repo` by digest, with the time of their upload."""
        folder = self.home / repo.uid / "lfs"
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("[0-9a-f]*"))}

    def _keep(self, repo: Repo) -> Repo:
        write_json(self.home / repo.uid / "repo.json", dataclasses.asdict(repo))
        self._repos[repo.kind, repo.id.lower()] = repo
        return repo


def new_repo(kind: str, repo_id: str, **settings: Any) -> Repo:
    """A repo that is not kept anywhere yet."""
    return Repo(uid=secrets.token_hex(12), kind=kind, id=repo_id, created=now(), updated=now(), **settings)


def is_name(name: str) -> bool:
    """Whether a repo or an account can be called this."""
    return _NAME.fullmatch(name) is not None and not name.endswith(".git")


def now() -> str:
    """The time as the Hub writes it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
