"""A release as its repos on a Hub show it: what somebody finds who knows their names and has a token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.custody import ROSTER
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import retried
from hubkit.hub.targets import SCRIPT_BRANCH

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ARTIFACTS = {"dataset": "dataset", "model": "adapter", "space": "metric"}
"""What a repo of each of the Hub's types holds of a release."""

_WANTED = {"dataset": r"data/.+\.parquet", "adapter": r"adapter_model\.safetensors", "metric": r"[^/]+\.py"}
_TAG = re.compile(r"release-(\d+)\.(\d+)\.(\d+)")


class OnHub(NamedTuple):
    """The repos of a release, by artifact: dataset, adapter, metric; those that were named.

    Attributes:
        repos: their ids.
        commits: what the tag names in each.
        files: a file of each that stands for its content; in a gated repo it lies behind the gate.
        tag: the release's; "main" where the repos have none.
        sealed: whether the dataset's text is.
        script: whether the dataset has a branch with the loader.
    """

    repos: dict[str, str]
    commits: dict[str, str]
    files: dict[str, str]
    tag: str
    sealed: bool
    script: bool


def find_release(api: HfApi, names: Iterable[str], tag: str | None = None) -> OnHub:
    """Find out what is behind `names`.

    Args:
        names: ids of repos, at most one of each kind; "datasets/lab/name" says which kind is meant.
        tag: a tag, branch or commit that all of them have; the newest `release-...` of the first where it is None.

    Raises:
        UsageError: a name is not an id, there are two of a kind, or a name could be two repos.
        HubkitError: the token is not valid; a repo is not there, not readable, empty, or has no such tag.
    """
    # Of a token that is not valid, a Hub may say no more than that it knows of no such repo.
    api.whoami()
    repos: dict[str, str] = {}
    for name in names:
        kind, repo = _kind(api, name)
        if ARTIFACTS[kind] in repos:
            raise UsageError(f"is a {kind}, as {repos[ARTIFACTS[kind]]} is", where=name, hint="name one of each kind")
        repos[ARTIFACTS[kind]] = repo
    repos = {artifact: repos[artifact] for artifact in ARTIFACTS.values() if artifact in repos}
    kinds = {artifact: kind for kind, artifact in ARTIFACTS.items() if artifact in repos}
    refs = {artifact: api.list_repo_refs(repo, repo_type=kinds[artifact]) for artifact, repo in repos.items()}
    tag = tag or _newest(refs[next(iter(repos))])
    infos = {artifact: _at(api, repo, kinds[artifact], tag, refs[artifact]) for artifact, repo in repos.items()}
    files = {artifact: [item.rfilename for item in info.siblings] for artifact, info in infos.items()}
    return OnHub(
        repos,
        {artifact: info.sha for artifact, info in infos.items()},
        {artifact: _file(repos[artifact], artifact, tag, names) for artifact, names in files.items()},
        tag,
        sealed=ROSTER.as_posix() in files.get("dataset", []),
        script="dataset" in refs and SCRIPT_BRANCH in {branch.name for branch in refs["dataset"].branches},
    )


def _kind(api: HfApi, name: str) -> tuple[str, str]:
    """The Hub's type of a repo, which this account can read, and its id."""
    prefix, _, rest = name.partition("/")
    kinds = [prefix.removesuffix("s")] if prefix in ("datasets", "models", "spaces") else list(ARTIFACTS)
    repo = rest if len(kinds) == 1 else name
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise UsageError("is not the id of a repo", where=name, hint="name it as NAMESPACE/NAME")
    found = [kind for kind in kinds if _readable(api, repo, kind)]
    if len(found) > 1:
        raise UsageError(f"is a {' and a '.join(found)}", where=name, hint=f"write {found[0]}s/{repo} or another")
    if not found:
        raise HubkitError(
            f"there is no such {' or '.join(kinds)}, or you may not see it",
            where=f"{current_endpoint()}/{repo}",
            hint="check the name, HF_ENDPOINT and the token",
        )
    return found[0], repo


@retried("{repo}")
def _readable(api: HfApi, repo: str, kind: str) -> bool:
    """Whether there is such a repo.

    Raises:
        HubkitError: there is, and its gate is shut to this account.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        api.auth_check(repo, repo_type=kind)
    except GatedRepoError:
        hint = (
            "ask for it on the repo's page; if it was granted, enable access to public gated repositories in your token"
        )
        raise HubkitError("access is not granted to you", where=repo, hint=hint) from None
    except RepositoryNotFoundError:
        return False
    return True


def _newest(refs: Any) -> str:
    """The tag of the highest version; main where none is a release's."""
    found = [match for ref in refs.tags if (match := _TAG.fullmatch(ref.name))]
    return max(found, key=lambda match: tuple(map(int, match.groups())))[0] if found else "main"


def _at(api: HfApi, repo: str, kind: str, tag: str, refs: Any) -> Any:
    """What the repo holds at a tag, branch or commit."""
    names = [ref.name for ref in refs.tags]
    if tag not in (*names, *(ref.name for ref in refs.branches)) and not re.fullmatch(r"[0-9a-f]{7,40}", tag):
        raise HubkitError(f"there is no {tag}", where=repo, hint=f"its tags: {', '.join(names) or 'none'}")
    return api.repo_info(repo, repo_type=kind, revision=tag)


def _file(repo: str, artifact: str, tag: str, names: list[str]) -> str:
    found = next((name for name in names if re.fullmatch(_WANTED[artifact], name)), None)
    if found is None:
        raise HubkitError(
            f"holds no {artifact} of a release at {tag}", where=repo, hint="check the name and --revision"
        )
    return found
