"""A relation whose sides were exchanged: what is the cause of what, what follows what."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.checks import check


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Bibasilar atelectasis secondary to bilateral effusions.", "Derrames bilaterais secundários a atelectasias."),
        ("Shift caused by the tension pneumothorax.", "O pneumotórax hipertensivo foi causado pelo desvio."),
        ("Fracture resulting in pneumothorax.", "Pneumotórax resultando em fratura."),
        ("The collapse is due to mucus plugging.", "A rolha de muco deve-se ao colapso."),
        (
            "Right heart enlargement due to pulmonary hypertension.",
            "Hipertensão pulmonar devida a cardiomegalia direita.",
        ),
        ("A large hernia causes compressive atelectasis.", "Atelectasia compressiva causa grande hérnia."),
        ("Pneumomediastinum, likely from barotrauma.", "Barotrauma, provavelmente por pneumomediastino."),
        ("Pulmonary edema secondary to mitral regurgitation.", "Regurgitação mitral secundária a edema pulmonar."),
        ("Subcutaneous emphysema after chest tube placement.", "Colocação de dreno torácico após enfisema subcutâneo."),
        ("Aspiration led to pneumonia.", "A pneumonia levou a aspiração."),
        ("Due to the effusion, the lobe shows atelectasis.", "Devido à atelectasia, o lobo mostra derrame."),
        ("Emphysema with secondary pneumothorax.", "Pneumotórax com enfisema secundário."),
        ("Emphysema with mild resulting pneumothorax.", "Pneumotórax com discreto enfisema resultante."),
        ("The effusion is likely reactive to the pneumonia.", "A pneumonia é provavelmente reacional ao derrame."),
        ("Edema explains the effusions.", "Os derrames explicam o edema."),
        ("Consolidation attributable to aspiration.", "Aspiração atribuível à consolidação."),
        ("Collapse reflects an obstructing mass.", "Massa obstrutiva reflete colapso."),
        ("Atelectasis d/t effusion.", "Derrame por atelectasia."),
    ],
)
def test_exchanged_sides_of_a_relation_are_an_error(source, translation):
    assert "exchanged" in errors(source, translation)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("Bibasilar atelectasis secondary to effusions.", "Os derrames causam atelectasias bibasais."),
        ("Shift caused by the tension pneumothorax.", "O pneumotórax hipertensivo provoca desvio."),
        (
            "Due to the large effusion, the lower lobe is collapsed.",
            "O lobo inferior está colapsado pelo grande derrame.",
        ),
        ("Large hernia causing atelectasis.", "Atelectasia causada por grande hérnia."),
        ("Pneumothorax after biopsy.", "Após a biópsia, surgiu pneumotórax."),
        ("The mass obscures the hilum.", "O hilo é obscurecido pela massa."),
        ("Edema because of fluid overload.", "Edema por sobrecarga hídrica."),
        ("Emphysema with secondary pneumothorax.", "Pneumotórax secundário a enfisema."),
        ("Effusion with mild secondary atelectasis.", "Derrame com discreta atelectasia secundária."),
        ("Edema explains the effusions.", "Os derrames se explicam pelo edema."),
    ],
)
def test_a_relation_may_be_told_from_its_other_side(source, translation):
    assert errors(source, translation) == set()


TEMPLATES = [
    line.split("\t")
    for line in Path(__file__).with_name("checks_causes.tsv").read_text(encoding="utf-8").splitlines()[1:]
]

ENGLISH, PORTUGUESE = ([template for language, template in TEMPLATES if language == own] for own in ("en", "pt"))

CAUSES = [
    (("emphysema", "enfisema"), ("pneumothorax", "pneumotórax")),
    (("large left effusion", "volumoso derrame à esquerda"), ("lower lobe collapse", "colapso do lobo inferior")),
    (("goiter", "bócio"), ("rightward tracheal deviation", "desvio traqueal para a direita")),
    (("recent chest tube removal", "recente retirada do dreno"), ("small pneumothorax", "pequeno pneumotórax")),
]

EACH = 5
"""Portuguese ways that each English one meets with each cause; all pairs of all ways would take a minute."""


@pytest.mark.parametrize("english", ENGLISH)
def test_each_way_to_name_a_cause_answers_the_others_and_is_seen_when_inverted(english):
    begin = ENGLISH.index(english)
    for number, (cause, effect) in enumerate(CAUSES):
        source = english.format(cause=cause[0], effect=effect[0])
        for at in range(EACH):
            portuguese = PORTUGUESE[(begin + 7 * number + 23 * at) % len(PORTUGUESE)]
            right = portuguese.format(cause=cause[1], effect=effect[1])
            wrong = portuguese.format(cause=effect[1], effect=cause[1])
            assert errors(source, right) == set(), (source, right)
            assert "exchanged" in errors(source, wrong), (source, wrong)


def test_every_portuguese_way_to_name_a_cause_is_met():
    met = {
        (begin + 7 * number + 23 * at) % len(PORTUGUESE)
        for begin in range(len(ENGLISH))
        for number in range(len(CAUSES))
        for at in range(EACH)
    }
    assert met == {*range(len(PORTUGUESE))}


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("The trachea is deviated to the left by a large right goiter.", "Bócio direito desvia a traqueia à esquerda."),
        ("Leftward tracheal shift, small right effusion.", "Pequeno derrame direito; traqueia desviada à esquerda."),
    ],
)
def test_parts_that_only_moved_have_exchanged_no_side(source, translation):
    assert "exchanged" not in errors(source, translation)
