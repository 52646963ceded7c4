"""Files: listing them and reading them, with ranges and ETags."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hubkit.localhub.contents import content_of_bytes
from hubkit.localhub.errors import entry_not_found
from hubkit.localhub.hub import Hub
from hubkit.localhub.objects import Commit, Entry, Tree, git_sha1, lfs_pointer
from hubkit.localhub.permissions import asker, base_url, hub_of, passes_gate, readable, visible
from hubkit.localhub.repos import Repo
from hubkit.localhub.serving import file_answer
from hubkit.localhub.validation import body, number

PAGE = 1000  # entries of a listing, unless the client sets a limit


async def resolve(request: Request) -> Response:
    """HEAD and GET /{prefix}{id}/resolve/{rev}/{path}."""
    path = request.path_params["path"]
    repo, hub = readable(request, path), hub_of(request)
    commit = hub.resolve(repo, request.path_params["revision"])
    entry = hub.tree(commit).get(path)
    if entry is None or not served(hub, repo, entry):
        raise entry_not_found(commit)
    # Served as plain bytes on this very address: clients follow redirects within an origin and lose the headers.
    headers = {"X-Repo-Commit": commit, "Cache-Control": "no-cache"}
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)}
        file = hub.xet.find(repo.uid, entry.sha256)
        if file:
            permission = f"{base_url(request)}/api/{repo.kind}/{repo.id}/xet-read-token/{commit}"
            headers |= {"X-Xet-Hash": file.hash, "Link": f'<{permission}>; rel="xet-auth"'}
    return file_answer(request, hub.content(repo, entry.sha256), entry.etag, path.rpartition("/")[2], headers)


async def raw(request: Request) -> Response:
    """GET /{prefix}{id}/raw/{rev}/{path}: what git holds, which for an LFS file is its pointer."""
    path = request.path_params["path"]
    repo, hub = readable(request, path), hub_of(request)
    commit = hub.resolve(repo, request.path_params["revision"])
    entry = hub.tree(commit).get(path)
    if entry is None:
        raise entry_not_found(commit)
    pointer = content_of_bytes(lfs_pointer(entry.sha256, entry.size))
    held = pointer if entry.lfs else hub.content(repo, entry.sha256)
    name, kind = path.rpartition("/")[2], "text/plain; charset=utf-8"
    return file_answer(request, held, entry.oid, name, {"X-Repo-Commit": commit}, kind)


async def tree(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/tree/{rev}[/{path}], by pages."""
    repo, hub, query = visible(request), hub_of(request), request.query_params
    commit = hub.resolve(repo, request.path_params["revision"])
    files, folder = hub.tree(commit), request.path_params.get("path", "").strip("/")
    recursive, expand = _flag(query.get("recursive")), _flag(query.get("expand"))
    listed = _listing(files, folder, recursive)
    if folder and not listed:
        raise entry_not_found(commit)
    start, limit = number(request, "cursor", 0), number(request, "limit", PAGE, least=1)
    page = [_item(request, repo, files, path, commit, expand) for path in listed[start : start + limit]]
    headers = {}
    if start + limit < len(listed):
        following = request.url.include_query_params(cursor=start + limit)
        headers["Link"] = f'<{following}>; rel="next"'
    return JSONResponse(page, headers=headers)


