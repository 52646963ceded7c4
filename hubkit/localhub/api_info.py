"""Repos as the API describes them: what is in them, their refs, and how far a Space is."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub import cards
from hubkit.localhub.api_files import shown_identity
from hubkit.localhub.errors import Refusal, no_such_page
from hubkit.localhub.hub import Hub
from hubkit.localhub.objects import Entry, Tree, lfs_pointer
from hubkit.localhub.permissions import asker, hub_of, owns, passes_gate, readable, visible, writable
from hubkit.localhub.repos import Repo
from hubkit.localhub.validation import number

PAGE = 1000  # repos of a listing, at most

_FILTERS = ("filter", "pipeline_tag", "library", "language", "license")
"""What names tags in the query of a listing."""


async def runtime(request: Request) -> JSONResponse:
    """GET /api/spaces/{id}/runtime."""
    repo = visible(request)
    if repo.kind != "spaces":
        raise no_such_page()
    return JSONResponse(_runtime(repo, hub_of(request).tree(repo.branches["main"])))


async def info(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}[/revision/{rev}]."""
    repo, hub = visible(request), hub_of(request)
    commit = hub.resolve(repo, request.path_params.get("revision", "main"))
    query = request.query_params
    blobs = query.get("blobs", "").lower() in ("1", "true")
    values = describe(request, repo, commit, blobs=blobs)
    wanted = query.getlist("expand") + query.getlist("expand[]")
    return JSONResponse(_expanded(values, wanted))


async def index(request: Request) -> JSONResponse:
    """GET /api/{kind}: the repos that this account may know of, by pages."""
    hub, account, query = hub_of(request), asker(request), request.query_params
    found = [repo for repo in hub.repos.all(request.path_params["kind"]) if not repo.private or owns(account, repo)]
    if "author" in query:
        found = [repo for repo in found if repo.owner == query["author"]]
    if "search" in query:
        found = [repo for repo in found if query["search"].lower() in repo.id.lower()]
    if "gated" in query:
        found = [repo for repo in found if bool(repo.gated) == (query["gated"].lower() == "true")]
    wanted = {tag for key in _FILTERS for value in query.getlist(key) for tag in value.split(",")}
    if wanted:
        found = [repo for repo in found if wanted <= set(_tags(hub, repo, _card(hub, repo)))]
    found = _sorted(hub, found, query.get("sort"), query.get("direction"))
    start, limit = number(request, "cursor", 0), min(number(request, "limit", PAGE), PAGE)
    expand = query.getlist("expand") + query.getlist("expand[]")
    files = query.get("full", "").lower() in ("1", "true") or "siblings" in expand
    page = [describe(request, repo, repo.branches["main"], files=files) for repo in found[start : start + limit]]
    headers = {}
    if limit and start + limit < len(found):
        following = request.url.include_query_params(cursor=start + limit)
        headers["Link"] = f'<{following}>; rel="next"'
    return JSONResponse([_expanded(values, expand) for values in page], headers=headers)


async def auth_check(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/auth-check[/write]."""
    writable(request) if request.url.path.endswith("/write") else readable(request)
    return JSONResponse("OK")


async def refs(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/refs."""
    repo = visible(request)
    values: dict[str, Any] = {
        "branches": [_ref(name, f"refs/heads/{name}", oid) for name, oid in repo.branches.items()],
        "converts": [],
        "tags": [_ref(name, f"refs/tags/{name}", oid) for name, oid in repo.tags.items()],
    }
    if request.query_params.get("include_prs"):
        heads = [(number, pull["head"]) for number, pull in enumerate(repo.pulls, 1) if pull["head"]]
        values["pullRequests"] = [_ref(f"refs/pr/{number}", f"refs/pr/{number}", head) for number, head in heads]
    return JSONResponse(values)


def describe(request: Request, repo: Repo, commit: str, blobs: bool = False, files: bool = True) -> dict[str, Any]:
    """What the API tells of a repo to everybody who may know of it, file names among it."""
    hub = hub_of(request)
    tree = hub.tree(commit)
    card = cards.metadata(hub.text(tree, "README.md"))
    values: dict[str, Any] = {
        "_id": repo.uid,
        "id": repo.id,
        "author": repo.owner,
        "sha": commit,
        "createdAt": repo.created,
        "lastModified": hub.objects.commit(commit).date,
        "private": repo.private,
        "gated": repo.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": _tags(hub, repo, card),
        "usedStorage": sum(entry.size for entry in {entry.sha256: entry for entry in tree.values()}.values()),
        "cardData": json.loads(json.dumps(card, default=str, skipkeys=True), parse_constant=lambda _: None),
    }
    if repo.kind == "models":
        values |= {"modelId": repo.id, "library_name": card.get("library_name")}
        values |= {"pipeline_tag": card.get("pipeline_tag"), "config": {}}
    if repo.kind == "spaces":
        values |= {"sdk": repo.sdk, "runtime": _runtime(repo, tree)}
    if files:
        shown = passes_gate(repo, asker(request))
        values["siblings"] = [
            _sibling(path, tree[path], shown, shown_identity(hub, repo, tree[path], shown) if blobs else None)
            for path in sorted(tree)
        ]
    return values


def _card(hub: Hub, repo: Repo) -> dict[str, Any]:
    return cards.metadata(hub.text(hub.tree(repo.branches["main"]), "README.md"))


def _tags(hub: Hub, repo: Repo, card: dict[str, Any]) -> list[str]:
    # A DOI is shown among the tags.
    return [*cards.tags(card, repo.kind), *([f"doi:{repo.doi}"] if repo.doi else [])]


def _expanded(values: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    """Only what a client wants to know, where it says so."""
    if not wanted:
        return values
    return {"_id": values["_id"], "id": values["id"], **{key: values.get(key) for key in wanted}}


def _sorted(hub: Hub, repos: list[Repo], key: str | None, direction: str | None) -> list[Repo]:
    """The repos in the order that is asked for, the newest or largest first; by name where none is."""
    orders = {
        "createdAt": lambda repo: repo.created,
        "lastModified": lambda repo: hub.objects.commit(repo.branches["main"]).date,
        # Nobody likes or downloads here.
        **dict.fromkeys(("likes", "downloads", "trendingScore"), lambda repo: 0),
    }
    if key is None:
        return repos
    if key not in orders:
        raise Refusal(400, f'"sort" must be one of [{", ".join(orders)}]')
    # Clients before 1.0 send -1 for descending; later ones know nothing else.
    return sorted(repos, key=orders[key], reverse=direction in (None, "-1"))


def _sibling(path: str, entry: Entry, shown: bool, identity: dict[str, Any] | None) -> dict[str, Any]:
    values: dict[str, Any] = {"rfilename": path}
    if identity:
        values |= {"size": identity["size"], "blobId": identity["oid"]}
        if entry.lfs and shown:
            values["lfs"] = {
                "sha256": entry.sha256,
                "size": entry.size,
                "pointerSize": len(lfs_pointer(entry.sha256, entry.size)),
            }
    return values


def _runtime(repo: Repo, tree: Tree) -> dict[str, Any]:
    """How far a Space is, in the words of huggingface_hub's SpaceStage; what would have to run is never built."""
    needed = {"static": "index.html", "docker": "Dockerfile"}.get(str(repo.sdk), "app.py")
    built = "RUNNING" if repo.sdk == "static" else "BUILDING"
    hardware = {"current": None, "requested": None if repo.sdk == "static" else "cpu-basic"}
    return {"stage": built if needed in tree else "NO_APP_FILE", "hardware": hardware, "storage": None}


def _ref(name: str, ref: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": oid}
