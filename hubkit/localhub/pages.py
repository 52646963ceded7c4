"""What a person sees in a browser: the card of a repo, and the form by which access is asked for."""

from __future__ import annotations

import re
from html import escape
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse

from hubkit.localhub import cards
from hubkit.localhub.answers import WEB_PREFIX, Refusal
from hubkit.localhub.api_access import ASKED, TOKEN_FIELD
from hubkit.localhub.hub import OPEN_FILES, asker, hub_of, owns, passes_gate, visible
from hubkit.localhub.repos import Repo

_STYLE = """
:root { color-scheme: light; --edge: #d9dee6; --ink: #1c2430; --quiet: #5d6878; --paper: #fff; --blue: #1d4ed8 }
* { box-sizing: border-box }
body { background: #f5f6f8; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; margin: 0 }
body { overflow-wrap: anywhere }
nav, .page { margin: 0 auto; max-width: 62rem; padding: 0 1.5rem }
nav { color: var(--quiet); font-size: .9rem; padding-top: 1rem }
a { color: var(--blue); text-decoration: none } a:hover { text-decoration: underline }
header { margin: .75rem 0 1rem } header h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem }
.kind { background: #e4ebfb; border-radius: .4rem; color: var(--blue); font-size: .8rem; font-weight: 600 }
.kind { letter-spacing: .02em; margin-right: .6rem; padding: .15rem .5rem; vertical-align: middle }
.tag { background: #e9edf2; border-radius: 1rem; display: inline-block; font-size: .82rem; margin: 0 .3rem .3rem 0 }
.tag { color: #3a4556; padding: .1rem .65rem }
.box { background: var(--paper); border: 1px solid var(--edge); border-radius: .6rem; margin: 0 0 1.25rem }
.box { padding: 1.25rem 1.75rem } .box > :first-child { margin-top: 0 } .box > :last-child { margin-bottom: 0 }
main h1 { border-bottom: 1px solid var(--edge); font-size: 1.7rem; padding-bottom: .4rem }
h2 { font-size: 1.3rem; margin: 1.6rem 0 .6rem }
main h2 { border-bottom: 1px solid var(--edge); padding-bottom: .25rem }
table { border-collapse: collapse; display: block; font-size: .95rem; margin: 1rem 0; overflow-x: auto }
td, th { border: 1px solid var(--edge); padding: .3rem .7rem } th { background: #f5f6f8; text-align: left }
td:last-child { white-space: nowrap }
pre { background: #f5f6f8; border-radius: .4rem; line-height: 1.45; overflow-x: auto; padding: .8rem 1rem }
code { background: #f0f2f5; border-radius: .25rem; font-size: .88em; padding: .1em .3em }
pre code { background: none; padding: 0 }
blockquote { border-left: .25rem solid var(--edge); color: var(--quiet); margin: 1rem 0; padding: 0 1rem }
.gate { background: #fffaf0; border-color: #f0c36d } .note { background: #eef7f0; border-color: #9bcfa9 }
.gate label { display: block; margin: .8rem 0 }
.gate input:not([type=checkbox]), select { background: #fff; border: 1px solid #b9c2cf; border-radius: .35rem }
.gate input:not([type=checkbox]), select { display: block; font: inherit; margin-top: .2rem; padding: .4rem .6rem }
.gate input:not([type=checkbox]), select { max-width: 100%; width: 28rem }
.gate input[type=checkbox] { margin-right: .5rem; transform: scale(1.15) }
.hint { color: var(--quiet); font-size: .85rem }
button { background: var(--ink); border: 0; border-radius: .4rem; color: #fff; cursor: pointer; font: inherit }
button { margin-top: .4rem; padding: .5rem 1.2rem }
.list { list-style: none; padding: 0 } .list li { border-bottom: 1px solid var(--edge); padding: .7rem 0 }
.list li:last-child { border: 0 } .quiet { color: var(--quiet); font-size: .88rem }
"""

_HUB = "Hub on loopback"


async def index(request: Request) -> HTMLResponse:
    """GET /: the repos that this account may know of."""
    hub, account = hub_of(request), asker(request)
    items = [
        f'<li><span class="kind">{kind[:-1]}</span><a href="/{WEB_PREFIX[kind]}{escape(repo.id)}">{escape(repo.id)}</a>'
        f'<br><span class="quiet">{_state(repo)}, updated {repo.updated[:10]}</span></li>'
        for kind in WEB_PREFIX
        for repo in hub.repos.all(kind)
        if not repo.private or owns(account, repo)
    ]
    listed = "".join(items) or "<li>No repos yet.</li>"
    return HTMLResponse(
        _page("Repositories", "", f'<div class="box"><ul class="list">{listed}</ul></div>'), headers=SAFE
    )


