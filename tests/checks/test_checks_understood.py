from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.checks import check

TERMS = [
    line.split("\t") for line in Path(__file__).with_name("checks_terms.tsv").read_text(encoding="utf-8").splitlines()
]
"""Sources, each with ways in which a radiologist may put it."""


def errors(source, translation):
    return " ".join(sorted({flag.name for flag in check(source, translation) if flag.severity == "error"}))


@pytest.mark.usefixtures("no_words")
def test_renderings_of_a_source_have_no_error():
    wrong = [
        (source, translation, found)
        for source, *translations in TERMS
        for translation in translations
        if (found := errors(source, translation))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # A doubt may stand in an unknown word that begins like those of doubt.
        ("Possible pneumonia.", "Pneumonia suspeitável.", ""),
        ("Possible pneumonia.", "Pneumonia imponente.", "uncertainty_dropped"),
        # One that the lexicon reads as a denial is none.
        ("Effusion cannot be excluded.", "Derrame excluído.", "uncertainty_dropped"),
        # An unknown abbreviation may name a side, unless its text names one.
        ("LPQV line in place.", "Cateter esquerdo no lugar.", ""),
        ("Left line in place.", "Cateter em VPQE no lugar.", ""),
        ("Left line in place.", "Cateter direito em VPQE no lugar.", "laterality"),
        ("XPQV line in place.", "Cateter esquerdo no lugar.", "laterality"),
        # What qualifies a finding may stand in any unknown word of the translation.
        ("New zorbic nodule.", "Nódulo brunguento.", ""),
        ("New zorbic nodule.", "Nódulo.", "new_lost"),
    ],
)
@pytest.mark.usefixtures("no_words")
def test_an_unknown_word_may_answer(source, translation, expected):
    assert errors(source, translation) == expected


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("Fraturas em dois pontos cada uma.", ""),
        ("Retirados um a um.", ""),
        ("Fraturas em uma.", "truncated"),
    ],
)
def test_a_number_at_the_end_of_a_sentence_needs_no_noun(translation, expected):
    source = "Fractures in two places each." if "Frat" in translation else "Removed one by one."
    assert [flag.name for flag in check(source, translation) if flag.name == "truncated"] == expected.split()


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # An adjective before two places of a finding stands after them in Portuguese.
        ("Calcified hilar and mediastinal nodes.", "Linfonodos hilares e mediastinais calcificados.", ""),
        ("Acute rib and clavicle fractures.", "Fraturas costais e de clavícula agudas.", ""),
        (
            "Acute rib fracture and old clavicle fracture.",
            "Fratura costal antiga e fratura aguda da clavícula.",
            "exchanged",
        ),
        # "Sem mudanças" says that something remains, and "não é possível definir" that it is uncertain.
        ("Tubes remain in position.", "Tubos em posição, sem mudanças.", ""),
        ("Tubes remain in position.", "Tubos em posição, sem derrame.", "finding_added negation_added"),
        ("It is uncertain whether there is edema.", "Não é possível definir se há edema.", ""),
        ("It is uncertain whether there is edema.", "Não há edema.", "uncertainty_dropped"),
        # Two places with many names may be one.
        ("Opacities over the hemithoraces.", "Opacidades na região.", ""),
        ("Opacities over the clavicles.", "Opacidades na região.", "anatomy_changed"),
    ],
)
def test_what_two_languages_put_otherwise(source, translation, expected):
    assert errors(source, translation) == expected


@pytest.mark.usefixtures("small_words")
@pytest.mark.parametrize(
    ("source", "translation", "severity"),
    [
        # A misspelling, an invention and a word that was left are errors; what resembles nothing may be a rare word.
        ("Effusion.", "Derrrame.", "error"),
        ("Consolidation.", "Consolidância.", "error"),
        ("Streaky opacity.", "Opacidade streaky.", "error"),
        ("Small opacity.", "Pequena opacidade zyrtoplica.", "warning"),
    ],
)
def test_an_unknown_word_is_an_error_where_it_resembles_a_known_one(source, translation, severity):
    assert {flag.severity for flag in check(source, translation) if flag.name == "unknown_word"} == {severity}
