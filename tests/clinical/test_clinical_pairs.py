"""Correct pairs in the styles of radiologists, and pairs that differ in one thing that the reader must see."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from hubkit.checks import check

PAIRS = [
    line.replace("\\n", "\n").split("\t")[1:]
    for line in Path(__file__).with_name("correct_pairs.tsv").read_text(encoding="utf-8").splitlines()
]


REPORTS = [
    line.replace("\\n", "\n").split("\t")
    for line in Path(__file__).with_name("correct_reports.tsv").read_text(encoding="utf-8").splitlines()[1:]
]


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(("source", "translation"), PAIRS, ids=[source[:40] for source, _ in PAIRS])
def test_a_correct_pair_of_any_style_has_no_error(source, translation):
    assert errors(source, translation) == set()


@pytest.mark.parametrize(
    ("source", "translation"),
    [row[2:] for row in REPORTS if int(row[0][2:]) % 2],
    ids=[row[0] for row in REPORTS if int(row[0][2:]) % 2],
)
def test_a_correct_report_of_the_half_for_tuning_has_no_error(source, translation):
    assert errors(source, translation) == set()


def test_correct_reports_are_whole():
    styles = Counter(row[1] for row in REPORTS)
    assert styles == {"telegraphic": 60, "trauma": 40}
    assert [row[0] for row in REPORTS if len(row) != 4 or not all(row)] == []
    assert [int(row[0][2:]) for row in REPORTS] == list(range(1, len(REPORTS) + 1))


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        # Letters that are sides, and not litres, days or initials.
        ("TP fx L4 L.", "Fratura do processo transverso de L4 à E."),
        ("Fxs ribs 5-7 L.", "Fraturas das costelas 5-7 E."),
        ("4 R rib fxs.", "4 fraturas costais à D."),
        ("4 L rib fxs.", "4 fraturas costais à E."),
        ("HPTX R.", "Hemopneumotórax D."),
        ("R/L effs.", "Derrames D e E."),
        ("LUE PICC.", "PICC em MSE."),
        ("R: rib fxs. L: rib fxs.", "D: fraturas costais. E: fraturas costais."),
        ("Drain #2 L.", "Segundo dreno à E."),
        # A depth without its unit.
        ("ETT 4.", "TOT a 4 cm."),
        ("Eff not excl.", "Derrame não excluído."),
        ("L SCV.", "VSC E."),
        ("RUZ contusion.", "Contusão no campo superior D."),
        ("Edema cleared.", "Não há mais edema."),
        ("L base clr.", "Base E sem opacidades."),
        ("R lat decub.", "Decúbito lateral D."),
        ("Lg bowel gas.", "Gás no cólon."),
        # Lists of ribs, thirds, sizes that changed, times and ages.
        ("R rib fxs 3,4,5.", "Fraturas das costelas D 3, 4 e 5."),
        ("L clavicle fx, mid 1/3.", "Fratura da clavícula E, terço médio."),
        ("PTX 2.5->1.0 cm.", "PTX de 2,5 para 1,0 cm."),
        ("D/w RN 1430.", "Discutido com a enfermagem às 14h30."),
        ("5F fall. No fx.", "Menina de 5 anos, queda. Sem fratura."),
        # Headings.
        ("Impr: edema.", "Impressão: edema."),
        # What is well, and what a terse item leaves out.
        ("Trach ok.", "Cânula de traqueostomia bem locada."),
        ("Trach midline.", "Traqueia centrada."),
        ("T/L spine neg.", "Coluna toracolombar sem fraturas."),
        ("Pelvis ok.", "Bacia sem fraturas."),
        ("R ribs 5-10 segmental.", "Fraturas segmentares das costelas 5-10 à D."),
        ("CT advanced.", "Dreno introduzido."),
        ("(-) eff, (-) ptx.", "Sem derrame, sem PTX."),
        ("Cannot r/o fx.", "Não se pode excluir fratura."),
    ],
)
def test_a_terse_item_in_other_words_is_no_error(source, translation):
    assert errors(source, translation) == set()


@pytest.mark.parametrize(
    ("source", "translation", "name"),
    [
        ("TP fx L4 L.", "Fratura do processo transverso de L4 à D.", "laterality"),
        ("4 R rib fxs.", "4 fraturas costais à E.", "laterality"),
        ("HPTX R.", "Hemopneumotórax E.", "laterality"),
        ("LUE PICC.", "PICC em MSD.", "laterality"),
        ("R rib fxs 3,4,5.", "Fraturas das costelas D 3, 4 e 6.", "number_changed"),
        ("PTX 2.5->1.0 cm.", "PTX de 2,5 para 1,0 mm.", "unit"),
        ("Drained 4 L.", "Drenados 4 mL.", "unit"),
        ("ETT 4 cm.", "TOT a 4.", "unit"),
        ("R: effusion.", "E: derrame.", "laterality"),
        ("RUZ contusion.", "Contusão no campo superior E.", "laterality"),
        ("LUNGS AND HEART.", "PULMÕES E.", "truncated"),
        ("Edema cleared.", "Edema.", "negation_dropped"),
        ("D/w RN 1430.", "Discutido com a enfermagem às 14h50.", "number_changed"),
        ("5F fall. No fx.", "Menina de 6 anos, queda. Sem fratura.", "number_changed"),
        ("HTX R.", "Empiema D.", "kind_changed"),
        ("No eff.", "Sem fratura.", "finding_added"),
        ("Pelvis ok.", "Bacia com fraturas.", "finding_added"),
        ("Sm R eff.", "Pequeno derrame D e fratura.", "finding_added"),
    ],
)
def test_a_terse_item_that_is_wrong_is_an_error(source, translation, name):
    assert name in errors(source, translation)


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
        # In a terse item one such word is enough, whatever the other side holds.
        ("Zzz R.", "Pneumotórax qqqqq D.", "finding_added"),
        ("Zzz ptx.", "Qqqqq.", "finding_lost"),
    ],
)
def test_what_an_unknown_word_may_say_is_a_warning(source, translation, name):
    assert (name, "warning") in {(flag.name, flag.severity) for flag in check(source, translation)}
    assert errors(source, translation) == set()
