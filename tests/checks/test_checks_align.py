"""Which sentences answer one another, where a translator merged, parted or moved them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.checks import check
from hubkit.checks.align import align
from hubkit.clinical.sentences import sentences

FREE = [
    line.replace("\\n", "\n").split("\t")
    for line in Path(__file__).with_name("free").joinpath("reports.tsv").read_text(encoding="utf-8").splitlines()
]


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # Half of the second sentence of the translation answers the first source, half the last.
        (
            "S/p extubation. R lung clear. NGT out.",
            "Paciente extubado e sonda nasogástrica retirada. Pulmão direito limpo.",
            [((0, 2), (0,)), ((1,), (1,))],
        ),
        # As many sentences on both sides, and none of the last two answers in turn.
        (
            "A density is probably a nipple shadow. Nipple markers could confirm this. "
            "The remaining lung fields are clear, and heart and mediastinum are normal.",
            "Densidade, provavelmente sombra do mamilo, o que se pode confirmar com marcadores mamilares. "
            "Demais campos pulmonares livres. Coração e mediastino normais.",
            [((0, 1), (0,)), ((2,), (1, 2))],
        ),
        # Words that the lexicon lacks: the lone sentences stand at the same place.
        (
            "Clear lungs. Qwerty zxcv. No effusion. Normal heart.",
            "Pulmões limpos. Asdfg hjkl. Sem derrame. Coração normal.",
            [((0,), (0,)), ((1,), (1,)), ((2,), (2,)), ((3,), (3,))],
        ),
        # Of two sentences that name the same, what they say of it decides which was left out.
        (
            "Opacity in the upper lobe. Opacity in the lower lobe.",
            "Opacidade no lobo inferior.",
            [((0,), ()), ((1,), (0,))],
        ),
        (
            "Opacity in the upper lobe. Opacity in the lower lobe.",
            "Opacidade no lobo superior.",
            [((0,), (0,)), ((1,), ())],
        ),
        ("Round opacity. Linear opacity.", "Opacidade linear.", [((0,), ()), ((1,), (0,))]),
        ("Linear opacity.", "Opacidade arredondada. Opacidade linear.", [((), (0,)), ((0,), (1,))]),
        ("Nodule of 5 mm. Nodule of 9 mm.", "Nódulo de 9 mm.", [((0,), ()), ((1,), (0,))]),
        ("Nodule of 5 mm. Nodule of 9 mm.", "Nódulo de 5 mm.", [((0,), (0,)), ((1,), ())]),
        # A date in another order ties a fragment to its sentence.
        ("Comp 6/14. L eff larger.", "Em comparação com 14/06, derrame à esquerda maior.", [((0, 1), (0,))]),
    ],
)
def test_sentences_that_were_moved_find_their_counterpart(source, translation, expected):
    said, told = sentences(source, "en"), sentences(translation, "pt")
    places = {one.start: at for at, one in enumerate(said)}, {one.start: at for at, one in enumerate(told)}
    found = [
        (tuple(places[0][one.start] for one in ours.sentences), tuple(places[1][one.start] for one in theirs.sentences))
        for ours, theirs in align(said, told)
    ]
    assert found == expected


@pytest.mark.parametrize(
    ("source", "translation", "name"),
    [
        ("No effusion. No edema. Rib fracture.", "Sem derrame nem edema.", "sentence_lost"),
        ("Normal heart. Clear lungs.", "Coração normal. Pulmões limpos. Fratura de costela.", "sentence_added"),
        ("Left ribs 5 through 8 are fractured.", "Fraturas da 5ª à 9ª costelas esquerdas.", "number_added"),
        ("Fractures of ribs 9 to 11.", "Fraturas da 9ª, 12ª e 11ª costelas.", "number_added"),
        ("Two nodules.", "Os três nódulos.", "number_changed"),
        ("L2-L5 rib fractures.", "Fraturas da 2ª à 5ª costelas direitas.", "laterality"),
        ("UVC tip at T8.", "Ponta do cateter umbilical arterial em T8.", "umbilical_changed"),
        ("No pleural abnormality. Normal heart.", "Alteração pleural. Coração.", "negation_dropped"),
        ("Foreign body in the left bronchus.", "Nódulo no brônquio esquerdo.", "finding_lost"),
    ],
)
def test_what_free_translations_may_not_hide(source, translation, name):
    assert name in errors(source, translation)


@pytest.mark.parametrize(
    ("source", "translation"),
    [row[2:] for row in FREE if int(row[0][1:]) % 2],
    ids=[row[0] for row in FREE if int(row[0][1:]) % 2],
)
def test_a_free_report_of_the_half_for_tuning_has_no_error(source, translation):
    assert errors(source, translation) == set()
