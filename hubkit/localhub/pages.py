"""What a person sees in a browser: the card of a repo, and the form by which access is asked for."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from hubkit.localhub import cards
from hubkit.localhub.answers import WEB_PREFIX
from hubkit.localhub.api_access import TOKEN_FIELD
from hubkit.localhub.hub import asker, hub_of, owns, passes_gate, visible
from hubkit.localhub.repos import Repo

_STYLE = """
body { color: #1f2937; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem }
header { border-bottom: 1px solid #d1d5db; margin-bottom: 1rem } h1 small { color: #6b7280; font-weight: 400 }
table { border-collapse: collapse; display: block; margin: 1rem 0; overflow-x: auto }
td, th { border: 1px solid #d1d5db; overflow-wrap: normal; padding: .25rem .6rem }
pre { background: #f3f4f6; overflow-x: auto; padding: .75rem } code { font-size: .9em }
.gate { background: #fffbeb; border: 1px solid #f59e0b; border-radius: .5rem; margin: 1rem 0; padding: 1rem 1.25rem }
.gate label { display: block; margin: .6rem 0 } .gate input:not([type=checkbox]) { display: block; width: 24rem }
.tag { background: #e5e7eb; border-radius: 1rem; font-size: .85rem; margin-right: .3rem; padding: .1rem .6rem }
button { background: #1f2937; border: 0; border-radius: .4rem; color: #fff; font: inherit; padding: .4rem 1rem }
"""


async def index(request: Request) -> HTMLResponse:
    """GET /: the repos that this account may know of."""
    hub, account = hub_of(request), asker(request)
    items = [
        f'<li><a href="/{WEB_PREFIX[kind]}{escape(repo.id)}">{kind[:-1]} {escape(repo.id)}</a></li>'
        for kind in WEB_PREFIX
        for repo in hub.repos.all(kind)
        if not repo.private or owns(account, repo)
    ]
    return _page("A Hub on loopback", f"<ul>{''.join(items) or '<li>no repos yet</li>'}</ul>")


async def repo_page(request: Request) -> HTMLResponse:
    """GET /{prefix}{id}: the rendered card, the form where a gate is shut, and the names of the files."""
    repo, hub = visible(request), hub_of(request)
    tree = hub.tree(hub.resolve(repo, "main"))
    card = tree.get("README.md")
    text = hub.objects.blob(card.sha256).read_text("utf-8", "replace") if card else ""
    values = cards.metadata(text)
    tags = "".join(f'<span class="tag">{escape(str(tag))}</span>' for tag in _tags(repo, values))
    gate = "" if passes_gate(repo, asker(request)) else _form(repo, values)
    files = "".join(
        f"<tr><td>{escape(path)}</td><td>{entry.size:,} B</td></tr>" for path, entry in sorted(tree.items())
    )
    body = f"<p>{tags}</p>{gate}<main>{_rendered(cards.body(text))}</main><h2>Files</h2><table>{files}</table>"
    return _page(f"{escape(repo.id)} <small>{repo.kind[:-1]}</small>", body)


def _tags(repo: Repo, values: dict[str, Any]) -> list[str]:
    licence = [f"license: {values['license']}"] if "license" in values else []
    gated = [f"gated: {repo.gated}"] if repo.gated else []
    return [*gated, *licence, *map(str, values.get("tags") or [])]


def _form(repo: Repo, values: dict[str, Any]) -> str:
    """The form of a card's `extra_gated_*`; people say who they are by a token, since there are no passwords here."""
    heading = values.get(
        "extra_gated_heading", "You need to agree to share your contact information to access this repo"
    )
    fields = "".join(_field(str(label), kind) for label, kind in (values.get("extra_gated_fields") or {}).items())
    button = escape(str(values.get("extra_gated_button_content", "Agree and access repository")))
    return (
        f'<form class="gate" method="post" action="/{WEB_PREFIX[repo.kind]}{escape(repo.id)}/ask-access">'
        f"<h2>{escape(str(heading))}</h2>{_rendered(str(values.get('extra_gated_prompt', '')))}{fields}"
        f'<label>Your token<input type="password" name="{TOKEN_FIELD}" required></label>'
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


def _page(title: str, body: str) -> HTMLResponse:
    plain = title.partition(" <")[0]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{plain}</title>'
        f"<style>{_STYLE}</style></head>"
        f"<body><header><h1>{title}</h1></header>{body}</body></html>"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy})
