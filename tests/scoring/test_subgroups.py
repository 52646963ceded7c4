"""Scores of subgroups, worked out by hand; where they come from; and what is wrong with that, in one line."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from hubkit.artifacts.scores import Summary
from hubkit.artifacts.subgroups import Subgroup, Subgroups, read_subgroups, write_subgroups
from hubkit.config import ReleaseConfig, load_config, parse_config
from hubkit.doctor import corpus as doctor
from hubkit.errors import HubkitError, UsageError
from hubkit.metrics.agreement import f1
from hubkit.metrics.measure import Measure
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.groups import DIVISIONS, Study, fingerprint, memberships, read_studies
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.subgroup_tables import CSV_HEADER, subgroup_grids, write_csv
from hubkit.scoring.subgroups import _within, score_subgroups
from hubkit.scoring.summary import summarise
from hubkit.scoring.table import render
from hubkit.sources.mimic_cxr_jpg import StudyRecord, study_records
from hubkit.sources.patients import Patient, read_patients
from hubkit.stages import STAGES
from hubkit.tables import CONDITIONS, SETUPS
from hubkit.workspace import Workspace

EFFUSION, CLEAR = "Há derrame pleural.", "Sem derrame pleural."
COUNT = 16


def study(at: int) -> Study:
    """Of sixteen, one a patient: AP in six, of which five portable; women and men by turns; ages from 30 on."""
    views = ("AP",) if at < 6 else ("PA", "LATERAL")
    record = StudyRecord(portable=at < 5, earlier=at % 4)
    return Study(views, findings=at // 8, record=record, patient=Patient("FM"[at % 2], 30 + 4 * at))


def config(**scoring: object) -> ReleaseConfig:
    settings = {"resamples": 200, "subgroup_minimum": 5, "patients": "/none/patients.csv.gz", **scoring}
    return parse_config({"scoring": settings, "release": {"seed": 3}})


def evaluation() -> Evaluation:
    """LoRA finds every effusion, few-shot finds it in women, zero-shot never."""
    truth = [EFFUSION] * COUNT
    few = [EFFUSION if at % 2 == 0 else CLEAR for at in range(COUNT)]
    return Evaluation(
        subjects=np.arange(COUNT) + 100,
        studies=np.arange(COUNT),
        references=truth,
        originals=["There is an effusion."] * COUNT,
        labels=[{"Pleural Effusion": 1}] * COUNT,
        generated={"zero_shot": [CLEAR] * COUNT, "few_shot": few, "lora": truth},
    )


def setups() -> dict[str, SetupScores]:
    """F1 of LoRA is .8 in the six studies with AP and .5 in the others; of the other conditions .25 and .125."""
    f1 = {"lora": np.where(np.arange(COUNT) < 6, 0.8, 0.5), "few_shot": np.full(COUNT, 0.25)}
    f1["zero_shot"] = np.full(COUNT, 0.125)
    scores = {name: np.stack([values] * 3, axis=1).astype("float32") for name, values in f1.items()}
    return {setup: SetupScores("", scores, {}, {}) for setup in SETUPS}


def scored(*names: str, **settings: object) -> Subgroups:
    studies = [study(at) for at in range(COUNT)]
    return score_subgroups(config(subgroups=list(names), **settings), evaluation(), setups(), studies)


def group(found: Subgroups, division: str, name: str) -> Subgroup:
    groups = {(each.name, one.name): one for each in found.divisions for one in each.groups}
    return groups[division, name]


@pytest.mark.parametrize(
    ("division", "expected"),
    [
        ("view", {"AP": 6, "PA": 10, "portable": 5, "lateral": 10}),
        ("images", {"none": 0, "1": 6, "2": 10, "3 or more": 0}),
        ("findings", {"none": 8, "1": 8, "2 or 3": 0, "4 or more": 0}),
        ("sex", {"female": 8, "male": 8}),
        ("age", {"under 40": 3, "40 to 59": 5, "60 to 79": 5, "80 or older": 3}),
        ("prior", {"none": 4, "1 or 2": 8, "3 or more": 4}),
    ],
)
def test_who_belongs_where(division: str, expected: dict[str, int]) -> None:
    found = memberships([study(at) for at in range(COUNT)], DIVISIONS[division])
    assert {name: int(mask.sum()) for name, mask in found.items()} == expected


@pytest.mark.parametrize("division", DIVISIONS)
def test_a_study_of_which_nothing_is_known_is_in_no_group(division: str) -> None:
    found = memberships([Study((), 0, None, None)], DIVISIONS[division])
    named = [name for name, mask in found.items() if mask[0]]
    assert named == (["none"] if division in ("images", "findings") else [])


def test_values_and_differences() -> None:
    found = scored("view", "sex")
    view, sex = found.divisions
    # Portable differs from AP by one study, and PA and lateral are what AP is not: one of each pair is withheld.
    assert ([one.name for one in view.groups], view.withheld) == (["AP", "PA", "lateral"], ("portable",))
    assert ([one.name for one in sex.groups], sex.withheld) == (["female", "male"], ())
    ap, female = group(found, "view", "AP"), group(found, "sex", "female")
    assert (ap.studies, ap.patients, female.studies, female.patients) == (6, 6, 8, 8)
    values = {(one.condition, one.measure): one for one in ap.figures}
    lora = values["lora", "bertimbau f1"]
    assert lora.difference is not None
    assert lora.figure.value == pytest.approx(0.8)
    assert lora.difference.value == pytest.approx(0.3)
    assert lora.difference.low == pytest.approx(0.3)
    # No difference is below zero; one of the 200 resamples has nobody with AP, and says nothing.
    assert lora.p_bootstrap == pytest.approx(2 / 200)
    assert values["zero_shot", "clinical micro"].figure.value == 0
    assert values["lora", "clinical micro"].figure.value == 1
    few = {one.measure: one for one in female.figures if one.condition == "few_shot"}["clinical micro"]
    assert few.difference is not None
    assert (few.figure.value, few.difference.value) == (1, 1)
    few_ap = values["few_shot", "clinical micro"]
    # Three of six found, and three denied, which names "No Finding" instead: F1 is 2·3 / (2·3 + 3 + 3), and of the
    # ten others 2·5 / (2·5 + 5 + 5).
    assert few_ap.difference is not None
    assert (few_ap.figure.value, few_ap.difference.value) == (0.5, 0)
    assert few_ap.figure.low < 0.5 < few_ap.figure.high


def test_a_resample_without_the_group_says_nothing_of_it() -> None:
    """F1 over nothing is 0 elsewhere; here it would pull the interval down."""
    inside = _within(Measure(np.array([[3.0, 1.0, 0.0], [2.0, 0.0, 2.0]]), f1), np.array([True, False]))
    assert inside.over_all() == pytest.approx(6 / 7)
    found = inside.value(np.array([[3.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    assert found.tolist() == [pytest.approx(6 / 7), pytest.approx(np.nan, nan_ok=True), 0.0]


def test_a_mirror_image_is_tested_once() -> None:
    found = scored("view", "sex")
    assert all(one.difference is None and one.p_holm is None for one in group(found, "sex", "male").figures)
    # AP and female in three conditions and two measures; PA and lateral are the rest of AP.
    assert found.tests == 12
    tested = [one for each in found.divisions for those in each.groups for one in those.figures if one.difference]
    lowest = min(one.p_bootstrap or 0 for one in tested)
    assert min(one.p_holm or 0 for one in tested) == pytest.approx(12 * lowest)


def test_errors_per_report_where_the_profile_is_on() -> None:
    found = scored("sex", error_profile=True)
    errors = {one.condition: one for one in group(found, "sex", "female").figures if one.measure == "errors per report"}
    values = {name: (one.figure.value, one.difference and one.difference.value) for name, one in errors.items()}
    assert values == {"zero_shot": (1, 0), "few_shot": (0, -1), "lora": (0, 0)}
    assert "errors per report" not in {one.measure for one in group(scored("sex"), "sex", "female").figures}


def test_groups_that_few_patients_stand_behind_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight women of eight patients, and eight men; AP has six and the rest ten."""
    found = scored("view", "sex")
    assert found.cautions == (
        "Fewer than 30 patients are in these groups or in the rest, so that their intervals are too narrow and their "
        "p values too small: AP (view), PA (view), lateral (view), female (sex), male (sex)",
    )
    assert found.note.endswith(f" {found.cautions[0]}.")
    monkeypatch.setattr("hubkit.scoring.statistics.ENOUGH_PATIENTS", 7)
    assert scored("view", "sex").cautions[0].endswith("too small: AP (view), PA (view), lateral (view)")
    monkeypatch.setattr("hubkit.scoring.statistics.ENOUGH_PATIENTS", 6)
    assert scored("view", "sex").cautions == ()


