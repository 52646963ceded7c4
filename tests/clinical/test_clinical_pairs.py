"""Correct pairs in the styles of radiologists, and pairs that differ in one thing that the reader must see."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.checks import check

PAIRS = [
    line.replace("\\n", "\n").split("\t")[1:]
    for line in Path(__file__).with_name("correct_pairs.tsv").read_text(encoding="utf-8").splitlines()
]


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(("source", "translation"), PAIRS, ids=[source[:40] for source, _ in PAIRS])
def test_a_correct_pair_of_any_style_has_no_error(source, translation):
    assert errors(source, translation) == set()


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        # A negation that belongs to the description or to the trend, not to the finding.
        ("Compatible with, but not specific for, edema.", "Compatível com edema, mas não específico."),
        ("No interval growth of the nodule.", "O nódulo não cresceu no intervalo."),
        ("Telling effusion from collapse is not possible.", "Não é possível diferenciar derrame de colapso."),
        # Advice is no doubt.
        ("CT advised.", "Sugere-se TC."),
        ("Rec lateral view.", "Sugere-se incidência em perfil."),
        # What is well may be put in any word.
        ("Lungs OK.", "Pulmões sem alterações."),
        ("Lines OK.", "Cateteres bem posicionados."),
        ("The left base has cleared.", "A base esquerda clareou."),
        # A word of the other side that is not known may say what seems lost.
        ("Sternal wires are broken.", "Fios de esternorrafia rotos."),
        ("Esophageal balloon in place.", "Balão esofágico presente."),
        # Letters that are no sides, and a side in an abbreviation.
        ("Raised D-dimer.", "D-dímero elevado."),
        ("Swan in the RPA.", "Swan-Ganz na artéria pulmonar D."),
        # Numbers.
        ("Compared with 11/28, 5 PM.", "Comparado com 28/11, 17h."),
        ("Slightly smaller than on 12/1.", "Um pouco menor que em 01/12."),
        ("It measured 2.2 cm on 2/3 and 1.4 cm on 2/5.", "Media 2,2 cm em 03/02 e 1,4 cm em 05/02."),
        ("Nodule of no more than 3 mm.", "O nódulo não mede mais que 3 mm."),
        ("Film of May 2018.", "Radiografia de maio de 2018."),
        ("Neither improved nor worsened.", "Não melhorou nem piorou."),
        ("Heart mildly large.", "Coração discretamente aumentado."),
        ("Line needs to be advanced 2 cm.", "O cateter precisa ser introduzido mais 2 cm."),
    ],
)
def test_what_is_said_in_another_way_is_no_error(source, translation):
    assert errors(source, translation) == set()


@pytest.mark.parametrize(
    ("source", "translation", "name"),
    [
        ("No effusion or nodule is identified.", "Não se identifica derrame. Há nódulo.", "negation_dropped"),
        ("Without effusion; small nodule persists.", "Sem derrame ou pequeno nódulo.", "negation_added"),
        ("No edema. Nodule is present.", "Sem edema ou nódulo.", "negation_added"),
        ("The clavicles are intact.", "Clavículas fraturadas.", "negation_dropped"),
        ("The mass compresses the trachea.", "A traqueia comprime a massa.", "exchanged"),
        ("The nodule lies above the cyst.", "O cisto está acima do nódulo.", "exchanged"),
        ("Nodule larger than the cyst.", "Cisto maior que o nódulo.", "exchanged"),
        (
            "The effusion has increased while the edema has improved.",
            "O derrame diminuiu, enquanto o edema piorou.",
            "exchanged",
        ),
        ("Urgent biopsy is needed.", "Biópsia eletiva é necessária.", "urgency_changed"),
        ("72M with cough.", "Mulher de 72 anos com tosse.", "sex_changed"),
        ("Left chylothorax.", "Empiema à esquerda.", "kind_changed"),
        ("Chest CT is recommended.", "Recomenda-se TC de abdome.", "study_changed"),
        ("The drain was removed.", "O dreno permanece.", "kept_changed"),
        ("Spiculated mass.", "Massa.", "spiculated_lost"),
        ("Displaced fracture.", "Fratura.", "displaced_lost"),
        ("Effusion of the base.", "Derrame de na base.", "truncated"),
        ("Old rib fractures.", "Fraturas costais antigas e nódulo.", "finding_added"),
        ("Hypoxia, evaluate for edema.", "Hipertensão, avaliar edema.", "finding_lost"),
        ("Both drains were withdrawn.", "Um dos drenos foi retirado.", "count_changed"),
        ("Scar from previous tuberculosis.", "Cicatriz de tuberculose ativa.", "age_changed"),
        ("Patchy opacity.", "Opacidade patchy.", "english"),
        ("CT of the chest is recommended.", "Recomenda-se TC de tórax com contras", "truncated"),
        ("Healed clavicle fracture.", "Fratura consolidada da clav\u00c3\u00adcula.", "damaged"),
    ],
)
def test_one_thing_that_differs_is_an_error(source, translation, name):
    assert name in errors(source, translation)


@pytest.mark.parametrize(
    ("source", "translation", "name"),
    [
        ("The effusion has recurred.", "O derrame zzzzou.", "comparison_lost"),
        ("Broken sternal wires.", "Fios de esternorrafia zzzzos.", "finding_lost"),
        ("Zzzzed leads.", "Eletrodos com fratura.", "finding_added"),
    ],
)
def test_what_an_unknown_word_may_say_is_a_warning(source, translation, name):
    assert (name, "warning") in {(flag.name, flag.severity) for flag in check(source, translation)}
    assert errors(source, translation) == set()
