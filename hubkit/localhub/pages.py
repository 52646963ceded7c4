"""What a person sees in a browser: lists of repos, a repo's card and files, and what was changed in it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse

from hubkit.localhub import cards
from hubkit.localhub.api_access import ASKED
from hubkit.localhub.api_collections import seen
from hubkit.localhub.api_pulls import forked, numbered
from hubkit.localhub.errors import WEB_PREFIX, entry_not_found, no_such_page
from hubkit.localhub.gate_form import form
from hubkit.localhub.hub import Hub
from hubkit.localhub.layout import page, rendered
from hubkit.localhub.objects import Tree
from hubkit.localhub.permissions import OPEN_FILES, asker, hub_of, owns, passes_gate, visible
from hubkit.localhub.repos import Repo

_STANDINGS = {
    "pending": "Your request was sent to the authors, who review it.",
    "accepted": "You have access: the files are open to your token.",
    "rejected": "The authors have rejected your request. Nothing was sent.",
}
"""What somebody who requested access sees in place of the form."""


async def index(request: Request) -> HTMLResponse:
    """GET /: the repos that this account may know of."""
    return page("Repositories", "", _list(_repos(request)))


async def namespace(request: Request) -> HTMLResponse:
    """GET /{namespace}: the repos of a user or an organisation."""
    name, accounts = request.path_params["namespace"], hub_of(request).accounts
    if name not in {**accounts.users, **accounts.organisations}:
        raise no_such_page()
    return page(escape(name), "", _list(repo for repo in _repos(request) if repo.owner == name), name)


async def collection(request: Request) -> HTMLResponse:
    """GET /collections/{slug}: the repos of a collection."""
    found, repos = seen(request), hub_of(request).repos
    items = [repos.find(f"{item['type']}s", item["id"]) for item in found["items"]]
    under = f"<div>{rendered(found['description'] or '')}</div>"
    title = f'<span class="kind">collection</span>{escape(found["title"])}'
    return page(title, under, _list(item for item in items if item is not None), found["title"])


async def repo_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}[/tree/{rev}]: the rendered card, the form where a gate is shut, and the names of the files."""
    repo, hub = visible(request), hub_of(request)
    revision = request.path_params.get("revision", "main")
    tree = hub.tree(hub.resolve(repo, revision))
    text = hub.text(tree, "README.md")
    values = cards.metadata(text)
    facts = {"gated": repo.gated, "license": values.get("license")}
    said = [f"{key}: {value}" for key, value in facts.items() if value]
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in [*said, *map(str, values.get("tags") or [])])
    card = rendered(cards.body(text), _address(repo), quote(revision, safe="")) or "<p>This repository has no card.</p>"
    files = f'<div class="box">{_files(request, repo, revision, tree)}{_versions(repo)}</div>'
    body = f'{_gate(request, repo)}<main class="box">{card}</main>{files}'
    return page(_title(repo), f"<div>{tags}</div>", body, repo.id)


async def files_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}/tree/{rev}/{folder} and blob/{rev}/{file}: the names of the files there."""
    repo, hub = visible(request), hub_of(request)
    revision, path = request.path_params["revision"], request.path_params["path"].strip("/")
    commit = hub.resolve(repo, revision)
    there = {name: entry for name, entry in hub.tree(commit).items() if f"{name}/".startswith(f"{path}/")}
    if not there:
        raise entry_not_found(commit)
    return page(_title(repo), "", f'<div class="box">{_files(request, repo, revision, there)}</div>', repo.id)


async def commit_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}/commit/{sha}: who changed which files, when and why."""
    repo, hub = visible(request), hub_of(request)
    oid = hub.resolve(repo, request.path_params["revision"])
    commit = hub.objects.commit(oid)
    said = f'<p class="quiet">{escape(commit.author)}, {commit.date}</p>{rendered(commit.message)}'
    body = f"<h2>{escape(commit.title)}</h2>{said}{_tree_link(repo, oid)}{_changes(hub, commit.parent, oid)}"
    return page(_title(repo), "", f'<div class="box">{body}</div>', repo.id)


