"""No group that is withheld, and no other small set of studies, can be computed from what is published."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.disclosure import large_enough, publishable


def parted(**sizes: int) -> dict[str, np.ndarray]:
    """Groups of these sizes that make up the whole, one after the other."""
    ends = np.cumsum(list(sizes.values()))
    place = np.arange(ends[-1])
    return {name: (place >= end - size) & (place < end) for (name, size), end in zip(sizes.items(), ends, strict=True)}


def study_of(*numbers: int, of: int) -> np.ndarray:
    return np.isin(np.arange(of), numbers)


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        pytest.param(parted(a=20, b=20), ["a", "b"], id="all large enough"),
        pytest.param(parted(a=20, b=19), [], id="a sibling of two is the complement"),
        pytest.param(parted(a=30, b=40, c=5), ["b"], id="the last small sibling takes the smallest with it"),
        pytest.param(parted(a=30, b=40, c=12, d=13), ["a", "b"], id="two small siblings are 25 together"),
        pytest.param(parted(a=30, b=40, c=5, d=4), ["b"], id="two small siblings are 9 together"),
        pytest.param(parted(a=60), [], id="everybody is no group"),
        pytest.param({**parted(a=30, b=30), "empty": np.zeros(60, bool)}, ["a", "b"], id="nobody"),
        pytest.param(
            {"AP": np.arange(100) < 50, "portable": np.arange(100) < 45}, ["AP"], id="one in the other but for five"
        ),
        pytest.param(
            {"a": study_of(*range(50), of=120), "b": study_of(*range(3, 53), of=120)},
            ["a"],
            id="three on one side and three on the other",
        ),
        pytest.param(
            {"PA": np.arange(100) < 50, "lateral": np.arange(100) >= 45}, ["lateral"], id="the rest of it, but for five"
        ),
        pytest.param(
            {"a": np.arange(100) < 30, "b": (np.arange(100) >= 30) & (np.arange(100) < 95)},
            ["b"],
            id="five that are in neither",
        ),
        pytest.param(
            # Whole less a, b and c leaves the three studies that are in none of them.
            {
                "a": study_of(*range(30), of=93),
                "b": study_of(*range(30, 60), of=93),
                "c": study_of(*range(60, 90), of=93),
            },
            ["b", "c"],
            id="three in no group",
        ),
        pytest.param(
            # (a + b - c - d) / 2 is the sum over three studies; no two of them differ by few.
            {
                "a": study_of(*range(40), *range(80, 83), of=200),
                "b": study_of(*range(40, 83), of=200),
                "c": study_of(*range(20, 60), of=200),
                "d": study_of(*range(20), *range(60, 80), of=200),
            },
            ["a", "b", "d"],
            id="a combination of four",
        ),
        pytest.param(
            # a + b - c counts two studies twice and subtracts two; it is the sum over no set, and no two of them differ
            # by few.
            {
                "a": study_of(*range(40), of=200),
                "b": study_of(*range(38, 80), of=200),
                "c": study_of(*range(80), 90, 91, of=200),
            },
            ["b", "c"],
            id="a sum and difference of three",
        ),
        pytest.param(
            # a + b + c is the whole, but for one study in all three and one in none.
            {
                "a": study_of(*range(40), of=120),
                "b": study_of(0, *range(40, 80), of=120),
                "c": study_of(0, *range(80, 119), of=120),
            },
            ["b", "c"],
            id="a sum of three next to the whole",
        ),
    ],
)
def test_what_may_be_published(groups: dict[str, np.ndarray], expected: list[str]) -> None:
    count = len(next(iter(groups.values())))
    assert publishable(groups, np.arange(count), 20) == expected


def test_patients_count_as_well_as_studies() -> None:
    """Forty studies of ten patients are ten patients."""
    groups, subjects = parted(a=40, b=40), np.concatenate([np.arange(40) // 4, np.arange(100, 140)])
    assert publishable(groups, subjects, 20) == []
    assert publishable(groups, subjects, 10) == ["a", "b"]


def first(size: int, of: int = 60) -> np.ndarray:
    return np.arange(of) < size


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        pytest.param({"a": first(20), "b": first(40)}, ["a", "b"], id="both they and their rest are large"),
        pytest.param({"a": first(19), "b": first(18), "c": first(30)}, ["c"], id="two small ones hide each other"),
        pytest.param({"a": first(41), "b": first(42), "c": first(30)}, ["c"], id="of two the rest is small"),
        pytest.param(
            {"a": first(19), "b": first(25), "c": first(30)}, ["c"], id="a small one alone takes the next with it"
        ),
        pytest.param({"a": first(19), "b": first(25)}, [], id="none is left"),
        pytest.param({"a": first(0), "b": first(25)}, ["b"], id="nobody has it, so nothing is hidden"),
        pytest.param({"a": first(60), "b": first(25)}, ["a", "b"], id="everybody has it"),
    ],
)
def test_findings_that_may_be_shown(groups: dict[str, np.ndarray], expected: list[str]) -> None:
    assert large_enough(groups, np.arange(60), 20) == expected
    # Twice as many studies of the same patients are no more patients.
    doubled = {name: np.repeat(mask, 2) for name, mask in groups.items()}
    assert large_enough(doubled, np.repeat(np.arange(60), 2), 20) == expected


MINIMUM = 4


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Studies of a few patients, two partitions of them, and groups that overlap."""
    count = draw(st.integers(8, 24))
    subjects = np.array(draw(st.lists(st.integers(0, 12), min_size=count, max_size=count)))
    groups = {}
    for name in "xy":
        parts = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
        groups |= {f"{name}{part}": parts == part for part in range(3)}
    for name in "uv":
        groups[name] = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    return groups, subjects


def small(mask: np.ndarray, subjects: np.ndarray) -> bool:
    return mask.sum() > 0 and min(mask.sum(), len(set(subjects[mask].tolist()))) < MINIMUM


def is_computed(mask: np.ndarray, published: np.ndarray) -> bool:
    """Whether the sum over a set is a linear combination of published sums, whatever the scores are."""
    shares = np.linalg.lstsq(published.T, mask.astype(float), rcond=None)[0]
    return bool(np.allclose(shares @ published, mask, atol=1e-7))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_no_withheld_cell_can_be_recomputed(table: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    groups, subjects = table
    kept = publishable(groups, subjects, MINIMUM)
    assert not any(small(groups[name], subjects) or small(~groups[name], subjects) for name in kept)
    published = np.array([np.ones(len(subjects)), *[groups[name] for name in kept]])
    cells = [*groups.values(), *(~mask for mask in groups.values())]
    crossed = [one & other for one, other in itertools.combinations(cells, 2)]
    for cell in [*cells, *crossed]:
        # Of the whole there are figures in any case.
        if small(cell, subjects) and not cell.all():
            assert not is_computed(cell, published)


@settings(max_examples=25, deadline=None)
@given(tables())
def test_nothing_is_withheld_without_need(table: tuple[dict[str, np.ndarray], np.ndarray]) -> None:
    """A group alone is published where it and the rest are large enough."""
    groups, subjects = table
    for name, mask in groups.items():
        fits = bool(mask.any()) and not mask.all() and not small(mask, subjects) and not small(~mask, subjects)
        assert publishable({name: mask}, subjects, MINIMUM) == ([name] if fits else [])