async def paths_info(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/paths-info/{rev}: form or JSON; unknown paths are left out."""
    repo, hub = visible(request), hub_of(request)
    commit = hub.resolve(repo, request.path_params["revision"])
    if request.headers.get("content-type", "").startswith("application/json"):
        asked = body(request, {"paths": [str], "expand?": bool})
        paths, expand = asked["paths"], asked.get("expand", False)
    else:
        form = request.state.form
        paths, expand = [str(path) for path in form.getlist("paths")], _flag(str(form.get("expand", "")))
    files = hub.tree(commit)
    known = set(_listing(files, "", recursive=True))
    return JSONResponse([_item(request, repo, files, path, commit, expand) for path in paths if path in known])


async def commits(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/commits/{rev}, newest first, by pages."""
    repo, hub, query = visible(request), hub_of(request), request.query_params
    history = list(hub.objects.history(hub.resolve(repo, request.path_params["revision"])))
    number_of_page, limit = number(request, "p", 0), number(request, "limit", 50, least=1)
    start = limit * number_of_page
    formatted = "formatted" in query.getlist("expand[]") + query.getlist("expand")
    page = [_commit(oid, commit, formatted) for oid, commit in history[start : start + limit]]
    headers = {"X-Total-Count": str(len(history))}
    if start + limit < len(history):
        headers["Link"] = f'<{request.url.include_query_params(p=number_of_page + 1)}>; rel="next"'
    return JSONResponse(page, headers=headers)


def served(hub: Hub, repo: Repo, entry: Entry) -> bool:
    """Whether a file's content is there: old commits still name large files that were deleted for good."""
    return not entry.lfs or hub.repos.holds(repo, entry.sha256)


def shown_identity(hub: Hub, repo: Repo, entry: Entry, passes: bool) -> dict[str, Any]:
    """`oid` and `size` of a file as a listing shows them to whoever passes the gate or does not."""
    if not passes and not entry.lfs and hub.accounts.settings(repo.owner).hide_small_files:
        return {"oid": "0" * 40, "size": 0}
    return {"oid": entry.oid, "size": entry.size}


def _listing(files: Tree, folder: str, recursive: bool) -> list[str]:
    """The files and folders below `folder`, sorted."""
    prefix = f"{folder}/" if folder else ""
    found = set()
    for path in files:
        if path.startswith(prefix):
            parts = path[len(prefix) :].split("/")
            depth = len(parts) if recursive else 1
            found |= {prefix + "/".join(parts[:count]) for count in range(1, depth + 1)}
    return sorted(found)


def _item(request: Request, repo: Repo, files: Tree, path: str, commit: str, expand: bool) -> dict[str, Any]:
    entry = files.get(path)
    if entry is None:
        below = sorted((name, found.oid) for name, found in files.items() if name.startswith(f"{path}/"))
        values: dict[str, Any] = {"type": "directory", "oid": git_sha1("tree", repr(below).encode()), "size": 0}
    else:
        passes = passes_gate(repo, asker(request))
        # Whoever stands before the gate sees names and sizes; digests of large files stay behind it. Whether those of
        # small ones do is not documented: an account chooses.
        values = {"type": "file", **shown_identity(hub_of(request), repo, entry, passes)}
        if entry.lfs and passes:
            pointer = len(lfs_pointer(entry.sha256, entry.size))
            values["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": pointer}
            file = hub_of(request).xet.find(repo.uid, entry.sha256)
            if file:
                values["xetHash"] = file.hash
    if expand:
        values["lastCommit"] = _last_commit(request, path, commit, entry)
    return {**values, "path": path}


def _last_commit(request: Request, path: str, commit: str, entry: Entry | None) -> dict[str, str]:
    """The newest commit that changed `path`; for a folder, the newest that changed anything below it."""
    objects, hub = hub_of(request).objects, hub_of(request)

    def content(oid: str) -> object:
        files = hub.tree(oid)
        return (
            files.get(path) if entry else {name: found for name, found in files.items() if name.startswith(f"{path}/")}
        )

    newest = commit
    for oid, _ in objects.history(commit):
        if content(oid) != content(commit):
            break
        newest = oid
    found = objects.commit(newest)
    return {"id": newest, "title": found.title, "date": found.date}


def _commit(oid: str, commit: Commit, formatted: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": oid,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author}],
        "date": commit.date,
    }
    if formatted:
        values["formatted"] = {"title": commit.title, "message": commit.message}
    return values


def _flag(value: str | None) -> bool:
    return (value or "").lower() in ("1", "true")
