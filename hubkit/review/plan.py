"""How wide the intervals of a review will be, before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hubkit.artifacts.scores import Interval
from hubkit.review.design import Design, allocate, check_design, check_rows, expected_rates, readings_of
from hubkit.review.intervals import Sample, share_interval

STEPS = (50, 100, 200, 300, 500, 1000)
"""Numbers of items that a plan shows next to the requested one."""

SECONDS = 60
"""What a pair takes, for the hours of a plan: most are read in under a minute, and a correction takes two or three."""


class Expected(NamedTuple):
    """What a number of items will give, if the error rate is as expected.

    Attributes:
        items: different rows that are read.
        readings: readings of all readers together: overlap and repeats count again.
        simple, stratified: the interval around the expected rate.
    """

    items: int
    readings: int
    simple: Interval
    stratified: Interval


def expected(sizes: Mapping[str, int], design: Design, readers: int) -> Expected:
    """The intervals that are expected of a design.

    Args:
        sizes: rows of each stratum.
        readers: how many there are.
    """
    total = sum(sizes.values())
    rates = expected_rates(sizes, design.error_rate)
    items = min(design.items, total)
    rate = sum(sizes[name] * rates[name] for name in rates) / total
    shares = allocate(sizes, design)
    strata = [Sample(sizes[name], shares[name], rates[name]) for name in rates]
    return Expected(
        items,
        sum(readings_of(items, readers, design)),
        share_interval([Sample(total, items, rate)]),
        share_interval(strata),
    )


def plan_lines(sizes: Mapping[str, int], design: Design, readers: int) -> Iterator[str]:
    """A plan for the terminal: a line for each number of items, the one that was asked for marked.

    Raises:
        UsageError: the design is out of range, or there are no rows.
    """
    check_design(design)
    check_rows(sum(sizes.values()))
    total = sum(sizes.values())
    parts = ", ".join(f"{size} {name}" for name, size in sizes.items())
    yield f"{total} rows: {parts}"
    yield f"if {design.error_rate:.1%} of them have an error, the 95 % interval of that rate will be:"
    yield f"{'items':>7}  {'readings':>8}  {'hours each':>10}  {'simple':>15}  {'stratified':>15}"
    asked = min(design.items, total)
    for items in sorted({*(step for step in STEPS if step < total), asked}):
        found = expected(sizes, design._replace(items=items), readers)
        hours = found.readings * SECONDS / 3600 / readers
        mark = " <" if items == asked else ""
        yield (
            f"{items:>7}  {found.readings:>8}  {hours:>10.1f}  {_shown(found.simple):>15}  "
            f"{_shown(found.stratified):>15}{mark}"
        )
    if design.sampling == "stratified":
        yield f"strata share {asked} items so: {_shares(allocate(sizes, design))}"
    yield f"hours at {SECONDS} s a reading; nothing was drawn"


def _shown(interval: Interval) -> str:
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f} %"


def _shares(shares: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in shares.items())
