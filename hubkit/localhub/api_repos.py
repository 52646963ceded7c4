"""Repos: create, describe, configure, move, delete."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub import cards
from hubkit.localhub.accounts import Account
from hubkit.localhub.api_access import first_readers
from hubkit.localhub.errors import WEB_PREFIX, Refusal, paid_plan_needed, read_only, repo_not_found
from hubkit.localhub.objects import Tree, lfs_pointer
from hubkit.localhub.permissions import (
    asker,
    base_url,
    check_policy,
    hub_of,
    owns,
    passes_gate,
    readable,
    signed_in,
    visible,
    writable,
)
from hubkit.localhub.plans import PLANS
from hubkit.localhub.repos import Repo, is_name, new_repo
from hubkit.localhub.scopes import WRITE
from hubkit.localhub.storage import GITATTRIBUTES
from hubkit.localhub.validation import body, number

_WITH_COMPUTE = ("gradio", "docker")
_ID = re.compile(r"[^/]+/[^/]+")
_NAMED: dict[str, Any] = {"name": str, "organization?": str, "type?": str}
_NEW = {**_NAMED, "sdk?": str, "visibility?": str, "private?": bool}
_MOVE = {"fromRepo": _ID, "toRepo": _ID, "type?": str}
_SETTINGS = {"gated?": object, "visibility?": str, "private?": bool}


async def create(request: Request) -> JSONResponse:
    """POST /api/repos/create."""
    account, asked = signed_in(request), await body(request, _NEW)
    kind, repo_id = _named(asked, account.name)
    if account.scopes is None and account.role != "write":
        raise read_only()
    namespace, _, name = repo_id.partition("/")
    _check_namespace(account, kind, namespace)
    if not is_name(name):
        raise Refusal(400, "Invalid repo name")
    hub = hub_of(request)
    sdk = _asked_sdk(asked) if kind == "spaces" else None
    url = f"{base_url(request)}/{WEB_PREFIX[kind]}{repo_id}"
    if hub.repos.find(kind, repo_id):
        said = f"You already created this {kind[:-1]} repo"
        raise Refusal(409, said, body={"error": said, "url": url})
    if sdk in _WITH_COMPUTE and not PLANS[hub.accounts.settings(namespace).plan].compute:
        raise paid_plan_needed()
    private = _asked_private(asked)
    if private is None:
        private = hub.accounts.organisations.get(namespace, {}).get("private", False)
    repo = new_repo(kind, repo_id, private=private, sdk=sdk, requests=first_readers(hub, namespace))
    files: Tree = {".gitattributes": hub.objects.put(GITATTRIBUTES.encode())}
    if kind == "spaces":
        files["README.md"] = hub.objects.put(f"---\ntitle: {name}\nsdk: {repo.sdk}\napp_file: app.py\n---\n".encode())
    first = hub.commit(repo, files, None, account.name, "initial commit")
    hub.repos.add(dataclasses.replace(repo, branches={"main": first}))
    return JSONResponse({"url": url, "name": repo_id, "id": repo.uid})


async def delete(request: Request) -> JSONResponse:
    """DELETE /api/repos/delete."""
    kind, repo_id = _named(await body(request, _NAMED), signed_in(request).name)
    hub_of(request).delete(_own(request, kind, repo_id))
    return JSONResponse({})


async def move(request: Request) -> JSONResponse:
    """POST /api/repos/move."""
    account, asked = signed_in(request), await body(request, _MOVE)
    kind, target = _kind(asked), asked["toRepo"]
    repo = _own(request, kind, asked["fromRepo"])
    namespace, _, name = target.partition("/")
    _check_namespace(account, kind, namespace)
    if not is_name(name):
        raise Refusal(400, "Invalid repo name")
    if hub_of(request).repos.find(kind, target):
        raise Refusal(409, f"A {kind[:-1]} repository called {target} already exists")
    hub_of(request).repos.change(repo, id=target)
    return JSONResponse({})


async def settings(request: Request) -> JSONResponse:
    """PUT /api/{kind}/{id}/settings."""
    repo, asked = writable(request), await body(request, _SETTINGS)
    changes: dict[str, Any] = {}
    if "gated" in asked:
        if asked["gated"] not in ("auto", "manual", False) or repo.kind == "spaces":
            raise Refusal(400, '"gated" must be one of [auto, manual, false], on a model or dataset')
        changes["gated"] = asked["gated"]
    private = _asked_private(asked)
    if private is not None:
        changes["private"] = private
    if not changes:
        raise Refusal(400, "At least one setting must be updated")
    repo = hub_of(request).repos.change(repo, **changes)
    request.state.repo = repo
    return JSONResponse({"private": repo.private, "gated": repo.gated})


async def info(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}[/revision/{rev}]."""
    repo, hub = visible(request), hub_of(request)
    commit = hub.resolve(repo, request.path_params.get("revision", "main"))
    query = request.query_params
    blobs = query.get("blobs", "").lower() in ("1", "true")
    values = describe(request, repo, commit, blobs=blobs)
    wanted = query.getlist("expand") + query.getlist("expand[]")
    if wanted:
        values = {"_id": repo.uid, "id": repo.id, **{key: values.get(key) for key in wanted}}
    return JSONResponse(values)


