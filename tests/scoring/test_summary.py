"""What summary.json says of a few studies whose figures can be worked out by hand."""

from __future__ import annotations

import statistics

import numpy as np
import pyarrow as pa
import pytest

from hubkit.artifacts.model import to_json
from hubkit.config import parse_config
from hubkit.errors import HubkitError
from hubkit.metrics.agreement import agreement
from hubkit.packaging.dataset import generations
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation, read_evaluation
from hubkit.scoring.summary import summarise
from hubkit.tables import CONDITIONS, SETUPS
from hubkit.workspace import read_table, write_json, write_table

SYSTEMS = [*CONDITIONS, "commonest", "reference", "flipped"]
MEASURES = ("precision", "recall", "f1")
CONFIG = parse_config({"scoring": {"resamples": 40, "confidence": 0.8}, "release": {"seed": 3}})


def flags(count: int) -> np.ndarray:
    return np.arange(5) < count


@pytest.fixture(scope="module")
def setups() -> dict[str, SetupScores]:
    """Scores of five studies; how many pairs were cut or empty differs from system to system."""
    draw = np.random.default_rng(1)
    return {
        setup: SetupScores(
            f"of {setup}",
            {system: draw.random((5, 3), "float32") for system in SYSTEMS},
            {system: flags(at % 3 + shift) for at, system in enumerate(SYSTEMS)},
            {system: flags(4 - at % 3 - shift) for at, system in enumerate(SYSTEMS)},
        )
        for shift, setup in enumerate(SETUPS)
    }


@pytest.fixture(scope="module")
def summary(setups):
    text = "Há derrame pleural."
    evaluation = Evaluation(
        subjects=np.array([4, 4, 9, 9, 2]),
        studies=np.arange(5),
        references=[text] * 5,
        originals=[text] * 5,
        labels=[{"Pleural Effusion": value} for value in (1, -1, 0, None, 1)],
        generated={system: [text] * 5 for system in SYSTEMS},
    )
    return to_json(summarise(CONFIG, evaluation, setups))


def test_the_seed_decides_the_draws_of_intervals_and_of_both_tests():
    """For 30 patients, since few patients give few different draws."""
    draw, text, none = np.random.default_rng(2), "Há derrame pleural.", np.zeros(30, bool)
    evaluation = Evaluation(np.arange(30), np.arange(30), [text] * 30, [text] * 30, [{}] * 30, dict.fromkeys(SYSTEMS))
    evaluation.generated.update({system: [text] * 30 for system in SYSTEMS})
    scores = {system: draw.random((30, 3), "float32") for system in SYSTEMS}
    flags = dict.fromkeys(SYSTEMS, none)
    setups = dict.fromkeys(SETUPS, SetupScores("", scores, flags, flags))

    def drawn(seed):
        changes = {"release": {"seed": seed}, "scoring": {"resamples": 200}}
        tables = {name: getattr(CONFIG, name).model_copy(update=values) for name, values in changes.items()}
        found = to_json(summarise(CONFIG.model_copy(update=tables), evaluation, setups))
        assert found["seed"] == seed
        figure = found["conditions"]["lora"][SETUPS[0]]["f1"]
        rows = [row for row in found["differences"] if row["measure"] == f"{SETUPS[0]} f1"]
        names = ("low", "high", "p_bootstrap", "p_randomisation")
        return [figure["low"], figure["high"], *([row[name] for row in rows] for name in names)]

    assert drawn(3) == drawn(3)
    assert all(one != another for one, another in zip(drawn(3), drawn(4), strict=True))


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_bertscore_of_a_system(summary, setups, setup, system):
    found = summary["conditions"][system][setup]
    for at, measure in enumerate(MEASURES):
        values = setups[setup].scores[system][:, at].tolist()
        expected = {
            "mean": statistics.fmean(values),
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
            "sd": statistics.stdev(values),
        }
        assert {name: found[measure][name] for name in expected} == pytest.approx(expected)
        assert found[measure]["low"] < found[measure]["mean"] < found[measure]["high"]
    at, shift = SYSTEMS.index(system), SETUPS.index(setup)
    assert (found["truncated"], found["empty"]) == (at % 3 + shift, 4 - at % 3 - shift)


def test_what_the_summary_is_about(summary):
    sample = "n:5|patients:3|resamples:40|seed:3"
    assert {name: summary[name] for name in ("n", "patients", "resamples", "seed", "confidence")} == {
        "n": 5,
        "patients": 3,
        "resamples": 40,
        "seed": 3,
        "confidence": 0.8,
    }
    assert summary["signatures"]["xlm-roberta"] == f"of xlm-roberta|{sample}"
    assert summary["signatures"]["bertimbau"] == f"of bertimbau|{sample}"
    assert all(signature.endswith(f"|{sample}") for signature in summary["signatures"].values())
    assert set(summary["signatures"]) == {*SETUPS, "chrf++", "bleu", "clinical"}


