"""Pull requests: open, show, change status, merge. There are no discussions here."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.diffs import unified_diff
from hubkit.localhub.errors import Refusal
from hubkit.localhub.hub import Hub
from hubkit.localhub.paths import check_tree
from hubkit.localhub.permissions import asker, hub_of, passes_gate, signed_in, visible, writable
from hubkit.localhub.repos import Repo, now
from hubkit.localhub.validation import body, number

PAGE = 50  # pull requests of a listing

_NEW = {"title": str, "description?": str, "pullRequest?": bool}


async def listing(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/discussions, newest first, by pages; `type`, `status` and `author` choose some."""
    repo, query = visible(request), request.query_params
    if query.get("type", "all") not in ("all", "pull_request", "discussion"):
        raise Refusal(400, '"type" must be one of [all, pull_request, discussion]')
    if query.get("status", "all") not in ("all", "open", "closed"):
        raise Refusal(400, '"status" must be one of [all, open, closed]')
    found = [] if query.get("type") == "discussion" else range(len(repo.pulls), 0, -1)
    shown = [_shown(repo, place) for place in found]
    if query.get("status", "all") != "all":
        # A draft may still become something, and what is merged is done.
        closed = query["status"] == "closed"
        shown = [each for each in shown if (each["status"] in ("closed", "merged")) == closed]
    if "author" in query:
        shown = [each for each in shown if each["author"]["name"] == query["author"]]
    start = number(request, "p", 0) * PAGE
    return JSONResponse({"discussions": shown[start : start + PAGE], "count": len(shown), "start": start})


def create(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions: a pull request, which begins as a draft without changes."""
    repo, hub, asked = writable(request), hub_of(request), body(request, _NEW)
    if not asked.get("pullRequest"):
        raise Refusal(400, "There are no discussions on this Hub, only pull requests")
    pull = new_pull(asked["title"], signed_in(request).name, "draft", asked.get("description", ""))
    repo = hub.repos.change(repo, pulls=[*repo.pulls, {**pull, "base": "main", "head": repo.branches["main"]}])
    return JSONResponse({"num": len(repo.pulls), "pullRequest": True})


def new_pull(title: str, author: str, status: str, description: str) -> dict[str, Any]:
    """A pull request without its commits; what it is about is its first comment."""
    said = [_comment(author, description)] if description else []
    return {"title": title, "author": author, "status": status, "created": now(), "events": said}


async def pull(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/discussions/{number}, with the changes themselves where `diff` asks for them."""
    repo, hub = visible(request), hub_of(request)
    place, found = numbered(request, repo)
    start = forked(hub, repo, found) if found["head"] else None
    changes = {"base": f"refs/heads/{found['base']}", "mergeCommitId": found.get("merged")}
    shown = {**_shown(repo, place), "events": _events(hub, found, start), "changes": changes, "diff": ""}
    if request.query_params.get("diff") and start and passes_gate(repo, asker(request)):
        # In a thread: comparing lines takes time.
        trees = hub.tree(start), hub.tree(found["head"])
        shown["diff"] = await asyncio.to_thread(unified_diff, hub, repo, *trees)
    return JSONResponse({**shown, "filesWithConflicts": _conflicts(hub, repo, found, start)})


def status(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions/{number}/status with `{status, comment}`."""
    repo, asked = writable(request), body(request, {"status": str, "comment?": str})
    if asked["status"] not in ("open", "closed"):
        raise Refusal(400, '"status" must be one of [open, closed]')
    place, found = numbered(request, repo)
    events = _closing(signed_in(request).name, asked["status"], asked.get("comment"))
    change = {"status": asked["status"], "events": [*found.get("events", []), *events]}
    _change(hub_of(request), repo, place, change)
    return JSONResponse({"newStatus": events[-1]})


def delete_ref(request: Request) -> JSONResponse:
    """POST /{prefix}{id}/discussions/{number}/delete-ref: a button of the page, which the API has no call for.

    After closing or merging only, and for good: hub-docs, storage-limits.md, "Deleting Pull request refs".
    """
    repo, hub = writable(request), hub_of(request)
    place, found = numbered(request, repo)
    if found["status"] not in ("closed", "merged"):
        raise Refusal(400, "Only the ref of a closed or merged pull request can be deleted")
    _change(hub, repo, place, {"head": None})
    hub.sweep()
    return JSONResponse({})


def merge(request: Request) -> JSONResponse:
    """POST /api/{kind}/{id}/discussions/{number}/merge: its changes, on top of what the branch is now."""
    repo, hub = writable(request), hub_of(request)
    place, found = numbered(request, repo)
    if found["status"] == "merged":
        raise Refusal(400, "This pull request is merged already")
    base, start = repo.branches.get(found["base"]), forked(hub, repo, found)
    if base is None or start is None:
        raise Refusal(409, "The branch of this pull request is gone, or begins anew")
    if _conflicts(hub, repo, found, start):
        raise Refusal(409, "This pull request is in conflict with its branch")
    after, tree = hub.tree(found["head"]), dict(hub.tree(base))
    for path in _changed(hub, start, found["head"]):
        tree.pop(path, None)
        if path in after:
            tree[path] = after[path]
    check_tree(tree)
    account = signed_in(request).name
    oid = hub.commit(repo, tree, base, account, f"{found['title']} (#{place})")
    asked = body(request, {"comment?": str}) if request.state.body else {}
    events = [*found.get("events", []), *_closing(account, "merged", asked.get("comment"))]
    merged = {"status": "merged", "merged": oid, "events": events}
    _change(hub, repo, place, merged, branches={**repo.branches, found["base"]: oid})
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


def _changed(hub: Hub, before: str, after: str) -> list[str]:
    old, new = hub.tree(before), hub.tree(after)
    return [path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path)]


def _conflicts(hub: Hub, repo: Repo, pull: dict[str, Any], start: str | None) -> list[str]:
    """The files that were changed on the branch of a pull request too since it was opened."""
    base = repo.branches.get(pull["base"])
    if start is None or base is None or pull["status"] == "merged":
        return []
    before, now_there, after = hub.tree(start), hub.tree(base), hub.tree(pull["head"])
    changed = _changed(hub, start, pull["head"])
    return [path for path in changed if now_there.get(path) not in (before.get(path), after.get(path))]


def _events(hub: Hub, pull: dict[str, Any], start: str | None) -> list[dict[str, Any]]:
    """What happened to a pull request, oldest first, its commits among it."""
    events = list(pull.get("events", []))
    for oid, commit in hub.objects.history(pull["head"]) if start else ():
        if oid == start:
            break
        events.append(_event("commit", commit.author, commit.date, {"subject": commit.title, "oid": oid}, oid))
    return sorted(events, key=lambda event: str(event["createdAt"]))


def _closing(author: str, status: str, comment: str | None) -> list[dict[str, Any]]:
    """The events of a change of status, that itself last."""
    said = [_comment(author, comment)] if comment else []
    return [*said, _event("status-change", author, now(), {"status": status})]


def _comment(author: str, text: str) -> dict[str, Any]:
    when = now()
    latest = {"raw": text, "html": "", "updatedAt": when, "author": {"name": author}}
    return _event("comment", author, when, {"edited": False, "hidden": False, "latest": latest, "history": []})


def _event(kind: str, author: str, when: str, data: dict[str, Any], identity: str | None = None) -> dict[str, Any]:
    shown = {"id": identity or secrets.token_hex(12), "type": kind, "createdAt": when}
    return {**shown, "author": {"name": author}, "data": data}
