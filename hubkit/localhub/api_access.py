"""The gate: asking for access, and granting or refusing it."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from hubkit.localhub import cards, gate_form
from hubkit.localhub.errors import WEB_PREFIX, Refusal
from hubkit.localhub.hub import Hub
from hubkit.localhub.permissions import asker, base_url, hub_of, signed_in, visible, writable
from hubkit.localhub.repos import Repo, now
from hubkit.localhub.validation import body

ASKED = "asked"
"""What tells, in the address of a repo's page, how things stand for whoever has just asked for access."""

_REASON_CHARACTERS = 200
"""As the Hub documents it; it counts in UTF-16."""

_ANSWER = {"status": str, "user?": str, "requestId?": str, "rejectionReason?": str}


def ask(request: Request) -> Response:
    """POST /{prefix}{id}/ask-access: what a person sends off in the form.

    Programs send JSON with a token in the header, and are not held to the form.
    """
    is_form = not request.headers.get("content-type", "").startswith("application/json")
    fields = {key: str(value) for key, value in request.state.form.items()} if is_form else body(request, dict)
    repo, hub = visible(request), hub_of(request)
    token = fields.pop(gate_form.TOKEN_FIELD, None)
    if token and asker(request) is None:
        request.state.account = hub.accounts.of_header(f"Bearer {token}")
    account = signed_in(request)
    if not repo.gated:
        raise Refusal(400, "Repo is not gated", "RepoNotGated")
    if is_form:
        gate_form.check(cards.metadata(hub.text(hub.tree(repo.branches["main"]), "README.md")), fields)
    # A rejected user "cannot request access again", one whose grant was cancelled is pending: hub-docs,
    # datasets-gated.md, "From the UI".
    if account.name not in repo.requests:
        repo = _record(hub, repo, account.name, "accepted" if repo.gated == "auto" else "pending", fields=fields)
    standing = repo.requests[account.name]["status"]
    return RedirectResponse(f"{base_url(request)}/{WEB_PREFIX[repo.kind]}{repo.id}?{ASKED}={standing}", 303)


async def listing(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/user-access-request/{status}."""
    repo, status = _gated(request), request.path_params["status"]
    if status not in ("pending", "accepted", "rejected"):
        raise Refusal(404, "No such list")
    people = hub_of(request).accounts.users
    asking = {user: asked for user, asked in repo.requests.items() if asked["status"] == status}
    hidden = hub_of(request).accounts.settings(repo.owner).hide_requesters
    # "Not shared if repo is configured to hide usernames": huggingface_hub, HfApi._list_access_requests.
    found = [
        asked if hidden else {"user": _person(user, people.get(user, user)), **asked} for user, asked in asking.items()
    ]
    return JSONResponse(sorted(found, key=lambda asked: str(asked["timestamp"]), reverse=True))


def handle(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/user-access-request/handle."""
    repo, asked = _gated(request), body(request, _ANSWER)
    status = asked["status"]
    if status not in ("pending", "accepted", "rejected"):
        raise Refusal(400, '"status" must be one of [pending, accepted, rejected]')
    user = asked.get("user") or next(
        (name for name, known in repo.requests.items() if known["requestId"] == asked.get("requestId")), None
    )
    known = repo.requests.get(str(user))
    if known is None or known["status"] == status:
        raise Refusal(404, "No access request found matching your criteria")
    reason = asked.get("rejectionReason")
    # hub-docs, datasets-gated.md, "Via the API". Characters are counted as JavaScript does, in UTF-16.
    if reason is not None and len(reason.encode("utf-16-le")) > 2 * _REASON_CHARACTERS:
        raise Refusal(400, f'"rejectionReason" must be at most {_REASON_CHARACTERS} characters long')
    _record(hub_of(request), repo, str(user), status, rejectionReason=reason)
    return JSONResponse({})


def grant(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/user-access-request/grant."""
    repo, user = _gated(request), body(request, {"user": str})["user"]
    if user not in hub_of(request).accounts.users:
        raise Refusal(404, "User not found")
    if repo.requests.get(user, {}).get("status") == "accepted":
        raise Refusal(400, "That user already has access to the repo")
    _record(hub_of(request), repo, user, "accepted", grantedBy=signed_in(request).name)
    return JSONResponse({})


def first_readers(hub: Hub, owner: str) -> dict[str, dict[str, Any]]:
    """The requests of a new repo: the accounts that the Hub was started with as readers are accepted."""
    return {name: {**_new_request(), "status": "accepted", "grantedBy": owner} for name in hub.granted}


def _gated(request: Request) -> Repo:
    repo = writable(request)
    if not repo.gated:
        raise Refusal(400, "Repo is not gated", "RepoNotGated")
    return repo


def _record(hub: Hub, repo: Repo, user: str, status: str, **values: Any) -> Repo:
    known = repo.requests.get(user, _new_request())
    given = {key: value for key, value in values.items() if value is not None}
    return hub.repos.change(repo, requests={**repo.requests, user: {**known, **given, "status": status}})


def _new_request() -> dict[str, Any]:
    return {"requestId": secrets.token_hex(12), "timestamp": now()}


def _person(user: str, fullname: str) -> dict[str, Any]:
    return {"_id": user, "user": user, "fullname": fullname, "email": None, "type": "user"}
