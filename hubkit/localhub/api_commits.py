"""Changing a repo: commits, branches, tags."""

from __future__ import annotations

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hubkit.artifacts.eval_results import problem
from hubkit.localhub import cards
from hubkit.localhub.api_pulls import new_pull
from hubkit.localhub.errors import WEB_PREFIX, Refusal, entry_not_found, revision_not_found
from hubkit.localhub.gitignore import ignored
from hubkit.localhub.hub import Hub
from hubkit.localhub.objects import Tree, lfs_entry
from hubkit.localhub.paths import check_tree, checked_path
from hubkit.localhub.permissions import base_url, hub_of, signed_in, writable, writable_or_proposed
from hubkit.localhub.repos import Repo
from hubkit.localhub.storage import goes_through_lfs
from hubkit.localhub.validation import SHA256, body, fitting, parsed

_PREUPLOAD = {"files": [{"path": str, "size": int, "sample?": str}], "gitIgnore?": str}

_BRANCH = {"startingPoint?": str, "emptyBranch?": bool, "overwrite?": bool}

_OPERATIONS: dict[str, dict[str, Any]] = {
    "header": {"summary?": str, "description?": str, "parentCommit?": str},
    "file": {"path": str, "content?": str, "encoding?": str},
    "lfsFile": {"path": str, "oid": SHA256},
    "deletedFile": {"path": str},
    "deletedFolder": {"path": str},
}
"""The lines of a commit: what each may be, and what it says."""

_Operation = tuple[str, dict[str, Any]]


async def validate_yaml(request: Request) -> Response:
    """POST /api/validate-yaml: JSON, or text for whoever asks for that."""
    content = body(request, {"content?": str}).get("content", "")
    found = cards.problems(content)
    warnings = [] if found or cards.metadata(content) else ["empty or missing yaml metadata in repo card"]
    status = 400 if found else 200
    if request.headers.get("accept") == "text/plain":
        lines = [*(f"- Error: {said}" for said in found), *(f"- Warning: {said}" for said in warnings)]
        return PlainTextResponse("\n".join(lines), status)
    values = {"errors": [{"message": said} for said in found], "warnings": [{"message": said} for said in warnings]}
    return JSONResponse(values, status)