def test_findings_of_errors_are_those_that_enough_references_have_and_lack() -> None:
    half = COUNT // 2
    references = [EFFUSION] * half + [CLEAR] * (COUNT - half)
    mixed = evaluation()._replace(references=references)
    studies = [study(at) for at in range(COUNT)]
    for asked, expected in ((True, ("Pleural Effusion",)), (False, ())):
        found = score_subgroups(config(subgroups=["sex"], error_profile=asked), mixed, setups(), studies)
        assert found.findings_of_errors == expected


def test_the_default_minimum_withholds_all_of_sixteen() -> None:
    found = score_subgroups(
        parse_config({"scoring": {"subgroups": ["view", "images"]}}),
        evaluation(),
        setups(),
        [study(at) for at in range(COUNT)],
    )
    assert found.minimum == 20
    assert [each.groups for each in found.divisions] == [(), ()]
    assert found.divisions[0].withheld == ("AP", "PA", "portable", "lateral")


def summary_of(found: Subgroups) -> Summary:
    """What the tables of the whole split need."""
    systems = (*CONDITIONS, "commonest", "reference", "flipped")
    flags = dict.fromkeys(systems, np.zeros(COUNT, bool))
    whole = {
        setup: SetupScores("", dict.fromkeys(systems, np.full((COUNT, 3), 0.25)), flags, flags) for setup in SETUPS
    }
    texts = evaluation().generated | dict.fromkeys(systems[3:], [EFFUSION] * COUNT)
    return summarise(config(resamples=20), evaluation()._replace(generated=texts), whole)