async def index(request: Request) -> JSONResponse:
    """GET /api/{kind}: the repos that this account may know of."""
    hub, account, query = hub_of(request), asker(request), request.query_params
    found = [repo for repo in hub.repos.all(request.path_params["kind"]) if not repo.private or owns(account, repo)]
    if "author" in query:
        found = [repo for repo in found if repo.owner == query["author"]]
    if "search" in query:
        found = [repo for repo in found if query["search"].lower() in repo.id.lower()]
    found = found[: number(request, "limit", len(found))]
    return JSONResponse([describe(request, repo, repo.branches["main"], files=False) for repo in found])


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
        "tags": [str(tag) for tag in card.get("tags") or []],
        "usedStorage": sum(entry.size for entry in {entry.sha256: entry for entry in tree.values()}.values()),
        "cardData": json.loads(json.dumps(card, default=str, skipkeys=True), parse_constant=lambda _: None),
    }
    if repo.kind == "models":
        values |= {"modelId": repo.id, "library_name": card.get("library_name")}
        values |= {"pipeline_tag": card.get("pipeline_tag"), "config": {}}
    if repo.kind == "spaces":
        values |= {"sdk": repo.sdk, "runtime": {"stage": "NO_APP_FILE", "hardware": {"current": None}}}
    if files:
        shown = passes_gate(repo, asker(request))
        values["siblings"] = [_sibling(path, tree, blobs, shown) for path in sorted(tree)]
    return values


def _sibling(path: str, tree: Tree, blobs: bool, shown: bool) -> dict[str, Any]:
    entry = tree[path]
    values: dict[str, Any] = {"rfilename": path}
    if blobs:
        values |= {"size": entry.size, "blobId": entry.oid}
        if entry.lfs and shown:
            values["lfs"] = {
                "sha256": entry.sha256,
                "size": entry.size,
                "pointerSize": len(lfs_pointer(entry.sha256, entry.size)),
            }
    return values


def _asked_private(asked: dict[str, Any]) -> bool | None:
    if "visibility" in asked:
        if asked["visibility"] not in ("public", "private"):
            raise Refusal(400, '"visibility" must be one of [public, private]')
        return bool(asked["visibility"] == "private")
    return bool(asked["private"]) if "private" in asked else None


def _asked_sdk(asked: dict[str, Any]) -> str:
    sdk = asked.get("sdk")
    # huggingface_hub names these three and streamlit, which the Hub no longer creates.
    if sdk not in (*_WITH_COMPUTE, "static"):
        raise Refusal(400, '"sdk" must be one of [gradio, docker, static]')
    return str(sdk)


def _check_namespace(account: Account, kind: str, namespace: str) -> None:
    """Refuse to put a repo into a namespace that is not the account's, or not within the scopes of its token."""
    check_policy(account, namespace)
    if namespace not in account.namespaces or not account.may(WRITE, namespace):
        raise _no_rights(kind, namespace)


def _no_rights(kind: str, namespace: str) -> Refusal:
    return Refusal(403, f'You don\'t have the rights to create a {kind[:-1]} under the namespace "{namespace}"')


def _ref(name: str, ref: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": oid}


def _named(asked: dict[str, Any], name: str) -> tuple[str, str]:
    return _kind(asked), f"{asked.get('organization') or name}/{asked['name']}"


def _kind(asked: dict[str, Any]) -> str:
    kind = f"{asked.get('type') or 'model'}s"
    if kind not in WEB_PREFIX:
        raise Refusal(400, "Invalid repo type")
    return kind


def _own(request: Request, kind: str, repo_id: str) -> Repo:
    namespace, _, name = repo_id.partition("/")
    request.path_params.update(kind=kind, namespace=namespace, name=name)
    if hub_of(request).repos.find(kind, repo_id) is None:
        raise repo_not_found(signed_in=True)
    return writable(request)