async def preupload(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/preupload/{rev}: how to send each file, and what exists under its name."""
    repo, hub, asked = writable_or_proposed(request), hub_of(request), body(request, _PREUPLOAD)
    files = hub.tree(hub.resolve(repo, request.path_params["revision"]))
    # That of the upload before that of the repo.
    patterns = asked["gitIgnore"] if "gitIgnore" in asked else hub.text(files, ".gitignore")
    paths = [checked_path(file["path"]) for file in asked["files"]]
    answer = []
    for file, path, ignore in zip(asked["files"], paths, ignored(patterns, paths), strict=True):
        lfs = goes_through_lfs(path, file["size"], _base64(file.get("sample", "")))
        mode = "lfs" if lfs else "regular"
        values: dict[str, Any] = {"path": path, "uploadMode": mode, "shouldIgnore": ignore}
        if path in files:
            values["oid"] = files[path].etag
        answer.append(values)
    return JSONResponse({"files": answer})


def commit(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/commit/{rev}: newline-delimited JSON, all of it or nothing."""
    repo, hub, account = writable_or_proposed(request), hub_of(request), signed_in(request)
    if hub.limits:
        hub.limits.count_commit(account.name, hub.accounts.settings(account.name).commits)
    operations = [_operation(line) for line in request.state.body.splitlines() if line.strip()]
    header: dict[str, Any] = next((value for key, value in operations if key == "header"), {})
    if not header.get("summary"):
        raise Refusal(400, "A commit needs a summary")
    revision = request.path_params["revision"]
    parent = _head(hub, repo, revision)
    asked_parent = header.get("parentCommit")
    if asked_parent and not parent.startswith(asked_parent):
        raise Refusal(412, "The branch was updated since you opened this page. Please refresh and try again.")
    tree = _changed(hub, repo, dict(hub.tree(parent)), operations)
    oid = hub.commit(repo, tree, parent, account.name, header["summary"], header.get("description", ""))
    url = f"{base_url(request)}/{WEB_PREFIX[repo.kind]}{repo.id}"
    answer = {"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}", "hookOutput": ""}
    if request.query_params.get("create_pr"):
        pull = new_pull(header["summary"], account.name, "open", header.get("description", ""))
        repo = hub.repos.change(repo, pulls=[*repo.pulls, {**pull, "base": revision, "head": oid}])
        answer["pullRequestUrl"] = f"{url}/discussions/{len(repo.pulls)}"
    else:
        hub.repos.change(repo, **_advanced(repo, revision, oid))
    return JSONResponse(answer)


def create_tag(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/tag/{rev} with `{tag}`."""
    repo, hub, name = writable(request), hub_of(request), body(request, {"tag": str})["tag"]
    target = hub.resolve(repo, request.path_params["revision"])
    if not name or any(mark in name for mark in " ~^:?*[\\"):
        raise Refusal(400, "Invalid tag name")
    if name in repo.tags:
        raise Refusal(409, f"Tag reference exists already: {name}")
    hub.repos.change(repo, tags={**repo.tags, name: target})
    return JSONResponse({"name": name, "ref": f"refs/tags/{name}", "targetCommit": target})


def delete_tag(request: Request) -> JSONResponse:
    """DELETE /api/{kind}/{id}/tag/{tag}."""
    repo, name = writable(request), request.path_params["revision"]
    if name not in repo.tags:
        raise revision_not_found(name)
    hub_of(request).change_refs(repo, tags={tag: oid for tag, oid in repo.tags.items() if tag != name})
    return JSONResponse({})


def create_branch(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/branch/{name} with `{startingPoint}`, or `{emptyBranch: true}`, and `{overwrite}`."""
    repo, hub, asked = writable(request), hub_of(request), body(request, _BRANCH)
    name, start = request.path_params["revision"], asked.get("startingPoint")
    if name.startswith("refs/") or name == "HEAD":
        raise Refusal(400, "Invalid reference for a branch")
    if name in repo.branches:
        if not asked.get("overwrite"):
            raise Refusal(409, f"Reference refs/heads/{name} already exists")
        # @huggingface/hub, createBranch: without a start, overwriting a branch that there is does nothing.
        if start is None and not asked.get("emptyBranch"):
            return JSONResponse({})
    if asked.get("emptyBranch"):
        if start is not None:
            raise Refusal(400, 'An empty branch has no "startingPoint"')
        oid = hub.commit(repo, {}, None, signed_in(request).name, "initial commit")
    else:
        oid = hub.resolve(repo, start or "main")
    hub.change_refs(repo, branches={**repo.branches, name: oid})
    return JSONResponse({})


def delete_branch(request: Request) -> JSONResponse:
    """DELETE /api/{kind}/{id}/branch/{name}."""
    repo, name = writable(request), request.path_params["revision"]
    if name == "main":
        raise Refusal(403, "Cannot delete refs/heads/main")
    if name not in repo.branches:
        raise revision_not_found(name)
    hub_of(request).change_refs(repo, branches={key: oid for key, oid in repo.branches.items() if key != name})
    return JSONResponse({})


def squash(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/super-squash/{branch}: one commit in place of a branch's history."""
    repo, hub, asked = writable(request), hub_of(request), body(request, {"message?": str})
    name = request.path_params["revision"]
    before = _head(hub, repo, name)
    title = asked.get("message") or "Super-squash branch"
    oid = hub.commit(repo, hub.tree(before), None, signed_in(request).name, title)
    hub.change_refs(repo, **_advanced(repo, name, oid))
    return JSONResponse({"commitOid": oid})


def _head(hub: Hub, repo: Repo, name: str) -> str:
    """The newest commit of a branch or pull request, which a commit can be put on."""
    if name not in repo.branches and not name.startswith("refs/pr/"):
        raise revision_not_found(name)
    return hub.resolve(repo, name)


def _advanced(repo: Repo, name: str, oid: str) -> dict[str, Any]:
    """The change to `repo` that lets a branch or pull request name another commit."""
    if name in repo.branches:
        return {"branches": {**repo.branches, name: oid}}
    number = int(name.removeprefix("refs/pr/"))
    return {"pulls": [{**pull, "head": oid} if place == number else pull for place, pull in enumerate(repo.pulls, 1)]}


def _operation(line: bytes) -> _Operation:
    asked = fitting(parsed(line), {"key": str, "value": dict}, "Each line of a commit")
    if asked["key"] not in _OPERATIONS:
        raise Refusal(400, f"Unknown operation {asked['key']!a}")
    return asked["key"], fitting(asked["value"], _OPERATIONS[asked["key"]])


def _changed(hub: Hub, repo: Repo, tree: Tree, operations: list[_Operation]) -> Tree:
    """`tree` after the operations of a commit."""
    _receive(hub, repo, {value["oid"] for key, value in operations if key == "lfsFile"})
    for key, value in operations:
        if key == "file":
            tree[checked_path(value["path"])] = hub.objects.put(content_of(value))
        elif key == "lfsFile":
            size = hub.content(repo, value["oid"]).size
            tree[checked_path(value["path"])] = lfs_entry(value["oid"], size)
        elif key == "deletedFile":
            if tree.pop(value["path"], None) is None:
                tree = _without_folder(tree, value["path"])
        elif key == "deletedFolder":
            tree = _without_folder(tree, value["path"])
    check_tree(tree)
    if any(value.get("path") == "README.md" for _, value in operations):
        found = cards.problems(hub.text(tree, "README.md"))
        if found:
            raise Refusal(400, f"Invalid metadata in README.md: {found[0]}")
    for _, value in operations:
        path = value.get("path", "")
        wrong = problem(path, hub.text(tree, path).encode()) if path in tree else None
        if wrong:
            raise Refusal(400, f"Invalid {path}: {wrong}")
    return tree


def _without_folder(tree: Tree, folder: str) -> Tree:
    prefix = f"{folder.rstrip('/')}/"
    if prefix == "/":
        return {}
    left = {path: entry for path, entry in tree.items() if not path.startswith(prefix)}
    if len(left) == len(tree):
        raise entry_not_found()
    return left


def content_of(value: dict[str, Any]) -> bytes:
    """The content of a file as a commit or the creation of a repo carries it."""
    text: str = value.get("content", "")
    return _base64(text) if value.get("encoding") == "base64" else text.encode()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal(400, "The content of a file is not base64") from None


def _receive(hub: Hub, repo: Repo, wanted: set[str]) -> None:
    """Make sure that large files were uploaded to this repo, by LFS or by Xet, and are not too much for it."""
    missing = {sha256 for sha256 in wanted if not hub.repos.holds(repo, sha256)}
    sent = hub.xet.find_sent(repo.uid, missing) if missing else {}
    if missing - sent.keys():
        raise Refusal(400, "LFS pointer pointed to a file that does not exist")
    if sent:
        hub.check_quota(repo, sum(file.size for _, file in sent.values()))
        hub.xet.keep(repo.uid, sent)
        hub.repos.hold(repo, sent)
    hub.xet.cut(repo.uid, wanted)
