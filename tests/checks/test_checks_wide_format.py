"""The frozen sets are whole and well formed. Whether the checks get them right is measured, not tested."""

import re
from collections import Counter
from pathlib import Path

import pytest

SETS = ("wide", "blind")
STYLES = {"icu", "dictated", "comparison", "hedged", "telegraphic", "trauma"}


@pytest.fixture(params=SETS)
def rows(request):
    folder = Path(__file__).with_name(request.param)

    def read(name):
        return [line.split("\t") for line in (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines()]

    return read


@pytest.mark.parametrize(
    ("name", "initial", "least"), [("sentences", "s", 400), ("reports", "r", 200), ("errors", "e", 540)]
)
def test_ids_are_unique_and_no_pair_occurs_twice(rows, name, initial, least):
    found = rows(name)
    assert len(found) >= least
    assert all(len(row) == 4 and all(cell.strip() == cell != "" for cell in row) for row in found)
    assert [row[0] for row in found if not re.fullmatch(initial + r"\d{3}", row[0])] == []
    assert Counter(row[0] for row in found).most_common(1)[0][1] == 1
    # Two errors may share a source; a correct source that occurs twice would count one false alarm twice.
    key = slice(2, 4) if name == "errors" else slice(2, 3)
    texts = Counter(tuple(text.casefold() for text in row[key]) for row in found)
    assert [pair for pair, count in texts.items() if count > 1] == []


def test_each_kind_of_error_has_enough_cases(rows):
    kinds = Counter(row[1] for row in rows("errors"))
    assert len(kinds) >= 45
    assert {kind: count for kind, count in kinds.items() if count < 12} == {}


@pytest.mark.parametrize(("name", "least"), [("sentences", 60), ("reports", 30)])
def test_each_style_has_enough_pairs(rows, name, least):
    styles = Counter(row[1] for row in rows(name))
    assert set(styles) == STYLES
    assert min(styles.values()) >= least


def test_no_error_is_a_pair_that_counts_as_correct(rows):
    correct = {(row[2], row[3]) for name in ("sentences", "reports") for row in rows(name)}
    assert [row[0] for row in rows("errors") if (row[2], row[3]) in correct] == []
