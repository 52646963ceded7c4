"""What is flagged is asked again, with the finding named and then by sentence; the best attempt is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation_server import SENTENCES, in_portuguese

from hubkit.checks.flags import Flag, describe
from hubkit.config import Translation
from hubkit.translation.attempts import find, split_sentences, translate_units
from hubkit.translation.engines import Answer
from hubkit.translation.engines.openai import OpenAIEngine
from hubkit.translation.units import Unit

SOURCE = f"{SENTENCES[1]} {SENTENCES[2]}"
RIGHT = in_portuguese(SOURCE)
UNNEGATED = RIGHT.replace("Não se observa", "Observa-se")
WORSE = "Observa-se derrame pleural e pneumotórax à direita, the heart is enlarged."


@pytest.fixture
def attempt(moody):
    def run(said, retries=2, source=SOURCE):
        moody.plan = {source: [("say", text) for text in said]}
        url = f"http://127.0.0.1:{moody.server_port}/v1"
        settings = Translation(engine="openai", model="m", base_url=url, retries=retries)
        with OpenAIEngine(settings, pause=0.01) as engine:
            (result,) = translate_units([Unit("k", "findings", source, None)], engine, settings)
        return result

    return run


@pytest.mark.parametrize(
    ("said", "retries", "text", "status", "attempts"),
    [
        ([RIGHT], 2, RIGHT, "ok", 1),
        ([UNNEGATED, RIGHT], 2, RIGHT, "ok", 2),
        ([UNNEGATED, UNNEGATED], 2, RIGHT, "ok", 3),
        ([UNNEGATED, WORSE], 1, UNNEGATED, "flagged", 2),
        ([WORSE, UNNEGATED], 1, UNNEGATED, "flagged", 2),
        ([UNNEGATED], 0, UNNEGATED, "flagged", 1),
    ],
)
def test_which_attempt_is_kept(attempt, said, retries, text, status, attempts):
    result = attempt(said, retries)
    assert (result.answer.text, result.status, result.attempts) == (text, status, attempts)


def test_the_second_attempt_names_the_finding_and_the_third_goes_by_sentence(attempt, moody):
    attempt([UNNEGATED])
    assert moody.seen[0] == SOURCE
    assert "negação omitida" in moody.seen[1]
    assert moody.seen[1].endswith(SOURCE)
    assert sorted(moody.seen[2:]) == sorted([SENTENCES[1], SENTENCES[2]])


def test_one_sentence_is_not_asked_by_sentence(attempt, moody):
    result = attempt(["Observa-se derrame pleural ou pneumotórax."], source=SENTENCES[1])
    assert (result.status, result.attempts, len(moody.seen)) == ("flagged", 2, 2)


def test_what_the_engine_cut_is_truncated_and_what_it_lacks_has_no_flags():
    assert [flag.name for flag in find(SOURCE, Answer(RIGHT, 9, "length"))] == ["truncated"]
    assert find(SOURCE, Answer(RIGHT, 9, "stop")) == []
    assert [flag.name for flag in find(SOURCE, Answer("", 0, "stop"))] == ["empty"]
    assert find(SOURCE, Answer(None, 0, "error")) == []


def test_findings_are_told_in_portuguese_with_the_words_they_saw():
    flags = [
        Flag("negation_dropped", "error", (0, 2), (4, 9)),
        Flag("english", "error", None, (0, 3)),
        Flag("anatomy_lost", "warning", (0, 2), None),
        Flag("some_new_check", "error", None, None),
    ]
    said = describe(flags, "No effusion.", "The derrame.")
    assert said == 'negação omitida em "No"; palavra em inglês em "The"; some new check'


@given(st.text(alphabet="Ab. !?\n_1", max_size=80))
def test_sentences_and_gaps_give_the_text_back(text):
    pieces = split_sentences(text)
    assert "".join(pieces) == text
    assert len(pieces) % 2 == 1


def test_where_sentences_end():
    assert split_sentences("Clear. No effusion.\nHeart 2.5 cm. ___ line.")[::2] == [
        "Clear.",
        "No effusion.",
        "Heart 2.5 cm.",
        "___ line.",
    ]
