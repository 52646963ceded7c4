"""What is counted: one fault raises one flag, and the form of a word counts where the word is a noun."""

from __future__ import annotations

import pytest

from hubkit.checks import check
from hubkit.checks.align import align
from hubkit.checks.clinical import check_sentences
from hubkit.clinical.sentences import sentences


def counts(source: str, translation: str) -> list[tuple[str, str]]:
    return [(flag.name, flag.severity) for flag in check(source, translation) if flag.name.startswith("count_")]


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Multiple nodules are seen.", "Nódulo único é visto."),
        ("Multiple nodules.", "Nódulo."),
        ("Single nodule.", "Múltiplos nódulos."),
        ("Multiple fractured ribs.", "Costela fraturada."),
        ("Multiple devices are present.", "Dispositivo presente."),
        ("Both chest tubes were withdrawn.", "Dreno torácico foi retirado."),
    ],
)
def test_one_fault_is_one_flag(source: str, translation: str) -> None:
    assert counts(source, translation) == [("count_changed", "error")]


def test_faults_of_two_sentences_are_two_flags() -> None:
    found = counts("Multiple nodules are seen. Multiple fractures.", "Nódulo único é visto. Fratura única.")
    assert found == [("count_changed", "error")] * 2


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Multiple metastases.", "Doença metastática difusa."),
        ("Both hemidiaphragms are sharp.", "Contorno diafragmático nítido."),
        ("Both lungs are clear.", "Parênquima pulmonar limpo."),
        ("Multiple calcifications of the pleura.", "Pleura calcificada."),
        ("Both hila are normal.", "Região hilar normal."),
        ("Multiple fractured vertebrae.", "Coluna vertebral com fraturas."),
        ("Multiple rib fractures.", "Fraturas do gradil costal."),
    ],
)
def test_an_adjective_or_collective_says_no_number(source: str, translation: str) -> None:
    assert ("count_changed", "error") not in counts(source, translation)


def test_sentences_that_exchanged_several_things_are_compared_once() -> None:
    source = "The effusion and edema are worse. The pneumothorax and nodule are better."
    translation = "O pneumotórax e o nódulo pioraram. O derrame e o edema melhoraram."
    flags = list(check_sentences(align(sentences(source, "en"), sentences(translation, "pt"))))
    assert [flag.name for flag in flags] == ["exchanged"]
