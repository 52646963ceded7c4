"""Collections: named lists of repos, in `collections.json`."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

from hubkit.localhub.errors import Refusal
from hubkit.localhub.repos import now
from hubkit.workspace import write_json


class Collections:
    """All collections of a Hub by slug, as the API shows them."""

    def __init__(self, root: Path):
        self.path = root / "collections.json"
        self._all: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            self._all = json.loads(self.path.read_text(encoding="utf-8"))

    def of(self, owner: str | None) -> list[dict[str, Any]]:
        return [found for found in self._all.values() if owner is None or found["owner"]["name"] == owner]

    def get(self, slug: str) -> dict[str, Any]:
        """Find a collection; its title may have changed since, its id at the end has not.

        Raises:
            Refusal: there is none (404).
        """
        for found in self._all.values():
            if _id(found["slug"]) == _id(slug):
                return found
        raise Refusal(404, "Collection not found")

    def create(self, owner: str, kind: str, title: str, description: str | None, private: bool) -> dict[str, Any]:
        """Make a collection of a user or an organisation ("user", "org").

        Raises:
            Refusal: the owner has one with this title (409, with its slug).
        """
        for found in self.of(owner):
            if found["title"] == title:
                raise Refusal(409, "Collection already exists", body={"error": "exists", "slug": found["slug"]})
        made: dict[str, Any] = {
            "slug": _slug(owner, title, secrets.token_hex(12)),
            "title": title,
            "description": description,
            "owner": {"name": owner, "type": kind},
            "items": [],
            "lastUpdated": now(),
            "position": len(self.of(owner)),
            "private": private,
            "theme": "orange",
            "upvotes": 0,
        }
        return self._keep(made, self._all)

    def change(self, collection: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Replace a collection; its slug follows its title, and items are numbered again."""
        changed = {**collection, **changes, "lastUpdated": now()}
        changed["slug"] = _slug(changed["owner"]["name"], changed["title"], _id(collection["slug"]))
        changed["items"] = [{**item, "position": place} for place, item in enumerate(changed["items"])]
        others = {slug: found for slug, found in self._all.items() if slug != collection["slug"]}
        return self._keep(changed, others)

    def add(self, collection: dict[str, Any], kind: str, item_id: str, note: str | None) -> dict[str, Any]:
        """Put a repo into a collection.

        Raises:
            Refusal: it is in it already (409).
        """
        items = collection["items"]
        if any((item["type"], item["id"]) == (kind, item_id) for item in items):
            raise Refusal(409, "Item already in collection")
        item: dict[str, Any] = {"_id": secrets.token_hex(12), "id": item_id, "type": kind}
        if kind == "collection":
            item["slug"] = item_id
        if note is not None:
            item["note"] = {"text": note}
        return self.change(collection, items=[*items, item])

    def delete(self, collection: dict[str, Any]) -> None:
        kept = {slug: found for slug, found in self._all.items() if slug != collection["slug"]}
        write_json(self.path, kept)
        self._all = kept

    def _keep(self, collection: dict[str, Any], others: dict[str, dict[str, Any]]) -> dict[str, Any]:
        kept = {**others, collection["slug"]: collection}
        write_json(self.path, kept)
        self._all = kept
        return collection


def _slug(owner: str, title: str, identity: str) -> str:
    words = re.findall(r"[a-z0-9]+", title.lower())
    return f"{owner}/{'-'.join([*words, identity])}"


def _id(slug: str) -> str:
    return slug.rpartition("-")[2]
