from __future__ import annotations

import pytest

from hubkit.clinical.assertion import mentions
from hubkit.clinical.sentences import sentences


def said(text, language, gone=True):
    return {
        min(mention.term.meaning.names): mention.polarity
        for sentence in sentences(text, language)
        for mention in mentions(sentence, gone)
    }


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("No effusion or edema.", "en", {"effusion": 0, "edema": 0}),
        ("Free of effusion, edema, or consolidation.", "en", {"effusion": 0, "edema": 0, "consolidation": 0}),
        ("No effusion, but edema.", "en", {"effusion": 0, "edema": 1}),
        ("Effusion is not seen.", "en", {"effusion": 0}),
        ("Derrames não são vistos.", "pt", {"effusion": 0}),
        ("Não são vistos derrames.", "pt", {"effusion": 0}),
        ("Edema has not resolved.", "en", {"edema": 1}),
        ("Sem piora do edema.", "pt", {"edema": 1}),
        # A change is denied, and not what has not changed.
        ("Sem alteração de edema.", "pt", {"normal": 1, "edema": 1}),
        ("Sem achados significativos de edema.", "pt", {"normal": 1, "edema": 0}),
        ("No new edema.", "en", {"edema": 0}),
        ("Nódulo não é visível hoje e havia edema.", "pt", {"nodule": 0, "edema": 1}),
        ("Possible pneumonia, no effusion.", "en", {"pneumonia": -1, "effusion": 0}),
        ("Não se pode excluir pneumonia.", "pt", {"pneumonia": -1}),
        ("Congestion has improved, effusions have not.", "en", {"congestion": 1, "effusion": 0}),
        # What is denied stays denied, whatever doubt stands before it or after it.
        ("No possible pneumonia.", "en", {"pneumonia": 0}),
        ("Possible pneumonia is not seen.", "en", {"pneumonia": 0}),
        ("Pneumonia is possible.", "en", {"pneumonia": -1}),
        ("Possible pneumonia or edema.", "en", {"pneumonia": -1, "edema": -1}),
        ("Cannot exclude pneumonia, no effusion.", "en", {"pneumonia": -1, "effusion": 0}),
        ("No focal consolidation, possible effusion.", "en", {"consolidation": 0, "effusion": -1}),
        ("No effusion; edema.", "en", {"effusion": 0, "edema": 1}),
        ("No effusion: edema", "en", {"effusion": 0, "edema": 1}),
        ("Effusion or edema is not seen.", "en", {"effusion": 0, "edema": 0}),
        ("Effusion, pneumonia not seen.", "en", {"effusion": 1, "pneumonia": 0}),
        ("No pneumothorax, tiny effusion.", "en", {"pneumothorax": 0, "effusion": 1}),
        ("No pneumothorax, effusion now small.", "en", {"pneumothorax": 0, "effusion": 1}),
        ("No pneumothorax, effusion or edema.", "en", {"pneumothorax": 0, "effusion": 0, "edema": 0}),
        ("There is no change in effusion.", "en", {"effusion": 1}),
        ("Effusion is not resolved.", "en", {"effusion": 1}),
        ("Edema that is not seen.", "en", {"edema": 0}),
        ("Nódulo não presente no exame de 2019.", "pt", {"nodule": 1}),
        ("Nódulo não visto no RX de 12/03.", "pt", {"nodule": 1}),
        ("Nodule not seen on 3/12/2019.", "en", {"nodule": 1}),
        ("Nódulo não visto em 8 mm.", "pt", {"nodule": 0}),
        ("Sem infiltrado, restando derrame.", "pt", {"infiltrate": 0, "effusion": 1}),
        ("Sugere-se TC do nódulo.", "pt", {"nodule": 1}),
        ("Suggest CT of the nodule.", "en", {"nodule": 1}),
        ("Sugere nódulo.", "pt", {"nodule": -1}),
        ("TC sugere nódulo.", "pt", {"nodule": -1}),
        ("O derrame, visto há três semanas, desapareceu.", "pt", {"effusion": 0}),
        ("Sem infiltrado há 2 dias, há derrame.", "pt", {"infiltrate": 0, "effusion": 1}),
        ("Derrame simulando massa.", "pt", {"effusion": 1, "mass": 0}),
        ("Effusion mimicking a mass.", "en", {"effusion": 1, "mass": 0}),
    ],
)
def test_how_findings_are_mentioned(text, language, expected):
    assert said(text, language) == expected


def test_what_is_gone_counts_as_negated_where_asked():
    assert said("Pacemaker removed.", "en") == {"pacemaker": 0}
    assert said("Edema has resolved.", "en") == {"edema": 0}
    assert said("Edema has resolved.", "en", gone=False) == {"edema": 1}


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("Clear. No effusion.", ["Clear.", "No effusion."]),
        ("Edema? Not seen.", ["Edema? Not seen."]),
        ("Comunicado ao(à) Dr(a). ___ ontem. Normal.", ["Comunicado ao(à) Dr(a). ___ ontem.", "Normal."]),
        ("1. Edema.\n2. Effusion.", ["1. Edema.", "2. Effusion."]),
        ("REASON: fall\nFINDINGS: Clear.", ["REASON: fall", "FINDINGS: Clear."]),
        ("Tube at 2.5 cm. Stable.", ["Tube at 2.5 cm.", "Stable."]),
    ],
)
def test_where_sentences_end(text, starts):
    assert [sentence.text for sentence in sentences(text, "en")] == starts


@pytest.mark.parametrize(
    ("text", "language", "denied"),
    [
        ("Without recent fracture.", "en", True),
        ("Não é recente.", "pt", True),
        ("Sem fratura aguda.", "pt", True),
        # Five words lie between: beyond its reach.
        ("Sem derrame, e agora há fratura recente.", "pt", False),
        ("Fratura recente, sem derrame.", "pt", False),
    ],
)
def test_how_far_a_negation_reaches_an_attribute(text, language, denied):
    (sentence,) = sentences(text, language)
    assert [attribute.denied for attribute in sentence.attributes.found if "age" in attribute.values] == [denied]
