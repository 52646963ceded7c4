"""What a statement has as values: its role next to another, when it was, and its size."""

from __future__ import annotations

import pytest

from hubkit.clinical.lexicon import Language
from hubkit.clinical.sentences import sentences
from hubkit.clinical.statements import ROLES, Statement, statements


def read(text: str, language: Language) -> list[Statement]:
    (sentence,) = sentences(text, language)
    return statements(sentence, language)


TWO_ROLES: list[tuple[str, str, str, tuple[str, str]]] = [
    ("cause", "Edema due to effusion.", "Edema por derrame.", ("effect", "cause")),
    ("effect", "Edema causing effusion.", "Edema causando derrame.", ("cause", "effect")),
    ("than", "Edema rather than effusion.", "Edema em vez de derrame.", ("first", "second")),
    ("after", "Edema after effusion.", "Edema após derrame.", ("later", "earlier")),
    ("before", "Edema prior to effusion.", "Edema antes do derrame.", ("earlier", "later")),
    ("over", "Edema above effusion.", "Edema acima do derrame.", ("first", "second")),
    ("under", "Edema below effusion.", "Edema abaixo do derrame.", ("second", "first")),
    ("acts", "Edema obscures effusion.", "Edema obscurece derrame.", ("acting", "acted on")),
    ("acted", "Edema obscured by effusion.", "Edema obscurecido pelo derrame.", ("acted on", "acting")),
]


@pytest.mark.parametrize(("word", "english", "portuguese", "expected"), TWO_ROLES)
def test_the_roles_of_two_parts(word: str, english: str, portuguese: str, expected: tuple[str, str]) -> None:
    for found in (read(english, "en"), read(portuguese, "pt")):
        assert [one.values["role"] for one in found] == list(expected)
        assert [one.values["subject"] for one in found] == ["edema", "effusion"]
        assert not any("role_of" in one.values for one in found)


def test_each_word_between_two_parts_has_a_row() -> None:
    assert [word for word, *_ in TWO_ROLES] == list(ROLES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Opacity in the lobe due to the tube.", ["opacity", "tube"]),
        ("Edema of the lobe secondary to elevation of the diaphragm.", ["edema", "elevation"]),
        ("Diaphragm above the tube.", ["diaphragm", "tube"]),
        ("Edema, effusion.", [None, None]),
    ],
    ids=["device", "finding before place", "place", "no role"],
)
def test_what_has_a_role_is_a_finding_or_device_before_a_place(text: str, expected: list[str | None]) -> None:
    assert [one.values.get("subject") for one in read(text, "en")] == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Nodule of 5 mm, previously 3 mm.", "en", [("5 length", "now"), ("3 length", "was")]),
        ("Nódulo de 5 mm, anteriormente 3 mm.", "pt", [("5 length", "now"), ("3 length", "was")]),
        (
            "Previously, 3 mm nodule, now 5 mm.",
            "en",
            [(None, None), ("3 length", "was"), ("5 length", "now")],
        ),
        ("Previously, effusion of 2 cm.", "en", [(None, None), ("20 length", "was")]),
        ("Nodule was 3 mm and is 5 mm.", "en", [("3 length", "was"), ("5 length", "now")]),
        ("Nodule of 5 mm and 7 mm.", "en", [("5 length", None), ("7 length", None)]),
        ("Prior effusion, nodule of 5 mm.", "en", [(None, "was"), ("5 length", None)]),
    ],
    ids=["before", "in Portuguese", "carried on", "carried to the end", "was", "both now", "of its own finding"],
)
def test_sizes_of_now_and_of_before(
    text: str, language: Language, expected: list[tuple[str | None, str | None]]
) -> None:
    assert [(one.values.get("size"), one.values.get("when")) for one in read(text, language)] == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("Small effusion, large edema.", "grade", ["low", "high"]),
        ("Effusion and edema.", "finding", ["effusion", "edema"]),
        ("Edema edema, mild.", "finding", ["edema", None]),
        ("Edema effusion, mild.", "finding", [None, None]),
    ],
    ids=["each its own", "conjunction", "twice the same", "two of a kind"],
)
def test_a_part_has_one_value_in_a_dimension_or_none(text: str, name: str, expected: list[str | None]) -> None:
    assert [one.values.get(name) for one in read(text, "en")] == expected


def test_where_the_parts_stand() -> None:
    text = "No change. Small effusion, and edema."
    second = sentences(text, "en")[1]
    assert [text[slice(*one.span)] for one in statements(second, "en")] == ["Small effusion", "and edema."]


@pytest.mark.parametrize(
    ("english", "portuguese", "expected"),
    [
        ("RUL nodule.", "Nódulo no LSD.", "right"),
        ("RML nodule.", "Nódulo no LM.", "right"),
        ("RLL nodule.", "Nódulo no LID.", "right"),
        ("LUL nodule.", "Nódulo no LSE.", "left"),
        ("LLL nodule.", "Nódulo no LIE.", "left"),
        ("Lingular nodule.", "Nódulo na língula.", "left"),
    ],
)
def test_a_lobe_has_its_side(english: str, portuguese: str, expected: str) -> None:
    for found in (read(english, "en"), read(portuguese, "pt")):
        assert [one.values.get("side") for one in found] == [expected]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Heart apart from enlarged mediastinum.", "en", [("enlarged", ("mediastinum",))]),
        ("Heart with the exception of an enlarged aorta.", "en", [("enlarged", ("aorta",))]),
        ("Heart size despite normal mediastinum.", "en", [("normal", ("mediastinum",))]),
        ("Coração, mas mediastino alargado.", "pt", [("enlarged", ("mediastinum",))]),
        ("Heart and mediastinum enlarged.", "en", [("enlarged", ("mediastinum", "heart"))]),
        ("Heart: enlarged.", "en", [("enlarged", ("heart",))]),
        ("Heart; enlarged aorta.", "en", [("enlarged", ("aorta",))]),
    ],
)
def test_a_state_is_of_the_organs_of_its_clause(
    text: str, language: Language, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    named = [one for statement in read(text, language) for one in statement.named]
    assert [(min(one.meaning.names), tuple(one.organs)) for one in named] == expected
