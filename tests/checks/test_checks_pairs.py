from __future__ import annotations

import importlib.util
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from hubkit.checks import check

HERE = Path(__file__)

PAIRS = [
    line.replace("\\n", "\n").split("\t")
    for line in HERE.with_name("checks_pairs.tsv").read_text(encoding="utf-8").splitlines()
]

RECALL = 0.95
"""As on the frozen pairs of benchmarks/checks.py, which no test reads."""


def injections():
    spec = importlib.util.spec_from_file_location("injection", HERE.parents[2] / "benchmarks" / "injection.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.injections()


def errors(source, translation):
    return Counter(flag.name for flag in check(source, translation) if flag.severity == "error")


@pytest.mark.parametrize(("source", "translation"), PAIRS, ids=[source[:40] for source, _ in PAIRS])
def test_a_correct_translation_has_no_error(source, translation):
    assert errors(source, translation) == Counter()


@pytest.mark.parametrize("kind", injections())
def test_an_error_put_into_a_correct_translation_is_seen(kind):
    inject = injections()[kind]
    wrong = [
        (source, changed)
        for at, (source, translation) in enumerate(PAIRS)
        if (changed := inject(translation, random.Random(f"{at} {kind}"))) is not None
    ]
    assert len(wrong) >= 30
    missed = [changed for source, changed in wrong if not errors(source, changed)]
    assert len(missed) <= (1 - RECALL) * len(wrong), missed


def test_spans_lie_within_the_texts():
    for (source, _), (_, translation) in pairwise(PAIRS):
        for flag in check(source, translation):
            for span, text in ((flag.source_span, source), (flag.translation_span, translation)):
                assert span is None or 0 <= span[0] <= span[1] <= len(text)
