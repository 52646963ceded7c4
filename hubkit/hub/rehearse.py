"""A dress rehearsal on a Hub, with invented rows: what hubkit takes for granted, and what this Hub does.

It creates three repos with a random name, pushes, looks at them as a stranger, grants and revokes, withdraws and lists
what is left. The record says how the Hub answered what its documents leave open. No name and no token is in it.
"""

from __future__ import annotations

import secrets
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from hubkit import __version__
from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.rehearsal_record import Answered, RehearsalRecord
from hubkit.config import ReleaseConfig, parse_config
from hubkit.endpoint import OFFICIAL, current_endpoint, is_loopback, trusted_certificates
from hubkit.errors import HubkitError
from hubkit.hub import gate
from hubkit.hub.access import grant, requests, revoke
from hubkit.hub.client import SECONDS_WITHOUT_ANSWER, connect, retrying
from hubkit.hub.identity import check_identity, check_outsider, whoami
from hubkit.hub.invented import DATA, SMALL, write_invented
from hubkit.hub.leftovers import leftovers
from hubkit.hub.push import push
from hubkit.hub.targets import PROBE, Target, targets
from hubkit.hub.withdraw import withdraw
from hubkit.tokens import environment_token
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from huggingface_hub import HfApi

QUESTIONS = {
    "stranger": "How is a stranger answered at a shut gate?",
    "no_grant": "How is a user without a grant answered at a shut gate?",
    "xet_token": "How is a stranger answered who asks for a token of Xet?",
    "small_files": "Does a stranger see the digest of a small file behind the gate?",
    "large_files": "Does a stranger see the SHA-256 or the Xet hash of a large file behind the gate?",
    "results": "Are the files for leaderboards taken?",
    "visibility": "Does a change of visibility alone keep the gate?",
    "grant": "Can access be granted to a user who did not ask?",
    "hidden": "Do lists of requests hide names?",
    "revoke": "What is a request whose grant was cancelled?",
    "revoked_read": "How is a user answered whose grant was cancelled?",
    "rate_limit": "Do answers carry a RateLimit header?",
    "left": "What still answers after a withdrawal?",
}

NO_SECOND = f"not tried: {gate.UNGRANTED_TOKEN} is not set"
NOT_REACHED = "not reached"

Say = Callable[[str], object]


class Rehearsal(NamedTuple):
    """A rehearsal that runs.

    Attributes:
        config: of the invented release.
        workspace: where it lies.
        answers: by question; `NOT_REACHED` until it is answered.
    """

    config: ReleaseConfig
    workspace: Workspace
    answers: dict[str, str]


def rehearsal_config(namespace: str) -> ReleaseConfig:
    """The settings of a rehearsal, under a name that nothing else has."""
    name = f"hubkit-rehearsal-{secrets.token_hex(4)}"
    second = environment_token(gate.UNGRANTED_TOKEN)
    hub = {
        "namespace": namespace,
        "dataset": name,
        "adapter": f"{name}-lora",
        "metric": f"{name}-metric".replace("-", "_"),
        "collection": False,
        "waive_ungranted_probe": None if second else "a rehearsal with one account",
    }
    return parse_config({"corpus": {"kind": "demo"}, "hub": hub, "release": {"title": "A rehearsal"}})


def check_rehearsal(config: ReleaseConfig) -> list[str]:
    """The repos that a rehearsal would create.

    Raises:
        HubkitError: the tokens or the namespace would stop it, or one of the repos exists.
    """
    api = connect()
    check_identity(config, api)
    check_outsider(config, api, gate.ungranted_token(config.hub.waive_ungranted_probe))
    existing = [repo for artifact, repo in config.repos().items() if api.repo_exists(repo, repo_type=_kind(artifact))]
    if existing:
        raise HubkitError("exists already", where=existing[0], hint="run this again: it takes another name")
    return [*config.repos().values()]


def rehearse(config: ReleaseConfig, say: Say) -> RehearsalRecord:
    """Push, look, grant, revoke and withdraw; the record, also where the Hub stopped it.

    Args:
        say: called with what is being done.
    """
    answers = dict.fromkeys(QUESTIONS, NOT_REACHED)
    with tempfile.TemporaryDirectory(prefix="hubkit-rehearsal-") as folder:
        run = Rehearsal(config, Workspace(Path(folder)), answers)
        stopped = None
        try:
            for what, step in STEPS.items():
                say(what)
                step(run)
        except HubkitError as error:
            # What the Hub says may name the repo, and so the namespace: it is printed, and stays out of the record.
            say(f"stopped: {error}")
            stopped = what
    hub = (
        "the official Hub"
        if current_endpoint() == OFFICIAL
        else "loopback"
        if is_loopback(current_endpoint())
        else "other"
    )
    asked = {name: Answered(question=QUESTIONS[name], answer=answer) for name, answer in answers.items()}
    return RehearsalRecord(hubkit=__version__, hub=hub, stopped_at=stopped, answers=asked)


def created(config: ReleaseConfig) -> list[str]:
    """Which of the repos of a rehearsal there are, under the names that this run chose."""
    api = connect()
    return [repo for artifact, repo in config.repos().items() if api.repo_exists(repo, repo_type=_kind(artifact))]


