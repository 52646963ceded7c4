"""Large files: the LFS batch protocol, with signed addresses that the content is sent to."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hubkit.localhub.errors import WEB_PREFIX, Refusal
from hubkit.localhub.hub import LINK_SECONDS, Hub
from hubkit.localhub.objects import git_sha1
from hubkit.localhub.permissions import base_url, hub_of, proposable, readable, writable
from hubkit.localhub.repos import Repo
from hubkit.localhub.validation import SHA256, body

_BATCH = {"operation?": str, "transfers?": [str], "objects": [{"oid": str, "size": int}]}
_DELETION = {"deletions": {"sha": [SHA256], "rewriteHistory?": bool}}


async def batch(request: Request) -> JSONResponse:
    """POST /{prefix}{id}.git/info/lfs/objects/batch; that an upload is for a pull request, it does not say."""
    asked = body(request, _BATCH)
    uploading = asked.get("operation") == "upload"
    if uploading:
        repo = proposable(request)
        hub_of(request).check_quota(repo, sum(wanted["size"] for wanted in asked["objects"]))
    else:
        repo = readable(request)
    objects = [_object(request, repo, wanted, uploading) for wanted in asked["objects"]]
    # Clients before 2.0 go by Xet where it is chosen here; later ones do not ask. Others than huggingface_hub offer it
    # too, and look for a server of chunks, which this Hub is not: only hf_xet can write into a folder.
    has_hf_xet = "hf_hub/" in request.headers.get("user-agent", "")
    transfer = "xet" if uploading and has_hf_xet and "xet" in asked.get("transfers", []) else "basic"
    return JSONResponse({"transfer": transfer, "objects": objects}, media_type="application/vnd.git-lfs+json")


async def upload(request: Request) -> Response:
    """PUT /lfs/{kind}/{id}/{sha256}?signature: the address is the permission, no token comes with it."""
    hub, sha256 = hub_of(request), request.path_params["sha256"]
    repo = _addressed(request)
    size = hub.check_signature(repo, sha256, dict(request.query_params))
    received = await hub.objects.take(request.stream(), size)

    def keep() -> None:
        # It may have been deleted meanwhile.
        repo = _addressed(request)
        hub.objects.adopt(received, sha256)
        hub.repos.hold(repo, [sha256])

    try:
        async with hub.turns.change(repo.address):
            await asyncio.to_thread(keep)
    finally:
        received.unlink(missing_ok=True)
    return Response(headers={"ETag": f'"{sha256}"'})


async def verify(request: Request) -> JSONResponse:
    """POST /lfs/{kind}/{id}/verify with `{oid, size}`."""
    repo, hub, asked = proposable(request), hub_of(request), body(request, {"oid": SHA256, "size": int})
    sha256 = asked["oid"]
    if not hub.repos.holds(repo, sha256) or hub.content(repo, sha256).size != asked["size"]:
        raise Refusal(404, "LFS object not found")
    return JSONResponse({"success": True})


async def listing(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/lfs-files: every large file that the repo holds, in its history or not."""
    repo, hub = writable(request), hub_of(request)
    named = _named(hub, repo)
    values = [
        {
            # Two names: huggingface_hub, LFSFileInfo. `fileOid` is the SHA-256, and what a deletion takes.
            "oid": git_sha1("lfs", f"{repo.uid}/{sha256}".encode()),
            "fileOid": sha256,
            "filename": named.get(sha256, _Named("", None)).path,
            "pushedAt": when,
            "ref": named.get(sha256, _Named("", None)).ref,
            "size": hub.content(repo, sha256).size,
        }
        for sha256, when in hub.repos.held(repo).items()
    ]
    return JSONResponse(values)


def delete(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/lfs-files/batch with `{deletions: {sha, rewriteHistory}}`.

    With `rewriteHistory` branches and tags get commits without the files; the old commits keep their other files.
    """
    repo, hub, asked = writable(request), hub_of(request), body(request, _DELETION)["deletions"]
    gone = set(asked["sha"])
    if asked.get("rewriteHistory", True):
        _rewrite(hub, repo, gone)
    for sha256 in gone:
        hub.repos.let_go(repo, sha256)
    hub.xet.keep_only(repo.uid, hub.repos.held(repo).keys())
    hub.sweep()
    return JSONResponse({})


def _object(request: Request, repo: Repo, wanted: dict[str, Any], uploading: bool) -> dict[str, Any]:
    hub, sha256, size = hub_of(request), wanted["oid"], wanted["size"]
    known = {"oid": sha256, "size": size}
    if not SHA256.fullmatch(sha256) or size < 0:
        return {**known, "error": {"code": 422, "message": "Invalid object"}}
    if uploading:
        if hub.repos.holds(repo, sha256):
            return known
        home = f"{base_url(request)}/lfs/{repo.kind}/{repo.id}"
        href = f"{home}/{sha256}?{hub.sign(repo, sha256, size)}"
        actions: dict[str, Any] = {
            "upload": {"href": href, "expires_in": LINK_SECONDS},
            "verify": {"href": f"{home}/verify"},
        }
        return {**known, "actions": actions}
    found = next((name for name, oid in _in_main(hub, repo).items() if oid == sha256), None)
    if found is None:
        return {**known, "error": {"code": 404, "message": "Object does not exist"}}
    address = f"{base_url(request)}/{WEB_PREFIX[repo.kind]}{repo.id}/resolve/main/{found}"
    return {**known, "actions": {"download": {"href": address}}}


def _in_main(hub: Hub, repo: Repo) -> dict[str, str]:
    return {path: entry.sha256 for path, entry in hub.tree(repo.branches["main"]).items() if entry.lfs}


class _Named(NamedTuple):
    """Where a large file is found: its path, and the ref whose history has it; None where none has."""

    path: str
    ref: str | None


def _named(hub: Hub, repo: Repo) -> dict[str, _Named]:
    """Path and ref by digest for each large file in the history of any branch or tag, main before all others."""
    found: dict[str, _Named] = {}
    heads = {"main": repo.branches["main"], **repo.branches, **repo.tags}
    for ref, head in heads.items():
        for oid, _ in hub.objects.history(head):
            for path, entry in hub.tree(oid).items():
                if entry.lfs:
                    found.setdefault(entry.sha256, _Named(path, ref))
    return found


def _rewrite(hub: Hub, repo: Repo, gone: set[str]) -> None:
    """Replace each commit of a branch or tag by one without the files whose digest is in `gone`."""
    made: dict[str, str] = {}

    def anew(head: str) -> str:
        parent: str | None = None
        for oid, commit in reversed(list(hub.objects.history(head))):
            if oid not in made:
                tree = {path: entry for path, entry in hub.tree(oid).items() if entry.sha256 not in gone}
                made[oid] = hub.commit(repo, tree, parent, commit.author, commit.title, commit.message)
            parent = made[oid]
        assert parent is not None
        return parent

    branches = {name: anew(oid) for name, oid in repo.branches.items()}
    tags = {name: anew(oid) for name, oid in repo.tags.items()}
    # Pull requests keep theirs, which only a person deletes: hub-docs, storage-limits.md, "Deleting Pull request refs".
    hub.change_refs(repo, branches=branches, tags=tags)


def _addressed(request: Request) -> Repo:
    params = request.path_params
    repo = hub_of(request).repos.find(params["kind"], f"{params['namespace']}/{params['name']}")
    if repo is None:
        raise Refusal(404, "Repository not found", "RepoNotFound")
    request.state.repo = repo
    return repo
