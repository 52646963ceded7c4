"""The stage `push`: dist/ -> three repos on a Hub. No data before a gate that was proven from outside.

Every step looks at the Hub before it changes anything, so that each can be run again, after a lost answer as
after a kill: a push that is run again goes on where it was, and one with nothing to do makes no commit.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.eval_results import is_result
from hubkit.artifacts.receipt import Pins, PushedRepo, Receipt, write_receipt
from hubkit.config import ReleaseConfig
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.hub import gate
from hubkit.hub.changes import (
    NOTHING,
    Change,
    Content,
    card_on_hub,
    check_tag,
    commit_changes,
    compare,
    digests,
    remote_files,
    wanted_changes,
)
from hubkit.hub.clear_versions import check_clear_versions
from hubkit.hub.client import Stumble, connect, retried
from hubkit.hub.commits import kept_commits, pins_of
from hubkit.hub.identity import check_identity, check_outsider
from hubkit.hub.results import check_results, filled_results, framework_notice
from hubkit.hub.targets import CARD, PROBES, SCRIPT_BRANCH, Target, files_below, targets
from hubkit.pins import SCRIPT
from hubkit.terms.policy import check_permission, name_warning
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi


class Pushed(NamedTuple):
    """What a repo holds: the commit, and the SHA-256 of each file of the release."""

    commit: str
    files: dict[str, str]


class Proposed(HubkitError):
    """The data of a repo are in a pull request, whose address is `where`."""


def push(config: ReleaseConfig, workspace: Workspace) -> None:
    """Push the release and write the receipt: repos, commits, tags, and the SHA-256 of every file.

    Raises:
        HubkitError: the push is not covered by the corpus's terms, the Hub refused or stopped answering, the tag names
            something else, or a gate was not as it should be; then its repo is private again.
    """
    endpoint = current_endpoint()
    check_permission(config, workspace, endpoint)
    warning = name_warning(config, chosen=False)
    if warning:
        print(f"  push: {warning}", file=sys.stderr)
    ungranted = gate.ungranted_token(config.hub.waive_ungranted_probe)
    api, found = connect(), targets(config, workspace)
    check_results(found)
    check_identity(config, api)
    check_outsider(config, api, ungranted)
    check_clear_versions(config, api)
    for target in found:
        check_tag(api, target, config.release.tag)
    # Each gated repo as it is now: what the push would stop at later is refused before the Space goes up.
    for target in found:
        if target.gated and (info := gate.look(api, target)) is not None:
            if warning := gate.doi_warning(info, target):
                print(f"  push: {warning}", file=sys.stderr)
            with _hidden_on_surprise(api, target):
                gate.check(info, target)
    script = workspace.dist / "dataset-script"
    commits = kept_commits(api, found, script)
    pushed, proposed = {}, []
    # The public Space first: what the Hub may refuse, such as a Space of a free account, comes before any data.
    for target in sorted(found, key=lambda each: each.gated):
        try:
            pushed[target] = _push_one(api, target, config, ungranted, commits)
            commits.setdefault(target.artifact, pushed[target].commit)
        except Proposed as waiting:
            proposed.append(waiting)
    if proposed:
        where = ", ".join(str(waiting.where) for waiting in proposed)
        raise HubkitError("waits to be merged", where=where, hint="merge it on the Hub, then push again")
    if script.is_dir():
        commits.setdefault(SCRIPT, _push_script(api, found[0], script))
    # A card names commits of all repos, so that it comes after them, and the tag goes on the commit with the card.
    for target in found:
        if target.gated:
            pushed[target] = _push_card(api, target, config, commits)
    for target in found:
        if target.gated:
            pushed[target] = _push_results(api, target, config, pushed[target], commits)
    tagged = {target: _tag(api, target, config.release.tag, pushed[target]) for target in found}
    for target in found:
        if target.gated:
            _confirm(api, target, config.release.tag, ungranted)
    # Written before the collection too, which a token may have no scope for: the release itself is complete.
    receipt = _receipt(config, endpoint, tagged, pins_of(found, commits))
    write_receipt(workspace, receipt)
    if config.hub.collection:
        write_receipt(workspace, receipt.model_copy(update={"collection": _collect(api, found, config)}))


def _push_one(
    api: HfApi, target: Target, config: ReleaseConfig, ungranted: str | None, commits: Mapping[str, str]
) -> Pushed:
    if not target.gated:
        _ensure_space(api, target, config.hub.space)
        return _push_data(api, target, config, commits)
    with _hidden_on_surprise(api, target):
        gate.shut(api, target)
        _push_probes(api, target)
        gate.show(api, target)
        gate.prove(api, target, ungranted)
        try:
            done = _push_data(api, target, config, commits)
        except Proposed:
            gate.prove(api, target, ungranted)
            raise
        gate.prove(api, target, ungranted, [*PROBES, *target.samples()])
    return done


@contextmanager
def _hidden_on_surprise(api: HfApi, target: Target) -> Iterator[None]:
    """Make the repo private where its gate turns out not to be as it should be, and stop."""
    try:
        yield
    except gate.Surprise as surprise:
        raise gate.hidden(api, target, surprise) from None


def _confirm(api: HfApi, target: Target, tag: str, ungranted: str | None) -> None:
    """Try the gate a last time, on what was pushed, by main and by the tag."""
    with _hidden_on_surprise(api, target):
        gate.prove(api, target, ungranted, [*PROBES, *target.samples()], ("main", tag))


@retried("{target.repo}")
def _push_probes(api: HfApi, target: Target) -> None:
    """Card and probes, where the repo lacks a probe: the form needs the card, and none of them holds data."""
    remote = remote_files(api, target.repo, target.kind)
    wanted: dict[str, Content] = {path: text for path, text in PROBES.items() if path not in remote.files}
    if wanted:
        if CARD not in remote.files:
            wanted[CARD] = target.folder / CARD
        changes = [change for change in compare(wanted, remote) if change.action in ("add", "update")]
        commit_changes(api, target.repo, target.kind, changes, "Add the card, and probes of the gate", remote.commit)


@retried("{target.repo}")
def _push_data(api: HfApi, target: Target, config: ReleaseConfig, commits: Mapping[str, str]) -> Pushed:
    """Make main hold what dist/ holds.

    The card goes along without the commits that are not known yet: a revision whose card describes other tables than
    it holds cannot be loaded.

    Raises:
        Stumble: it does not yet, although it was asked to.
        Proposed: the data went into a pull request.
    """
    changes, head = _data_changes(api, target, commits)
    if any(change.action != "keep" for change in changes):
        message = f"Release {config.release.version}"
        sent = [change.size for change in changes if change.action in ("add", "update")]
        print(f"  push: {target.repo}: {len(sent)} files, {sum(sent) / 1e6:,.1f} MB", file=sys.stderr)
        if target.gated and config.hub.pull_request:
            _propose(api, target, changes, message, head)
        commit_changes(api, target.repo, target.kind, changes, message, head)
        changes, head = _data_changes(api, target, commits)
    return _settled(changes, head)


def _data_changes(api: HfApi, target: Target, commits: Mapping[str, str]) -> tuple[list[Change], str | None]:
    """What is to change on main, but for the results, which get a commit of their own."""
    changes, head = wanted_changes(api, target, commits)
    return [change for change in changes if not is_result(change.path)], head


@retried("{target.repo}")
def _push_card(api: HfApi, target: Target, config: ReleaseConfig, commits: Mapping[str, str]) -> Pushed:
    """Have the card name the commits of the release, in a commit of its own, also where data go by pull request.

    Raises:
        Stumble: main does not hold what dist/ holds.
    """
    changes, head = _data_changes(api, target, commits)
    card = [change for change in changes if change.path == CARD and change.action != "keep"]
    if card:
        message = f"Name the commits of release {config.release.version} on the card"
        commit_changes(api, target.repo, target.kind, card, message, head)
        changes, head = _data_changes(api, target, commits)
    return _settled(changes, head)


def _push_results(
    api: HfApi, target: Target, config: ReleaseConfig, done: Pushed, commits: Mapping[str, str]
) -> Pushed:
    """Push what the Hub's leaderboards read, last: where the Hub refuses it, the release is complete without it."""
    try:
        return _commit_results(api, target, config, done, commits)
    except HubkitError as error:
        what = "the definition of the benchmark is" if target.artifact == "dataset" else "the results are"
        notice = framework_notice(target)
        print(f"  push: {what} left out of the Hub's leaderboards: {error}{notice}", file=sys.stderr)
        return done


