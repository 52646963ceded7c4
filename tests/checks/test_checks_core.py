from __future__ import annotations

import pytest

from hubkit.checks import LONGEST, check
from hubkit.demo.corpus import sample_studies


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


def test_the_demos_true_translations_are_not_flagged():
    for study in sample_studies(100, seed=2):
        for part in study.report.sections:
            assert errors(part.source, part.translation) == set(), part.name


SOURCE = "There is a small left pleural effusion, 2.5 cm thick. No pneumothorax. Possible pneumonia on ___."
RIGHT = "Há pequeno derrame pleural à esquerda, com 2,5 cm de espessura. Não há pneumotórax. Possível pneumonia em ___."


@pytest.mark.parametrize(
    ("was", "becomes", "name"),
    [
        ("Não há", "Há", "negation_dropped"),
        ("Há pequeno", "Não há pequeno", "negation_added"),
        ("esquerda", "direita", "laterality"),
        ("2,5", "3,5", "number_changed"),
        ("cm", "mm", "unit"),
        ("pneumotórax", "problema", "finding_lost"),
        ("pneumotórax", "cardiomegalia", "finding_added"),
        ("___", "ontem", "deidentification_lost"),
        ("pequeno", "volumoso", "severity_changed"),
        ("Possível pneumonia", "Pneumonia", "uncertainty_dropped"),
        ("Não há pneumotórax. ", "", "sentence_lost"),
        ("derrame pleural", "pleural effusion", "english"),
        ("Há", "Aqui está a tradução: há", "chatter"),
        ("pequeno", "**pequeno**", "markdown"),
        ("Possível", "Possível possível possível possível", "loop"),
    ],
)
def test_one_error_is_flagged_by_its_name(was, becomes, name):
    assert errors(SOURCE, RIGHT) == set()
    assert name in errors(SOURCE, RIGHT.replace(was, becomes, 1))


def test_a_reversed_trend_is_flagged():
    assert "comparison_changed" in errors("The effusion has increased.", "O derrame diminuiu.")
    assert errors("The effusion has increased.", "O derrame aumentou.") == set()


