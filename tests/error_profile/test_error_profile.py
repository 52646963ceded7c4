"""Which clinical errors the profile finds between two Portuguese reports, and which differences are none."""

from __future__ import annotations

import itertools

import pytest

from hubkit.error_profile.profile import DIMENSIONS, has, profile

ERRORS = [
    ("missed", "effusion", "Pequeno derrame pleural à direita. Coração normal.", "Coração normal."),
    ("missed", "effusion", "Derrame pleural à direita.", "Não há derrame pleural."),
    ("missed", "effusion", "Derrame pleural à direita.", ""),
    ("missed", "edema", "Opacidade basal direita. Edema pulmonar.", "Opacidade basal direita."),
    ("missed", "opacity", "Opacidade no lobo superior direito.", "Nódulo no lobo inferior esquerdo."),
    ("invented", "pneumothorax", "Sem pneumotórax.", "Há pneumotórax."),
    ("invented", "pneumothorax", "Pulmões limpos.", "Pulmões limpos. Possível pneumotórax."),
    ("invented", "cardiomegaly", "Coração de tamanho normal.", "Coração aumentado."),
    ("side", "effusion", "Derrame pleural à direita.", "Derrame pleural à esquerda."),
    ("side", "effusion", "Derrame pleural à direita.", "Derrames pleurais bilaterais."),
    ("side", "atelectasis", "Atelectasia no LID.", "Atelectasia no LIE."),
    ("side", "opacity", "Opacidades à direita e à esquerda.", "Opacidades à direita."),
    ("place", "consolidation", "Consolidação no lobo superior direito.", "Consolidação no lobo inferior direito."),
    ("place", "fracture", "Fratura da clavícula.", "Fratura do úmero."),
    ("severity", "effusion", "Pequeno derrame à direita.", "Derrame volumoso à direita."),
    ("severity", "edema", "Edema pulmonar, agora moderado.", "Edema pulmonar discreto."),
    ("size", "nodule", "Nódulo de 8 mm.", "Nódulo de 1,8 cm."),
    ("size", "mass", "Massa de 4,3 x 3,7 cm.", "Massa de 4,3 x 6,7 cm."),
    ("trend", "effusion", "Derrame à direita, inalterado.", "Derrame à direita, maior."),
    ("trend", "fracture", "Fratura costal antiga.", "Fratura costal aguda."),
    ("certainty", "pneumonia", "Possível pneumonia.", "Pneumonia."),
    ("certainty", "opacity", "Opacidade na base direita.", "Possível opacidade na base direita."),
    ("devices", "picc", "PICC à direita.", "Marca-passo à direita."),
    ("devices", "endotracheal_tube", "Tubo endotraqueal 4 cm acima da carina.", "Tubo endotraqueal na carina, a 1 cm."),
    ("devices", "endotracheal_tube", "TOT 3 cm acima da carina.", "TOT 3 cm abaixo da carina."),
    ("devices", "picc", "PICC à direita. A ponta está na VCS.", "PICC à direita. A ponta está no átrio direito."),
    ("devices", "picc", "PICC à direita.", "PICC à direita retirado."),
    ("devices", "picc", "PICC com ponta no AD.", "PICC com ponta no átrio esquerdo."),
    ("devices", "enteric_tube", "TOT na traqueia. SNG no estômago.", "TOT na traqueia."),
    ("missed", "nodule", "Nódulo no LSD. Linfangite.", "Linfangite."),
    ("missed", "nodule", "Nódulo e massa à direita.", "Legionelose. Massa à direita. Sem nódulo."),
    ("missed", "mass", "Nódulo e massa à direita.", "Legionelose."),
    ("missed", "nodule", "Nódulo à direita.", "Legionelose à esquerda."),
    ("missed", "opacity", "Opacidade basal. Hérnia hiatal.", "Hérnia hiatal."),
    ("missed", "calcification", "Calcificação da aorta. Nódulo no LSD.", "Nódulo no LSD."),
    ("trend", "nodule", "Nódulo que cresceu.", "Nódulo sem crescimento."),
    ("missed", "pneumonia", "Pneumonia.", "Avaliar pneumonia."),
    ("certainty", "pneumonia", "Talvez pneumonia, com provável linfangite.", "Pneumonia, com provável linfangite."),
]


