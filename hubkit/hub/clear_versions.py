"""From gated to sealed in one repo: what its older versions still show in clear, which no seal calls back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hubkit.config import ReleaseConfig
from hubkit.custody import ROSTER
from hubkit.errors import HubkitError
from hubkit.hub.changes import remote_files
from hubkit.hub.client import retried

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NAMED = 5
"""So many versions and commits stand in a message."""

TABLE = re.compile(r"data/.+\.parquet")
WEIGHTS = "adapter_model.safetensors"


def check_clear_versions(config: ReleaseConfig, api: HfApi) -> None:
    """Refuse to push a sealed release into a repo that has shown its text in clear.

    The card would say "sealed", while everybody who was granted access reads the older version.

    Raises:
        HubkitError: a version of the dataset is in clear, or the adapter, which goes to PhysioNet alone now, is on
            the Hub; it names what to withdraw.
    """
    if config.custody.mode != "sealed":
        return
    repo = config.hub.repo("dataset")
    clear = [name for name, files in _states(api, repo, "dataset") if _in_clear(files)]
    if clear:
        raise _refusal(repo, "reports in clear", clear, "[hub] dataset")
    if not config.custody.adapter_on_hub:
        repo = config.hub.repo("adapter")
        kept = [name for name, files in _states(api, repo, "model") if WEIGHTS in files]
        if kept:
            # `hubkit withdraw` looks at the repos that the settings put on the Hub.
            raise _refusal(repo, "an adapter", kept, '[custody] adapter_custody = "gated" for that, and [hub] adapter')


def _in_clear(files: set[str]) -> bool:
    return ROSTER.as_posix() not in files and any(TABLE.fullmatch(path) for path in files)


def _refusal(repo: str, what: str, names: list[str], setting: str) -> HubkitError:
    shown = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    tags = [name for name in names if name.startswith("release-")]
    withdraw = "; ".join(f"hubkit withdraw --tag {tag}" for tag in tags[:NAMED]) or "delete the repo on the Hub"
    return HubkitError(
        f"holds {what}, which stays readable to whoever has access: {shown}",
        where=repo,
        hint=f"use a new repo, which is safest, or take it back first: {withdraw} ({setting})",
    )


@retried("{repo}")
def _states(api: HfApi, repo: str, kind: str) -> list[tuple[str, set[str]]]:
    """Name and files of every state of a repo that can be read: tags, branches, pull requests, commits of main."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        refs = api.list_repo_refs(repo, repo_type=kind, include_pull_requests=True)
        commits = [commit.commit_id for commit in api.list_repo_commits(repo, repo_type=kind)]
    except RepositoryNotFoundError:
        return []
    named = [*refs.tags, *refs.branches, *(refs.pull_requests or [])]
    names = {ref.target_commit: ref.name for ref in reversed(named)}  # a tag's name goes before a branch's
    for commit in commits:
        names.setdefault(commit, f"commit {commit[:8]}")
    return [(name, set(remote_files(api, repo, kind, commit).files)) for commit, name in names.items()]
