"""How every page of the Hub is laid out and looks."""

from __future__ import annotations

import re
from html import escape

from starlette.responses import HTMLResponse

from hubkit.localhub.errors import Refusal

HUB = "Hub on loopback"

SAFE = {"Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'"}

_STYLE = """
:root { color-scheme: light; --edge: #d9dee6; --ink: #1c2430; --quiet: #5d6878; --paper: #fff; --blue: #1d4ed8 }
* { box-sizing: border-box }
body { background: #f5f6f8; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; margin: 0 }
body { overflow-wrap: break-word }
nav, .page { margin: 0 auto; max-width: 62rem; padding: 0 1.5rem }
nav { color: var(--quiet); font-size: .9rem; padding-top: 1rem }
a { color: var(--blue); text-decoration: none } a:hover { text-decoration: underline }
header { margin: .75rem 0 1rem } header h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem }
.kind { background: #e4ebfb; border-radius: .4rem; color: var(--blue); font-size: .8rem; font-weight: 600 }
.kind { letter-spacing: .02em; margin-right: .6rem; padding: .15rem .5rem; vertical-align: middle }
.tag { background: #e9edf2; border-radius: 1rem; display: inline-block; font-size: .82rem; margin: 0 .3rem .3rem 0 }
.tag { color: #3a4556; padding: .1rem .65rem } a.tag { color: var(--blue) }
.box { background: var(--paper); border: 1px solid var(--edge); border-radius: .6rem; margin: 0 0 1.25rem }
.box { padding: 1.25rem 1.75rem } .box > :first-child { margin-top: 0 } .box > :last-child { margin-bottom: 0 }
main h1 { border-bottom: 1px solid var(--edge); font-size: 1.7rem; padding-bottom: .4rem }
header a { color: inherit }
h2 { font-size: 1.3rem; margin: 1.6rem 0 .6rem }
main h2 { border-bottom: 1px solid var(--edge); padding-bottom: .25rem }
table { border-collapse: collapse; display: block; font-size: .95rem; margin: 1rem 0; overflow-x: auto }
td, th { border: 1px solid var(--edge); padding: .3rem .7rem } th { background: #f5f6f8; text-align: left }
td:last-child code, .files td:first-child { overflow-wrap: anywhere }
.files td:last-child { white-space: nowrap }
pre { background: #f5f6f8; border-radius: .4rem; line-height: 1.45; overflow-wrap: anywhere; padding: .8rem 1rem }
pre { white-space: pre-wrap }
img { height: auto; max-width: 100% }
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


def page(title: str, under: str, body: str, name: str = HUB, status: int = 200) -> HTMLResponse:
    """A page.

    Args:
        title: its heading, as HTML, like what stands under it and the body.
        name: what the browser calls it, as text.
    """
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><nav><a href="/">{HUB}</a></nav>'
        f'<div class="page"><header><h1>{title}</h1>{under}</header>{body}</div></body></html>',
        status,
        SAFE,
    )


def refusal_page(refusal: Refusal) -> HTMLResponse:
    """What a browser shows for a request that is refused."""
    said = {400: "this is not complete", 404: "there is nothing here"}.get(refusal.status, "this was refused")
    body = f'<div class="box gate"><p>{escape(refusal.message)}</p><p><a href="/">All repositories</a></p></div>'
    return page(f"{refusal.status}: {said}", "", body, status=refusal.status)


def rendered(markdown: str, repo: str | None = None, revision: str = "main") -> str:
    """Markdown as HTML; HTML in it is shown as text: people write it, and a page has their reader's browser.

    Args:
        repo: the address of the repo whose files relative links and pictures name; None leaves them as they are.
        revision: of these files.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(_without_comments(markdown))
    for token in [part for block in tokens for part in block.children or []] if repo else ():
        for attribute, route in (("src", "resolve"), ("href", "blob")):
            path = str(token.attrGet(attribute) or "")
            if path and not re.match(r"[a-z][a-z0-9+.-]*:|[/#]", path):
                token.attrSet(attribute, f"{repo}/{route}/{revision}/{path.removeprefix('./')}")
    return str(parser.renderer.render(tokens, parser.options, {}))


def _without_comments(markdown: str) -> str:
    # A regular expression would look for the end of the card again at each "<!--" that nothing ends.
    kept, at = [], 0
    while (begin := markdown.find("<!--", at)) >= 0 and (end := markdown.find("-->", begin)) >= 0:
        kept.append(markdown[at:begin])
        at = end + len("-->")
        at += markdown[at : at + 1] == "\n"
    return "".join([*kept, markdown[at:]])
