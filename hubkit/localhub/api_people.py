"""Who is asking, who else there is, and their collections of repos."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.answers import Refusal, read_only
from hubkit.localhub.hub import asker, hub_of, signed_in


async def whoami(request: Request) -> JSONResponse:
    """GET /api/whoami-v2."""
    account = signed_in(request)
    token = {"displayName": "local", "role": account.role}
    return JSONResponse(
        {
            "type": "user",
            "id": account.name,
            "name": account.name,
            "fullname": account.name,
            "email": None,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


async def overview(request: Request) -> JSONResponse:
    """GET /api/users/{user}/overview."""
    name, hub = request.path_params["user"], hub_of(request)
    if name not in hub.accounts.names:
        raise Refusal(404, "User not found")
    counts = {
        f"num{kind.capitalize()}": sum(repo.owner == name and not repo.private for repo in hub.repos.all(kind))
        for kind in ("models", "datasets", "spaces")
    }
    return JSONResponse({"user": name, "fullname": name, "avatarUrl": "", "type": "user", **counts})


async def nobody(request: Request) -> JSONResponse:
    """GET /api/organizations/{name}/overview: there are none here."""
    raise Refusal(404, "Organization not found")


async def registry(request: Request) -> JSONResponse:
    """GET /api/agent-harnesses: which programs clients may name in their user agent; none here."""
    return JSONResponse({})


async def collections(request: Request) -> JSONResponse:
    """GET and POST /api/collections."""
    hub = hub_of(request)
    if request.method == "GET":
        account = asker(request)
        owner = request.query_params.get("owner")
        found = [each for each in hub.collections.of(owner) if not each["private"] or _owned(each, account)]
        # Clients number a list themselves.
        return JSONResponse([{key: each[key] for key in each if key != "position"} for each in found])
    account, asked = signed_in(request), await request.json()
    if account.role != "write" or asked.get("namespace", account.name) != account.name:
        raise read_only()
    made = hub.collections.create(account.name, asked["title"], asked.get("description"), bool(asked.get("private")))
    if "item" in asked:
        made = hub.collections.add(made, asked["item"]["type"], asked["item"]["id"], None)
    return JSONResponse(made)


async def collection(request: Request) -> JSONResponse:
    """GET, PATCH and DELETE /api/collections/{slug}."""
    hub = hub_of(request)
    found = hub.collections.get(request.path_params["slug"])
    if request.method == "GET":
        if found["private"] and not _owned(found, asker(request)):
            raise Refusal(404, "Collection not found")
        return JSONResponse(found)
    _check_owned(request, found)
    if request.method == "DELETE":
        hub.collections.delete(found)
        return JSONResponse({})
    asked = await request.json()
    changes = {key: asked[key] for key in ("title", "description", "private", "theme", "position") if key in asked}
    return JSONResponse({"success": True, "data": hub.collections.change(found, **changes)})


async def collection_items(request: Request) -> JSONResponse:
    """POST /api/collections/{slug}/items."""
    hub = hub_of(request)
    found = hub.collections.get(request.path_params["slug"])
    _check_owned(request, found)
    asked = await request.json()
    kind, item_id = asked["item"]["type"], asked["item"]["id"]
    if hub.repos.find(f"{kind}s", item_id) is None:
        raise Refusal(404, "Item not found")
    return JSONResponse(hub.collections.add(found, kind, item_id, asked.get("note")))


async def collection_item(request: Request) -> JSONResponse:
    """PATCH and DELETE /api/collections/{slug}/items/{item}."""
    hub = hub_of(request)
    found = hub.collections.get(request.path_params["slug"])
    _check_owned(request, found)
    wanted = request.path_params["item"]
    if all(item["_id"] != wanted for item in found["items"]):
        raise Refusal(404, "Item not found")
    if request.method == "DELETE":
        items = [item for item in found["items"] if item["_id"] != wanted]
    else:
        asked = await request.json()
        changes: dict[str, Any] = {"note": {"text": asked["note"]}} if "note" in asked else {}
        changes |= {"position": asked["position"]} if "position" in asked else {}
        items = [{**item, **changes} if item["_id"] == wanted else item for item in found["items"]]
    return JSONResponse(hub.collections.change(found, items=items))


def _owned(collection: dict[str, Any], account: Any) -> bool:
    return account is not None and account.name == collection["owner"]["name"]


def _check_owned(request: Request, collection: dict[str, Any]) -> None:
    account = signed_in(request)
    if not _owned(collection, account) or account.role != "write":
        raise read_only()
