"""Who asks for the gated repos, what they wrote in the form, and what became of it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.client import LISTINGS, connect, retried
from hubkit.workspace import atomic

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import AccessRequest

Status = Literal["pending", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = ("pending", "accepted", "rejected")

FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")
"""Where a spreadsheet may see a formula: at the start of a cell, in full width in an Asian one, and after a semicolon
in one that takes it for the end of the cell."""


class Asked(NamedTuple):
    """A person's request for a repo.

    Attributes:
        name: their full name, where the Hub tells it.
        email: their address, likewise.
        fields: what they wrote in the form, by its questions.
        time: ISO 8601.
    """

    repo: str
    kind: Literal["dataset", "model"]
    user: str
    name: str | None
    email: str | None
    status: Status
    time: str
    fields: dict[str, str]


def gated_repos(config: ReleaseConfig) -> list[tuple[str, Literal["dataset", "model"]]]:
    """The repos of a release that stand behind a gate, with the Hub's type of each."""
    dataset, adapter = config.hub.repo("dataset"), config.hub.repo("adapter")
    return [(dataset, "dataset"), (adapter, "model")] if config.custody.adapter_on_hub else [(dataset, "dataset")]


def requests(config: ReleaseConfig, statuses: tuple[Status, ...] = STATUSES) -> list[Asked]:
    """All requests of these statuses, newest first within a repo.

    Raises:
        HubkitError: the Hub refused or did not answer.
    """
    api = connect()
    return [
        asked for repo, kind in gated_repos(config) for status in statuses for asked in _listed(api, repo, kind, status)
    ]


def grant(config: ReleaseConfig, user: str) -> list[str]:
    """Let `user` read the gated repos, whether they asked or not; return the repos that they could not read before.

    Raises:
        HubkitError: there is no such user, or the Hub refused or did not answer.
    """
    api, changed = connect(), []
    _check_user(api, user)
    for repo, kind in gated_repos(config):
        known = _status(api, repo, kind, user)
        if known != "accepted":
            decision = "accept_access_request" if known else "grant_access"
            _decide(api, repo, kind, user, "accepted", decision)
            changed.append(repo)
    return changed


def reject(config: ReleaseConfig, user: str, reason: str | None = None) -> list[str]:
    """Turn `user` down, or take a grant back; return the repos that this changed something about.

    Raises:
        HubkitError: they never asked for any of the repos, or the Hub refused or did not answer.
    """
    api = connect()
    known = {(repo, kind): _status(api, repo, kind, user) for repo, kind in gated_repos(config)}
    if not any(known.values()):
        raise HubkitError(f"{user} did not ask for access", where=config.hub.namespace, hint="see: hubkit access list")
    changed = []
    for (repo, kind), status in known.items():
        if status in ("pending", "accepted"):
            _decide(api, repo, kind, user, "rejected", "reject_access_request", rejection_reason=reason)
            changed.append(repo)
    return changed


def export(config: ReleaseConfig, path: Path) -> int:
    """Write all requests to a CSV file, a column per question of the form; return how many there are.

    Only its owner may read the file: it says who people are.

    Raises:
        HubkitError: the file cannot be written, or the Hub refused or did not answer.
    """
    asked = requests(config)
    questions = list(dict.fromkeys(question for request in asked for question in request.fields))
    with atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["repo", "user", "name", "email", "status", "time", *map(_harmless, questions)])
        for request in asked:
            answers = [_harmless(request.fields.get(question, "")) for question in questions]
            person = [_harmless(known or "") for known in (request.user, request.name, request.email)]
            writer.writerow([request.repo, *person, request.status, request.time, *answers])
    return len(asked)


@retried("{repo}", LISTINGS)
def _listed(api: HfApi, repo: str, kind: Literal["dataset", "model"], status: Status) -> list[Asked]:
    return [
        Asked(
            repo,
            kind,
            request.username or request.request_id,
            request.fullname,
            request.email,
            status,
            request.timestamp.isoformat(),
            {str(question): str(answer) for question, answer in (request.fields or {}).items()},
        )
        for request in _all(api, repo, kind, status)
    ]


def _all(api: HfApi, repo: str, kind: str, status: Status) -> Iterator[AccessRequest]:
    listing = {
        "pending": api.list_pending_access_requests,
        "accepted": api.list_accepted_access_requests,
        "rejected": api.list_rejected_access_requests,
    }[status]
    yield from listing(repo, repo_type=kind)


@retried("{user}")
def _check_user(api: HfApi, user: str) -> None:
    from huggingface_hub.errors import HfHubHTTPError

    try:
        api.get_user_overview(user)
    except HfHubHTTPError as error:
        if error.response.status_code != 404:
            raise
        hint = "see their name on the Hub, or: hubkit access list"
        raise HubkitError("there is no such user", where=user, hint=hint) from None


def _status(api: HfApi, repo: str, kind: Literal["dataset", "model"], user: str) -> Status | None:
    for status in STATUSES:
        if any(asked.user == user for asked in _listed(api, repo, kind, status)):
            return status
    return None


@retried("{repo}, user {user}")
def _decide(
    api: HfApi,
    repo: str,
    kind: Literal["dataset", "model"],
    user: str,
    wanted: Status,
    decision: str,
    **options: str | None,
) -> None:
    """Give a request the status `wanted` by the call `decision`; it may have it already, where an answer was lost."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        getattr(api, decision)(repo, user, repo_type=kind, **options)
    except HfHubHTTPError as error:
        # How the Hub refuses to do again what is done: 404 to a decision, 400 to a grant.
        if error.response.status_code not in (400, 404) or _status(api, repo, kind, user) != wanted:
            raise


def plain(text: str) -> str:
    """What a stranger wrote, with nothing in it that moves the cursor or ends the line."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def _harmless(answer: str) -> str:
    # A spreadsheet would run what a stranger wrote into the form as a formula.
    return FORMULA.sub(r"\1\2'", plain(answer))
