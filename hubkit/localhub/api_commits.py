"""Changing a repo: commits, branches, tags."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub import cards, xet
from hubkit.localhub.answers import WEB_PREFIX, Refusal, entry_not_found, revision_not_found
from hubkit.localhub.hub import Hub, base_url, hub_of, signed_in, writable
from hubkit.localhub.objects import Entry, Tree, lfs_entry
from hubkit.localhub.repos import Repo, now
from hubkit.localhub.storage import goes_through_lfs


async def validate_yaml(request: Request) -> JSONResponse:
    """POST /api/validate-yaml."""
    content = str((await request.json()).get("content", ""))
    found = cards.problems(content)
    warnings = [] if found or cards.metadata(content) else ["empty or missing yaml metadata in repo card"]
    values = {"errors": [{"message": said} for said in found], "warnings": [{"message": said} for said in warnings]}
    return JSONResponse(values, 400 if found else 200)


async def preupload(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/preupload/{rev}: how each file is to be sent, and what is there under its name."""
    repo, hub, asked = writable(request), hub_of(request), await request.json()
    files = hub.tree(hub.resolve(repo, request.path_params["revision"]))
    answer = []
    for file in asked["files"]:
        path = _checked_path(file["path"])
        lfs = goes_through_lfs(path, int(file["size"]), file.get("sample", ""))
        values: dict[str, Any] = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        if path in files:
            values["oid"] = files[path].etag
        answer.append(values)
    return JSONResponse({"files": answer})


