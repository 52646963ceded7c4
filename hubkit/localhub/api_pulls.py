"""Pull requests: open, show, change status, merge. There are no discussions here."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.errors import Refusal
from hubkit.localhub.hub import Hub
from hubkit.localhub.permissions import hub_of, signed_in, visible, writable
from hubkit.localhub.repos import Repo, now
from hubkit.localhub.validation import body


async def listing(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/discussions."""
    repo = visible(request)
    shown = [_shown(repo, number) for number in range(len(repo.pulls), 0, -1)]
    return JSONResponse({"discussions": shown, "count": len(shown), "start": 0})


def create(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions: a pull request, which begins as a draft without changes."""
    repo, hub, asked = writable(request), hub_of(request), body(request, {"title": str, "pullRequest?": bool})
    if not asked.get("pullRequest"):
        raise Refusal(400, "There are no discussions on this Hub, only pull requests")
    pull = {"title": asked["title"], "author": signed_in(request).name, "status": "draft", "created": now()}
    pull |= {"base": "main", "head": repo.branches["main"]}
    repo = hub.repos.change(repo, pulls=[*repo.pulls, pull])
    return JSONResponse({"num": len(repo.pulls), "pullRequest": True})


async def pull(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/discussions/{number}."""
    repo = visible(request)
    number, found = numbered(request, repo)
    changes = {"base": f"refs/heads/{found['base']}", "mergeCommitId": found.get("merged")}
    return JSONResponse(
        {**_shown(repo, number), "events": [], "changes": changes, "filesWithConflicts": [], "diff": ""}
    )


def status(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions/{number}/status with `{status}`."""
    repo, asked = writable(request), body(request, {"status": str})
    if asked["status"] not in ("open", "closed"):
        raise Refusal(400, '"status" must be one of [open, closed]')
    changed = _change(hub_of(request), repo, numbered(request, repo)[0], {"status": asked["status"]})
    return JSONResponse({"newStatus": _event(changed, "status-change", {"status": asked["status"]})})


def delete_ref(request: Request) -> JSONResponse:
    """POST /{prefix}{id}/discussions/{number}/delete-ref: a button of the page, which the API has no call for.

    After closing or merging only, and for good: hub-docs, storage-limits.md, "Deleting Pull request refs".
    """
    repo, hub = writable(request), hub_of(request)
    number, found = numbered(request, repo)
    if found["status"] not in ("closed", "merged"):
        raise Refusal(400, "Only the ref of a closed or merged pull request can be deleted")
    _change(hub, repo, number, {"head": None})
    hub.sweep()
    return JSONResponse({})


def merge(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions/{number}/merge: its changes, on top of what the branch is now."""
    repo, hub = writable(request), hub_of(request)
    number, found = numbered(request, repo)
    if found["status"] == "merged":
        raise Refusal(400, "This pull request is merged already")
    base, start = repo.branches.get(found["base"]), forked(hub, repo, found)
    if base is None or start is None:
        raise Refusal(409, "The branch of this pull request is gone, or begins anew")
    before, after, tree = hub.tree(start), hub.tree(found["head"]), dict(hub.tree(base))
    for path in {*before, *after}:
        if before.get(path) == after.get(path):
            continue
        if tree.get(path) != before.get(path):
            raise Refusal(409, "This pull request is in conflict with its branch")
        if path in after:
            tree[path] = after[path]
        else:
            del tree[path]
    title = f"{found['title']} (#{number})"
    oid = hub.commit(repo, tree, base, signed_in(request).name, title)
    _change(hub, repo, number, {"status": "merged", "merged": oid}, branches={**repo.branches, found["base"]: oid})
    return JSONResponse({"oid": oid, "mergeCommitId": oid})


def forked(hub: Hub, repo: Repo, pull: dict[str, Any]) -> str | None:
    """The commit that a pull request started from; None where its branch is gone or was squashed since."""
    of_branch = {oid for oid, _ in hub.objects.history(repo.branches.get(pull["base"]))}
    return next((oid for oid, _ in hub.objects.history(pull["head"]) if oid in of_branch), None)


def numbered(request: Request, repo: Repo) -> tuple[int, dict[str, Any]]:
    """The number of the address, and the pull request that has it.

    Raises:
        Refusal: none has (404).
    """
    number = int(request.path_params["number"])
    if not 1 <= number <= len(repo.pulls):
        raise Refusal(404, "Discussion not found")
    return number, repo.pulls[number - 1]


def _change(hub: Hub, repo: Repo, number: int, pull: dict[str, Any], **changes: Any) -> Repo:
    pulls = [{**known, **pull} if place == number else known for place, known in enumerate(repo.pulls, 1)]
    return hub.repos.change(repo, pulls=pulls, **changes)


def _shown(repo: Repo, number: int) -> dict[str, Any]:
    pull = repo.pulls[number - 1]
    return {
        "num": number,
        "title": pull["title"],
        "status": pull["status"],
        "author": {"name": pull["author"]},
        "isPullRequest": True,
        "createdAt": pull["created"],
        "repo": {"name": repo.id, "type": repo.kind[:-1]},
    }


def _event(repo: Repo, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"{repo.uid}-{kind}", "type": kind, "createdAt": now(), "author": {"name": repo.owner}, "data": data}
