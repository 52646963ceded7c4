"""The frozen label texts are whole and well formed. How well the rules read them is measured by a benchmark."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from hubkit.tables import CHEXPERT_LABELS

TEXTS = Path(__file__).with_name("label_texts.tsv")


@pytest.fixture(scope="module")
def rows():
    lines = TEXTS.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


def test_every_row_has_an_id_a_language_a_text_and_its_labels(rows):
    assert [row["id"] for row in rows] == [f"t{number:03}" for number in range(1, 201)]
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