async def pull_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}/discussions/{number}: a pull request, and the files that it changes."""
    repo, hub = visible(request), hub_of(request)
    number, pull = numbered(request, repo)
    said = f"{pull['status']}: {escape(pull['author'])} to {escape(pull['base'])}, {pull['created']}"
    body = f'<h2>{escape(pull["title"])} #{number}</h2><p class="quiet">{said}</p>'
    if pull["head"]:
        body += _tree_link(repo, f"refs/pr/{number}") + _changes(hub, forked(hub, repo, pull), pull["head"])
    return page(_title(repo), "", f'<div class="box">{body}</div>', repo.id)


def _repos(request: Request) -> list[Repo]:
    found = (repo for kind in WEB_PREFIX for repo in hub_of(request).repos.all(kind))
    return [repo for repo in found if not repo.private or owns(asker(request), repo)]


def _list(repos: Iterable[Repo]) -> str:
    items = [
        f'<li><span class="kind">{repo.kind[:-1]}</span><a href="{_address(repo)}">{escape(repo.id)}</a>'
        f'<br><span class="quiet">{_state(repo)}, updated {repo.updated[:10]}</span></li>'
        for repo in repos
    ]
    return f'<div class="box"><ul class="list">{"".join(items) or "<li>No repos yet.</li>"}</ul></div>'


def _state(repo: Repo) -> str:
    if repo.private:
        return "private"
    return {"manual": "gated, with approval by hand", "auto": "gated", False: "public"}[repo.gated]


def _address(repo: Repo, *parts: str) -> str:
    return escape("/".join([f"/{WEB_PREFIX[repo.kind]}{repo.id}", *parts]))


def _title(repo: Repo) -> str:
    owner, _, name = repo.id.partition("/")
    return (
        f'<span class="kind">{repo.kind[:-1]}</span><a href="/{escape(owner)}">{escape(owner)}</a>'
        f'/<a href="{_address(repo)}">{escape(name)}</a>'
    )


def _gate(request: Request, repo: Repo) -> str:
    """The form that `main` asks for, or how things stand for whoever has sent it off."""
    if passes_gate(repo, asker(request)):
        return ""
    standing = _STANDINGS.get(request.query_params.get(ASKED, ""))
    if standing:
        return f'<div class="box note"><p>{standing}</p></div>'
    hub = hub_of(request)
    card = hub.text(hub.tree(repo.branches["main"]), "README.md")
    return form(_address(repo, "ask-access"), cards.metadata(card))


def _tree_link(repo: Repo, revision: str) -> str:
    return f'<a class="tag" href="{_address(repo, "tree", quote(revision, safe=""))}">{escape(revision)}</a>'


def _files(request: Request, repo: Repo, revision: str, tree: Tree) -> str:
    through = passes_gate(repo, asker(request))
    rows = []
    for path, entry in sorted(tree.items()):
        address = _address(repo, "resolve", quote(revision, safe=""), quote(path))
        shown = f'<a href="{address}">{escape(path)}</a>' if through or path in OPEN_FILES else escape(path)
        rows.append(f"<tr><td>{shown}<td>{entry.size:,} B</tr>")
    heading = "Files" if revision == "main" else f"Files of {escape(revision)}"
    return f'<h2>{heading}</h2><table class="files"><tr><th>name<th>size</tr>{"".join(rows)}</table>'


def _changes(hub: Hub, before: str | None, after: str) -> str:
    """The files that differ between two commits; without the first, all are new."""
    old, new = hub.tree(before) if before else {}, hub.tree(after)
    rows = [
        f"<tr><td>{escape(path)}<td>{'deleted' if path not in new else 'changed' if path in old else 'added'}</tr>"
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]
    return f'<h2>Changes</h2><table class="files"><tr><th>file<th></tr>{"".join(rows)}</table>'


def _versions(repo: Repo) -> str:
    names = sorted([*repo.tags, *(branch for branch in repo.branches if branch != "main")])
    shown = "".join(_tree_link(repo, name) for name in names)
    return f"<h2>Tags and branches</h2><p>{shown}</p>" if shown else ""
