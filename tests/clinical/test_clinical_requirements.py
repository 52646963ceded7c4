"""Kinds of statements that must be read rightly, in both languages, and errors that must be flagged."""

from __future__ import annotations

import pytest

from hubkit.checks import check
from hubkit.clinical.assertion import mentions
from hubkit.clinical.sentences import sentences


def read(text, language):
    """By finding, how a text mentions it: 1 present, 0 absent, -1 uncertain."""
    return {
        concept.name: polarity
        for sentence in sentences(text, language)
        for term, polarity in mentions(sentence)
        for concept in term.meaning.concepts
        if concept.kind in {"finding", "device", "state"} and not concept.soft
    }


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


THREE = {"consolidation": 0, "pneumothorax": 0, "effusion": 0}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        *(
            (f"{denial} consolidação, pneumotórax ou derrame.", "pt", THREE)
            for denial in (
                "Não foram identificados",
                "Não foram observados",
                "Não foram vistos",
                "Não foram caracterizados",
                "Não foram visualizados",
                "Não foram demonstrados",
                "Não se visualizaram",
                "Não se observam",
            )
        ),
        ("Not seen: effusion, pneumothorax.", "en", {"effusion": 0, "pneumothorax": 0}),
        ("No consolidation, pneumothorax or effusion was identified.", "en", THREE),
        (
            "Sem pneumotórax, embora a sensibilidade para a detecção de um pneumotórax seja limitada.",
            "pt",
            {"pneumothorax": 0},
        ),
        ("No pneumothorax, although sensitivity for a pneumothorax is limited.", "en", {"pneumothorax": 0}),
        ("Coração difícil de avaliar na presença de derrames bilaterais.", "pt", {"effusion": 1}),
        ("Heart size is difficult to assess in the presence of bilateral effusions.", "en", {"effusion": 1}),
        ("Pneumotórax: ausente.", "pt", {"pneumothorax": 0}),
        ("Pneumothorax: absent.", "en", {"pneumothorax": 0}),
        ("Edema versus pneumonia.", "en", {"edema": -1, "pneumonia": -1}),
        ("Edema versus pneumonia.", "pt", {"edema": -1, "pneumonia": -1}),
        ("Considerar pneumonia.", "pt", {"pneumonia": -1}),
        ("Consider pneumonia.", "en", {"pneumonia": -1}),
        ("Fratura consolidada.", "pt", {"fracture": 1}),
        ("Healed fracture.", "en", {"fracture": 1}),
        ("Hidropneumotórax à direita.", "pt", {"effusion": 1, "pneumothorax": 1}),
        ("Right hydropneumothorax.", "en", {"effusion": 1, "pneumothorax": 1}),
        ("Nearly resolved effusion.", "en", {"effusion": 1}),
        ("Derrame quase resolvido.", "pt", {"effusion": 1}),
        ("No effusion, heart enlarged.", "en", {"effusion": 0, "enlarged": 1}),
        ("Sem derrame, coração aumentado.", "pt", {"effusion": 0, "enlarged": 1}),
        ("Effusion cannot be seen.", "en", {"effusion": 0}),
        ("O derrame não pode ser visto.", "pt", {"effusion": 0}),
        ("Lines removed and effusion.", "en", {"effusion": 1}),
        ("Cateteres retirados e derrame.", "pt", {"effusion": 1}),
        ("Coração não é normal.", "pt", {"normal": 0}),
        ("Heart is not normal.", "en", {"normal": 0}),
    ],
)
def test_a_sentence_is_read_rightly(text, language, expected):
    found = read(text, language)
    assert {name: found.get(name) for name in expected} == expected
    assert "consolidation" in expected or "consolidation" not in found


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        ("Right hydropneumothorax.", "Hidropneumotórax à direita.", "Pneumotórax à direita."),
        ("Tip in the SVC.", "Ponta na VCS.", "Ponta na VCI."),
        ("Tip in the SVC.", "Ponta na veia cava superior.", "Ponta na veia cava inferior."),
        ("Tube in the trachea.", "Tubo na traqueia.", "Tubo no esôfago."),
        ("Lead in the right atrium.", "Eletrodo no átrio direito.", "Eletrodo no ventrículo direito."),
        ("Tube in the stomach.", "Sonda no estômago.", "Sonda no esôfago."),
        ("ICD in place.", "CDI posicionado.", "Marca-passo posicionado."),
        ("Mitral valve prosthesis.", "Prótese valvar mitral.", "Prótese valvar aórtica."),
        ("Advance the tube.", "Avançar o tubo.", "Recuar o tubo."),
        ("Retract the tube.", "Recuar o tubo.", "Avançar o tubo."),
        ("The drain was removed.", "O dreno foi retirado.", "O dreno permanece."),
        ("Nodule of 12 mm, previously 8 mm.", "Nódulo de 12 mm, antes 8 mm.", "Nódulo de 8 mm, antes 12 mm."),
        (
            "Right effusion and left nodule.",
            "Derrame à direita e nódulo à esquerda.",
            "Derrame à esquerda e nódulo à direita.",
        ),
        ("Small effusion and large nodule.", "Pequeno derrame e grande nódulo.", "Grande derrame e pequeno nódulo."),
        ("Effusion larger than the nodule.", "Derrame maior que o nódulo.", "Nódulo maior que o derrame."),
        ("Bilateral effusions, R>L.", "Derrames bilaterais, D>E.", "Derrames bilaterais, E>D."),
        ("Seen at 3:15 PM.", "Visto às 15h15.", "Visto às 3h15."),
        ("Seen at 11:40 AM.", "Visto às 11h40.", "Visto às 23h40."),
        ("Fracture of T7.", "Fratura de T7.", "Fratura de T11."),
        ("Fracture of L1.", "Fratura de L1.", "Fratura de T1."),
        ("Acute fracture.", "Fratura aguda.", "Fratura antiga."),
        (
            "Heart within normal limits.",
            "Coração dentro dos limites da normalidade.",
            "Coração fora dos limites da normalidade.",
        ),
        (
            "Heart at the upper limits of normal.",
            "Coração no limite superior da normalidade.",
            "Coração aumentado.",
        ),
        ("Bilateral effusions.", "Derrames bilaterais.", "Derrames."),
        ("Loculated effusion.", "Derrame loculado.", "Derrame."),
        ("New nodule.", "Novo nódulo.", "Nódulo."),
        ("72M with cough.", "Homem de 72 anos com tosse.", "Mulher de 72 anos com tosse."),
        ("Nonemergent finding.", "Achado não emergencial.", "Achado emergencial."),
        (
            "Motion limits the assessment.",
            "O movimento limita a avaliação.",
            "O movimento permite a avaliação.",
        ),
    ],
)
def test_an_error_of_each_kind_is_flagged_and_its_right_translation_is_not(source, right, wrong):
    assert errors(source, right) == set()
    assert errors(source, wrong)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("D-dimer is elevated.", "D-dímero elevado."),
        ("Vitamin D deficiency.", "Deficiência de vitamina D."),
        ("FINDINGS AND IMPRESSION: Clear lungs.", "ACHADOS E IMPRESSÃO: Pulmões limpos."),
        ("Dextroscoliosis.", "Dextroscoliose."),
        ("Nodule of 6 mm.", "Nódulo de seis milímetros."),
        ("Drained 1,200 mL.", "Drenados 1 200 mL."),
        ("Nodule of 1/2 cm.", "Nódulo de 0,5 cm."),
        ("Infiltrates are difficult to exclude.", "Infiltrados difíceis de excluir."),
    ],
)
def test_what_only_looks_like_an_error_is_none(source, translation):
    assert errors(source, translation) == set()
