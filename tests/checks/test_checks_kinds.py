"""Kinds of error that were once missed: each with a right translation, which is not flagged, and a wrong one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hubkit.checks import check

ROWS = [
    line.split("\t") for line in Path(__file__).with_name("checks_kinds.tsv").read_text(encoding="utf-8").splitlines()
]

IDS = [f"{kind}: {wrong}" for kind, _, _, wrong in ROWS]


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(("kind", "source", "right", "wrong"), ROWS, ids=IDS)
def test_the_wrong_translation_is_flagged_and_the_right_one_is_not(kind, source, right, wrong):
    assert errors(source, right) == set()
    assert errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("left ", "deixou "),
        ("multiple nodules ", "nódulo "),
        ("one nodule ", "nódulos "),
        ("effusion from ", "derrame por "),
        ("because, edema is, ", "porque, é edema, "),
        ("Small edema. ", "Grande edema. "),
    ],
)
def test_counts_senses_and_relations_take_linear_time(source, translation):
    long = [(piece * 30_000)[:29_900] for piece in (source, translation)]
    started = time.process_time()
    check(*long)
    # Without a look at each repetition: with one, it took 10 to 20 s.
    assert time.process_time() - started < 4