async def repo_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}: the rendered card, the form where a gate is shut, and the names of the files."""
    repo, hub = visible(request), hub_of(request)
    tree = hub.tree(hub.resolve(repo, "main"))
    card = tree.get("README.md")
    text = hub.objects.blob(card.sha256).read_text("utf-8", "replace") if card else ""
    values = cards.metadata(text)
    tags = "".join(f'<span class="tag">{escape(str(tag))}</span>' for tag in _tags(repo, values))
    through = passes_gate(repo, asker(request))
    gate = "" if through else _asked(request) or _form(repo, values)
    files = "".join(
        _file(repo, path, entry.size, through or path in OPEN_FILES) for path, entry in sorted(tree.items())
    )
    body = (
        f'{gate}<main class="box">{_rendered(cards.body(text)) or "<p>This repository has no card.</p>"}</main>'
        f'<div class="box"><h2>Files</h2><table><tr><th>name<th>size</tr>{files}</table>{_versions(repo)}</div>'
    )
    title = f'<span class="kind">{repo.kind[:-1]}</span>{escape(repo.id)}'
    return HTMLResponse(_page(title, f"<div>{tags}</div>", body, repo.id), headers=SAFE)


def refusal_page(refusal: Refusal) -> str:
    """What a browser shows for a request that is refused."""
    body = f'<div class="box gate"><p>{escape(refusal.message)}</p><p><a href="/">All repositories</a></p></div>'
    return _page(f"{refusal.status}: this was refused", "", body)


def _state(repo: Repo) -> str:
    if repo.private:
        return "private"
    return {"manual": "gated, with approval by hand", "auto": "gated", False: "public"}[repo.gated]


def _file(repo: Repo, path: str, size: int, readable: bool) -> str:
    name = escape(path)
    address = f"/{WEB_PREFIX[repo.kind]}{escape(repo.id)}/resolve/main/{escape(quote(path), quote=True)}"
    shown = f'<a href="{address}">{name}</a>' if readable else name
    return f"<tr><td>{shown}<td>{size:,} B</tr>"


def _versions(repo: Repo) -> str:
    names = [*repo.tags, *(branch for branch in repo.branches if branch != "main")]
    shown = "".join(f'<span class="tag">{escape(name)}</span>' for name in sorted(names))
    return f"<h2>Tags and branches</h2><p>{shown}</p>" if shown else ""


def _tags(repo: Repo, values: dict[str, Any]) -> list[str]:
    licence = [f"license: {values['license']}"] if "license" in values else []
    gated = [f"gated: {repo.gated}"] if repo.gated else []
    return [*gated, *licence, *map(str, values.get("tags") or [])]


def _asked(request: Request) -> str:
    """What stands in place of the form for whoever has just sent it off."""
    if ASKED not in request.query_params:
        return ""
    return '<div class="box note"><p>Your request was sent to the authors, who review it.</p></div>'


def _form(repo: Repo, values: dict[str, Any]) -> str:
    """The form of a card's `extra_gated_*`; people say who they are by a token, since there are no passwords here."""
    heading = values.get(
        "extra_gated_heading", "You need to agree to share your contact information to access this repo"
    )
    fields = "".join(_field(str(label), kind) for label, kind in (values.get("extra_gated_fields") or {}).items())
    button = escape(str(values.get("extra_gated_button_content", "Agree and access repository")))
    return (
        f'<form class="box gate" method="post" action="/{WEB_PREFIX[repo.kind]}{escape(repo.id)}/ask-access">'
        f"<h2>{escape(str(heading))}</h2>{_rendered(str(values.get('extra_gated_prompt', '')))}{fields}"
        f'<label>Your token<input type="password" name="{TOKEN_FIELD}" autocomplete="off" required>'
        '<span class="hint">On this Hub a token says who you are; the real one has you signed in.</span></label>'
        f"<button>{button}</button></form>"
    )


def _field(label: str, kind: Any) -> str:
    name = escape(label, quote=True)
    if isinstance(kind, dict) and kind.get("type") == "select":
        options = "".join(f"<option>{escape(str(_value(option)))}</option>" for option in kind.get("options", []))
        return f'<label>{name}<select name="{name}">{options}</select></label>'
    if kind == "checkbox":
        return f'<label><input type="checkbox" name="{name}" value="true" required> {name}</label>'
    shown = {"date_picker": "date"}.get(str(kind), "text")
    return f'<label>{name}<input type="{shown}" name="{name}" required></label>'


def _value(option: Any) -> Any:
    return option.get("value", option.get("label")) if isinstance(option, dict) else option


def _rendered(markdown: str) -> str:
    # HTML in a card is shown as text: a card is written by people, and this page has their reader's browser.
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").render(_without_comments(markdown))


def _without_comments(markdown: str) -> str:
    return re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL)


SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}


def _page(title: str, under: str, body: str, name: str = _HUB) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><nav><a href="/">{_HUB}</a></nav>'
        f'<div class="page"><header><h1>{title}</h1>{under}</header>{body}</div></body></html>'
    )
