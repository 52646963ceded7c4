"""Who requests access to the gated repos, what they wrote in the form, and what became of it."""

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

Kind = Literal["dataset", "model"]
Status = Literal["pending", "accepted", "rejected"]
STATUSES: tuple[Status, ...] = ("pending", "accepted", "rejected")

_GRANTED = "already has access"
"""What the Hub answers, with 400, to a grant by name of what is granted."""

FORMULA = re.compile(r"(^|;)(\s*)(?=[=+\-@＝＋－＠])")
"""Where a spreadsheet may see a formula: at the start of a cell, in full width in an Asian one, and after a semicolon
in one that takes it for the end of the cell."""


class Asked(NamedTuple):
    """A person's request for a repo.

    Attributes:
        user: their name; the request's id, where the repo's owner hides names.
        name: their full name, where the Hub tells it.
        email: their address, likewise.
        fields: what they wrote in the form, by its questions.
        time: ISO 8601.
    """

    repo: str
    kind: Kind
    user: str
    name: str | None
    email: str | None
    status: Status
    time: str
    fields: dict[str, str]
    request_id: str | None = None


def gated_repos(config: ReleaseConfig) -> list[tuple[str, Kind]]:
    """The repos of a release that stand behind a gate, with the Hub's type of each."""
    kinds: dict[str, Kind] = {"dataset": "dataset", "adapter": "model"}
    return [(repo, kinds[artifact]) for artifact, repo in config.repos().items() if artifact in kinds]


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

    Args:
        user: a name, or the id of one request, which is for one repo.

    Raises:
        HubkitError: there is no such user, or the Hub refused or did not answer.
    """
    api, changed = connect(), []
    known = _asked_by(api, config, user)
    if not any(asked and asked.request_id == user for asked in known.values()):
        _check_user(api, user)
    for (repo, kind), asked in known.items():
        if asked is None or asked.status != "accepted":
            decision = "accept_access_request" if asked else "grant_access"
            _decide(api, repo, kind, user, asked, "accepted", decision)
            changed.append(repo)
    return changed


def reject(config: ReleaseConfig, user: str, reason: str | None = None) -> list[str]:
    """Turn `user` down for good: they cannot ask again. Return the repos that this changed something about.

    Raises:
        HubkitError: they never asked for any of the repos, or the Hub refused or did not answer.
    """
    options = {"rejection_reason": reason}
    return _turn(config, user, ("pending", "accepted"), "rejected", "reject_access_request", **options)


def revoke(config: ReleaseConfig, user: str) -> list[str]:
    """Take a grant back, and leave the request pending; return the repos that this changed something about.

    Raises:
        HubkitError: they never asked for any of the repos, or the Hub refused or did not answer.
    """
    return _turn(config, user, ("accepted",), "pending", "cancel_access_request")


def _turn(
    config: ReleaseConfig, user: str, before: tuple[Status, ...], wanted: Status, decision: str, **options: str | None
) -> list[str]:
    """Give the requests of `user` that have a status of `before` the status `wanted`."""
    api, changed = connect(), []
    known = _asked_by(api, config, user)
    if not any(known.values()):
        hint = "give their name, or the request's id where names are hidden; see: hubkit access list --status all"
        raise HubkitError(f"{user} did not ask for access", where=config.hub.namespace, hint=hint)
    for (repo, kind), asked in known.items():
        if asked is not None and asked.status in before:
            _decide(api, repo, kind, user, asked, wanted, decision, **options)
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
def _listed(api: HfApi, repo: str, kind: Kind, status: Status) -> list[Asked]:
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
            request.request_id,
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


def _asked_by(api: HfApi, config: ReleaseConfig, user: str) -> dict[tuple[str, Kind], Asked | None]:
    """The request of `user` for each gated repo; of one repo alone, where `user` is the id of a request."""
    known: dict[tuple[str, Kind], Asked | None] = {
        (repo, kind): _request(api, repo, kind, user) for repo, kind in gated_repos(config)
    }
    by_id: dict[tuple[str, Kind], Asked | None] = {
        place: asked for place, asked in known.items() if asked and asked.request_id == user
    }
    return by_id or known


def _request(api: HfApi, repo: str, kind: Kind, user: str) -> Asked | None:
    for status in STATUSES:
        for asked in _listed(api, repo, kind, status):
            if user in (asked.user, asked.request_id):
                return asked
    return None


@retried("{repo}, user {user}")
def _decide(
    api: HfApi,
    repo: str,
    kind: Kind,
    user: str,
    asked: Asked | None,
    wanted: Status,
    decision: str,
    **options: str | None,
) -> None:
    """Give a request the status `wanted` by the call `decision`; it may have it already, where an answer was lost.

    A request goes by its id, which the Hub also tells where it hides names.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        getattr(api, decision)(repo, repo_type=kind, **_named(asked, user), **options)
    except HfHubHTTPError as error:
        # How the Hub refuses to do again what is done: 404 to a decision, 400 to a grant.
        now = _request(api, repo, kind, user) if error.response.status_code in (400, 404) else None
        # Where names are hidden, nobody sees a grant by name in the lists; the Hub's message is all there is.
        hidden = now is None and asked is None and _GRANTED in (error.server_message or "")
        if not hidden and (now is None or now.status != wanted):
            raise


def cancel(api: HfApi, asked: Asked) -> None:
    """Take a grant back, once, and leave the request pending: a rejection would bar them from asking again."""
    api.cancel_access_request(asked.repo, repo_type=asked.kind, **_named(asked, asked.user))


def _named(asked: Asked | None, user: str) -> dict[str, str]:
    """How a call names a request."""
    return {"request_id": asked.request_id} if asked and asked.request_id else {"user": user}


def plain(text: str) -> str:
    """What a stranger wrote, with nothing in it that moves the cursor or ends the line."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def _harmless(answer: str) -> str:
    # A spreadsheet would run what a stranger wrote into the form as a formula.
    return FORMULA.sub(r"\1\2'", plain(answer))