@pytest.mark.parametrize(("dimension", "finding", "reference", "generated"), ERRORS)
def test_an_error_is_named(dimension: str, finding: str, reference: str, generated: str) -> None:
    assert (dimension, finding) in {(error.dimension, error.finding) for error in profile(reference, generated)}


NO_FINDING = [
    "Estruturas ósseas íntegras.",
    "Estruturas ósseas preservadas.",
    "Estruturas ósseas sem alterações.",
    "Estruturas hilares simétricas.",
    "Demais estruturas sem alterações.",
    "Demais estruturas, sem alterações.",
    "Demais estruturas sem particularidades.",
    "Demais estruturas inalteradas.",
    "Demais estruturas sem mudanças.",
    "Imagem normal.",
    "Imagem cardíaca centrada.",
    "Imagem dentro dos limites da normalidade.",
    "Os blastemas têm aspecto normal.",
    "Sem outras imagens.",
    "Não há imagens suspeitas.",
    "Imagem em AP.",
    "Imagens obtidas no leito.",
    "Boa qualidade de imagem.",
]
"""Sentences with a vague or unknown word that stands for no finding."""


@pytest.mark.parametrize("finding", ["Grande pneumotórax à direita.", "Fratura de costela à direita.", "Nódulo."])
@pytest.mark.parametrize("sentence", NO_FINDING)
def test_what_is_normal_answers_no_finding(sentence: str, finding: str) -> None:
    with_finding, without = f"{finding} Pulmões limpos.", f"{sentence} Pulmões limpos."
    assert {error.dimension for error in profile(without, with_finding)} == {"invented"}
    assert {error.dimension for error in profile(with_finding, without)} == {"missed"}


@pytest.mark.parametrize(
    "sentence",
    [
        *("Osseous structures are intact.", "Osseous structures are unremarkable.", "Normal image."),
        *("Remaining structures are unchanged.", "Mediastinal structures are midline.", "No other images."),
        "Single AP image of the chest.",
    ],
)
def test_what_is_normal_answers_no_finding_in_english(sentence: str) -> None:
    for finding in ("Large right pneumothorax.", "Right rib fracture."):
        with_finding, without = f"{finding} Lungs are clear.", f"{sentence} Lungs are clear."
        assert {error.dimension for error in profile(without, with_finding, "en")} == {"invented"}
        assert {error.dimension for error in profile(with_finding, without, "en")} == {"missed"}


def test_every_dimension_has_an_example() -> None:
    assert {row[0] for row in ERRORS} == {*DIMENSIONS}


