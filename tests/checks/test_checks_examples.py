"""Pairs and exactly what the checks say of them: errors by their names, warnings with a mark before."""

from __future__ import annotations

import pytest

from hubkit.checks import check

ONE_BY_ONE = "No effusion. Clear lungs. Normal heart."
AT_ONCE = "No effusion, clear lungs and normal heart."


def said(source, translation):
    flags = {flag.name if flag.severity == "error" else f"~{flag.name}" for flag in check(source, translation)}
    return " ".join(sorted(flags))


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        # Nothing, and too much.
        ("", "texto", "sentence_added"),
        (" ", " ", ""),
        ("Clear.", "", "empty"),
        ("The heart is normal. " * 1500, "O coração é normal.", "length"),
        ("The heart size is normal today.", "Normal.", "length ~anatomy_lost"),
        # Ends.
        ("Small effusion on the left.", "Pequeno derrame à esquerda", "~truncated"),
        ("Small effusion on the left.", "Pequeno derrame à esquerda,", "truncated"),
        ("Small effusion on the left.", "Pequeno derrame à", "laterality truncated"),
        ("Small effusion on the left", "Pequeno derrame à esquerda", ""),
        ("Fracture of the 8th rib.", "Fratura da 8ª.", "anatomy_lost"),
        ("Line A.", "Linha A.", ""),
        # What the source says itself is neither chatter nor markup nor a loop.
        ("Clear.", "Aqui está a tradução: limpo.", "chatter"),
        ("**Clear** lungs.", "**Pulmões** limpos.", ""),
        ("**Clear** lungs.", "**Pulmões** **limpos**.", "markdown"),
        ("Clear lungs.", "**Pulmões** limpos.", "markdown"),
        ("No no no no change.", "Não não não não mudou.", ""),
        ("Clear lungs today.", "Pulmões limpos limpos limpos.", ""),
        ("Clear lungs today.", "Pulmões limpos limpos limpos limpos.", "loop"),
        ("Numbers 1 1 1 1.", "Números 1 1 1 1.", ""),
        # Languages.
        ("Clear lungs today.", "Pulmões claros 清.", "other_language"),
        ("Clear lungs and heart.", "Los pulmones están limpios y el corazón normal.", "other_language ~anatomy_lost"),
        ("Clear lungs.", "Pulmões clear.", "english negation_dropped"),
        ("Hypoventilatory changes.", "Alterações hipoventilatórias.", ""),
        # De-identification.
        ("Seen by ___ and ___.", "Visto por ___ e ___.", ""),
        ("Seen by ___ and ___.", "Visto por ___.", "deidentification_lost"),
        ("Seen by ___.", "Visto por ___ e ___.", "deidentification_added"),
        ("Seen XXXX.", "Visto ___.", "deidentification_added deidentification_lost"),
        # Numbers and units.
        ("Nodule of at least 1 cm.", "Nódulo de pelo menos 1 cm.", ""),
        ("Nodule of at least 1 cm.", "Nódulo de no máximo 1 cm.", "number_changed"),
        ("Nodule of at least 1 cm.", "Nódulo de 1 cm.", ""),
        ("Nodule of 1.5 cm.", "Nódulo de 1.5 cm.", "~decimal_point"),
        ("1,500 mL drained.", "Drenados 1.500 mL.", ""),
        ("1,200.5 mL drained.", "Drenados 1.200,5 mL.", ""),
        ("1,200.5 mL drained.", "Drenados 12005 mL.", "number_changed"),
        ("Nodules of 1 and 2 cm.", "Nódulos de 1 cm.", "number_lost"),
        ("Nodule of 1 cm.", "Nódulo de 1 cm e 2 cm.", "number_added"),
        ("Nodule of 1 cm.", "Nódulo de 1 mm.", "unit"),
        ("Nodule of 10 mm.", "Nódulo de 1 cm.", ""),
        ("Nodules of 2 cm and 2 mm.", "Nódulos de 2 mm e 2 cm.", ""),
        ("Nodule in 2 days.", "Nódulo em 2 semanas.", "unit"),
        ("Both lungs are clear.", "Os pulmões estão limpos.", ""),
        ("Two nodules.", "Nódulos.", "number_lost"),
        ("Nodules of 1, 2 and 3 cm.", "Nódulos de 4 e 5 cm.", "number_changed number_lost"),
        # Opposites.
        ("Acute fracture.", "Fratura crônica.", "age_changed"),
        ("Pneumonia is unlikely.", "Pneumonia provável.", "likelihood_changed"),
        ("Acute fracture.", "Fratura aguda e crônica.", ""),
        ("Acute and chronic fractures.", "Fraturas crônicas e agudas.", ""),
        ("Acute and chronic changes.", "Alterações crônicas.", "age_lost"),
        # Trends, grades and sides.
        ("Unchanged effusion.", "Derrame inalterado.", ""),
        ("Unchanged effusion.", "Derrame.", "comparison_lost"),
        ("Improved effusion.", "Derrame.", "comparison_lost"),
        ("Effusion.", "Derrame em melhora.", "~comparison_added"),
        ("Effusion remains.", "Derrame.", ""),
        ("Large effusion.", "Derrame.", "severity_lost"),
        ("Effusion.", "Grande derrame.", "~severity_added"),
        ("Mild edema.", "Edema grave.", "severity_changed"),
        ("Right greater than left effusion.", "Derrame maior à direita que à esquerda.", ""),
        ("Right greater than left effusion.", "Derrame maior à esquerda que à direita.", "laterality"),
        ("Right greater than left effusion.", "Derrame maior à direita.", ""),
        ("Right greater than left effusion.", "Derrame maior à direita que à direita.", "laterality"),
        ("Larger than on the left.", "Maior que à direita.", "laterality"),
        ("Bilateral effusions.", "Derrames bilaterais.", ""),
        ("Bilateral effusions.", "Derrame à direita.", "laterality"),
        ("Left effusion.", "Derrame bilateral.", "laterality"),
        ("Left effusion.", "Derrame.", "laterality"),
        ("Effusion.", "Derrame à esquerda.", "laterality"),
        # Doubt.
        ("Possible pneumonia and possible edema.", "Possível pneumonia e edema.", "uncertainty_dropped"),
        ("Pneumonia.", "Possível pneumonia.", "uncertainty_added"),
        ("No findings to suggest pneumonia.", "Sem achados que sugiram pneumonia.", ""),
        ("No nodule suspicious for malignancy.", "Sem nódulo suspeito de malignidade.", ""),
        ("Could suggest edema.", "Pode sugerir edema.", ""),
        # Nothing is affirmed that could suggest it.
        ("The pattern without effusion suggests edema.", "Sem derrame, sem edema.", ""),
        # Negations.
        ("There is no effusion.", "Não há nenhum derrame.", ""),
        ("Effusion in the left lung.", "Derrame não pulmão esquerdo.", "negation_added"),
        ("Lungs are clear.", "Há opacidades.", "negation_dropped ~anatomy_lost"),
        ("Effusion is no longer seen.", "Não se vê mais derrame.", ""),
        ("No effusion. Edema.", "Sem derrame. Sem edema.", "negation_added"),
        ("No effusion and no edema.", "Sem derrame, com edema.", "negation_dropped"),
        # Sentences that moved, were merged or parted, or stand alone.
        ("There is edema. There is also effusion.", "Há derrame. Há também edema.", ""),
        (ONE_BY_ONE, "Sem derrame, pulmões limpos e coração normal.", ""),
        (AT_ONCE, "Sem derrame. Pulmões limpos. Coração normal.", ""),
        ("The lungs are clear. There is a small left effusion.", "Os pulmões estão limpos.", "sentence_lost"),
        ("The lungs are clear.", "Os pulmões estão limpos. Há um pequeno derrame.", "sentence_added"),
        (
            "Thank you for the referral. The lungs are clear. No effusion.",
            "Os pulmões estão limpos. Sem derrame.",
            "sentence_lost",
        ),
        # Findings: an error where a label with few names follows.
        ("Fracture.", "Fratura e pneumotórax.", "finding_added"),
        ("Fracture.", "Fratura e opacidade.", "~finding_added"),
        ("Fracture.", "Fratura e marcapasso.", "finding_added"),
        ("Fracture.", "Fratura e tubo.", "~finding_added"),
        ("Cardiomegaly.", "Opacidade.", "finding_added finding_lost"),
    ],
)
def test_what_the_checks_say_of_a_pair(source, translation, expected):
    assert said(source, translation) == expected


@pytest.mark.parametrize(
    ("characters", "shortest", "longest"), [(14, 2, 168), (29, 5, 203), (59, 15, 236), (159, 48, 477), (160, 80, 320)]
)
def test_lengths_that_a_translation_may_have(characters, shortest, longest):
    def flagged(length):
        return "length" in said("b" * characters, "c" * length)

    assert [flagged(length) for length in (shortest - 1, shortest, longest, longest + 1)] == [True, False, False, True]
