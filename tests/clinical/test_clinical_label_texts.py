"""The frozen label texts are whole and well formed. How well the rules read them is measured by a benchmark."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from hubkit.tables import CHEXPERT_LABELS

SETS = {"t": "label_texts.tsv", "u": "label_texts_2.tsv"}


def read(name):
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


@pytest.fixture(scope="module", params=SETS.values())
def rows(request):
    return read(request.param)


def test_no_text_is_in_both_sets():
    texts = [{row["text"].casefold() for row in read(name)} for name in SETS.values()]
    assert set.intersection(*texts) == set()


@pytest.mark.parametrize(("initial", "name"), SETS.items())
def test_ids_are_numbered(initial, name):
    assert [row["id"] for row in read(name)] == [f"{initial}{number:03}" for number in range(1, 201)]


def test_every_row_has_a_language_a_text_and_its_labels(rows):
    assert Counter(row["language"] for row in rows) == {"en": 100, "pt": 100}
    assert len({row["text"] for row in rows}) == 200
    for row in rows:
        assert list(row) == ["id", "language", "text", *CHEXPERT_LABELS], row["id"]
        assert {row[label] for label in CHEXPERT_LABELS} <= {"1", "0", "-1", ""}, row["id"]


def test_each_label_has_ten_cases_or_more(rows):
    cases = Counter(label for row in rows for label in CHEXPERT_LABELS if row[label] in {"1", "-1"})
    assert {label: cases[label] for label in CHEXPERT_LABELS if cases[label] < 10} == {}


def test_no_finding_follows_from_the_other_labels(rows):
    for row in rows:
        named = {label for label in CHEXPERT_LABELS if row[label] in {"1", "-1"}}
        assert (row["No Finding"] == "1") == (named <= {"No Finding", "Support Devices"}), row["id"]