@pytest.mark.parametrize(
    ("reference", "generated"),
    [
        ("", ""),
        ("Derrame pleural pequeno à direita.", "Derrame pleural."),
        ("Nódulo de 8 mm.", "Nódulo de 0,8 cm."),
        ("Derrame à direita. Impressão: derrame à direita.", "Derrame à direita."),
        ("Derrames bilaterais, maiores à direita.", "Derrames bilaterais."),
        ("Consolidação na base direita.", "Opacidade no lobo inferior direito."),
        ("Opacidade nodular no lobo médio.", "Nódulo no lobo médio."),
        ("Opacidade, provavelmente atelectasia.", "Provável atelectasia representada por opacidade."),
        ("Coração aumentado, inalterado.", "Cardiomegalia estável."),
        ("Sem derrame. Sem pneumotórax.", "Pulmões limpos."),
        ("Avaliar pneumonia. Pulmões limpos.", "Pulmões limpos."),
        ("Paciente com tosse e febre.", "Pulmões limpos."),
        ("Massa de 4,3 x 3,7 cm.", "Massa de 3,7 x 4,3 cm."),
        # What was not understood, or is vague, may be the finding that seems to be missing.
        ("Nódulo no LSD.", "Imagem arredondada no LSD."),
        ("Pneumonia no LID.", "Legionelose no LID."),
        ("Pneumonia no LID.", "Legionelose inalterada no LID."),
        ("Pneumonia no LID. Coração normal.", "Legionelose no LID, coração normal."),
        ("Nódulo no LSD. Coração normal.", "Imagem arredondada no LSD, coração normal."),
        ("Nódulo no LSD.", "Imagem arredondada no LSD, inalterada."),
        ("Nódulo no LSD.", "Imagem pulmonar arredondada no LSD."),
        ("Nódulo no LSD.", "Imagem anormal no LSD."),
        ("Consolidação basal direita.", "Foco basal direito."),
        ("Nódulo no LSD.", "Imagem arredondada no LSD na incidência AP."),
        # A doubt of the same sentence may be of another thing.
        ("Cavidade com conteúdo, provável micetoma.", "Provável micetoma em cavidade."),
        # The side of a chamber is not the side of the device in it.
        ("PICC à esquerda, com ponta no átrio direito.", "PICC à esquerda, com ponta no AD."),
        ("TOT na traqueia. Marca-passo.", "TOT na traqueia. Eletrodos no ventrículo direito."),
        # A general name next to a specific one.
        ("ECMO com cânulas femoral e jugular.", "ECMO pelas veias femoral e jugular."),
        # What a sentence explains by another finding, and what says how another looks.
        ("Hérnia hiatal.", "Opacidade retrocardíaca, correspondendo a hérnia hiatal."),
        ("Nódulo calcificado no LSD.", "Nódulo no LSD."),
        ("Nódulo estável.", "Nódulo sem crescimento."),
        ("Sem linfonodomegalias.", "Linfonodos hilares de tamanho normal."),
        ("Derrame cissural, simulando massa.", "Derrame cissural."),
        ("Linfonodomegalia nos dois hilos.", "Linfonodomegalia hilar bilateral."),
        ("Enfisema mediastinal e subcutâneo.", "Pneumomediastino e enfisema subcutâneo."),
        ("Hérnia hiatal.", "Hérnia hiatal. Bolha gástrica visível."),
        # Doubts of neighbouring grades, sides that are named by another, what was done or only asked for.
        ("Sugestivo de bronquiectasia no lobo médio.", "Aspecto de bronquiectasia no lobo médio."),
        ("Possível pneumonia.", "Avaliar pneumonia."),
        ("Pulmões limpos.", "Este exame não avalia embolia. Pulmões limpos."),
        ("Derrame à direita, menor.", "Derrame à direita, menor após drenagem."),
        (
            "Cateter na subclávia esquerda, ponta na jugular direita.",
            "Cateter na subclávia esquerda, ponta na jugular contralateral.",
        ),
        ("Hidropneumotórax à direita.", "Derrame e pneumotórax à direita, com nível hidroaéreo."),
    ],
)
def test_what_is_no_error(reference: str, generated: str) -> None:
    assert profile(reference, generated) == []


def test_an_error_counts_once_a_finding() -> None:
    reference = "Derrame à direita. Impressão: derrame à direita."
    assert len(profile(reference, reference.replace("direita", "esquerda"))) == 1


@pytest.mark.parametrize("row", ERRORS)
def test_a_report_has_no_error_against_itself(row: tuple[str, str, str, str]) -> None:
    assert [profile(text, text) for text in row[2:]] == [[], []]


def test_errors_of_sentences_add_up() -> None:
    """Of errors about different findings none hides another."""
    chosen = [row for row in ERRORS if row[0] in ("side", "severity", "size", "trend", "place")]
    for one, other in itertools.combinations(chosen, 2):
        if one[1] != other[1] and {one[1], other[1]} not in ({"opacity", "atelectasis"}, {"opacity", "consolidation"}):
            joined = profile(f"{one[2]} {other[2]}", f"{one[3]} {other[3]}")
            assert {error.finding for error in joined} == {one[1], other[1]}


def test_what_a_report_has() -> None:
    report = "Derrame à direita. Sem pneumotórax. Hérnia hiatal. PICC à direita. Pequena distensão gástrica."
    assert has(report) == {"Pleural Effusion", None, "Support Devices"}


def test_a_report_has_what_can_be_missed() -> None:
    """What one mention may leave open, as a drainage does, another says."""
    report = "Drenagem torácica à direita. Dreno torácico à direita."
    assert {error.label for error in profile(report, "")} == {"Support Devices"} == has(report)


@pytest.mark.parametrize(
    "answer", ["There is nothing.", "There is a small left pleural effusion.", "Lorem ipsum dolor sit amet."]
)
def test_an_answer_that_is_hardly_understood_stands_for_no_finding(answer: str) -> None:
    found = {(one.dimension, one.finding) for one in profile("Há pneumotórax à direita.", answer)}
    assert ("missed", "pneumothorax") in found
