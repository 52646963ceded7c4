"""Taking a version back: grants, files with all that serves them, and its tag; a notice stays."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubkit.artifacts.eval_results import is_result
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.access import Asked, cancel, gated_repos, plain, requests
from hubkit.hub.changes import NOTHING, Change, Remote, commit_changes, remote_files, withdrawn
from hubkit.hub.client import connect, retried
from hubkit.hub.receipt import mark_withdrawn
from hubkit.hub.targets import CARD, SCRIPT_BRANCH, WITHOUT_DATA, is_signature, signature_path
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SHA256_LENGTH = 64
"""Hexadecimal digits of a SHA-256; an id of git, a SHA-1, has 40."""

NO_REASON = "Ask its maintainers why."

_NOTICE = """{begin}(written by hubkit; edit outside of the marks) -->
> **{tag} was withdrawn on {day}.** {reason}
>
> Delete your copies of it, and what you made from it.
<!-- hubkit:end withdrawn-{tag} -->

"""


class Withdrawal(NamedTuple):
    """What withdrawing a version does to a repo.

    Attributes:
        files: large files of the version that no other release holds: digest by path; they leave every commit.
        small: its other files that no other release holds and main still does, but for the card and the licence; they
            leave main.
        past: such files that main holds no more, or with other content: only former commits have them.
        kept: files that stay, since another release holds them too.
        alone: whether there is no other release, so that the history of main can go as well.
        script: whether the branch of the script for datasets 3 goes, which loads this version.
        readers: users whose grants are revoked; nobody where another release stays, since a grant is for the repo.
        commits: the commits of main and of the tag, newest first, as they are before the withdrawal.
        only_here: digests by path of all files of the version that no other release holds.
    """

    repo: str
    kind: Literal["dataset", "model"]
    files: dict[str, str]
    small: list[str]
    kept: list[str]
    alone: bool
    script: bool
    readers: list[str]
    past: list[str]
    commits: list[str]
    only_here: dict[str, str]


def plan_withdrawal(config: ReleaseConfig, tag: str) -> list[Withdrawal]:
    """What `withdraw` would do; it only reads.

    Raises:
        HubkitError: no repo has this tag, or the Hub refused or did not answer.
    """
    api = connect()
    readers: dict[str, list[str]] = {}
    for asked in requests(config, ("accepted",)):
        readers.setdefault(asked.repo, []).append(asked.user)
    planned = []
    for repo, kind in gated_repos(config):
        remote = remote_files(api, repo, kind, revision=tag)
        if remote is not NOTHING:
            planned.append(_plan_one(api, repo, kind, tag, remote, readers.get(repo, [])))
    if not planned:
        found = ", ".join(sorted(_tags(api, config))) or "none"
        raise HubkitError(f"there is no tag {tag}", where=config.hub.namespace, hint=f"tags of its repos: {found}")
    return planned


def _plan_one(
    api: HfApi, repo: str, kind: Literal["dataset", "model"], tag: str, remote: Remote, readers: list[str]
) -> Withdrawal:
    others = _others(api, repo, kind, tag)
    kept = {file for other in others for file in other.files.items()}
    own = {path: file for path, file in remote.files.items() if path not in WITHOUT_DATA and not is_signature(path)}
    elsewhere = {digest for _, (digest, _) in kept}
    large = {path: file[0] for path, file in own.items() if _is_large(file) and file[0] not in elsewhere}
    lost = {path: file for path, file in own.items() if not _is_large(file) and (path, file) not in kept}
    main = remote_files(api, repo, kind).files
    # The Hub may have refused results before the tag was made, and taken them later: then main alone has them.
    stray = {path for path in main if not others and is_result(path)} - own.keys()
    # It lists the names and digests of the version's files.
    stray |= {signature_path(tag)} & main.keys()
    return Withdrawal(
        repo=repo,
        kind=kind,
        files=large,
        small=sorted({path for path, file in lost.items() if main.get(path) == file} | stray),
        past=sorted(path for path, file in lost.items() if main.get(path) != file),
        kept=sorted(own.keys() - large.keys() - lost.keys()),
        alone=not others,
        script=kind == "dataset" and _scripted(api, repo, tag),
        # The Hub grants a repo and not a version: who may read the other releases still may.
        readers=[] if others else readers,
        commits=_commits(api, repo, kind, tag),
        only_here={**large, **{path: digest for path, (digest, _) in lost.items()}},
    )


def withdraw(config: ReleaseConfig, tag: str, reason: str, workspace: Workspace | None = None) -> list[Withdrawal]:
    """Take the version of `tag` back, and return what was done.

    Grants of repos that hold no other release are revoked first, so that nobody reads while the rest is done. Then
    each card gets a notice, the files are deleted, and the tag goes last: until then, running this again goes on.

    The receipt of `workspace`, where it pushed this version, says so from then on.

    Raises:
        HubkitError: no repo has this tag, a grant cannot be revoked, or the Hub refused or stopped answering.
    """
    api, planned = connect(), plan_withdrawal(config, tag)
    alone = {each.repo for each in planned if each.alone}
    for asked in requests(config, ("accepted",)) if alone else []:
        if asked.repo in alone:
            _revoke(api, asked, asked.repo)
    if alone:
        _check_revoked(config, alone)
    for each in planned:
        repo, kind = each.repo, each.kind
        _put_notice(api, repo, kind, tag, " ".join(reason.split()))
        if workspace is not None:
            # Not before the Hub took the first change: the token may turn out to read only.
            mark_withdrawn(workspace, tag)
        _delete_large(api, repo, kind, set(each.files.values()))
        _delete_small(api, repo, kind, tag, each.small)
        if each.script:
            _delete_branch(api, repo)
        if each.alone:
            _forget_history(api, repo, kind, tag)
        _delete_tag(api, repo, kind, tag)
    return planned


def _tags(api: HfApi, config: ReleaseConfig) -> set[str]:
    """The tags of the release's repos."""
    return {name for repo, kind in gated_repos(config) for name in _tags_of(api, repo, kind)}


