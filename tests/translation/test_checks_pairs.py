from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from hubkit.translation.checks import check

PAIRS = [
    line.split("\t") for line in Path(__file__).with_name("checks_pairs.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(("source", "translation"), PAIRS, ids=[source[:40] for source, _ in PAIRS])
def test_a_correct_translation_has_no_error(source, translation):
    assert [flag.name for flag in check(source, translation) if flag.severity == "error"] == []


def test_spans_lie_within_the_texts():
    for (source, _), (_, translation) in pairwise(PAIRS):
        for flag in check(source, translation):
            for span, text in ((flag.source_span, source), (flag.translation_span, translation)):
                assert span is None or 0 <= span[0] <= span[1] <= len(text)
