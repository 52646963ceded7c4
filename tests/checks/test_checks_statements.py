"""Values of one finding that a translation gives to another, and texts that are damaged, hostile or spelled apart."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.checks import check
from hubkit.clinical.text import canonical


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        (
            "Nodule of 6 mm in the right upper lobe and of 9 mm in the left lower lobe.",
            "Nódulo de 6 mm no lobo superior direito e de 9 mm no lobo inferior esquerdo.",
            "Nódulo de 9 mm no lobo superior direito e de 6 mm no lobo inferior esquerdo.",
            "exchanged",
        ),
        (
            "Small right and large left effusion.",
            "Derrame pequeno à direita e grande à esquerda.",
            "Derrame grande à direita e pequeno à esquerda.",
            "exchanged",
        ),
        (
            "Atelectasis due to effusion.",
            "Atelectasia devido ao derrame.",
            "Derrame devido à atelectasia.",
            "exchanged",
        ),
        (
            "Apical pneumothorax of 8 mm, previously 14 mm.",
            "Pneumotórax apical de 8 mm (anteriormente, 14 mm).",
            "Pneumotórax apical de 14 mm (anteriormente, 8 mm).",
            "exchanged",
        ),
        ("Bilateral effusions.", "Derrames bilaterais.", "Derrames.", "laterality"),
        ("Seen at 3:15 PM.", "Visto às 15h15.", "Visto às 3h15.", "number_changed"),
        ("Seen at 11:40 AM.", "Visto às 11h40.", "Visto às 23h40.", "number_changed"),
        ("ICD in place.", "CDI posicionado.", "Marca-passo posicionado.", "device_changed"),
        ("Non-emergent finding.", "Achado não emergencial.", "Achado emergencial.", "urgency_changed"),
    ],
)
def test_what_belongs_to_another_finding_or_is_another_value_is_an_error(source, right, wrong, name):
    assert errors(source, right) == set()
    assert name in errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("Fracture of the left clavicle.", "Fratura da clavícula esquerda.", "Fratura à esquerda."),
        ("PICC tip in the SVC.", "Ponta do PICC na VCS.", "Ponta do PICC."),
        ("Tube in the stomach.", "Sonda no estômago.", "Sonda."),
        ("Dextroscoliosis of the thoracic spine.", "Escoliose torácica dextroconvexa.", None),
        ("Opacity behind the heart.", "Opacidade retrocardíaca.", "Opacidade."),
        ("No free air below the diaphragm.", "Sem pneumoperitônio.", None),
        ("Apical pneumothorax.", "Pneumotórax apical.", "Pneumotórax."),
        # What is left out freely.
        ("No pulmonary edema.", "Sem edema.", None),
        ("Pleural effusion in the left chest.", "Derrame pleural à esquerda.", None),
        ("Right IJ line.", "Cateter venoso central à direita.", None),
    ],
)
def test_a_place_that_is_lost_is_an_error_where_its_finding_or_device_is_still_named(source, right, wrong):
    assert errors(source, right) == set()
    assert wrong is None or "anatomy_lost" in errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        # A preposition with a slash is read as its word, on either side.
        ("Lungs clear w/o PTX.", "Pulmões limpos s/ PTX.", "Pulmões limpos c/ PTX.", "negation_dropped"),
        ("No sig change.", "S/ mudança significativa.", "C/ mudança significativa.", "negation_dropped"),
        # A full stop after a shortened word ends no sentence, and what is shortened is Portuguese.
        ("Small R effusion.", "Peq. derrame D.", "Peq. derrame E.", "laterality"),
        ("Effusions bilat.", "Derrames bilat.", "Derrames.", "laterality"),
        ("Rpt in 6-8 wks.", "Repetir em 6-8 sem.", "Repetir em 6-8 dias.", "unit"),
        # Feet are converted as people round.
        ("Fall from 10 ft.", "Queda de 3 m.", "Queda de 6 m.", "number_changed"),
        ("1° survey film.", "Radiografia da avaliação primária.", None, None),
        ("FAST neg.", "FAST neg.", None, None),
        ("Swan in R PA.", "Swan na AP direita.", "Swan na VCS.", "vessel_changed"),
        ("PA view.", "Incidência PA.", "Incidência AP.", "view_changed"),
        ("L CT placed, tip at apex.", "Dreno torácico E, ponta no ápice.", "Dreno E retirado, ponta no ápice.", None),
        ("Effusion can't be excl.", "Derrame não pode ser excluído.", "Derrame excluído.", "uncertainty_dropped"),
    ],
)
def test_shorthand_is_read_in_both_languages(source, right, wrong, name):
    assert errors(source, right) == set()
    assert wrong is None or (name in errors(source, wrong) if name else errors(source, wrong))


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        # The everyday sense of a word.
        ("Pacemaker leads are intact.", "Eletrodos do marca-passo íntegros.", "Pistas do marca-passo íntegras."),
        ("The tips of both tubes are seen.", "As pontas dos tubos são vistas.", "As dicas dos tubos são vistas."),
        ("Clear lungs.", "Pulmões limpos.", "Limpar pulmões."),
        ("Basilar granuloma.", "Granuloma basal.", "Granuloma de manjericão."),
        # A word that is none of the renderings of a term.
        ("Lucency at the apex.", "Lucência no ápice.", "Relutância no ápice."),
        ("Mild eventration of the diaphragm.", "Leve eventração do diafragma.", "Leve ocorrência do diafragma."),
        ("The patient left the department.", "O paciente saiu do setor.", None),
        ("Small left effusion.", "Leve derrame à esquerda.", None),
        ("Mild prominence of the hila.", "Discreta proeminência dos hilos.", None),
    ],
)
def test_a_term_in_another_sense_is_an_error(source, right, wrong):
    assert errors(source, right) == set()
    assert wrong is None or "term_changed" in errors(source, wrong)


def test_a_word_that_is_none_of_the_renderings_of_a_term_is_an_error_where_it_is_portuguese(small_words):
    assert "term_changed" in errors("Lucency at the base.", "Palavra na base.")
    assert errors("Lucency at the base.", "Opaccidade na base.") == {"unknown_word"}


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        # The character of a fracture.
        ("Open tibial fracture.", "Fratura exposta da tíbia.", "Fratura fechada da tíbia."),
        ("Unhealed rib fracture.", "Fratura costal não consolidada.", "Fratura costal consolidada."),
        ("Spiral fracture of the humerus.", "Fratura espiral do úmero.", "Fratura transversa do úmero."),
        ("Comminuted clavicle fracture.", "Fratura multifragmentar da clavícula.", "Fratura da clavícula."),
        ("T12 burst fracture.", "Fratura em explosão de T12.", "Fratura compressiva de T12."),
        # What is advised.
        ("Chest CT is recommended.", "Sugere-se TC de tórax.", "TC de tórax realizada."),
        ("Recommend PA and lateral views.", "Recomendam-se PA e perfil.", "Recomenda-se TC."),
        ("No consolidation to suggest pneumonia.", "Sem consolidação que indique pneumonia.", None),
        # How the film was taken.
        ("Lateral view only.", "Somente perfil.", "Somente incidência frontal."),
        ("Frontal view.", "Incidência AP.", None),
        ("Overpenetrated film.", "Filme hiperpenetrado.", "Filme pouco penetrado."),
        # Cause and effect.
        (
            "Atelectasis as a result of effusion.",
            "Atelectasia como consequência do derrame.",
            "Derrame como consequência da atelectasia.",
        ),
        (
            "Elevated diaphragm attributed to phrenic nerve palsy.",
            "Elevação do diafragma atribuída à paralisia do nervo frênico.",
            "Paralisia do nervo frênico atribuída à elevação do diafragma.",
        ),
        # What tells findings of one name apart.
        ("Recurrent left effusion.", "Derrame recidivado à esquerda.", "Derrame à esquerda."),
        ("Necrotizing pneumonia.", "Pneumonia necrotizante.", "Pneumonia."),
        ("Ground-glass opacity at the base.", "Vidro fosco na base.", "Opacidade na base."),
        ("Contralateral shift.", "Desvio para o lado oposto.", "Desvio ipsilateral."),
        # A trend in one word, and a width.
        ("Bibasilar atelectasis, less.", "Atelectasias bibasais, menores.", "Atelectasias bibasais."),
        ("Mediastinum 9 cm wide.", "Mediastino com 9 cm de largura.", "Mediastino com 6 cm de largura."),
        ("Pneumothorax, less than 5 mm.", "Pneumotórax inferior a 5 mm.", "Pneumotórax superior a 5 mm."),
        ("The hips are located.", "Quadris sem luxação.", "Quadris com luxação."),
    ],
)
def test_what_qualifies_a_finding_is_compared(source, right, wrong):
    assert errors(source, right) == set()
    assert wrong is None or errors(source, wrong)


@pytest.mark.parametrize(
    "translation",
    ["N\u00c3\u00a3o h\u00c3\u00a1 derrame.", "N\ufffdo há derrame.", "Não há derrame\ud800."],
)
def test_damaged_characters_are_an_error(translation):
    assert "damaged" in errors("No effusion.", translation)


@pytest.mark.parametrize("rest", ["</s>", " &gt;", " [Fim da tradução]", " <|im_end|>", " [/INST]"])
def test_what_a_model_leaves_around_a_text_is_an_error(rest):
    assert "residue" in errors("No effusion.", "Não há derrame." + rest)
    assert "residue" not in errors("No effusion." + rest, "Não há derrame." + rest)


def test_accents_line_ends_and_spaces_make_no_difference():
    source, translation = "No effusion.\nLeft scar.", "Não há derrame.\nCicatriz à direita."
    plain = check(source, translation)
    apart = unicodedata.normalize("NFD", translation).replace("\n", "\r\n").replace(" ", "\u00a0")
    other = check(source, apart)
    assert [flag[:2] for flag in other] == [flag[:2] for flag in plain] != []
    for one, two in zip(plain, other, strict=True):
        seen = apart[slice(*two.translation_span)]
        assert canonical(seen).text == translation[slice(*one.translation_span)]


@pytest.mark.parametrize(
    "piece", ["1. ", "\n", "left ", "1 2 1 2 ", "12:12 ", "No effusion. ", "A\n\n", "- ", "? ", "possible "]
)
def test_thirty_thousand_characters_take_less_than_a_second(piece):
    text = (piece * 30_000)[:30_000]
    for source, translation in ((text, "Sem derrame."), ("No effusion.", text)):
        started = time.process_time()
        check(source, translation)
        # Twice the goal of one second: the machine that runs the tests may be slow.
        assert time.process_time() - started < 2


def test_a_looping_translation_is_flagged_and_does_not_fail():
    assert "loop" in errors("No effusion.", "Sem derrame. " * 124)


PIECES = st.sampled_from(
    [
        "No effusion. ",
        "não ",
        "left ",
        "1. ",
        "\r\n",
        "12:12 ",
        "\u0303",
        "___ ",
        "(",
        "\ud800",
        "devido à ",
        "8 mm, ",
        "que ",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=25).map("".join), st.lists(PIECES, max_size=25).map("".join))
def test_any_text_is_checked_and_spans_lie_within_it(source, translation):
    for flag in check(source, translation):
        for span, text in ((flag.source_span, source), (flag.translation_span, translation)):
            assert span is None or 0 <= span[0] <= span[1] <= len(text)
