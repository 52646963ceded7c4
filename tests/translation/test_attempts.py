"""What is flagged is asked again, with the finding named and then by sentence; the best attempt is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation_server import SENTENCES, in_portuguese

from hubkit.checks.flags import Flag, describe
from hubkit.config import Translation
from hubkit.translation.attempts import Attempts, Result, _joined, find, split_sentences
from hubkit.translation.engines import Answer, Engine, open_engine
from hubkit.translation.scheduling import translate_chunks
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
        with open_engine(settings, pause=0.01) as engine:
            ((result,),) = translate_chunks([[Unit("k", "findings", source, None)]], engine, Attempts.of(settings))
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


class Scripted(Engine):
    """Answers each text with what `says` has for it, a call after the other; the last request is answered first."""

    def __init__(self, says: dict[str, list[Answer]]):
        self.says = {text: list(answers) for text, answers in says.items()}
        self.asked: list[tuple[str, int]] = []

    def answer(self, requests):
        self.asked += [(request.messages[1]["content"], request.max_new_tokens) for request in requests]
        for place, request in reversed(list(enumerate(requests))):
            text = next(text for text in self.says if request.messages[1]["content"].endswith(text))
            yield place, self.says[text].pop(0)


ONE, TWO = SENTENCES[1], SENTENCES[2]
FLAGGED = Answer(UNNEGATED, 20, "stop")


def scripted(says, retries, limit=500):
    engine, seen = Scripted({SOURCE: [FLAGGED, FLAGGED, FLAGGED], **says}), []
    units = [Unit("k", "findings", SOURCE, None)]
    ((result,),) = translate_chunks(
        [units], engine, Attempts.of(Translation(retries=retries, max_new_tokens=limit)), lambda: seen.append(1)
    )
    assert len(seen) == 1, "a unit is counted once, whatever is asked again"
    return engine, result


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Answer(in_portuguese(ONE), 7, "stop"), Answer(in_portuguese(TWO), 9, "stop"), Answer(RIGHT, 16, "stop")),
        # Both are no better than the attempt of 20 tokens that is kept.
        (Answer(in_portuguese(ONE), 7, "stop"), Answer(in_portuguese(TWO), 9, "length"), FLAGGED),
        (Answer(None, 0, "error", "gone"), Answer(in_portuguese(TWO), 9, "stop"), FLAGGED),
    ],
    ids=["both right", "one cut", "one failed"],
)
def test_sentences_are_put_together_with_their_gaps(first, second, expected):
    engine, result = scripted({SOURCE: [FLAGGED] * 2, ONE: [first], TWO: [second]}, retries=2)
    assert (result.answer, result.attempts) == (expected, 3)
    assert [text for text, _ in engine.asked[2:]] == [ONE, TWO]


def test_a_failed_sentence_is_the_answer_and_all_tokens_count():
    failed = Answer(None, 1, "error", "gone")
    assert _joined([Answer("a", 3, "stop"), failed], [" "]) == Answer(None, 4, "error", "gone")
    assert _joined([Answer("a", 3, "stop"), Answer("b", 4, "length")], ["\n"]) == Answer("a\nb", 7, "length")
    assert _joined([Answer("a", 3, "stop")], []) == Answer("a", 3, "stop")


def test_the_fourth_attempt_names_the_finding_in_each_sentence():
    flagged = Answer("Observa-se derrame pleural.", 3, "stop")
    engine, result = scripted({ONE: [flagged] * 2, TWO: [flagged] * 2}, retries=3)
    named = ["negação omitida" in text for text, _ in engine.asked]
    assert named == [False, True, False, False, True, True]
    assert result.attempts == 4


@pytest.mark.parametrize(("limit", "expected"), [(500, 32 + len(SOURCE)), (40, 40)])
def test_an_answer_may_have_as_many_tokens_as_the_text_has_letters_and_some(limit, expected):
    engine, _ = scripted({}, retries=0, limit=limit)
    assert engine.asked == [(SOURCE, expected)]


@pytest.mark.parametrize(("text", "status"), [(None, "failed"), (RIGHT, "ok")])
def test_only_what_is_flagged_is_asked_again(text, status):
    engine, result = scripted({SOURCE: [Answer(text, 1, "stop")]}, retries=2)
    assert (result.status, result.attempts, len(engine.asked)) == (status, 1, 1)


ERROR, WARNING = Flag("a", "error", None, None), Flag("b", "warning", None, None)


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        (("x", [ERROR]), (None, []), True),
        ((None, []), ("x", [ERROR]), False),
        (("x", [WARNING] * 3), ("x", [ERROR]), True),
        (("x", [ERROR]), ("x", [ERROR, WARNING]), True),
        (("x", [ERROR, WARNING]), ("x", [ERROR, ERROR]), True),
        (("x", [ERROR]), ("y", [ERROR]), False),
    ],
)
def test_which_of_two_attempts_is_better(one, other, better):
    first, second = (
        Result(Unit("k", "findings", "s", None), Answer(text, 1, "stop"), flags, 1) for text, flags in (one, other)
    )
    assert first.better_than(second) is better


def test_a_text_that_the_checks_cannot_read_is_flagged_and_ends_nothing(monkeypatch):
    def fail(source, translation):
        raise RecursionError(source)

    monkeypatch.setattr("hubkit.checks.check", fail)
    assert find(SOURCE, Answer(RIGHT, 9, "stop")) == [Flag("not_checked", "error", None, None)]
    assert find(SOURCE, Answer(None, 0, "error")) == []
