"""Runs of words that a text shares with the reports: whose they are, and how long."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.artifacts.memorisation import RunShares
from hubkit.audit.verbatim import LENGTHS, Repeats, Report, Runs, counted


def words(first: int, count: int) -> str:
    return " ".join(f"palavra{number}" for number in range(first, first + count))


TRAINED = Report(words(0, 40), 1, True)
ANOTHER = Report(words(100, 40), 2, True)
HELD_OUT = Report(words(200, 40), 3, False)


@pytest.mark.parametrize(
    ("reports", "text", "longest"),
    [
        pytest.param([TRAINED], words(0, 40), 40, id="the whole report"),
        pytest.param([TRAINED], words(0, 7), 0, id="shorter than what is looked up"),
        pytest.param([TRAINED], words(0, 8), 8, id="the shortest"),
        pytest.param([TRAINED], f"outra {words(5, 20)} coisa {words(0, 9)}", 20, id="in the middle"),
        pytest.param([TRAINED], f"{words(0, 10)} outra {words(11, 10)}", 10, id="one word exchanged"),
        pytest.param([TRAINED], f"PALAVRA0, {words(1, 9)}.", 10, id="marks and case"),
        pytest.param([TRAINED, Report(words(0, 40), 1, True)], words(0, 40), 40, id="twice of one patient"),
        pytest.param([TRAINED, Report(words(0, 40), 9, True)], words(0, 40), 0, id="of two patients"),
        pytest.param([TRAINED, Report(words(0, 40), 9, False)], words(0, 40), 0, id="of a held-out patient too"),
        pytest.param([TRAINED, Report(words(0, 12), 9, False)], words(0, 30), 30, id="goes on where the template ends"),
        pytest.param([HELD_OUT], words(200, 40), 0, id="of nobody that was trained on"),
        pytest.param([TRAINED, ANOTHER], f"{words(30, 10)} {words(100, 10)}", 10, id="not across two reports"),
        pytest.param([], words(0, 40), 0, id="no reports"),
        pytest.param([TRAINED], "", 0, id="no text"),
    ],
)
def test_the_longest_run_of_one_training_patient(reports: list[Report], text: str, longest: int) -> None:
    assert Runs(reports).repeats(text).longest == longest


TEMPLATE = Report(words(0, 20), 1, True)
SENTENCES = [Report(words(0, 10), 8, True), Report(words(10, 10), 9, False)]


@pytest.mark.parametrize(
    ("reports", "text", "whole"),
    [
        pytest.param([TRAINED], words(0, 40), 40, id="all of it"),
        pytest.param([TRAINED], f"antes {words(0, 40)} depois", 40, id="with other words around it"),
        pytest.param([TRAINED], words(0, 39), 0, id="without its last word"),
        pytest.param([TRAINED], words(1, 39), 0, id="without its first word"),
        pytest.param([Report(words(0, 7), 1, True)], words(0, 7), 0, id="shorter than what is looked up"),
        pytest.param([Report(words(0, 12), 1, True), TRAINED], words(0, 12), 12, id="the shorter of two of a patient"),
        pytest.param([TRAINED, Report(words(0, 12), 1, True)], words(0, 12), 12, id="in any order"),
        pytest.param([TRAINED, Report(words(0, 40), 9, True)], words(0, 40), 0, id="of two patients"),
        pytest.param([HELD_OUT], words(200, 40), 0, id="of nobody that was trained on"),
        # Of its 13 runs of eight words, 7 cross from the one sentence into the other, and 6 others have too.
        pytest.param([TEMPLATE, *SENTENCES], words(0, 20), 20, id="just over half of its runs are its own"),
        pytest.param(
            [TEMPLATE, *SENTENCES, Report(words(5, 8), 7, True)], words(0, 20), 0, id="others have half of it"
        ),
        # Of 12 runs another patient has the first six.
        pytest.param(
            [Report(words(0, 19), 1, True), Report(words(0, 13), 9, False)], words(0, 19), 19, id="half are its own"
        ),
        pytest.param([], words(0, 40), 0, id="no reports"),
    ],
)
def test_a_report_that_comes_back_whole(reports: list[Report], text: str, whole: int) -> None:
    assert Runs(reports).repeats(text).whole == whole


def test_runs_are_counted_by_whose_they_are() -> None:
    runs = Runs([TRAINED, HELD_OUT, Report(words(0, 10), 4, False)])
    # Of 40 words of the training report the first three runs of eight stand in a held-out report as well.
    assert runs.repeats(words(0, 40)) == Repeats(40, 40, (30, 25, 9), (0, 0, 0), (33, 25, 9))
    assert runs.repeats(words(200, 40)) == Repeats(0, 0, (0, 0, 0), (33, 25, 9), (33, 25, 9))
    assert runs.repeats(words(500, 40)) == Repeats(0, 0, (0, 0, 0), (0, 0, 0), (33, 25, 9))


def test_shares_are_of_all_texts_together() -> None:
    found = counted([words(0, 16), words(500, 16), "curto"], Runs([TRAINED, HELD_OUT]))
    assert found == RunShares(
        texts=3,
        longest=16,
        trained={"8": 0.5, "16": 0.5, "32": None},
        untrained={"8": 0.0, "16": 0.0, "32": None},
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_run_is_found(seed: int) -> None:
    generator = random.Random(seed)
    vocabulary = [f"termo{number}" for number in range(60)]
    reports = [
        Report(" ".join(generator.choices(vocabulary, k=generator.randint(5, 60))), patient, patient % 3 > 0)
        for patient in range(300)
    ]
    secret = [f"segredo{number}" for number in range(24)]
    planted = Report(" ".join([*generator.choices(vocabulary, k=10), *secret]), 301, True)
    text = " ".join([*generator.choices(vocabulary, k=20), *secret, *generator.choices(vocabulary, k=20)])
    assert Runs([*reports, planted]).repeats(text).longest >= len(secret)
    assert Runs(reports).repeats(text).longest < 12


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=14), max_size=4), st.lists(st.sampled_from("abcd"), max_size=20)
)
def test_as_a_search_through_all_pairs_finds_it(texts: list[list[str]], text: list[str]) -> None:
    reports = [Report(" ".join(one), patient, patient % 2 == 0) for patient, one in enumerate(texts)]

    def holders(run: list[str]) -> list[Report]:
        return [
            report
            for report, one in zip(reports, texts, strict=True)
            if any(one[at : at + len(run)] == run for at in range(len(one) - len(run) + 1))
        ]

    longest, trained = 0, [0] * len(LENGTHS)
    for size in range(LENGTHS[0], len(text) + 1):
        for at in range(len(text) - size + 1):
            found = holders(text[at : at + size])
            if found and all(report.trained for report in found):
                if len({report.patient for report in found}) == 1:
                    longest = size
                if size in LENGTHS:
                    trained[LENGTHS.index(size)] += 1
    repeats = Runs(reports).repeats(" ".join(text))
    assert (repeats.longest, repeats.trained) == (longest, tuple(trained))
