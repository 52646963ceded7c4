from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.checks import check

PAIRS = [
    line.split("\t") for line in Path(__file__).with_name("checks_styles.tsv").read_text(encoding="utf-8").splitlines()
]
"""Sources of one to three sentences in six styles, each with a correct translation."""


def errors(source, translation):
    return " ".join(sorted({flag.name for flag in check(source, translation) if flag.severity == "error"}))


@pytest.mark.usefixtures("no_words")
def test_a_correct_translation_has_no_error():
    wrong = [(source, translation, found) for source, translation in PAIRS if (found := errors(source, translation))]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # A conditional may hold the doubt of "could", but not that of another sentence.
        ("Oblique views could clarify.", "Incidências oblíquas esclareceriam.", ""),
        ("Possible pneumonia. CT would help.", "Pneumonia. TC ajudaria.", "uncertainty_dropped"),
        ("Effusion could explain the opacity.", "O derrame explica a opacidade.", "uncertainty_dropped"),
        ("Possible artery aneurysm.", "Aneurisma de artéria.", "uncertainty_dropped"),
        # What is not suspected is denied, and what may not be is doubted.
        ("No injury is suspected.", "Não há suspeita de lesão.", ""),
        ("No injury is suspected.", "Suspeita-se de lesão.", "negation_dropped"),
        ("The abnormality may not be real.", "A alteração pode não ser real.", ""),
        ("The abnormality may not be real.", "A alteração não é real.", "uncertainty_dropped"),
        ("The abnormality may not be real.", "A alteração pode ser real.", "negation_dropped"),
        ("May or may not be infection.", "Pode ou não ser infecção.", ""),
        ("May or may not be infection.", "Não é infecção.", "negation_added uncertainty_dropped"),
        ("Fracture cannot be confirmed.", "Não é possível confirmar fratura.", ""),
        ("Fracture cannot be confirmed.", "Fratura confirmada.", "negation_dropped uncertainty_dropped"),
        # A side before a question ends its sentence.
        ("Vol loss L. Shift L. ? plug.", "Perda de volume à E. Desvio para a E. Rolha?", ""),
        ("Shift L. ? plug.", "Desvio para a D. Rolha?", "laterality"),
        # A shortened word that begins a sentence does not end it.
        ("Susp. LLL PNA. R/o eff.", "Suspeita de pneumonia no LIE. Descartar derrame.", ""),
        ("Susp. LLL PNA. R/o eff.", "Pneumonia no LIE. Descartar derrame.", "uncertainty_dropped"),
        ("Pneumonia susp. Small eff.", "Suspeita de pneumonia. Pequeno derrame.", ""),
        # A date is not a doubt.
        ("Comparison with 7 May: effusion smaller.", "Comparado a 7 de maio: derrame menor.", ""),
        ("Rib 7 may be fractured.", "A costela 7 está fraturada.", "uncertainty_dropped"),
        ("Rib 7 may be fractured.", "A costela 7 pode estar fraturada.", ""),
        ("Opacities half as large as before.", "Opacidades com metade do tamanho de antes.", ""),
        ("Opacities half as large as before.", "Opacidades com o dobro do tamanho de antes.", "comparison_changed"),
        ("Ribs broken in two places, the fifth in one.", "Costelas fraturadas em dois pontos; a quinta, em um.", ""),
        # "Same" says of a side which one, and of a finding that it has not changed.
        ("Rib fracture on the same side.", "Fratura costal ipsilateral.", ""),
        ("Rib fracture on the same side.", "Fratura costal contralateral.", "toward_changed"),
        ("Hardly any change.", "Quase nenhuma mudança.", ""),
        ("Hardly any change.", "Mudança importante.", "comparison_changed comparison_lost"),
    ],
)
@pytest.mark.usefixtures("no_words")
def test_kinds_of_false_alarms_and_errors_near_them(source, translation, expected):
    assert errors(source, translation) == expected
