"""Collections: named lists of repos."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.accounts import Account
from hubkit.localhub.errors import Refusal, read_only
from hubkit.localhub.hub import Hub
from hubkit.localhub.permissions import asker, check_policy, hub_of, owns, signed_in
from hubkit.localhub.scopes import COLLECT
from hubkit.localhub.validation import body

_ITEM = {"type": str, "id": str}
_NEW = {"title": str, "description?": str, "namespace?": str, "private?": bool, "item?": _ITEM}
_CHANGES = {"title?": str, "description?": str, "private?": bool, "theme?": str, "position?": int}


async def collections(request: Request) -> JSONResponse:
    """GET and POST /api/collections."""
    hub = hub_of(request)
    if request.method == "GET":
        account = asker(request)
        owner = request.query_params.get("owner")
        found = [each for each in hub.collections.of(owner) if not each["private"] or _owned(each, account)]
        shown = [_shown(hub, each, account) for each in found]
        # Clients number a list themselves.
        return JSONResponse([{key: each[key] for key in each if key != "position"} for each in shown])
    account, asked = signed_in(request), body(request, _NEW)
    namespace = asked.get("namespace", account.name)
    check_policy(account, namespace)
    if namespace not in account.namespaces or not account.may(COLLECT, namespace):
        raise read_only()
    kind = "user" if namespace == account.name else "org"
    made = hub.collections.create(namespace, kind, asked["title"], asked.get("description"), bool(asked.get("private")))
    if "item" in asked:
        made = hub.collections.add(made, asked["item"]["type"], asked["item"]["id"], None)
    return JSONResponse(made)


async def collection(request: Request) -> JSONResponse:
    """GET, PATCH and DELETE /api/collections/{slug}."""
    if request.method == "GET":
        return JSONResponse(seen(request))
    hub = hub_of(request)
    found = hub.collections.get(request.path_params["slug"])
    _check_owned(request, found)
    if request.method == "DELETE":
        hub.collections.delete(found)
        return JSONResponse({})
    changes = body(request, _CHANGES)
    return JSONResponse({"success": True, "data": hub.collections.change(found, **changes)})


async def collection_items(request: Request) -> JSONResponse:
    """POST /api/collections/{slug}/items."""
    hub = hub_of(request)
    found = hub.collections.get(request.path_params["slug"])
    _check_owned(request, found)
    asked = body(request, {"item": _ITEM, "note?": str})
    kind, item_id = asked["item"]["type"], asked["item"]["id"]
    if kind == "collection":
        hub.collections.get(item_id)
    elif hub.repos.find(f"{kind}s", item_id) is None:
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
        asked = body(request, {"position?": int, "note?": str})
        changed = next(item for item in found["items"] if item["_id"] == wanted)
        items = [item for item in found["items"] if item["_id"] != wanted]
        note = {"note": {"text": asked["note"]}} if "note" in asked else {}
        items.insert(asked.get("position", changed["position"]), {**changed, **note})
    return JSONResponse(hub.collections.change(found, items=items))


def seen(request: Request) -> dict[str, Any]:
    """The collection of the address, as whoever asks may see it.

    Raises:
        Refusal: there is none, or it is private (404).
    """
    hub, account = hub_of(request), asker(request)
    found = hub.collections.get(request.path_params["slug"])
    if found["private"] and not _owned(found, account):
        raise Refusal(404, "Collection not found")
    return _shown(hub, found, account)


def _shown(hub: Hub, collection: dict[str, Any], account: Account | None) -> dict[str, Any]:
    """A collection without the repos that this account may not know of."""

    def visible(item: dict[str, Any]) -> bool:
        repo = hub.repos.find(f"{item['type']}s", item["id"])
        return item["type"] == "collection" or (repo is not None and (not repo.private or owns(account, repo)))

    return {**collection, "items": [item for item in collection["items"] if visible(item)]}


def _owned(collection: dict[str, Any], account: Account | None) -> bool:
    return account is not None and collection["owner"]["name"] in account.namespaces


def _check_owned(request: Request, collection: dict[str, Any]) -> None:
    account = signed_in(request)
    owner = collection["owner"]["name"]
    check_policy(account, owner)
    if not _owned(collection, account) or not account.may(COLLECT, owner):
        raise read_only()
