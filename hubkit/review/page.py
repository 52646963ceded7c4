"""A reader's page: one HTML file that loads nothing, sends nothing, and opens with the passphrase of the review."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.model import to_json
from hubkit.artifacts.review import Language, ReviewKind
from hubkit.review.encryption import Key, label

SOURCES = Path(__file__).with_name("page")

SCRIPTS = ("envelope.js", "store.js", "panel.js", "review.js")
"""In the order in which they need one another."""


class PageData(NamedTuple):
    """What one reader is given.

    Attributes:
        review: digest of the review.
        items: by the ids in `order`; "images" of an item are numbers of `images`.
        images: JPEG files.
    """

    review: str
    reader: str
    kind: ReviewKind
    language: Language
    order: Sequence[str]
    items: Mapping[str, Mapping[str, Any]]
    images: Sequence[bytes]


def build_page(data: PageData, key: Key | None) -> str:
    """The page as HTML.

    Args:
        key: encrypts texts and images; None leaves them in clear.
    """
    style = (SOURCES / "review.css").read_text(encoding="utf-8")
    script = "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    words = json.loads((SOURCES / "words.json").read_text(encoding="utf-8"))
    content = {"kind": data.kind, "order": list(data.order), "items": dict(data.items)}
    plain = json.dumps(content, ensure_ascii=False)
    cipher, text = None, _block(plain)
    if key is not None:
        used, sealed = key.encrypt(plain.encode(), label(data.review, data.reader, "page"))
        cipher, text = to_json(used), base64.b64encode(sealed).decode()
    head = {
        "review": data.review,
        "reader": data.reader,
        "kind": data.kind,
        "language": data.language,
        "kdf": to_json(key.kdf) if key else None,
        "cipher": cipher,
    }
    parts = {
        "LANG": {"pt": "pt-BR", "en": "en"}[data.language],
        "POLICY": content_policy(style, script),
        "TITLE": words[data.language][f"title.{data.kind}"],
        "STYLE": style,
        "HEAD": _block(json.dumps(head)),
        "WORDS": _block(json.dumps(words, ensure_ascii=False)),
        "DATA": text,
        "IMAGES": "\n".join(_image(data, number, image, key) for number, image in enumerate(data.images)),
        "SCRIPT": script,
    }
    template = (SOURCES / "review.html").read_text(encoding="utf-8")
    # In one pass: what was put in is not looked through for more places.
    return re.sub(r"@([A-Z]+)@", lambda place: parts[place[1]], template)


def content_policy(style: str, script: str) -> str:
    """The policy of the page: it loads nothing, connects to nothing, and runs no script but its own.

    Trusted types make a browser refuse to read any text as HTML, should the script ever ask for it.
    """
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src blob: data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _block(text: str) -> str:
    """JSON that no parser of HTML takes for the end of its block."""
    return text.replace("<", "\\u003c")


def _image(data: PageData, number: int, image: bytes, key: Key | None) -> str:
    name, nonce = f"image-{number}", ""
    if key is not None:
        cipher, image = key.encrypt(image, label(data.review, data.reader, name))
        nonce = f' data-iv="{cipher.iv}"'
    return f'<script type="text/plain" id="{name}"{nonce}>{base64.b64encode(image).decode()}</script>'
