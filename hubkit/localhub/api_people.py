"""Who is asking, and which users and organisations there are."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.errors import WEB_PREFIX, Refusal
from hubkit.localhub.hub import Hub
from hubkit.localhub.permissions import hub_of, signed_in


async def challenge(request: Request) -> JSONResponse:
    """GET /api/hubkit/challenge: proves to its user that hubkit started this Hub; the real one has no such address."""
    own, nonce = hub_of(request).own, request.query_params.get("nonce", "")
    if own is None or len(nonce) < 32:
        raise Refusal(404, "No challenge")
    return JSONResponse(own.answer(nonce))


async def whoami(request: Request) -> JSONResponse:
    """GET /api/whoami-v2."""
    account, hub = signed_in(request), hub_of(request)
    token: dict[str, Any] = {"displayName": "local", "role": account.role}
    if account.scopes is not None:
        # As clients of the real Hub read it; no document describes it.
        token |= {"role": "fineGrained", "fineGrained": account.scopes.shown(hub.accounts.users)}
    return JSONResponse(
        {
            **_person(hub, account.name),
            "id": account.name,
            "name": account.name,
            "email": None,
            "isPro": hub.accounts.settings(account.name).plan == "pro",
            "orgs": [_organisation(hub, name) for name in sorted(account.organisations)],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


async def overview(request: Request) -> JSONResponse:
    """GET /api/users/{user}/overview."""
    name, hub = request.path_params["user"], hub_of(request)
    if name not in hub.accounts.users:
        raise Refusal(404, "User not found")
    joined = [key for key, known in hub.accounts.organisations.items() if name in known["members"]]
    orgs = [_organisation(hub, key) for key in sorted(joined)]
    return JSONResponse({**_person(hub, name), **_counts(hub, name), "orgs": orgs})


async def organisation(request: Request) -> JSONResponse:
    """GET /api/organizations/{name}/overview."""
    name, hub = request.path_params["name"], hub_of(request)
    # huggingface_hub, Organization: an organisation's page tells its plan; whoami is not known to.
    paid = hub.accounts.settings(name).plan
    told = {**_counts(hub, name), "numUsers": len(_members(hub, name)), "plan": None if paid == "free" else paid}
    return JSONResponse({**_organisation(hub, name), **told})


async def members(request: Request) -> JSONResponse:
    """GET /api/organizations/{name}/members."""
    hub = hub_of(request)
    return JSONResponse([_person(hub, user) for user in _members(hub, request.path_params["name"])])


async def storage(request: Request) -> JSONResponse:
    """GET /api/settings/repositories, or /api/organizations/{name}/settings/repositories for its members."""
    hub, account = hub_of(request), signed_in(request)
    name = request.path_params.get("name", account.name)
    if name not in account.namespaces:
        raise Refusal(403, "You are not a member of this organization")
    values = [
        {
            "id": repo.id,
            "type": kind[:-1],
            "updatedAt": repo.updated,
            "visibility": "private" if repo.private else "public",
            "storage": hub.stored(repo),
        }
        for kind in WEB_PREFIX
        for repo in hub.repos.all(kind)
        if repo.owner == name
    ]
    return JSONResponse(values)


async def registry(request: Request) -> JSONResponse:
    """GET /api/agent-harnesses: which programs clients may name in their user agent; none here."""
    return JSONResponse({})


def _person(hub: Hub, name: str) -> dict[str, Any]:
    return {"user": name, "fullname": hub.accounts.users[name], "avatarUrl": "", "type": "user"}


def _organisation(hub: Hub, name: str) -> dict[str, Any]:
    _members(hub, name)
    fullname = hub.accounts.organisations[name]["fullname"]
    paid = hub.accounts.settings(name).plan
    shown = {"id": name, "name": name, "fullname": fullname, "avatarUrl": "", "type": "org", "roleInOrg": "write"}
    return {**shown, "isEnterprise": paid.startswith("enterprise")}


def _members(hub: Hub, name: str) -> list[str]:
    if name not in hub.accounts.organisations:
        raise Refusal(404, "Organization not found")
    found: list[str] = hub.accounts.organisations[name]["members"]
    return found


def _counts(hub: Hub, name: str) -> dict[str, int]:
    return {
        f"num{kind.capitalize()}": sum(repo.owner == name and not repo.private for repo in hub.repos.all(kind))
        for kind in WEB_PREFIX
    }