async def commit(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/commit/{rev}: newline-delimited JSON, all of it or nothing."""
    repo, hub, account = writable(request), hub_of(request), signed_in(request)
    lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
    header: dict[str, Any] = next((line["value"] for line in lines if line["key"] == "header"), {})
    if not header.get("summary"):
        raise Refusal(400, "A commit needs a summary")
    revision = request.path_params["revision"]
    if revision not in repo.branches and not revision.startswith("refs/pr/"):
        raise revision_not_found(revision)
    parent = hub.resolve(repo, revision)
    asked_parent = header.get("parentCommit")
    if asked_parent and not parent.startswith(asked_parent):
        raise Refusal(412, "A commit has happened since. Please refresh and try again.")
    tree = _changed(hub, repo, dict(hub.tree(parent)), lines)
    oid = hub.commit(repo, tree, parent, account.name, header["summary"], header.get("description", ""))
    url = f"{base_url(request)}/{WEB_PREFIX[repo.kind]}{repo.id}"
    answer = {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}", "hookOutput": ""}
    if request.query_params.get("create_pr"):
        pull = {"title": header["summary"], "author": account.name, "status": "open", "created": now()}
        repo = hub.repos.change(repo, pulls=[*repo.pulls, {**pull, "base": revision, "head": oid}])
        answer["pullRequestUrl"] = f"{url}/discussions/{len(repo.pulls)}"
    elif revision in repo.branches:
        hub.repos.change(repo, branches={**repo.branches, revision: oid})
    else:
        number = int(revision.removeprefix("refs/pr/"))
        pulls = [{**pull, "head": oid} if place == number else pull for place, pull in enumerate(repo.pulls, 1)]
        hub.repos.change(repo, pulls=pulls)
    return JSONResponse(answer)


async def create_tag(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/tag/{rev} with `{tag}`."""
    repo, hub, asked = writable(request), hub_of(request), await request.json()
    target = hub.resolve(repo, request.path_params["revision"])
    name = str(asked.get("tag", ""))
    if not name or any(mark in name for mark in " ~^:?*[\\"):
        raise Refusal(400, "Invalid tag name")
    if name in repo.tags:
        raise Refusal(409, f"Tag reference exists already: {ascii(name)[1:-1]}")
    hub.repos.change(repo, tags={**repo.tags, name: target})
    return JSONResponse({"name": name, "ref": f"refs/tags/{name}", "targetCommit": target})


async def delete_tag(request: Request) -> JSONResponse:
    """DELETE /api/{kind}/{id}/tag/{tag}."""
    repo, name = writable(request), request.path_params["revision"]
    if name not in repo.tags:
        raise revision_not_found(name)
    hub_of(request).repos.change(repo, tags={tag: oid for tag, oid in repo.tags.items() if tag != name})
    return JSONResponse({})


async def create_branch(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/branch/{name} with `{startingPoint}`, or an empty one with `{emptyBranch: true}`."""
    repo, hub, asked = writable(request), hub_of(request), await request.json()
    name = request.path_params["revision"]
    if name in repo.branches:
        raise Refusal(409, f"Reference already exists: refs/heads/{ascii(name)[1:-1]}")
    if name.startswith("refs/"):
        raise Refusal(400, "Invalid reference for a branch")
    start = hub.resolve(repo, str(asked.get("startingPoint", "main")))
    hub.repos.change(repo, branches={**repo.branches, name: start})
    return JSONResponse({})


async def delete_branch(request: Request) -> JSONResponse:
    """DELETE /api/{kind}/{id}/branch/{name}."""
    repo, name = writable(request), request.path_params["revision"]
    if name == "main":
        raise Refusal(403, "Cannot delete the default branch")
    if name not in repo.branches:
        raise revision_not_found(name)
    hub_of(request).repos.change(repo, branches={key: oid for key, oid in repo.branches.items() if key != name})
    return JSONResponse({})


async def squash(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/super-squash/{branch}: one commit in place of a branch's history."""
    repo, hub, asked = writable(request), hub_of(request), await request.json()
    name = request.path_params["revision"]
    if name not in repo.branches:
        raise revision_not_found(name)
    title = str(asked.get("message") or "Super-squash branch")
    oid = hub.commit(repo, hub.tree(repo.branches[name]), None, signed_in(request).name, title)
    hub.repos.change(repo, branches={**repo.branches, name: oid})
    return JSONResponse({"commitOid": oid})


def _changed(hub: Hub, repo: Repo, tree: Tree, lines: list[dict[str, Any]]) -> Tree:
    """`tree` after the operations of a commit."""
    for line in lines:
        key, value = line["key"], line["value"]
        if key == "file":
            tree[_checked_path(value["path"])] = hub.objects.put(_content(value))
        elif key == "lfsFile":
            tree[_checked_path(value["path"])] = _uploaded(hub, repo, value)
        elif key == "deletedFile":
            if tree.pop(value["path"], None) is None:
                raise entry_not_found()
        elif key == "deletedFolder":
            prefix = f"{value['path'].rstrip('/')}/"
            if prefix != "/" and not any(path.startswith(prefix) for path in tree):
                raise entry_not_found()
            tree = {path: entry for path, entry in tree.items() if prefix != "/" and not path.startswith(prefix)}
        elif key != "header":
            raise Refusal(400, f"Unknown operation {key!a}")
    readme = tree.get("README.md")
    if readme and any(line["value"].get("path") == "README.md" for line in lines):
        found = cards.problems(hub.objects.blob(readme.sha256).read_text("utf-8", "replace"))
        if found:
            raise Refusal(400, f"Invalid metadata in README.md: {ascii(found[0])[1:-1]}")
    return tree


def _content(value: dict[str, Any]) -> bytes:
    text = str(value.get("content", ""))
    if value.get("encoding") != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refusal(400, "The content of a file is not base64") from None


def _uploaded(hub: Hub, repo: Repo, value: dict[str, Any]) -> Entry:
    sha256 = str(value["oid"])
    if not hub.repos.holds(repo, sha256) and xet.receive(hub.root, hub.objects, repo, sha256):
        hub.repos.hold(repo, sha256)
    if not hub.repos.holds(repo, sha256):
        raise Refusal(400, "LFS pointer pointed to a file that does not exist")
    return lfs_entry(sha256, hub.objects.blob(sha256).stat().st_size)


def _checked_path(path: str) -> str:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..", ".git") for part in parts) or "\0" in path:
        raise Refusal(400, "Invalid path in repo")
    return path
