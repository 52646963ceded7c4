"""Who reads what: which rows are drawn, with which probability, what is read twice, and in which order."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from hubkit.artifacts.review import REPEAT, Item, Stratum
from hubkit.errors import UsageError

Sampling = Literal["stratified", "simple"]

SHARE_OF_ERRORS = {"flagged": 0.6, "warned": 0.2, "passed": 0.2}
"""How the errors are expected to spread over the strata before anything is read. The checks find over nine in ten of
the errors that are made on purpose; the errors of a strong model are subtler, so fewer are expected in flagged rows. A
wrong guess makes intervals wider, and never wrong: the weights come from how many rows were drawn."""

MOST_WRONG = 0.9
"""The highest share of errors expected of a stratum: a share of 1 would have nothing of it read."""

LEAST_READ = 20
"""Rows that each stratum gets at least, where it has them: with fewer an error rate of 10 % is easily missed."""

REPEAT_GAP = 20
"""Items between the two readings of one by the same reader: at a minute each, they are a page of other texts away."""


class Row(NamedTuple):
    """A row that may be drawn.

    Attributes:
        section: None where whole reports are compared.
        flags: what the automatic checks found.
        stratum: the part that it is drawn from: "flagged", "warned" or "passed".
    """

    study_id: int
    section: str | None
    flags: tuple[str, ...] = ()
    stratum: str = "passed"


class Design(NamedTuple):
    """How a review is drawn.

    Attributes:
        items: how many different rows are read.
        seed: of the draw and of the order.
        sampling: "stratified" reads rows more often where errors are expected; "simple" gives all the same chance.
        overlap: share of the items that every reader reads; the others have one reader each.
        repeats: share of a reader's items that they see a second time.
        error_rate: share of rows that are expected to have an error; it decides how strata share the readings.
    """

    items: int
    seed: int = 0
    sampling: Sampling = "stratified"
    overlap: float = 0.2
    repeats: float = 0.05
    error_rate: float = 0.02


def stratum_of(status: str, flags: Sequence[str]) -> str:
    """The stratum of a translated row: a check found an error, or at least a warning, or nothing."""
    return "flagged" if status != "ok" else "warned" if flags else "passed"


def draw(rows: Sequence[Row], design: Design) -> list[Item]:
    """Draw rows without replacement; each stratum by itself, so that the chance of every row is known.

    The ids of the items are numbers in random order, and tell nothing of the stratum.

    Raises:
        UsageError: there is nothing to draw from, or the design is out of range.
    """
    check_design(design)
    check_rows(len(rows))
    rng = random.Random(f"{design.seed} draw")
    parts = _by_stratum(rows) if design.sampling == "stratified" else {"all": list(rows)}
    shares = allocate({name: len(part) for name, part in parts.items()}, design)
    drawn = [
        (row, name, shares[name] / len(part)) for name, part in parts.items() for row in rng.sample(part, shares[name])
    ]
    rng.shuffle(drawn)
    digits = max(3, len(str(len(drawn))))
    return [
        Item(
            id=f"{number:0{digits}d}",
            study_id=row.study_id,
            section=row.section,
            stratum=name,
            probability=probability,
            flags=tuple(row.flags),
        )
        for number, (row, name, probability) in enumerate(drawn, 1)
    ]


def strata(rows: Sequence[Row], items: Sequence[Item]) -> list[Stratum]:
    """The strata that `items` were drawn from, with their sizes; those that nothing was drawn from as well."""
    simple = any(item.stratum == "all" for item in items)
    sizes = {"all": len(rows)} if simple else sizes_of(rows)
    return [
        Stratum(name=name, size=size, sampled=sum(item.stratum == name for item in items))
        for name, size in sizes.items()
    ]


def sizes_of(rows: Sequence[Row]) -> dict[str, int]:
    """Rows of each stratum."""
    return {name: len(part) for name, part in _by_stratum(rows).items()}


def check_design(design: Design) -> None:
    """Refuse a design that nothing can be drawn by.

    Raises:
        UsageError: names the number.
    """
    if design.items < 1:
        raise UsageError(f"{design.items} items cannot be read", hint="give at least 1")
    for name in ("overlap", "repeats"):
        share: float = getattr(design, name)
        if not 0 <= share <= 1:
            raise UsageError(f"the share of {name} is {share:g}", hint="give a number from 0 to 1")
    if not 0 < design.error_rate < 1:
        raise UsageError(f"the expected error rate is {design.error_rate:g}", hint="give a number between 0 and 1")


def check_rows(count: int) -> None:
    """Refuse to draw from nothing.

    Raises:
        UsageError: there are no rows.
    """
    if not count:
        raise UsageError("there are no rows to draw from", hint="run: hubkit translate, or hubkit generate")


def expected_rates(sizes: Mapping[str, int], error_rate: float) -> dict[str, float]:
    """The share of rows with an error that each stratum is expected to have; together they give `error_rate`, as far
    as a small stratum can hold its share."""
    shares = {name: SHARE_OF_ERRORS.get(name, 1.0) for name, size in sizes.items() if size}
    total, whole = sum(sizes.values()), sum(shares.values())
    return {
        name: min(MOST_WRONG, error_rate * total * shares[name] / whole / size) for name, size in sizes.items() if size
    }


def allocate(sizes: Mapping[str, int], design: Design) -> dict[str, int]:
    """How many rows of each stratum are read.

    Neyman's allocation: in proportion to the size of a stratum times the standard deviation that is expected in it,
    which gives the narrowest interval for the number of readings.

    Args:
        sizes: rows of each stratum.
    """
    filled = {name: size for name, size in sizes.items() if size}
    readings = min(design.items, sum(filled.values()))
    rates = expected_rates(filled, design.error_rate)
    pull = {name: size * math.sqrt(rates[name] * (1 - rates[name])) for name, size in filled.items()}
    least = min(LEAST_READ, readings // len(filled))
    shares = {name: min(size, least) for name, size in filled.items()}
    # One reading at a time to the stratum that is furthest below its share: no rounding is left over.
    for _ in range(readings - sum(shares.values())):
        open_ones = [name for name in filled if shares[name] < filled[name]]
        shares[max(open_ones, key=lambda name: pull[name] / (shares[name] + 0.5))] += 1
    return {name: shares.get(name, 0) for name in sizes}


def order(items: Sequence[Item], readers: Sequence[str], design: Design) -> dict[str, tuple[str, ...]]:
    """The ids of the items that each reader reads, in their order; a second reading has the id ITEM#2.

    Args:
        readers: their ids.

    Raises:
        UsageError: there are no readers, or one is named twice.
    """
    if not readers or len(set(readers)) != len(readers):
        raise UsageError("every reader needs a name of their own", hint="give --reader NAME once for each reader")
    rng = random.Random(f"{design.seed} order")
    ids = rng.sample([item.id for item in items], len(items))
    shared = round(design.overlap * len(ids))
    found = {}
    for place, reader in enumerate(readers):
        own = [*ids[:shared], *ids[shared + place :: len(readers)]]
        rng.shuffle(own)
        found[reader] = tuple(_with_repeats(own, round(design.repeats * len(own)), rng))
    return found


def readings_of(items: int, readers: int, design: Design) -> list[int]:
    """How many readings `order` gives each reader, of so many items."""
    shared = round(design.overlap * items)
    own = [shared + len(range(shared + place, items, readers)) for place in range(readers)]
    return [count + min(round(design.repeats * count), count - min(REPEAT_GAP, count // 2)) for count in own]


def _with_repeats(ids: list[str], repeats: int, rng: random.Random) -> list[str]:
    """Put a second reading of some items behind the first, with others between."""
    gap = min(REPEAT_GAP, len(ids) // 2)
    early = ids[: len(ids) - gap]
    found = list(ids)
    for item in rng.sample(early, min(repeats, len(early))):
        found.insert(rng.randint(min(found.index(item) + gap + 1, len(found)), len(found)), f"{item}{REPEAT}")
    return found


def _by_stratum(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {name: [] for name in SHARE_OF_ERRORS}
    for row in rows:
        found.setdefault(row.stratum, []).append(row)
    return {name: part for name, part in found.items() if part}