def test_tables_and_csv_have_the_same_figures(tmp_path: Path) -> None:
    found = scored("view", "age", "sex")
    view, age, sex = subgroup_grids(found)
    assert view.header == (
        *("group", "condition", "studies", "patients"),
        *("BERTScore F1, BERTimbau", "difference", "p", "findings F1, micro", "difference", "p"),
    )
    (lora,) = [row for row in view.rows if row[:2] == ("AP", "LoRA")]
    assert lora[2:6] == ("6", "6", "0.800 [0.800, 0.800]", "0.300 [0.300, 0.300]")
    assert view.note.endswith("Withheld: portable.")
    assert "fewer than 5 patients or studies" in found.note
    # The two that are withheld are six studies together, none of which can be told apart.
    assert {row[0] for row in age.rows} == {"40 to 59", "60 to 79"}
    assert age.note.endswith("Withheld: under 40, 80 or older.")
    assert len(sex.rows) == 2 * len(CONDITIONS)
    for form in ("md", "latex"):
        drawn = render(summary_of(found), form, subgroups=found)
        assert drawn.count("0.300 [0.300, 0.300]") == 1
        assert drawn.count("fewer than 5 patients or studies") == 1
        assert "Withheld: portable." in drawn
    assert json.loads(render(summary_of(found), "json", subgroups=found))["subgroups"]["tests"] == found.tests
    write_csv(tmp_path / "subgroups.csv", found)
    rows = list(csv.DictReader((tmp_path / "subgroups.csv").read_text().splitlines()))
    assert tuple(rows[0]) == CSV_HEADER
    assert len(rows) == sum(len(one.figures) for each in found.divisions for one in each.groups)
    wanted = ("view", "AP", "lora", "bertimbau f1")
    (row,) = [
        row for row in rows if tuple(row[name] for name in ("division", "group", "condition", "measure")) == wanted
    ]
    assert float(row["difference"]) == pytest.approx(0.3)
    write_subgroups(Workspace(tmp_path), found)
    assert read_subgroups(Workspace(tmp_path)) == found


