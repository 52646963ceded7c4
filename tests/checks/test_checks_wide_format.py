"""The frozen sets are whole and well formed. Whether the checks get them right is measured, not tested."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

STYLES = {"icu", "dictated", "comparison", "hedged", "telegraphic", "trauma"}
FREE_STYLES = {"icu", "trauma", "outpatient", "paediatric", "oncology", "comparison"}


class FrozenSet(NamedTuple):
    """A folder, its styles, and the least rows of each file, rows of each style, kinds of error and rows of a kind."""

    folder: str
    styles: set[str]
    least: dict[str, int]
    least_of_a_style: dict[str, int]
    kinds: int
    least_of_a_kind: int = 12

    def rows(self, name):
        if name not in self.least:
            return []
        path = Path(__file__).with_name(self.folder) / f"{name}.tsv"
        return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


SIX_STYLES = (STYLES, {"sentences": 400, "reports": 200, "errors": 540}, {"sentences": 60, "reports": 30}, 45)
TWO_HANDS = (STYLES, {"sentences": 200, "reports": 120, "errors": 80}, {"sentences": 33, "reports": 20})
SETS = (
    FrozenSet("wide", *SIX_STYLES),
    FrozenSet("blind", *SIX_STYLES),
    FrozenSet(
        "clipped",
        {"telegraphic", "trauma"},
        {"sentences": 120, "reports": 120, "errors": 132},
        {"sentences": 60, "reports": 60},
        11,
    ),
    FrozenSet("free", FREE_STYLES, {"reports": 120}, {"reports": 20}, 0),
    FrozenSet("faithful", STYLES, {"reports": 120}, {"reports": 20}, 0),
    FrozenSet("idiomatic", {"trauma", "icu", "dictated", "hedged"}, {"reports": 60}, {"reports": 15}, 0),
    FrozenSet("bedside", {"trauma", "icu", "outpatient"}, {"reports": 120, "errors": 60}, {"reports": 40}, 4),
    FrozenSet("ward", *TWO_HANDS, 5, least_of_a_kind=10),
    FrozenSet("night", *TWO_HANDS, 10, least_of_a_kind=8),
)


@pytest.fixture(params=SETS, ids=lambda frozen: frozen.folder)
def frozen(request):
    return request.param


@pytest.mark.parametrize("name", ["sentences", "reports", "errors"])
def test_ids_are_unique_and_no_pair_occurs_twice(frozen, name):
    found = frozen.rows(name)
    if name not in frozen.least:
        pytest.skip(f"{frozen.folder} has no {name}")
    assert len(found) >= frozen.least[name]
    assert all(len(row) == 4 and all(cell.strip() == cell != "" for cell in row) for row in found)
    assert [row[0] for row in found if not re.fullmatch(name[0] + r"\d{3}", row[0])] == []
    assert Counter(row[0] for row in found).most_common(1)[0][1] == 1
    # Two errors may share a source; a correct source that occurs twice would count one false alarm twice.
    key = slice(2, 4) if name == "errors" else slice(2, 3)
    texts = Counter(tuple(text.casefold() for text in row[key]) for row in found)
    assert [pair for pair, count in texts.items() if count > 1] == []


def test_each_kind_of_error_has_enough_cases(frozen):
    kinds = Counter(row[1] for row in frozen.rows("errors"))
    assert len(kinds) >= frozen.kinds
    assert {kind: count for kind, count in kinds.items() if count < frozen.least_of_a_kind} == {}


@pytest.mark.parametrize("name", ["sentences", "reports"])
def test_each_style_has_enough_pairs(frozen, name):
    if name not in frozen.least:
        pytest.skip(f"{frozen.folder} has no {name}")
    styles = Counter(row[1] for row in frozen.rows(name))
    assert set(styles) == frozen.styles
    assert min(styles.values()) >= frozen.least_of_a_style[name]


def test_no_error_is_a_pair_that_counts_as_correct(frozen):
    correct = {(row[2], row[3]) for name in ("sentences", "reports") for row in frozen.rows(name)}
    assert [row[0] for row in frozen.rows("errors") if (row[2], row[3]) in correct] == []
