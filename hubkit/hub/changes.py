"""What a push would change in a repo, file by file, and the commit that changes it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubkit import pins
from hubkit.artifacts.eval_results import is_result
from hubkit.errors import HubkitError
from hubkit.hub.client import retried
from hubkit.hub.results import filled_results
from hubkit.hub.targets import CARD, HUBS_OWN, PROBES, Target, is_signature
from hubkit.hub.uploads import refused_card, uploading

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Content = Path | bytes


class Change(NamedTuple):
    """A file of a repo, before and after.

    Attributes:
        path: in the repo.
        size: in bytes, after; before, where it goes.
        action: what happens to it.
        reason: why, for people.
        content: what it will hold; None where it goes.
    """

    path: str
    size: int
    action: Literal["add", "update", "delete", "keep"]
    reason: str
    content: Content | None


class Remote(NamedTuple):
    """A repo at a revision.

    Attributes:
        commit: its commit; None where there is no such repo or revision.
        files: digest (SHA-256 for LFS, else the SHA-1 of git's blob) and size by path.
    """

    commit: str | None
    files: dict[str, tuple[str, int]]


NOTHING = Remote(None, {})


@retried("{repo}")
def remote_files(api: HfApi, repo: str, kind: str, revision: str = "main") -> Remote:
    """What is in a repo at a revision, as its owner sees it."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.hf_api import RepoFile

    try:
        commit = api.repo_info(repo, repo_type=kind, revision=revision).sha
        listed = list(api.list_repo_tree(repo, repo_type=kind, revision=commit, recursive=True))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        return NOTHING
    files = {
        item.path: (item.lfs.sha256 if item.lfs else item.blob_id, item.size)
        for item in listed
        if isinstance(item, RepoFile)
    }
    return Remote(commit, files)


def compare(wanted: Mapping[str, Content], remote: Remote, keep: frozenset[str] = frozenset()) -> list[Change]:
    """Say for each file of the repo and of `wanted` what a push does to it.

    Args:
        keep: files of the repo that stay although `wanted` lacks them.
    """
    changes = []
    for path, content in sorted(wanted.items()):
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        if path not in remote.files:
            changes.append(Change(path, size, "add", "new", content))
        elif remote.files[path][0] in digests(content):
            changes.append(Change(path, size, "keep", "the same on the Hub", content))
        else:
            changes.append(Change(path, size, "update", "its content differs", content))
    for path, (_, size) in sorted(remote.files.items()):
        stays = path in keep or path == HUBS_OWN or is_signature(path)
        if path not in wanted and not stays:
            changes.append(Change(path, size, "delete", "no longer part of the release", None))
    return changes


def wanted_changes(api: HfApi, target: Target, known: Mapping[str, str]) -> tuple[list[Change], str | None]:
    """What is to change on main, and the commit that it was compared with; a card keeps what people wrote into it.

    Args:
        known: the commits that the card names, by part of the release; it names none until all of its own are known.
    """
    wanted: dict[str, Content] = dict(target.files())
    remote = remote_files(api, target.repo, target.kind)
    wanted |= filled_results(target, known)
    if CARD in wanted:
        ours = target.card()
        if pins.parts(ours) and known.keys() >= pins.parts(ours).keys():
            ours = pins.fill(ours, known)
            wanted[CARD] = ours.encode()
        if CARD in remote.files:
            wanted[CARD] = _merged_card(api, target, remote.commit, ours)
    return compare(wanted, remote, frozenset(PROBES)), remote.commit


def holds(files: Mapping[str, Path], remote: Remote) -> bool:
    """Whether a repo holds these files at a revision, apart from the card, the probes and the results."""
    wanted = {path: content for path, content in files.items() if path != CARD}
    changes = compare(wanted, remote, frozenset({*PROBES, CARD}))
    return remote.commit is not None and all(change.action == "keep" or is_result(change.path) for change in changes)


def _merged_card(api: HfApi, target: Target, commit: str | None, ours: str) -> bytes:
    from hubkit.cards import merge_card

    theirs = card_on_hub(api, target, commit)
    merged = merge_card(theirs, ours, f"{CARD} of {target.repo}")
    # Written out again, a card that people edited may differ in the layout of its YAML alone.
    same = theirs == ours or merged == merge_card(theirs, theirs)
    return (theirs if same else merged).encode()


def card_on_hub(api: HfApi, target: Target, commit: str | None) -> str:
    """The card on the Hub at a commit, or at main; empty where there is none."""
    from huggingface_hub.errors import RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        fetched = api.hf_hub_download(target.repo, CARD, repo_type=target.kind, revision=commit)
    except (RemoteEntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError):
        return ""
    return Path(fetched).read_text(encoding="utf-8")


def withdrawn(tag: str) -> str:
    """How the notice begins that a card has of a version that was taken back."""
    return f"<!-- hubkit:begin withdrawn-{tag} "


@retried("{target.repo}")
def check_tag(api: HfApi, target: Target, tag: str) -> None:
    """Refuse to push something else under a tag that is there, or anything under one that was withdrawn.

    Raises:
        HubkitError: it names other files than dist/ holds, or the card says that it was withdrawn.
    """
    hint = "raise [release] version, then package again"
    if target.gated and withdrawn(tag) in card_on_hub(api, target, None):
        raise HubkitError(f"{tag} was withdrawn", where=target.repo, hint=hint)
    tagged = remote_files(api, target.repo, target.kind, revision=tag)
    if tagged.commit and not holds(target.files(), tagged):
        raise HubkitError(
            f"{tag} is on the Hub with other files than dist/",
            where=target.repo,
            hint=hint,
        )


def commit_changes(
    api: HfApi,
    repo: str,
    kind: str,
    changes: list[Change],
    message: str,
    parent: str | None,
    revision: str = "main",
    pull_request: bool = False,
) -> int | None:
    """Make one commit of all `changes`, none where there is nothing to change; return the number of its pull request.

    The parent is named, so that a commit whose answer was lost is not made twice: the Hub refuses the second with 412.

    Raises:
        HubkitError: the Hub refuses a file, or does not accept the metadata of the card.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    operations: list[CommitOperationAdd | CommitOperationDelete] = []
    for change in changes:
        if change.action in ("add", "update"):
            assert change.content is not None
            operations.append(CommitOperationAdd(change.path, change.content))
        elif change.action == "delete":
            operations.append(CommitOperationDelete(change.path))
    if not operations:
        return None
    with uploading(repo):
        made = api.create_commit(
            repo,
            operations,
            commit_message=message,
            repo_type=kind,
            parent_commit=parent,
            revision=revision,
            create_pr=pull_request,
        )
    return made.pr_num


@retried("{target.repo}")
def check_card(api: HfApi, target: Target, card: Content) -> None:
    """Have the Hub look at a card, as its clients do before a commit.

    Raises:
        HubkitError: the Hub does not accept its metadata.
    """
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    text = card if isinstance(card, bytes) else card.read_bytes()
    answer = get_session().post(
        f"{api.endpoint}/api/validate-yaml",
        json={"content": text.decode("utf-8"), "repoType": target.kind},
        headers=build_hf_headers(token=api.token),
    )
    if answer.status_code == 400:
        errors = answer.json().get("errors", [])
        raise refused_card(target.repo, "; ".join(str(error.get("message")) for error in errors))
    hf_raise_for_status(answer)


def digests(content: Content) -> tuple[str, str]:
    """SHA-256 of a file, and the SHA-1 that git gives its blob."""
    if isinstance(content, bytes):
        header = f"blob {len(content)}\0".encode()
        return hashlib.sha256(content).hexdigest(), hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
    status = content.stat()
    return _file_digests(content, status.st_size, status.st_mtime_ns)


@functools.cache
def _file_digests(path: Path, size: int, changed: int) -> tuple[str, str]:
    """A push compares each file several times; it is read again where its size or time of change is another."""
    plain = hashlib.sha256()
    git = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            plain.update(chunk)
            git.update(chunk)
    return plain.hexdigest(), git.hexdigest()