def delete_created(config: ReleaseConfig) -> list[str]:
    """Delete the repos of a rehearsal, and return those that are still there.

    Raises:
        HubkitError: the Hub refused or did not answer.
    """
    api = connect()
    for artifact, repo in config.repos().items():
        api.delete_repo(repo, repo_type=_kind(artifact), missing_ok=True)
    return created(config)


def _push(run: Rehearsal) -> None:
    write_invented(run.config, run.workspace)
    push(run.config, run.workspace)
    receipt = read_receipt(run.workspace)
    assert receipt is not None
    taken = any(path.startswith(".eval_results/") for path in receipt.repos["adapter"].files)
    run.answers["results"] = "yes" if taken else "no"


def _look(run: Rehearsal) -> None:
    target = _dataset(run)
    second = environment_token(gate.UNGRANTED_TOKEN)
    run.answers["stranger"] = _met(target, PROBE, None)
    run.answers["no_grant"] = _met(target, PROBE, second) if second else NO_SECOND
    endpoint = current_endpoint()
    status, code = gate.first_byte(f"{endpoint}/api/datasets/{target.repo}/xet-read-token/main", None, target.repo)
    run.answers["xet_token"] = f"{status} {code or ''}".rstrip()
    files, limited = _listed(target)
    small, large = files.get(SMALL, {}), files.get(DATA, {})
    run.answers["small_files"] = "yes" if set(small.get("oid", "0")) != {"0"} and small.get("size") else "no"
    run.answers["large_files"] = "yes" if "lfs" in large or "xetHash" in large else "no"
    run.answers["rate_limit"] = "yes" if limited else "no"


def _listed(target: Target) -> tuple[dict[str, Any], bool]:
    """What a stranger sees of the files, by path, and whether the answer tells of a limit."""
    import httpx

    address = f"{current_endpoint()}/api/datasets/{target.repo}/tree/main"
    answer = httpx.get(
        address,
        params={"recursive": "true"},
        timeout=SECONDS_WITHOUT_ANSWER,
        verify=trusted_certificates(),
    )
    items = answer.json() if answer.is_success else []
    return {item["path"]: item for item in items}, "RateLimit" in answer.headers


def _turn(run: Rehearsal) -> None:
    """Hide and show the dataset by its visibility alone; a Hub that drops the gate shows invented rows for a moment."""
    api, target = connect(), _dataset(run)
    for private in (True, False):
        api.update_repo_settings(target.repo, repo_type=target.kind, private=private)
    info = gate.look(api, target)
    kept = info is not None and info.gated == "manual"
    run.answers["visibility"] = "yes" if kept else "no"
    if not kept:
        api.update_repo_settings(target.repo, repo_type=target.kind, gated="manual")


def _grant(run: Rehearsal) -> None:
    second, target = environment_token(gate.UNGRANTED_TOKEN), _dataset(run)
    if second is None:
        run.answers.update(dict.fromkeys(("grant", "hidden", "revoke", "revoked_read"), NO_SECOND))
        return
    user = str(whoami(_client(second))["name"])
    grant(run.config, user)
    status, _ = gate.first_byte(_address(target, PROBE), second, target.repo)
    run.answers["grant"] = "yes" if status < 400 else f"granted, and then answered {status}"
    accepted = [asked for asked in requests(run.config, ("accepted",)) if asked.repo == target.repo]
    named = [asked for asked in accepted if asked.user == user]
    run.answers["hidden"] = "no" if named else "yes"
    if not named:
        run.answers.update(dict.fromkeys(("revoke", "revoked_read"), "not tried: names are hidden"))
        return
    revoke(run.config, user)
    after = [asked.status for asked in requests(run.config) if asked.repo == target.repo and asked.user == user]
    run.answers["revoke"] = after[0] if after else "gone"
    run.answers["revoked_read"] = _met(target, PROBE, second)


def _withdraw(run: Rehearsal) -> None:
    tag = run.config.release.tag
    done = withdraw(run.config, tag, "It was a rehearsal.", run.workspace)
    found = Counter(left.where for each in done for left in leftovers(each, run.workspace))
    run.answers["left"] = ", ".join(f"{where}: {count}" for where, count in sorted(found.items())) or "nothing"


STEPS: dict[str, Callable[[Rehearsal], None]] = {
    "push": _push,
    "look as a stranger": _look,
    "hide and show": _turn,
    "grant and revoke": _grant,
    "withdraw": _withdraw,
}


def _dataset(run: Rehearsal) -> Target:
    return targets(run.config, run.workspace)[0]


def _met(target: Target, path: str, token: str | None) -> str:
    """Status and error code for the first byte of a file."""
    status, code = gate.first_byte(_address(target, path), token, target.repo)
    return f"{status} {code or ''}".rstrip()


def _address(target: Target, path: str) -> str:
    return f"{current_endpoint()}/{target.web}/resolve/main/{quote(path)}"


def _client(token: str) -> HfApi:
    from huggingface_hub import HfApi

    return retrying(HfApi(endpoint=current_endpoint(), token=token))


def _kind(artifact: str) -> str:
    return {"dataset": "dataset", "adapter": "model", "metric": "space"}[artifact]
