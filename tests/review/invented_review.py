"""Reviews of invented rows, without a workspace."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence

from hubkit.artifacts.review import Reader, Review, ReviewKind, Side, review_digest
from hubkit.review.design import Design, Row, draw, order, strata

SIZES = {"flagged": 40, "warned": 60, "passed": 900}

CHECKS = {"flagged": ("negation_added",), "warned": ("length",), "passed": ()}


def invented_rows(sizes: dict[str, int] | None = None) -> list[Row]:
    names = itertools.chain.from_iterable([name] * size for name, size in (sizes or SIZES).items())
    return [Row(study, "findings", CHECKS[name], name) for study, name in enumerate(names)]


def invented_review(
    design: Design,
    readers: Sequence[str] = ("ana", "rui"),
    kind: ReviewKind = "translation",
    rows: list[Row] | None = None,
) -> Review:
    rows = rows or invented_rows()
    if kind == "generation":
        rows = [Row(row.study_id, None) for row in rows]
    items = draw(rows, design)
    orders = order(items, readers, design)
    sides: dict[Side, str] = {"a": "lora", "b": "zero_shot"}
    turned: dict[Side, str] = {"a": "zero_shot", "b": "lora"}
    blinding = {
        reader: {item: (sides if number % 2 else turned) for number, item in enumerate(ids)}
        for reader, ids in orders.items()
    }
    texts = {item.id: "0" * 64 for item in items}
    return Review(
        kind=kind,
        language="pt",
        seed=design.seed,
        created=datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC),
        corpus="demo",
        readers=tuple(Reader(id=reader) for reader in readers),
        strata=tuple(strata(rows, items)),
        items=tuple(items),
        order=orders,
        blinding=blinding if kind == "generation" else {},
        texts=texts,
        digest=review_digest(kind, items, texts, orders, blinding if kind == "generation" else {}),
    )
