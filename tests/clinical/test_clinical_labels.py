from __future__ import annotations

import pytest

from hubkit.clinical.labels import labels
from hubkit.demo.corpus import sample_studies

SAID = ("findings", "impression", "last_paragraph")

PORTUGUESE = [
    ("Pequeno derrame pleural à direita.", {"Pleural Effusion": 1}),
    ("Sem derrame pleural ou pneumotórax.", {"Pleural Effusion": 0, "Pneumothorax": 0, "No Finding": 1}),
    ("Derrame pleural não é mais visto.", {"Pleural Effusion": 0, "No Finding": 1}),
    ("Não há pneumotórax, mas há pequeno derrame pleural.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
    ("Possível pneumonia no lobo inferior esquerdo.", {"Pneumonia": -1}),
    ("Pneumonia não pode ser excluída.", {"Pneumonia": -1}),
    ("Opacidade na base direita, que pode representar pneumonia.", {"Lung Opacity": 1, "Pneumonia": -1}),
    ("O coração está aumentado.", {"Cardiomegaly": 1}),
    ("O coração não está aumentado.", {"Cardiomegaly": 0, "No Finding": 1}),
    ("Área cardíaca normal.", {"Cardiomegaly": 0, "No Finding": 1}),
    ("Alargamento do mediastino superior.", {"Enlarged Cardiomediastinum": 1}),
    ("Derrame pericárdico volumoso.", {"No Finding": 1}),
    ("Tubo orotraqueal 4 cm acima da carina.", {"No Finding": 1, "Support Devices": 1}),
    ("Dreno torácico retirado.", {"No Finding": 1}),
    ("Avaliar pneumonia.", {"No Finding": 1}),
    ("Espessamento pleural apical à esquerda.", {"Pleural Other": 1}),
    ("Fratura antiga de costela. Sem fratura aguda.", {"Fracture": 1}),
    ("Congestão vascular pulmonar.", {"Edema": 1}),
    # Of several mentions a positive one counts before an uncertain one, and that before a negative one.
    ("Sem derrame pleural. Possível derrame pleural.", {"Pleural Effusion": -1}),
    ("Possível derrame pleural. Sem derrame pleural.", {"Pleural Effusion": -1}),
    ("Possível derrame pleural. Há derrame pleural.", {"Pleural Effusion": 1}),
    ("Há derrame pleural. Possível derrame pleural.", {"Pleural Effusion": 1}),
    ("Há derrame pleural. Sem derrame pleural.", {"Pleural Effusion": 1}),
    ("Sem derrame pleural. Há derrame pleural.", {"Pleural Effusion": 1}),
    # An organ and what it is like.
    ("Coração possivelmente aumentado.", {"Cardiomegaly": -1}),
    ("Coração no limite superior da normalidade.", {"Cardiomegaly": -1}),
    ("Mediastino normal.", {"Enlarged Cardiomediastinum": 0, "No Finding": 1}),
    ("Silhueta cardiomediastinal aumentada.", {"Enlarged Cardiomediastinum": 1}),
    ("Coração e mediastino aumentados.", {"Cardiomegaly": 1, "Enlarged Cardiomediastinum": 1}),
    ("Coração normal; mediastino alargado.", {"Cardiomegaly": 0, "Enlarged Cardiomediastinum": 1}),
    ("Pulmões: normais; coração aumentado.", {"Cardiomegaly": 1}),
    ("Aumentado o coração.", {"Cardiomegaly": 1}),
    # A device counts where it is there, and leaves No Finding positive.
    ("Possível marca-passo.", {"No Finding": 1}),
    ("Sem marca-passo.", {"No Finding": 1}),
    ("Possível derrame pleural. Marca-passo.", {"Pleural Effusion": -1, "Support Devices": 1}),
    # What is asked for is no mention, and what stands before the question is.
    ("Há pneumotórax, avaliar derrame pleural.", {"Pneumothorax": 1}),
    ("Avaliar derrame pleural. Há pneumotórax.", {"Pneumothorax": 1}),
    ("Difícil de avaliar na presença de derrames bilaterais.", {"Pleural Effusion": 1}),
    ("Consolidação que limita a avaliação da pleura; derrame possível.", {"Consolidation": 1, "Pleural Effusion": -1}),
    ("Sem pneumotórax, embora a detecção de pneumotórax seja limitada.", {"Pneumothorax": 0, "No Finding": 1}),
    ("Não se pode descartar pneumonia.", {"Pneumonia": -1}),
    ("Sonda tracionada.", {"No Finding": 1, "Support Devices": 1}),
    ("Derrame provavelmente inalterado.", {"Pleural Effusion": 1}),
    # A verb that is denied has its subjects after it, all of them.
    (
        "Não foram caracterizados consolidação, pneumotórax ou derrame.",
        {"Consolidation": 0, "Pneumothorax": 0, "Pleural Effusion": 0, "No Finding": 1},
    ),
    ("Não se visualizaram derrame ou edema.", {"Pleural Effusion": 0, "Edema": 0, "No Finding": 1}),
    ("Sem edema; tampouco há pneumonia.", {"Edema": 0, "Pneumonia": 0, "No Finding": 1}),
    ("Pneumotórax: ausente.", {"Pneumothorax": 0, "No Finding": 1}),
    ("Sem derrame, coração aumentado.", {"Pleural Effusion": 0, "Cardiomegaly": 1}),
    (
        "Sem derrame, alargamento mediastinal ou nódulo.",
        {
            "Pleural Effusion": 0,
            "Enlarged Cardiomediastinum": 0,
            "Lung Lesion": 0,
            "No Finding": 1,
        },
    ),
    ("Derrame à direita, não à esquerda.", {"Pleural Effusion": 1}),
    ("Coração não é normal.", {"Cardiomegaly": 1}),
    ("Coração: aumentado.", {"Cardiomegaly": 1}),
    # What may be one thing or another is neither for sure.
    ("Edema versus pneumonia.", {"Edema": -1, "Pneumonia": -1}),
    ("Considerar pneumonia.", {"Pneumonia": -1}),
    ("O diferencial inclui edema e pneumonia.", {"Edema": -1, "Pneumonia": -1}),
    ("Atelectasia na base e, talvez, pequeno derrame.", {"Atelectasis": 1, "Pleural Effusion": -1}),
    ("Colapso ou consolidação na base.", {"Atelectasis": -1, "Consolidation": -1}),
    ("Cúpula elevada, possivelmente devido a atelectasia.", {"Atelectasis": -1}),
    ("Cardiomegalia limítrofe.", {"Cardiomegaly": -1}),
    ("Pneumotórax? Não.", {"Pneumothorax": 0, "No Finding": 1}),
    # What has resolved is gone, what has nearly done so is there.
    ("Derrame quase totalmente reabsorvido.", {"Pleural Effusion": 1}),
    ("Derrame reabsorvido.", {"Pleural Effusion": 0, "No Finding": 1}),
    ("Fratura consolidada da clavícula.", {"Fracture": 1}),
    ("Pulmão consolidado.", {"Consolidation": 1}),
    ("Pulmão consolidado e fratura de costela.", {"Consolidation": 1, "Fracture": 1}),
    ("Hidropneumotórax à direita.", {"Pleural Effusion": 1, "Pneumothorax": 1}),
    # Of an earlier study, of a degree, or not yet: the finding is there now.
    ("Consolidação ausente no exame anterior.", {"Consolidation": 1}),
    ("Consolidação não vista no exame anterior.", {"Consolidation": 1}),
    ("Consolidação não vista no exame atual.", {"Consolidation": 0, "No Finding": 1}),
    ("O edema não é tão acentuado.", {"Edema": 1}),
    ("O derrame ainda não se resolveu.", {"Pleural Effusion": 1}),
    ("Ausência de resolução do derrame.", {"Pleural Effusion": 1}),
    ("Resolução quase completa do derrame.", {"Pleural Effusion": 1}),
    ("Controle até a resolução do derrame.", {"Pleural Effusion": 1}),
    ("Derrame em vias de resolução.", {"Pleural Effusion": 1}),
    ("Controle após a resolução do derrame.", {"Pleural Effusion": 0, "No Finding": 1}),
    ("Sem pneumotórax e derrame inalterado.", {"Pneumothorax": 0, "Pleural Effusion": 1}),
    ("Sem pneumotórax e derrame novos.", {"Pneumothorax": 0, "Pleural Effusion": 0, "No Finding": 1}),
    # What is likelier than another leaves both uncertain.
    ("Mais provável atelectasia que pneumonia.", {"Atelectasis": -1, "Pneumonia": -1}),
    ("Favorece edema em vez de infecção.", {"Edema": -1, "Pneumonia": -1}),
    ("Opacidade, mais provável que seja pneumonia.", {"Lung Opacity": 1, "Pneumonia": -1}),
    ("Atelectasia com ou sem consolidação.", {"Atelectasis": 1, "Consolidation": -1}),
    ("Atelectasia, consolidação ou ambas.", {"Atelectasis": -1, "Consolidation": -1}),
    ("Edema mais provável do que pneumonia.", {"Edema": -1, "Pneumonia": -1}),
    ("Infecção é considerada.", {"Pneumonia": -1}),
    ("Foi considerada pneumonia.", {"Pneumonia": -1}),
    ("O derrame é considerado estável.", {"Pleural Effusion": 1}),
    ("Não há como excluir derrame.", {"Pleural Effusion": -1}),
    # Nothing abnormal of a kind is nothing of this kind.
    ("Boa expansão pulmonar, sem focos de consolidação.", {"Consolidation": 0, "No Finding": 1}),
    ("Pulmões sem focos de opacidade ou consolidação.", {"Lung Opacity": 0, "Consolidation": 0, "No Finding": 1}),
    ("Sem alterações sugestivas de consolidação.", {"Consolidation": 0, "No Finding": 1}),
    ("Sem alterações compatíveis com pneumonia.", {"Pneumonia": 0, "No Finding": 1}),
    ("Sem achados significativos de pneumonia.", {"Pneumonia": 0, "No Finding": 1}),
    ("Sem anormalidades que sugiram pneumonia ou edema.", {"Pneumonia": 0, "Edema": 0, "No Finding": 1}),
    ("Nada que sugira pneumonia.", {"Pneumonia": 0, "No Finding": 1}),
    ("Sem que haja derrame.", {"Pleural Effusion": 0, "No Finding": 1}),
    ("Sem alterações significativas do derrame.", {"Pleural Effusion": 1}),
    ("Opacidade sem alterações sugestiva de pneumonia.", {"Lung Opacity": 1, "Pneumonia": -1}),
    # What is not known of a finding does not doubt it.
    ("Fratura de idade indeterminada.", {"Fracture": 1}),
    ("Derrame de causa incerta.", {"Pleural Effusion": 1}),
    ("Nódulo indeterminado.", {"Lung Lesion": -1}),
    ("Sequela de fratura antiga, já consolidada.", {"Fracture": 1}),
    ("Fratura com sinais de consolidação.", {"Fracture": 1}),
    ("Há sinais de consolidação no lobo inferior direito.", {"Consolidation": 1}),
    ("Sem processo de consolidação pulmonar.", {"Consolidation": 0, "No Finding": 1}),
    ("Pneumonia evoluiu com consolidação no lobo médio.", {"Consolidation": 1, "Pneumonia": 1}),
    # What may be a cause is uncertain, and what it explains is there.
    ("Pneumonia pode explicar a opacidade.", {"Lung Opacity": 1, "Pneumonia": -1}),
    ("Edema poderia justificar o derrame.", {"Edema": -1, "Pleural Effusion": 1}),
    # What is resolving is there.
    ("Pneumonia que está se resolvendo.", {"Pneumonia": 1}),
    ("Derrame pleural resolvendo-se.", {"Pleural Effusion": 1}),
    # A valve of the patient's own is no device.
    ("Calcificação da válvula mitral.", {"No Finding": 1}),
    ("Válvula aórtica calcificada.", {"No Finding": 1}),
    ("Prótese valvar aórtica.", {"No Finding": 1, "Support Devices": 1}),
    # What was not on an earlier study is there now.
    ("Pneumotórax à esquerda, não presente no estudo de ontem.", {"Pneumothorax": 1}),
    # A doubt of what is not understood is not of what stands before it.
    ("Opacidade na base, podendo representar virose.", {"Lung Opacity": 1}),
    ("Leve atelectasia basal esquerda, possivelmente com derrame.", {"Atelectasis": 1, "Pleural Effusion": -1}),
    ("Suspeita-se de pneumonia, pois há consolidação.", {"Consolidation": 1, "Pneumonia": -1}),
    # What is injured is no lesion of the lung, and broken wires are no broken bone.
    ("Lesão por arma branca.", {"No Finding": 1}),
    ("Não se exclui lesão aórtica.", {"No Finding": 1}),
    ("Dois fios metálicos rotos.", {"No Finding": 1, "Support Devices": 1}),
    # Fluid around the heart is not in the pleura, and its chambers are not cavities.
    ("Líquido no pericárdio.", {"No Finding": 1}),
    ("Aumento das cavidades cardíacas direitas.", {"Cardiomegaly": 1}),
    ("Espaço claro retroesternal ampliado.", {"No Finding": 1}),
    ("Consolidação, não escavada.", {"Consolidation": 1, "Lung Lesion": 0}),
    # Asked for, and answered in the next sentence.
    ("Avaliar pneumotórax. Não observado.", {"Pneumothorax": 0, "No Finding": 1}),
    ("Avaliar pneumotórax. Derrame. Não observado.", {"Pleural Effusion": 1}),
    ("Consolidação; controle para excluir massa.", {"Consolidation": 1}),
    ("A avaliação é limitada, mas há derrame.", {"Pleural Effusion": 1}),
    # Organs that share a state, and states that share an organ.
    (
        "Silhuetas cardíaca e mediastinal normais.",
        {"Cardiomegaly": 0, "Enlarged Cardiomediastinum": 0, "No Finding": 1},
    ),
    ("Mediastino centrado e não alargado.", {"Enlarged Cardiomediastinum": 0, "No Finding": 1}),
    ("Coração normal, aumentado o mediastino.", {"Cardiomegaly": 0, "Enlarged Cardiomediastinum": 1}),
    ("Densidade na base direita.", {"Lung Opacity": 1}),
    ("Densidade óssea reduzida.", {"No Finding": 1}),
    ("Estrias atelectásicas basais.", {"Atelectasis": 1}),
    ("Hipertensão venocapilar pulmonar.", {"Edema": 1}),
    ("Infecção deve ser considerada.", {"Pneumonia": -1}),
    # How a finding looks is denied, and not the finding.
    ("Derrame não loculado.", {"Pleural Effusion": 1}),
    ("Derrame não volumoso.", {"Pleural Effusion": 1}),
    ("Derrame não evidenciado.", {"Pleural Effusion": 0, "No Finding": 1}),
    ("Pneumotórax não aparece.", {"Pneumothorax": 0, "No Finding": 1}),
    ("TC deve ser considerada para o nódulo.", {"Lung Lesion": 1}),
    ("Consolidação de resolução lenta.", {"Consolidation": 1}),
    ("Ontem.", {"No Finding": 1}),
    (" \n ", {}),
    ("", {}),
]

ENGLISH = [
    ("No pleural effusion. Left basilar atelectasis.", {"Atelectasis": 1, "Pleural Effusion": 0}),
    ("The heart is moderately enlarged.", {"Cardiomegaly": 1}),
    ("Consolidation cannot be excluded.", {"Consolidation": -1}),
    ("No change suggestive of edema.", {"Edema": 0, "No Finding": 1}),
    ("No change in the effusion.", {"Pleural Effusion": 1}),
    ("Age-indeterminate fracture.", {"Fracture": 1}),
    ("Atelectasis may account for the opacity.", {"Atelectasis": -1, "Lung Opacity": 1}),
    ("An effusion may explain the enlarged heart.", {"Cardiomegaly": 1, "Pleural Effusion": -1}),
    ("Mitral valve calcification.", {"No Finding": 1}),
    ("Fluid in the pericardium.", {"No Finding": 1}),
    ("Calcified aortic valve.", {"No Finding": 1}),
    ("Aortic valve replacement.", {"No Finding": 1, "Support Devices": 1}),
    ("Pneumonia is considered.", {"Pneumonia": -1}),
    ("The effusion is considered stable.", {"Pleural Effusion": 1}),
    ("Pneumothorax is not seen.", {"No Finding": 1, "Pneumothorax": 0}),
    ("A trace pneumothorax may persist.", {"Pneumothorax": -1}),
    ("Cannot rule out pneumonia.", {"Pneumonia": -1}),
    ("The tube and the line are likely unchanged.", {"No Finding": 1, "Support Devices": 1}),
    ("Effusion probably unchanged.", {"Pleural Effusion": 1}),
    ("The line has been pulled back.", {"No Finding": 1, "Support Devices": 1}),
    ("The line has been removed.", {"No Finding": 1}),
    ("No clear pneumothorax.", {"No Finding": 1, "Pneumothorax": 0}),
    ("Pneumothorax unchanged if not slightly smaller.", {"Pneumothorax": 1}),
    ("Evaluation for pneumothorax is limited.", {"No Finding": 1}),
    ("The heart is enlarged, if not massively so.", {"Cardiomegaly": 1}),
    ("Not seen: effusion, pneumothorax.", {"No Finding": 1, "Pneumothorax": 0, "Pleural Effusion": 0}),
    ("No effusion, heart enlarged.", {"Cardiomegaly": 1, "Pleural Effusion": 0}),
    ("The heart is not normal.", {"Cardiomegaly": 1}),
    ("Heart: enlarged.", {"Cardiomegaly": 1}),
    ("Lines removed and effusion.", {"Pleural Effusion": 1}),
    ("Interval removal of chest tube, PICC unchanged.", {"No Finding": 1, "Support Devices": 1}),
    ("Effusion on the right, not on the left.", {"Pleural Effusion": 1}),
    ("Nearly resolved effusion.", {"Pleural Effusion": 1}),
    ("Small hemopneumothorax.", {"Pleural Effusion": 1, "Pneumothorax": 1}),
    ("Edema versus multifocal pneumonia.", {"Edema": -1, "Pneumonia": -1}),
    ("Interval resolution of the right effusion.", {"No Finding": 1, "Pleural Effusion": 0}),
    ("Consolidation not seen on the prior study.", {"Consolidation": 1}),
    ("Consolidation, previously absent.", {"Consolidation": 1}),
    ("Effusion seen previously is not seen.", {"No Finding": 1, "Pleural Effusion": 0}),
    ("The consolidation is no longer as dense.", {"Consolidation": 1}),
    ("Effusion has largely resolved.", {"Pleural Effusion": 1}),
    ("Effusion does not appear to have resolved.", {"Pleural Effusion": 1}),
    ("Recommend follow-up to resolution of the effusion.", {"Pleural Effusion": 1}),
    ("Follow-up film shows resolution of the effusion.", {"No Finding": 1, "Pleural Effusion": 0}),
    ("No abnormality other than consolidation.", {"Consolidation": 1}),
    ("No effusion and stable edema.", {"Edema": 1, "Pleural Effusion": 0}),
    ("No edema, rib fractures unchanged.", {"Edema": 0, "Fracture": 1}),
    ("No effusion and new edema.", {"Edema": 0, "No Finding": 1, "Pleural Effusion": 0}),
    ("Favored to be atelectasis rather than pneumonia.", {"Atelectasis": -1, "Pneumonia": -1}),
    ("Atelectasis is favored over pneumonia.", {"Atelectasis": -1, "Pneumonia": -1}),
    ("Likely edema rather than infection.", {"Edema": -1, "Pneumonia": -1}),
    ("Atelectasis rather than pneumonia.", {"Atelectasis": 1, "Pneumonia": 0}),
    ("Atelectasis with or without consolidation.", {"Atelectasis": 1, "Consolidation": -1}),
    ("Please evaluate for pneumothorax. None is seen.", {"No Finding": 1, "Pneumothorax": 0}),
    ("Consolidation; CT to exclude mass.", {"Consolidation": 1}),
    ("Cannot exclude mass.", {"Lung Lesion": -1}),
    (
        "Cardiac and mediastinal silhouettes are normal.",
        {"Cardiomegaly": 0, "Enlarged Cardiomediastinum": 0, "No Finding": 1},
    ),
    ("Retrocardiac density.", {"Lung Opacity": 1}),
    ("Infection should be considered.", {"Pneumonia": -1}),
    ("The mass is not spiculated.", {"Lung Lesion": 1}),
    ("Edema is not severe.", {"Edema": 1}),
    ("There is no edema, and the effusion is not large.", {"Edema": 0, "Pleural Effusion": 1}),
    ("Effusion has not recurred.", {"No Finding": 1, "Pleural Effusion": 0}),
    ("CT should be considered for the nodule.", {"Lung Lesion": 1}),
    ("Non-resolving consolidation.", {"Consolidation": 1}),
    ("Consolidation has not significantly resolved.", {"Consolidation": 1}),
    ("Consolidation is not yet resolved.", {"Consolidation": 1}),
    ("Consolidation is not significantly different.", {"Consolidation": 1}),
    ("It is not possible to exclude consolidation.", {"Consolidation": -1}),
    ("Linear density at the base.", {"No Finding": 1}),
]


@pytest.mark.parametrize(("text", "expected"), PORTUGUESE)
def test_labels_of_portuguese(text, expected):
    assert labels(text, "pt") == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_labels_of_english(text, expected):
    assert labels(text, "en") == expected


@pytest.mark.parametrize("language", ["en", "pt"])
def test_demo_reports_are_labelled_as_they_were_meant(language):
    agreed = 0
    studies = list(sample_studies(300, seed=1))
    for study in studies:
        texts = [
            part.source if language == "en" else part.translation for part in study.report.sections if part.name in SAID
        ]
        found = labels(" ".join(texts), language)
        agreed += found == study.report.labels
        # Where an opacity is named as the look of an edema or a pneumonia, the demo counts that alone, CheXpert both.
        assert {**found, "Lung Opacity": 0} == {**study.report.labels, "Lung Opacity": 0}
    assert agreed / len(studies) > 0.92
