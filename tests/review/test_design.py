"""Who reads what: known chances, overlap, repeats and the order by seed; and how wide intervals will be."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from hubkit.artifacts.review import REPEAT
from hubkit.errors import UsageError
from hubkit.review.design import (
    Design,
    Row,
    allocate,
    draw,
    expected_rates,
    order,
    readings_of,
    sizes_of,
    strata,
    stratum_of,
)
from hubkit.review.plan import expected, plan_lines

SIZES = {"flagged": 40, "warned": 60, "passed": 900}

ROWS = [
    Row(study, "findings", (name,) if name != "passed" else (), name)
    for study, name in enumerate(itertools.chain.from_iterable([name] * size for name, size in SIZES.items()))
]


@pytest.mark.parametrize(
    ("status", "flags", "stratum"),
    [("ok", [], "passed"), ("ok", ["length"], "warned"), ("flagged", ["negation_added"], "flagged")],
)
def test_stratum(status: str, flags: list[str], stratum: str) -> None:
    assert stratum_of(status, flags) == stratum


def test_chances_give_the_sizes_of_the_strata_back() -> None:
    items = draw(ROWS, Design(120, seed=3))
    assert len(items) == 120
    assert len({item.study_id for item in items}) == 120
    weights: Counter[str] = Counter()
    for item in items:
        weights[item.stratum] += 1 / item.probability
    assert {name: round(weight, 9) for name, weight in weights.items()} == SIZES
    assert [(part.name, part.size) for part in strata(ROWS, items)] == list(SIZES.items())
    assert sum(part.sampled for part in strata(ROWS, items)) == 120


def test_every_row_of_a_stratum_is_drawn_as_often_as_it_says() -> None:
    rows = ROWS[30:60]  # 10 flagged, 20 warned
    draws = [draw(rows, Design(15, seed=seed)) for seed in range(400)]
    counts = Counter(item.study_id for items in draws for item in items)
    chances = {item.study_id: item.probability for items in draws for item in items}
    assert len(counts) == len(rows)
    for study, count in counts.items():
        # Five standard deviations of a count of 400 draws at most.
        assert abs(count - 400 * chances[study]) <= 50


def test_the_same_seed_draws_the_same_and_another_others() -> None:
    assert draw(ROWS, Design(50, seed=1)) == draw(ROWS, Design(50, seed=1))
    assert draw(ROWS, Design(50, seed=1)) != draw(ROWS, Design(50, seed=2))


def test_ids_do_not_tell_the_stratum() -> None:
    items = draw(ROWS, Design(200, seed=5))
    assert [item.id for item in items] == [f"{number:03d}" for number in range(1, 201)]
    first = Counter(item.stratum for item in items[:100])
    whole = Counter(item.stratum for item in items)
    assert 0.3 < first["flagged"] / whole["flagged"] < 0.7


def test_simple_sampling_has_one_stratum() -> None:
    items = draw(ROWS, Design(100, sampling="simple"))
    assert {item.probability for item in items} == {0.1}
    assert [(part.name, part.size, part.sampled) for part in strata(ROWS, items)] == [("all", 1000, 100)]


def test_more_items_than_rows_reads_all() -> None:
    items = draw(ROWS[:10], Design(300))
    assert len(items) == 10
    assert {item.probability for item in items} == {1.0}


@pytest.mark.parametrize(
    ("items", "shares"),
    [
        (30, {"flagged": 10, "warned": 10, "passed": 10}),
        (120, {"flagged": 23, "warned": 20, "passed": 77}),
        (1000, SIZES),
    ],
)
def test_flagged_rows_are_read_more_often(items: int, shares: dict[str, int]) -> None:
    assert allocate(SIZES, Design(items)) == shares


def test_expected_rates_add_up_to_the_rate() -> None:
    rates = expected_rates(SIZES, 0.02)
    assert rates == pytest.approx({"flagged": 0.3, "warned": 4 / 60, "passed": 4 / 900})
    assert expected_rates({"flagged": 1, "passed": 99}, 0.5)["flagged"] == 0.9


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design(0), "0 items cannot be read"),
        (Design(5, overlap=1.2), "the share of overlap is 1.2"),
        (Design(5, repeats=-0.1), "the share of repeats is -0.1"),
        (Design(5, error_rate=0.0), "the expected error rate is 0"),
    ],
)
def test_designs_that_cannot_be_drawn(design: Design, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        draw(ROWS, design)


def test_nothing_to_draw_from() -> None:
    with pytest.raises(UsageError, match="no rows"):
        draw([], Design(5))


def test_order_overlap_and_repeats() -> None:
    items = draw(ROWS, Design(100, seed=4))
    design = Design(100, seed=4, overlap=0.3, repeats=0.1)
    orders = order(items, ["ana", "rui", "eva"], design)
    firsts = {reader: [name for name in ids if not name.endswith(REPEAT)] for reader, ids in orders.items()}
    times = Counter(name for ids in firsts.values() for name in ids)
    assert Counter(times.values()) == {3: 30, 1: 70}
    assert [len(ids) for ids in orders.values()] == readings_of(100, 3, design)
    for ids in orders.values():
        repeats = [name for name in ids if name.endswith(REPEAT)]
        assert len(repeats) == round(0.1 * (len(ids) - len(repeats)))
        for name in repeats:
            assert ids.index(name) - ids.index(name.removesuffix(REPEAT)) > 20
    assert orders == order(items, ["ana", "rui", "eva"], design)


def test_readers_do_not_see_shared_items_in_the_same_order() -> None:
    orders = order(draw(ROWS, Design(40)), ["ana", "rui"], Design(40, overlap=1.0, repeats=0.0))
    assert set(orders["ana"]) == set(orders["rui"])
    assert orders["ana"] != orders["rui"]


@pytest.mark.parametrize("readers", [[], ["ana", "ana"]])
def test_readers_without_a_name_of_their_own(readers: list[str]) -> None:
    with pytest.raises(UsageError, match="a name of their own"):
        order(draw(ROWS, Design(5)), readers, Design(5))


def test_plan_is_what_the_draw_does() -> None:
    sizes, design = sizes_of(ROWS), Design(120)
    found = expected(sizes, design, 2)
    items = draw(ROWS, design)
    assert found.items == len(items)
    assert found.readings == sum(map(len, order(items, ["ana", "rui"], design).values()))
    assert found.stratified.high - found.stratified.low < found.simple.high - found.simple.low
    assert found.stratified.value == pytest.approx(0.02)


def test_plan_fits_a_terminal() -> None:
    lines = list(plan_lines({"flagged": 1234, "warned": 2345, "passed": 345678}, Design(300), 3))
    assert max(map(len, lines)) <= 80
    asked = [line for line in lines if line.endswith("<")]
    assert [line.split()[0] for line in asked] == ["300"]
