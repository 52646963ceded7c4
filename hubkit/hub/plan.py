"""What a push would do, file by file, and what would stop it; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.hub import gate
from hubkit.hub.changes import Change, check_card, check_tag, compare, remote_files, wanted_changes
from hubkit.hub.clear_versions import check_clear_versions
from hubkit.hub.client import connect, retried
from hubkit.hub.commits import kept_commits
from hubkit.hub.identity import check_identity, check_outsider
from hubkit.hub.results import check_results
from hubkit.hub.targets import CARD, PROBES, SCRIPT_BRANCH, Target, files_below, targets
from hubkit.pins import UNKNOWN, parts
from hubkit.terms.policy import check_permission
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class Planned(NamedTuple):
    """What a push would do to a repo, or to a branch of it.

    Attributes:
        where: the repo, as in its address, and the branch where it is not main.
        now: what it is like before the push, for people.
        changes: its files.
    """

    where: str
    now: str
    changes: list[Change]

    def totals(self) -> Iterator[str]:
        """How many files are added, updated, deleted and kept, with their bytes."""
        for action in ("add", "update", "delete", "keep"):
            sizes = [change.size for change in self.changes if change.action == action]
            if sizes:
                yield f"{action} {len(sizes)} ({sum(sizes):,} B)"


class Plan(NamedTuple):
    """What a push would do.

    Attributes:
        repos: by repo and branch, in their order.
        obstacles: why it would be refused; none where it would not.
        warnings: what it would warn of.
    """

    repos: list[Planned]
    obstacles: list[HubkitError]
    warnings: list[str]


def plan_push(config: ReleaseConfig, workspace: Workspace) -> Plan:
    """Look at the Hub and say what `push` would do; it only reads.

    Raises:
        HubkitError: dist/ is incomplete, there is no token, or the Hub refused or did not answer.
    """
    api, found = connect(), targets(config, workspace)

    def check_second_token() -> None:
        check_outsider(config, api, gate.ungranted_token(config.hub.waive_ungranted_probe))

    obstacles = [
        *raised(partial(check_permission, config, workspace, current_endpoint())),
        *raised(check_second_token),
        *raised(partial(check_identity, config, api)),
        *raised(partial(check_clear_versions, config, api)),
        *raised(partial(check_results, found)),
    ]
    kept = kept_commits(api, found, workspace.dist / "dataset-script")
    repos, warnings = [], list[str]()
    for target in found:
        info = gate.look(api, target)
        if target.gated and info is not None:
            obstacles += raised(partial(gate.check, info, target))
            if warning := gate.doi_warning(info, target):
                warnings.append(warning)
        obstacles += raised(partial(check_tag, api, target, config.release.tag))
        changes = _changes(api, target, {part: kept.get(part, UNKNOWN) for part in parts(target.card())})
        for change in changes:
            if change.path == CARD and change.content is not None and change.action != "keep":
                obstacles += raised(partial(check_card, api, target, change.content))
        repos.append(Planned(target.web, describe(info, target), changes))
    script = workspace.dist / "dataset-script"
    if script.is_dir():
        remote = remote_files(api, found[0].repo, found[0].kind, SCRIPT_BRANCH)
        now = "is there" if remote.commit else "is new"
        repos.append(Planned(f"{found[0].web}, branch {SCRIPT_BRANCH}", now, compare(files_below(script), remote)))
    return Plan(repos, obstacles, warnings)


@retried("{target.repo}")
def _changes(api: HfApi, target: Target, known: dict[str, str]) -> list[Change]:
    remote = remote_files(api, target.repo, target.kind)
    missing = {path: text for path, text in PROBES.items() if target.gated and path not in remote.files}
    probes = [Change(path, len(text), "add", "tries the gate, holds no data", text) for path, text in missing.items()]
    return [*probes, *wanted_changes(api, target, known)[0]]


def describe(info: Any, target: Target) -> str:
    """What a repo is like before a push, as the predicate of a sentence.

    Args:
        info: what `gate.look` found.
    """
    if info is None:
        return "is new; private until its gate is proven" if target.gated else "is new; public"
    gated = {"manual": "behind a gate", "auto": "behind a gate that opens by itself"}.get(
        str(info.gated), "open to all"
    )
    return f"is {'private' if info.private else 'public'}, {gated}" if target.gated else "is there"


def raised(check: Callable[[], object]) -> list[HubkitError]:
    """Why a check refuses a push; empty where it does not."""
    try:
        check()
    except HubkitError as error:
        return [error]
    return []
