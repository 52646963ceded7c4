"""Makes a review: draws what is read, and writes a page for each reader."""

from __future__ import annotations

import datetime
import random
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hubkit.artifacts.review import Item, Language, Review, ReviewKind, Side, review_digest, write_review
from hubkit.artifacts.review_texts import Texts, digests_of
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.review.design import Design, Row, check_design, check_rows, draw, order, readings_of, strata
from hubkit.review.encryption import Key
from hubkit.review.images import study_images
from hubkit.review.material import rows_to_draw, texts_of
from hubkit.review.page import PageData, build_page
from hubkit.tables import SPLITS
from hubkit.terms.kinds import terms_of
from hubkit.terms.policy import check_access
from hubkit.terms.reader_access import admitted, check_reader, text_in_clear
from hubkit.workspace import Workspace, write_text

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

IMAGE_SIDE = 1024
"""Pixels of the longer side of an image: what a reader's screen has room for."""

MOST_BYTES = 60 * 10**6
"""A page that is larger is slow to open on a tablet, and does not go through most mail."""


class Asked(NamedTuple):
    """What a review will be.

    Attributes:
        compare: two conditions, where generated reports are read.
        splits: of the studies whose translations are read.
        image_side: pixels of the longer side of an image.
    """

    name: str
    kind: ReviewKind
    readers: Sequence[str]
    design: Design
    language: Language = "pt"
    compare: tuple[str, str] = ("lora", "zero_shot")
    splits: Collection[str] = SPLITS
    image_side: int = IMAGE_SIDE


class Made(NamedTuple):
    """What was written.

    Attributes:
        pages: with the readings of each.
        rows: how many there were to draw from.
        without_image: studies that have no image.
    """

    review: Review
    pages: dict[Path, int]
    rows: int
    without_image: int


def check_review(config: ReleaseConfig, workspace: Workspace, asked: Asked, in_clear: bool) -> list[Row]:
    """Refuse what cannot be made, before anybody is asked for a passphrase.

    Returns:
        The rows to draw from.

    Raises:
        UsageError: the name is taken or will not do; a reader is named twice, not on record, or would have nothing to
            read; the design is out of range; the terms of the corpus ask for encryption.
        HubkitError: the maintainer's own access check is missing or too old, or a table is missing or damaged.
    """
    if not NAME.fullmatch(asked.name):
        raise UsageError(
            f"{asked.name!r} cannot be the name of a review", hint="small letters a to z, digits, - and _, up to 64"
        )
    check_readers(asked.readers)
    check_design(asked.design)
    if asked.kind == "generation" and len(set(asked.compare)) < 2:
        raise UsageError("a condition cannot be compared with itself", hint="give two with --compare")
    if (workspace.review(asked.name) / "review.json").exists():
        raise UsageError(
            "is there already, and its readers may have begun",
            where=workspace.review(asked.name),
            hint="choose another name",
        )
    terms = terms_of(config.corpus)
    if in_clear and not text_in_clear(terms):
        raise UsageError(
            f"the terms of {terms.name} ask that its text is encrypted", where="--clear", hint="leave it out"
        )
    check_access(config, workspace)
    admitted(workspace, terms, list(asked.readers))
    rows = rows_to_draw(workspace, asked.kind, asked.compare, asked.splits)
    check_rows(len(rows))
    items = min(asked.design.items, len(rows))
    idle = [
        reader
        for reader, count in zip(asked.readers, readings_of(items, len(asked.readers), asked.design), strict=True)
        if not count
    ]
    if idle:
        raise UsageError(
            f"{items} items leave {', '.join(idle)} nothing to read", hint="give more --items, or a larger --overlap"
        )
    return rows


def check_readers(readers: Sequence[str]) -> None:
    """Refuse ids that two readers share, or that cannot name a file.

    Raises:
        UsageError: names the reader, where it is one.
    """
    for reader in readers:
        check_reader(reader)
    if not readers or len(set(readers)) < len(readers):
        raise UsageError("every reader needs an id of their own", hint="give --reader once for each reader")


def make_review(config: ReleaseConfig, workspace: Workspace, asked: Asked, passphrase: str | None) -> Made:
    """Draw a review and write its pages and review.json.

    Args:
        passphrase: of all its pages; None leaves them in clear.

    Raises:
        UsageError: see `check_review`; or the design is out of range.
        HubkitError: a table that it is made from is missing or damaged.
    """
    rows = check_review(config, workspace, asked, in_clear=passphrase is None)
    items = draw(rows, asked.design)
    texts = texts_of(workspace, asked.kind, asked.compare, items)
    digests = digests_of(texts)
    orders = order(items, asked.readers, asked.design)
    blinding = _blinding(orders, asked) if asked.kind == "generation" else {}
    review = Review(
        kind=asked.kind,
        language=asked.language,
        seed=asked.design.seed,
        created=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        corpus=config.corpus.kind,
        readers=admitted(workspace, terms_of(config.corpus), list(asked.readers)),
        strata=tuple(strata(rows, items)),
        items=tuple(items),
        order=orders,
        blinding=blinding,
        texts=digests,
        digest=review_digest(asked.kind, items, digests, orders, blinding),
    )
    images: dict[int, list[bytes]] = {}
    if asked.kind == "generation":
        images = study_images(config, workspace, {item.study_id for item in items}, asked.image_side)
    pages = {}
    for reader in asked.readers:
        path = workspace.review(asked.name) / f"{reader}.html"
        page = build_page(_page_data(review, reader, texts, images), Key(passphrase) if passphrase else None)
        write_text(path, page)
        pages[path] = len(orders[reader])
    # Last: a review whose pages are not all there does not count as made.
    write_review(workspace.review(asked.name), review)
    missing = sum(not images.get(item.study_id) for item in items) if asked.kind == "generation" else 0
    return Made(review, pages, len(rows), missing)


def _blinding(orders: Mapping[str, Sequence[str]], asked: Asked) -> dict[str, dict[str, dict[Side, str]]]:
    """Which condition stands where, drawn for each reading: a repeat may have its reports the other way round."""
    rng = random.Random(f"{asked.design.seed} blinding")
    found: dict[str, dict[str, dict[Side, str]]] = {}
    for reader, ids in orders.items():
        found[reader] = {}
        for item in ids:
            first, second = rng.sample(asked.compare, 2)
            found[reader][item] = {"a": first, "b": second}
    return found


def _page_data(review: Review, reader: str, texts: Mapping[str, Texts], images: Mapping[int, list[bytes]]) -> PageData:
    """What a reader's page holds: no study ids, flags, strata, or names of conditions."""
    by_id = {item.id: item for item in review.items}
    numbers: dict[int, list[int]] = {}
    held: list[bytes] = []
    items: dict[str, dict[str, object]] = {}
    for name in review.order[reader]:
        item = by_id[name.partition("#")[0]]
        if review.kind == "translation":
            items[name] = {"section": item.section, **texts[item.id]}
            continue
        if item.study_id not in numbers:
            own = images.get(item.study_id, [])
            numbers[item.study_id] = list(range(len(held), len(held) + len(own)))
            held.extend(own)
        items[name] = _study(item, texts[item.id], review.blinding[reader][name], numbers[item.study_id])
    return PageData(review.digest, reader, review.kind, review.language, review.order[reader], items, held)


def _study(item: Item, texts: Texts, sides: Mapping[Side, str], images: list[int]) -> dict[str, object]:
    return {"reference": texts["reference"], "a": texts[sides["a"]], "b": texts[sides["b"]], "images": images}