@retried("{target.repo}")
def _commit_results(
    api: HfApi, target: Target, config: ReleaseConfig, done: Pushed, commits: Mapping[str, str]
) -> Pushed:
    remote = remote_files(api, target.repo, target.kind)
    wanted: dict[str, Content] = {**target.files(), **filled_results(target, commits)}
    changes = [change for change in compare(wanted, remote) if is_result(change.path)]
    if any(change.action != "keep" for change in changes):
        what = "Benchmark" if target.artifact == "dataset" else "Results"
        message = f"{what} of release {config.release.version}"
        commit_changes(api, target.repo, target.kind, changes, message, remote.commit)
        remote = remote_files(api, target.repo, target.kind)
    if not changes:
        return done
    files = {change.path: digests(change.content)[0] for change in changes if change.content is not None}
    return Pushed(str(remote.commit), {**done.files, **files})


def _settled(changes: list[Change], head: str | None) -> Pushed:
    for change in changes:
        if change.action != "keep":
            raise Stumble(f"{change.path} was pushed and main holds another: see its .gitignore, and who else pushes")
    files = {change.path: digests(change.content)[0] for change in changes if change.content is not None}
    return Pushed(str(head), files)


def _propose(api: HfApi, target: Target, changes: list[Change], message: str, parent: str | None) -> None:
    """Open a pull request with the data, or find the one that a former push opened; either way, a person merges it.

    Raises:
        Proposed: always, since the push cannot go on before that.
    """
    opened = None
    wanted = {change.path: change.content for change in changes if change.content is not None}
    for known in api.get_repo_discussions(target.repo, repo_type=target.kind, discussion_type="pull_request"):
        if known.title == message and known.status in ("open", "draft"):
            theirs = remote_files(api, target.repo, target.kind, revision=f"refs/pr/{known.num}")
            compared = compare(wanted, theirs, frozenset(PROBES))
            if all(change.action == "keep" or is_result(change.path) for change in compared):
                opened = known.num
    if opened is None:
        opened = commit_changes(api, target.repo, target.kind, changes, message, parent, pull_request=True)
    raise Proposed("waits to be merged", where=f"{api.endpoint}/{target.web}/discussions/{opened}")