def test_which_differences_are_there_and_which_of_them_are_tested(summary):
    measures = [f"{setup} {measure}" for setup in SETUPS for measure in MEASURES]
    measures += ["chrf++", "bleu", "clinical micro", "clinical macro"]
    pairs = [("few_shot", "zero_shot"), ("lora", "zero_shot"), ("lora", "commonest")]
    found = {(row["system"], row["against"], row["measure"]): row for row in summary["differences"]}
    assert list(found) == [(*pair, measure) for pair in pairs for measure in measures]
    tested = [measure for measure in measures if "precision" not in measure and "recall" not in measure]
    assert [key for key, row in found.items() if row["p_holm"] is not None] == [
        (*pair, measure) for pair in pairs for measure in tested
    ]
    lowest = min((row for row in found.values() if row["p_holm"] is not None), key=lambda row: row["p_randomisation"])
    assert lowest["p_holm"] == pytest.approx(min(1, 18 * lowest["p_randomisation"]))
    for (system, against, measure), row in found.items():
        if measure == "xlm-roberta recall":
            means = [summary["conditions"][name]["xlm-roberta"]["recall"]["mean"] for name in (system, against)]
            assert row["difference"] == pytest.approx(means[0] - means[1])


def test_agreement_over_all_findings_and_over_labels():
    """Effusion: 1 right, 1 too many, 1 missed; pneumothorax: 2 right; edema: 1 too many; fracture: 1 missed."""
    texts = [
        *("Há derrame pleural.", "Há derrame pleural e pneumotórax.", "Pneumotórax. Edema pulmonar."),
        "Possível pneumotórax; sem derrame pleural.",
    ]
    labels = [
        *({"Pleural Effusion": -1}, {"Pleural Effusion": 0, "Pneumothorax": 1}),
        *({"Pleural Effusion": 1, "Pneumothorax": None}, {"Pneumothorax": -1, "Fracture": 1}),
    ]
    found = agreement(texts, labels)
    assert found.by_label() == {
        "Fracture": {"f1": 0.0, "studies": 1},
        "Pleural Effusion": {"f1": pytest.approx(1 / 2), "studies": 2},
        "Pneumothorax": {"f1": pytest.approx(4 / 5), "studies": 2},
    }
    right, wrong = 3, 3 + 1 + 1
    assert found.micro.over_all() == pytest.approx(2 * right / (2 * right + wrong))
    assert found.macro.over_all() == pytest.approx((0 + 1 / 2 + 4 / 5) / 3)


def test_columns_of_an_evaluation_belong_together_whatever_the_order_of_the_tables(scored_workspace):
    expected = read_evaluation(CONFIG, scored_workspace)
    shuffle = np.random.default_rng(2)
    for path in (*(scored_workspace.generations(name) for name in CONDITIONS), scored_workspace.studies):
        table = read_table(path)
        write_table(path, table.take(shuffle.permutation(table.num_rows)))
    found = read_evaluation(CONFIG, scored_workspace)
    assert found.studies.tolist() == [1012 + at for at in range(12)]
    assert found.subjects.tolist() == [100 + at % 6 for at in range(12)]
    clear = "FINDINGS: The lungs are clear.\n\nIMPRESSION: No acute process."
    texts = ["FINDINGS: There is a pleural effusion.", "FINDINGS: There is a pneumothorax.", clear]
    assert found.originals == texts * 4
    assert [row["No Finding"] for row in found.labels] == [None, None, 1] * 4
    assert found.generated == expected.generated
    assert found.references == expected.references == found.generated["reference"] == found.generated["lora"]
    # Of twelve train studies ten have an effusion, of twelve test studies four: the train split's is the commonest.
    assert found.generated["commonest"] == ["ACHADOS: Há derrame pleural."] * 12


@pytest.mark.parametrize("column", ["generated", "reference"])
def test_a_generation_without_text_is_refused(scored_workspace, column):
    path = scored_workspace.generations("few_shot")
    rows = read_table(path).to_pylist()
    rows[3][column] = None
    write_table(path, pa.Table.from_pylist(rows, read_table(path).schema))
    with pytest.raises(HubkitError, match=r"few_shot.parquet: 1 of 12 rows have no text"):
        read_evaluation(CONFIG, scored_workspace)


def test_a_study_that_was_generated_and_is_not_in_the_corpus_is_refused(scored_workspace):
    table = read_table(scored_workspace.studies)
    write_table(scored_workspace.studies, table.slice(0, 22))
    with pytest.raises(HubkitError, match=r"studies.parquet: 2 generated studies are not in it"):
        read_evaluation(CONFIG, scored_workspace)


def test_studies_without_a_revised_reference_are_scored_apart(scored_workspace):
    rows = read_table(scored_workspace.translations).to_pylist()
    for row in rows:
        if row["study_id"] == 1012:
            row["translation"] = None
        elif row["study_id"] == 1013 and row["section"] == "findings":
            row["translation"] = "Corrigido."
    write_table(
        scored_workspace.translations, pa.Table.from_pylist(rows, read_table(scored_workspace.translations).schema)
    )
    write_json(scored_workspace.revision, {"test_studies": [1012, 1013]})
    found = read_evaluation(CONFIG, scored_workspace)
    assert (len(found.studies), found.tested, found.left_out) == (11, 12, 1)
    assert found.references[0] == "ACHADOS: Corrigido."
    whole = read_evaluation(CONFIG, scored_workspace, flagged=True)
    assert whole.studies.tolist() == [1012 + at for at in range(12)]
    assert whole.references[1:] == found.references
    published = generations(scored_workspace, "findings_impression").to_pylist()
    assert {row["study_id"] for row in published} == {1013 + at for at in range(11)}
    assert {row["reference"] for row in published if row["study_id"] == 1013} == {"ACHADOS: Corrigido."}