def test_an_empty_translation_is_flagged_and_an_empty_source_is_not():
    assert errors("No effusion.", " ") == {"empty"}
    assert check(" ", "") == []


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        ("The heart is enlarged.", "O coração está aumentado.", "O coração é normal.", "negation_added"),
        ("Cardiomegaly.", "Cardiomegalia.", "Coração de tamanho normal.", "negation_added"),
        ("The lungs are clear, no mass.", "Pulmões limpos, sem massas.", "Opacidades, sem massas.", "negation_dropped"),
        ("Left effusion and right nodule.", "Derrame à esquerda e nódulo à direita.",
         "Derrame à direita e nódulo à esquerda.", "exchanged"),
        ("Left effusion and right nodule.", "Nódulo à direita e derrame à esquerda.",
         "Nódulo à esquerda e derrame à direita.", "exchanged"),
        ("Tip in the mid RA.", "Ponta no átrio direito médio.", "Ponta no átrio esquerdo médio.", "laterality"),
        ("Tube above the carina.", "Tubo acima da carina.", "Tubo abaixo da carina.", "relation_changed"),
        ("Incompletely seen.", "Não completamente visto.", "Completamente visto.", "extent_changed"),
        ("Unlikely to be edema.", "É improvável que seja edema.", "É provável que seja edema.", "likelihood_changed"),
        ("Nodule of less than 1 cm.", "Nódulo menor que 1 cm.", "Nódulo maior que 1 cm.", "number_changed"),
        ("Effusion has decreased.", "O derrame diminuiu.", "Sem redução do derrame.", "negation_added"),
        ("No displaced fracture.", "Sem fratura com desvio.", "Sem fratura sem desvio.", "negation_added"),
    ],
)  # fmt: skip
def test_what_turns_a_finding_round_is_flagged(source, right, wrong, name):
    assert errors(source, right) == set()
    assert name in errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        # A coil is a device or the course of one.
        ("Coils in the left upper quadrant.", "Molas no quadrante superior esquerdo.",
         "Molas no quadrante superior direito.", "laterality"),
        ("A coil is seen in the left lung.", "Observa-se coil no pulmão esquerdo.",
         "Observa-se coil no pulmão direito.", "laterality"),
        ("The tube coils in the stomach.", "A sonda se enrola no estômago.", "Sonda no estômago.", "course_lost"),
        ("Coil embolization.", "Embolização com molas.", "Embolização.", "course_lost"),
        ("Coiled tube.", "Tubo enrolado.", "Molas.", "course_changed"),
        # A mammary graft is the left one, where the right is not named.
        ("LIMA graft.", "Ponte mamária.", "Ponte mamária direita.", "laterality"),
        ("LIMA graft.", "Ponte de mamária.", "Ponte de mamária direita.", "laterality"),
        ("LIMA graft.", "Enxerto de artéria mamária interna esquerda.",
         "Enxerto de artéria mamária interna direita.", "laterality"),
        ("Left internal mammary artery graft.", "Ponte mamária.", "Ponte mamária direita.", "laterality"),
        ("RIMA graft.", "Ponte de mamária direita.", "Ponte de mamária.", "laterality"),
        ("RIMA graft.", "Enxerto de artéria mamária direita.", "Enxerto de artéria mamária esquerda.", "laterality"),
        ("LIMA graft and right effusion.", "Ponte de mamária e derrame à direita.",
         "Ponte de mamária e derrame à esquerda.", "laterality"),
    ],
)  # fmt: skip
def test_a_device_that_is_named_in_another_sense_or_with_a_side_understood(source, right, wrong, name):
    assert errors(source, right) == set()
    assert name in errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "translation", "severity"),
    [
        ("Bones are normal.", "Ossos sem fraturas.", "warning"),
        ("Spine ok.", "Coluna sem fraturas.", "warning"),
        ("Spine is negative.", "Coluna sem fraturas.", "warning"),
        ("The spine is stable.", "Coluna sem fraturas.", "error"),
        ("The spine.", "Coluna sem fraturas.", "error"),
        ("Bones are normal.", "Fratura nos ossos.", "error"),
    ],
)
def test_a_finding_that_is_only_denied_of_what_is_well_is_a_warning(source, translation, severity):
    assert [flag.severity for flag in check(source, translation) if flag.name == "finding_added"] == [severity]


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        ("The nodule persists.", "Nódulo sem alterações.", "Nódulo sem derrame.", "negation_added"),
        ("The nodule is unchanged.", "O nódulo persiste.", "O nódulo persiste, sem derrame.", "negation_added"),
        ("The nodule is seen.", "O nódulo é visto.", "O nódulo não mudou.", "negation_added"),
        ("The nodule persists without effusion.", "Nódulo inalterado, sem derrame.",
         "Nódulo inalterado com derrame.", "negation_dropped"),
    ],
)  # fmt: skip
def test_unchanged_may_stand_for_persists_and_answers_no_other_negation(source, right, wrong, name):
    assert errors(source, right) == set()
    assert name in errors(source, wrong)


@pytest.mark.parametrize(("more", "flagged"), [(0, False), (1, True)])
def test_a_text_as_long_as_is_checked_is_checked(more, flagged):
    source, translation = (sentence * 2000 for sentence in ("No pneumothorax. ", "Sem pneumotórax. "))
    names = {flag.name for flag in check(source[: LONGEST + more], translation[: LONGEST + more])}
    assert ("length" in names) == flagged


@pytest.mark.parametrize(
    ("source", "translation", "flagged"),
    [
        ("Nodule of 1.5 cm.", "Nódulo de 1.5 cm.", True),
        ("999.5 mL were drained.", "Foram drenados 999.5 mL.", True),
        ("1000 mL were drained.", "Foram drenados 1.000 mL.", False),
        ("1,250 mL were drained.", "Foram drenados 1.250 mL.", False),
    ],
)
def test_a_point_marks_decimals_or_thousands(source, translation, flagged):
    assert ("decimal_point" in {flag.name for flag in check(source, translation)}) == flagged


def test_a_loop_is_marked_from_its_first_word_to_its_last():
    translation = "Coração normal. Pulmões limpos limpos limpos limpos. Sem derrame."
    (flag,) = (flag for flag in check("Normal heart. Clear lungs. No effusion.", translation) if flag.name == "loop")
    assert translation[slice(*flag.translation_span)] == "limpos limpos limpos limpos"


def test_a_doubt_after_a_denial_is_of_what_was_named_before_it():
    source, right = "Effusion without pneumothorax suggests edema.", "Derrame sem pneumotórax sugere edema."
    assert errors(source, right) == set()
    assert "uncertainty_dropped" in errors(source, right.replace("sugere", "indica"))
