"""What statements name: findings, devices and states with their assertions, in both languages."""

from __future__ import annotations

import time

import pytest

from hubkit.clinical.labels import labels
from hubkit.clinical.sentences import sentences
from hubkit.clinical.statements import LONGEST, statements


def read(text, language):
    """The names of all statements of a text with their assertions, and the organs of states after a slash."""
    return [
        (
            "/".join([min(one.meaning.names), *one.organs]),
            one.assertion,
        )
        for sentence in sentences(text, language)
        for statement in statements(sentence, language)
        for one in statement.named
    ]


@pytest.mark.parametrize(
    ("english", "portuguese", "expected"),
    [
        ("Edema.", "Edema.", [("edema", "present")]),
        ("No edema.", "Sem edema.", [("edema", "absent")]),
        ("Possible edema.", "Possível edema.", [("edema", "possible")]),
        # What says that something exists ends no doubt before it.
        ("Probably there is edema.", "Provavelmente há edema.", [("edema", "possible")]),
        ("Evaluate for edema.", "Avaliar edema.", [("edema", "asked for")]),
        # An alternative is doubted only where both are affirmed.
        ("Edema or pneumonia.", "Edema ou pneumonia.", [("edema", "possible"), ("pneumonia", "possible")]),
        ("No edema or pneumonia.", "Sem edema ou pneumonia.", [("edema", "absent"), ("pneumonia", "absent")]),
        (
            "Borderline cardiomegaly.",
            "Cardiomegalia limítrofe.",
            [("borderline", "present"), ("cardiomegaly", "possible")],
        ),
        ("Enlarged heart.", "Coração aumentado.", [("enlarged/heart", "present")]),
        ("The heart is not normal.", "O coração não é normal.", [("normal/heart", "absent")]),
        (
            "Pneumothorax, evaluate for edema.",
            "Pneumotórax, avaliar edema.",
            [("pneumothorax", "present"), ("edema", "asked for")],
        ),
    ],
)
def test_statements_name_findings_and_states_with_their_assertions(english, portuguese, expected):
    assert sorted(read(english, "en")) == sorted(expected)
    assert sorted(read(portuguese, "pt")) == sorted(expected)


@pytest.mark.parametrize(("language", "word"), [("en", "edema, "), ("pt", "edema, ")])
def test_a_sentence_too_long_to_be_taken_apart_still_names_all(language, word):
    assert read(word * LONGEST, language) == [("edema", "present")] * LONGEST


@pytest.mark.parametrize(
    "words",
    [
        "likely edema ",
        "more likely ",
        "likely edema rather than pneumonia ",
        "edema or both ",
        "enlarged and ",
        "follow for resolved edema ",
    ],
)
def test_long_texts_are_read_in_linear_time(words):
    def seconds(length):
        text = words * (length // len(words))
        started = time.process_time()
        labels(text, "en")
        return time.process_time() - started

    seconds(100)
    # Quadratic time would be 64 times as much. The best of three leaves out a search for garbage.
    shorter, longer = (min(seconds(length) for _ in range(3)) for length in (2_000, 16_000))
    assert longer < 24 * max(0.01, shorter)


def test_the_assertion_of_a_statement_is_that_of_what_it_names():
    (sentence,) = sentences("Small effusion, evaluate for edema.", "en")
    assert [one.values.get("assertion") for one in statements(sentence, "en")] == ["present", "asked for"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pulmão consolidado e fratura de costela.", [("consolidation", "present"), ("fracture", "present")]),
        ("Fratura consolidada de costela.", [("fracture", "present"), ("healed", "present")]),
    ],
)
def test_a_lung_beside_a_fracture_is_consolidated_and_a_healed_fracture_is_not(text, expected):
    assert [(name.split("/")[0], assertion) for name, assertion in read(text, "pt")] == expected