@retried("{target.repo}")
def _ensure_space(api: HfApi, target: Target, sdk: str) -> None:
    """The Space is there and public, also where an organisation's repos are private by default."""
    if gate.look(api, target) is None:
        api.create_repo(target.repo, repo_type="space", space_sdk=sdk, private=False, exist_ok=True)
    info = gate.look(api, target)
    if info is None or info.private:
        api.update_repo_settings(target.repo, repo_type="space", private=False)


@retried("{target.repo}")
def _tag(api: HfApi, target: Target, tag: str, main: Pushed) -> Pushed:
    """Tag what main holds, where the tag is not there yet, and return what it names."""
    refs = api.list_repo_refs(target.repo, repo_type=target.kind)
    named = {ref.name: ref.target_commit for ref in refs.tags}
    if tag not in named:
        api.create_tag(target.repo, tag=tag, revision=main.commit, repo_type=target.kind, exist_ok=True)
    commit = named.get(tag, main.commit)
    if commit == main.commit:
        return main
    # Main has moved on from the tag by its card, which people edit, and by results that the Hub refused before.
    there = remote_files(api, target.repo, target.kind, revision=commit).files
    files = {path: digest for path, digest in main.files.items() if path in there}
    return Pushed(commit, {**files, CARD: digests(card_on_hub(api, target, commit).encode())[0]})


@retried("{target.repo}")
def _push_script(api: HfApi, target: Target, folder: Path) -> str:
    """The branch that datasets 3 runs a script from: it starts at the first commit, and holds the script alone.

    Returns:
        Its commit.
    """
    remote = remote_files(api, target.repo, target.kind, revision=SCRIPT_BRANCH)
    if remote is NOTHING:
        first = api.list_repo_commits(target.repo, repo_type=target.kind)[-1].commit_id
        api.create_branch(target.repo, branch=SCRIPT_BRANCH, revision=first, repo_type=target.kind, exist_ok=True)
        remote = remote_files(api, target.repo, target.kind, revision=SCRIPT_BRANCH)
    changes = compare(files_below(folder), remote)
    commit_changes(
        api, target.repo, target.kind, changes, "The loader, for datasets 3", remote.commit, revision=SCRIPT_BRANCH
    )
    return str(remote_files(api, target.repo, target.kind, revision=SCRIPT_BRANCH).commit)


def _collect(api: HfApi, found: list[Target], config: ReleaseConfig) -> str:
    made = api.create_collection(config.release.title, namespace=config.hub.namespace, exists_ok=True)
    for target in found:
        api.add_collection_item(made.slug, target.repo, target.kind, exists_ok=True)
    return str(made.slug)


def _receipt(config: ReleaseConfig, endpoint: str, pushed: Mapping[Target, Pushed], pins: Pins) -> Receipt:
    return Receipt(
        endpoint=endpoint,
        version=config.release.version,
        collection=None,
        ungranted_probe_waived=config.hub.waive_ungranted_probe,
        repos={
            target.artifact: PushedRepo(
                id=target.repo,
                type=target.kind,
                url=f"{endpoint}/{target.web}",
                tag=config.release.tag,
                commit=done.commit,
                files=done.files,
            )
            for target, done in pushed.items()
        },
        pins=pins,
    )