@retried("{repo}")
def _tags_of(api: HfApi, repo: str, kind: str) -> list[str]:
    return [ref.name for ref in api.list_repo_refs(repo, repo_type=kind).tags]


@retried("{repo}")
def _others(api: HfApi, repo: str, kind: str, tag: str) -> list[Remote]:
    """What the repo's other tags hold."""
    return [remote_files(api, repo, kind, revision=name) for name in _tags_of(api, repo, kind) if name != tag]


@retried("{repo}")
def _commits(api: HfApi, repo: str, kind: str, tag: str) -> list[str]:
    listed = [commit for ref in ("main", tag) for commit in api.list_repo_commits(repo, repo_type=kind, revision=ref)]
    return list(dict.fromkeys(commit.commit_id for commit in listed))


def _is_large(file: tuple[str, int]) -> bool:
    return len(file[0]) == SHA256_LENGTH


@retried("{repo}")
def _scripted(api: HfApi, repo: str, tag: str) -> bool:
    """Whether the branch of the script for datasets 3 loads the version of this tag."""
    script = remote_files(api, repo, "dataset", revision=SCRIPT_BRANCH)
    fetched = (
        api.hf_hub_download(repo, path, repo_type="dataset", revision=script.commit)
        for path in script.files
        if path.endswith(".py")
    )
    return any(f'"{tag}"' in Path(path).read_text(encoding="utf-8") for path in fetched)


@retried("{repo}")
def _revoke(api: HfApi, asked: Asked, repo: str) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        cancel(api, asked)
    except HfHubHTTPError as error:
        # The request is pending already: an answer was lost, and this is the second time of asking.
        if error.response.status_code != 404:
            raise


def _check_revoked(config: ReleaseConfig, repos: set[str]) -> None:
    """Read the grants back: the Hub answers 404 both for a grant that is gone and for a user that it does not know.

    Raises:
        HubkitError: somebody may still read one of the repos.
    """
    left = [asked for asked in requests(config, ("accepted",)) if asked.repo in repos]
    if left:
        users = ", ".join(dict.fromkeys(plain(asked.user) for asked in left))
        raise HubkitError(
            f"access was revoked, but the Hub still grants it to {users}; nothing was deleted",
            where=left[0].repo,
            hint="revoke it in the repo's settings on the Hub, then run this again",
        )


@retried("{repo}")
def _put_notice(api: HfApi, repo: str, kind: str, tag: str, reason: str) -> None:
    main = remote_files(api, repo, kind)
    card = ""
    if CARD in main.files:
        fetched = api.hf_hub_download(repo, CARD, repo_type=kind, revision=main.commit)
        card = Path(fetched).read_text(encoding="utf-8")
    if withdrawn(tag) not in card:
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        head = re.match(r"\A---\n.*?\n---\n+", card, re.DOTALL)
        at = head.end() if head else 0
        notice = _NOTICE.format(begin=withdrawn(tag), tag=tag, day=day, reason=reason)
        noticed = f"{card[:at]}{notice}{card[at:]}".encode()
        change = Change(CARD, len(noticed), "update", "withdrawn", noticed)
        # With its parent named, the commit never takes back what somebody wrote into the card meanwhile.
        commit_changes(api, repo, kind, [change], f"Withdraw {tag}", main.commit)


@retried("{repo}")
def _delete_large(api: HfApi, repo: str, kind: str, digests: set[str]) -> None:
    stored = [file for file in api.list_lfs_files(repo, repo_type=kind) if file.file_oid in digests]
    if stored:
        api.permanently_delete_lfs_files(repo, stored, rewrite_history=True, repo_type=kind)


@retried("{repo}")
def _delete_small(api: HfApi, repo: str, kind: str, tag: str, paths: list[str]) -> None:
    version, main = (remote_files(api, repo, kind, revision=revision) for revision in (tag, "main"))
    changes = [
        Change(path, main.files[path][1], "delete", "withdrawn", None)
        for path in paths
        if path in main.files and main.files[path] == version.files.get(path, main.files[path])
    ]
    commit_changes(api, repo, kind, changes, f"Withdraw {tag}", main.commit)


@retried("{repo}")
def _forget_history(api: HfApi, repo: str, kind: str, tag: str) -> None:
    if len(api.list_repo_commits(repo, repo_type=kind)) > 1:
        api.super_squash_history(repo, branch="main", commit_message=f"Withdraw {tag}", repo_type=kind)


@retried("{repo}")
def _delete_branch(api: HfApi, repo: str) -> None:
    if any(ref.name == SCRIPT_BRANCH for ref in api.list_repo_refs(repo, repo_type="dataset").branches):
        api.delete_branch(repo, branch=SCRIPT_BRANCH, repo_type="dataset")


@retried("{repo}")
def _delete_tag(api: HfApi, repo: str, kind: str, tag: str) -> None:
    if any(ref.name == tag for ref in api.list_repo_refs(repo, repo_type=kind).tags):
        api.delete_tag(repo, tag=tag, repo_type=kind)