def test_an_unasked_subgroup_changes_no_digest(tmp_path: Path) -> None:
    (stage,) = [stage for stage in STAGES if stage.name == "score"]
    plain, asked = parse_config({}), parse_config({"scoring": {"subgroups": ["images"]}})
    assert fingerprint(plain) is None
    assert plain.digest(stage.settings) != asked.digest(stage.settings)
    for same in ({"subgroups": []}, {"subgroup_minimum": 20}, {"patients": "/elsewhere"}):
        assert parse_config({"scoring": same}).digest(stage.settings) == plain.digest(stage.settings)
    assert parse_config({"scoring": {"subgroup_minimum": 30}}).digest(stage.settings) != plain.digest(stage.settings)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ({"subgroups": ["race"]}, r"scoring.subgroups.0: Input should be 'view', 'images', 'findings', 'sex'"),
        ({"subgroups": ["view", "view"]}, "scoring.subgroups: names view twice"),
        ({"subgroups": ["age"]}, "the subgroup age needs patients"),
        ({"subgroup_minimum": 4}, "scoring.subgroup_minimum: Input should be greater than or equal to 5"),
    ],
)
def test_wrong_settings(scoring: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        parse_config({"scoring": scoring})
    assert "\n" not in str(raised.value)


def test_patients_are_found_from_the_folder_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text('[scoring]\npatients = "hosp/patients.csv.gz"\nsubgroups = ["sex"]\n')
    assert load_config(tmp_path / "hubkit.toml").scoring.patients == tmp_path / "hosp/patients.csv.gz"


PATIENTS = "subject_id,gender,anchor_age,anchor_year\n10000032,F,52,2180\n10000084,M,91,2160\n10000102,,,2150\n"


def test_patients(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv.gz"
    path.write_bytes(gzip.compress(PATIENTS.encode()))
    assert read_patients(path, {10000032, 10000102, 7}) == {
        10000032: Patient("F", 52),
        10000102: Patient(None, None),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (PATIENTS.replace("gender", "sex"), "has no column gender"),
        (PATIENTS.replace("10000084", "10000032"), "subject_id 10000032 is listed twice"),
        (PATIENTS.replace(",F,", ",X,"), "gender of data row 1 does not fit"),
        (PATIENTS.replace(",91,", ",old,"), "anchor_age of data row 2 does not fit"),
        (PATIENTS.replace("10000032", "4711"), "has none of the 1 patients that are scored"),
        ("", "is not CSV that can be read, or is empty"),
    ],
)
def test_wrong_patients(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "patients.csv"
    path.write_text(text)
    with pytest.raises(HubkitError, match=message) as raised:
        read_patients(path, {10000032})
    assert "\n" not in str(raised.value)
    assert raised.value.hint


METADATA = """dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,StudyDate,StudyTime
a,10000032,50000005,CHEST (PA AND LAT),PA,21800506,213014.531
b,10000032,50000005,CHEST (PA AND LAT),LATERAL,21800506,213020
c,10000032,50000003,CHEST (PORTABLE AP),AP,21800506,84523.765
d,10000032,50000001,,AP,21800701,0
e,10000032,50000009,,AP,,
f,10000084,50000002,Chest (Portable AP),AP,21500101,120000
g,10000084,50000004,,AP,21500101,235900
h,10000084,50000004,,AP,21500102,100
i,10000084,50000006,,AP,21500101,130000
"""


def test_study_records(tmp_path: Path) -> None:
    """The order is that of date and time, and not of study ids; 84523 is a quarter to nine in the morning."""
    path = tmp_path / "metadata.csv"
    path.write_text(METADATA)
    assert study_records(path) == {
        50000003: StudyRecord(portable=True, earlier=0),
        50000005: StudyRecord(portable=False, earlier=1),
        50000001: StudyRecord(portable=False, earlier=2),
        50000009: StudyRecord(portable=False, earlier=None),
        50000002: StudyRecord(portable=True, earlier=0),
        50000006: StudyRecord(portable=False, earlier=1),
        50000004: StudyRecord(portable=False, earlier=2),  # over midnight
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("StudyDate", "Day", "has no column StudyDate"),
        ("21800701", "1 July", "StudyDate of data row 4 does not fit"),
        ("120000", "noon", "StudyTime of data row 6 does not fit"),
    ],
)
def test_wrong_metadata(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(METADATA.replace(old, new))
    with pytest.raises(HubkitError, match=message):
        study_records(path)


@pytest.mark.parametrize(
    ("kind", "names", "message"),
    [
        ("csv", ["prior"], "prior: a corpus of kind csv has no dates of studies"),
        ("openi", ["view", "prior"], "prior: a corpus of kind openi has no dates of studies"),
        ("mimic-cxr", ["prior"], r"there is no mimic-cxr-\*-split.csv\[.gz\] of MIMIC-CXR-JPG"),
        ("demo", ["sex"], "there is no such file"),
    ],
)
def test_what_groups_need_and_is_missing(tmp_path: Path, kind: str, names: list[str], message: str) -> None:
    terms = {"terms": {"name": "A", "licence": "B", "citation": "C"}} if kind == "csv" else {}
    values = {
        "corpus": {"kind": kind, "root": str(tmp_path), **terms},
        "scoring": {"subgroups": names, "patients": str(tmp_path / "patients.csv.gz")},
    }
    with pytest.raises(HubkitError, match=message) as raised:
        fingerprint(parse_config(values))
    assert raised.value.hint


def test_the_demo_corpus_has_what_all_but_sex_and_age_need(tmp_path: Path) -> None:
    """Read as the stage reads it: from studies.parquet and the tables of the corpus."""
    from hubkit.corpus.read import read
    from hubkit.demo.corpus import write_corpus
    from hubkit.workspace import read_table

    write_corpus(tmp_path / "corpus", studies=40)
    values = {"corpus": {"kind": "demo", "root": str(tmp_path / "corpus"), "subset": "all", "image_size": 16}}
    asked = parse_config({**values, "scoring": {"subgroups": ["view", "images", "findings", "prior"]}})
    workspace = Workspace(tmp_path / "work").running("read", "0" * 64)
    read(asked, workspace)
    table = read_table(workspace.studies)
    count = len(table)
    found = read_studies(
        asked,
        workspace,
        Evaluation(
            subjects=table["subject_id"].to_numpy(),
            studies=table["study_id"].to_numpy(),
            references=[EFFUSION, CLEAR] * (count // 2),
            originals=[],
            labels=[],
            generated={},
        ),
    )
    assert [one.findings for one in found] == [1, 0] * (count // 2)
    portable = [one for one in found if one.record and one.record.portable]
    assert 0 < len(portable) < count
    assert all(one.views == ("AP",) for one in portable)
    assert {one.record.earlier for one in found if one.record} == {0, 1, 2}
    first = fingerprint(asked)
    assert first
    (stage,) = [stage for stage in STAGES if stage.name == "score"]
    for path in stage.inputs(workspace):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    key = stage.key(asked, workspace)
    (line,) = doctor.subgroups(asked, workspace)
    assert (line.status, line.what) == (
        "ok",
        "view, images, findings, prior; from the corpus, mimic-cxr-2.0.0-metadata.csv.gz",
    )
    assert list(doctor.subgroups(parse_config(values), workspace)) == []
    (metadata,) = (tmp_path / "corpus").glob("*metadata.csv.gz")
    metadata.write_bytes(gzip.compress(gzip.decompress(metadata.read_bytes()) + b"\n"))
    assert fingerprint(asked) != first
    assert stage.key(asked, workspace) != key
