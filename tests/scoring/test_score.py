"""The stage, on tiny encoders: what it writes, and that it is what the published metric says."""

from __future__ import annotations

import json

import evaluate
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring_workspace import build_workspace

from hubkit.artifacts.subgroups import read_subgroups
from hubkit.errors import HubkitError
from hubkit.published import published
from hubkit.release import run_one
from hubkit.scoring.bertscore import setup_scores
from hubkit.scoring.inputs import original, read_evaluation
from hubkit.tables import CONDITIONS, SCORES, SETUPS, STUDIES
from hubkit.workspace import read_table, write_table

OF_SUBGROUPS = {f"subgroups.{kind}" for kind in ("json", "csv", "png", "svg")}
SYSTEMS = [*CONDITIONS, "commonest", "reference", "flipped"]


@pytest.fixture(scope="module")
def scored(scoring_config, tmp_path_factory):
    """A workspace that was scored; it is read and not changed."""
    workspace = build_workspace(tmp_path_factory.mktemp("scored") / "work")
    workspace.scores.mkdir()
    for name in OF_SUBGROUPS:
        (workspace.scores / name).write_text("of a former run, with a smaller minimum")
    run_one("score", scoring_config, workspace)
    return workspace


@pytest.fixture(scope="module")
def summary(scored):
    return json.loads((scored.scores / "summary.json").read_text())


def test_scores_are_those_of_the_published_metric(scored, scoring_config):
    table = pq.read_table(scored.scores / "scores.parquet")
    assert table.schema.equals(SCORES)
    rows = table.to_pylist()
    assert len(rows) == len(CONDITIONS) * len(SETUPS) * 12
    assert rows == sorted(rows, key=lambda row: (row["condition"], row["setup"], row["study_id"]))
    evaluation = read_evaluation(scoring_config, scored)
    metric = evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))
    for setup, references in (("bertimbau", evaluation.references), ("xlm-roberta", evaluation.originals)):
        encoder = scoring_config.scoring.encoder(setup)
        alone = metric.compute(
            predictions=evaluation.generated["few_shot"],
            references=references,
            setup=setup,
            model_type=encoder.model,
            num_layers=encoder.layer,
        )
        found = [row["f1"] for row in rows if (row["condition"], row["setup"]) == ("few_shot", setup)]
        np.testing.assert_allclose(found, alone["f1"], atol=1e-5)


@pytest.mark.parametrize("setup", SETUPS)
def test_every_system_gets_its_own_scores_and_flags(scoring_config, scored_workspace, setup):
    """All systems are scored in one call; each alone, weighted by rarity in the same references, scores the same."""
    evaluation = read_evaluation(scoring_config, scored_workspace)
    evaluation.generated["zero_shot"][2] = ""
    evaluation.generated["lora"][4] = "derrame pleural à direita " * 300
    scoring = scoring_config.scoring.model_copy(update={"idf": True})
    config = scoring_config.model_copy(update={"scoring": scoring})
    found = setup_scores(config, scored_workspace.running("score", "0" * 64), setup, evaluation)
    metric = evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))
    references = {"bertimbau": evaluation.references, "xlm-roberta": evaluation.originals}[setup]
    encoder = scoring.encoder(setup)
    for system, texts in evaluation.generated.items():
        alone = metric.compute(
            predictions=texts,
            references=references,
            model_type=encoder.model,
            num_layers=encoder.layer,
            idf=references,
        )
        expected = np.stack([alone[name] for name in ("precision", "recall", "f1")], axis=1)
        np.testing.assert_allclose(found.scores[system], expected, atol=1e-5)
        assert found.truncated[system].tolist() == [(system, at) == ("lora", 4) for at in range(12)]
        assert found.empty[system].tolist() == [(system, at) == ("zero_shot", 2) for at in range(12)]
    assert "|idf:yes|" in found.signature
    assert "|n:" not in found.signature


def test_summary_of_a_condition(scored, summary):
    rows = read_table(scored.scores / "scores.parquet").to_pylist()
    assert list(summary["conditions"]) == SYSTEMS
    assert (summary["n"], summary["patients"], summary["seed"], summary["resamples"]) == (12, 6, 42, 300)
    for condition in CONDITIONS:
        for setup in SETUPS:
            values = [row["f1"] for row in rows if (row["condition"], row["setup"]) == (condition, setup)]
            found = summary["conditions"][condition][setup]
            expected = {"mean": np.mean(values), "median": np.median(values), "sd": np.std(values, ddof=1)}
            assert {name: found["f1"][name] for name in expected} == pytest.approx(expected, abs=1e-6)
            assert found["f1"]["min"] <= found["f1"]["low"] <= found["f1"]["mean"] <= found["f1"]["high"]
            assert (found["truncated"], found["empty"]) == (0, 0)
    assert summary["conditions"]["lora"]["bertimbau"]["f1"]["mean"] == pytest.approx(1, abs=1e-5)
    assert summary["conditions"]["lora"]["chrf++"]["value"] == pytest.approx(100)
    assert summary["signatures"]["bertimbau"].endswith("|n:12|patients:6|resamples:300|seed:42")
    assert "layer:3" in summary["signatures"]["bertimbau"]


def test_a_flipped_negation_is_seen_by_clinical_agreement(summary):
    flipped, right = (summary["conditions"][system] for system in ("flipped", "reference"))
    assert right["clinical"]["micro"]["value"] > 0.9
    assert flipped["clinical"]["micro"]["value"] <= right["clinical"]["micro"]["value"] - 0.3
    assert flipped["bertimbau"]["f1"]["mean"] > 0.7


def test_differences_are_paired_with_zero_shot_and_adjusted(summary):
    found = {(row["system"], row["against"], row["measure"]): row for row in summary["differences"]}
    lora = found["lora", "zero_shot", "clinical micro"]
    assert lora["difference"] > 0.5
    assert lora["low"] > 0
    assert lora["p_holm"] >= lora["p_randomisation"] > 0
    assert found["lora", "zero_shot", "bertimbau precision"]["p_holm"] is None
    assert ("lora", "commonest", "clinical macro") in found


def test_no_text_of_a_report_is_written(scored):
    for path in scored.scores.iterdir():
        content = path.read_bytes()
        for text in ("derrame", "effusion", "There is nothing"):
            assert text.encode() not in content, path.name


def test_plots_are_there_and_the_same_again(scored, scoring_config, tmp_path):
    measures = [f"samples-{setup}-{measure}" for setup in SETUPS for measure in ("precision", "recall", "f1")]
    names = [*measures, "distributions", "differences", "labels", "extremes"]
    files = {path.name for path in scored.scores.iterdir()}
    assert files >= {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    again = build_workspace(tmp_path / "work")
    run_one("score", scoring_config, again)
    for name in files:
        assert (again.scores / name).read_bytes() == (scored.scores / name).read_bytes(), name


def test_subgroups_are_written_where_they_are_asked_for(scoring_config, scored_workspace, scored):
    """The first six test studies are of all six patients, and so are the others: they have one image and two."""
    rows = read_table(scored_workspace.studies).to_pylist()
    for at, row in enumerate(rows):
        views = ("PA",) if at < 18 else ("PA", "LATERAL")
        row["images"] = [{"dicom_id": f"{at}-{view}", "view": view, "path": f"{at}/{view}.jpg"} for view in views]
    write_table(scored_workspace.studies, pa.Table.from_pylist(rows, STUDIES))
    asked = {"subgroups": ("images", "findings"), "subgroup_minimum": 5}
    config = scoring_config.model_copy(update={"scoring": scoring_config.scoring.model_copy(update=asked)})
    run_one("score", config, scored_workspace)
    images, findings = read_subgroups(scored_workspace).divisions
    assert [(group.name, group.studies, group.patients) for group in images.groups] == [("1", 6, 6), ("2", 6, 6)]
    # Of the six patients two have no finding, so that the other four can be told from all.
    assert (findings.groups, len(findings.withheld)) == ((), 4)
    f1 = {
        row["study_id"]: row["f1"]
        for row in read_table(scored_workspace.scores / "scores.parquet").to_pylist()
        if (row["condition"], row["setup"]) == ("few_shot", "bertimbau")
    }
    (few,) = [one for one in images.groups[0].figures if (one.condition, one.measure) == ("few_shot", "bertimbau f1")]
    means = [np.mean([f1[1000 + at] for at in part]) for part in (range(12, 18), range(18, 24))]
    assert (few.figure.value, few.difference.value) == pytest.approx((means[0], means[0] - means[1]))
    assert {path.name for path in scored_workspace.scores.iterdir()} >= OF_SUBGROUPS
    for kind in ("png", "svg"):
        content = (scored_workspace.scores / f"subgroups.{kind}").read_bytes()
        assert all(f"1{number:03d}".encode() not in content for number in (12, 23))
    # Of a run without them nothing is left.
    assert not {path.name for path in scored.scores.iterdir()} & OF_SUBGROUPS


def test_ids_of_the_extremes(scored):
    found = json.loads((scored.scores / "extremes.json").read_text())
    scores = {
        row["study_id"]: row["f1"]
        for row in read_table(scored.scores / "scores.parquet").to_pylist()
        if (row["condition"], row["setup"]) == ("zero_shot", "bertimbau")
    }
    assert scores[found["bertimbau"]["zero_shot"]["worst"][0]] == min(scores.values())
    assert scores[found["bertimbau"]["zero_shot"]["best"][0]] == max(scores.values())


def test_a_killed_stage_does_not_score_a_finished_setup_again(scoring_config, scored_workspace, monkeypatch):
    monkeypatch.setattr("hubkit.scoring.summary.summarise", _killed)
    with pytest.raises(KeyboardInterrupt):
        run_one("score", scoring_config, scored_workspace)
    kept = {path.name: path.stat().st_mtime_ns for path in scored_workspace.root.glob("partial/score-*/*.npz")}
    assert set(kept) == {"bertimbau.npz", "xlm-roberta.npz"}
    monkeypatch.undo()
    monkeypatch.setattr("hubkit.scoring.bertscore._compute", _killed)
    run_one("score", scoring_config, scored_workspace)
    assert (scored_workspace.scores / "summary.json").exists()


def _killed(*args):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("condition", "change", "says"),
    [
        ("lora", lambda table: table.slice(1), "lora.parquet: its studies or references are not those of zero_shot"),
        ("zero_shot", lambda table: table.slice(0, 0), "zero_shot.parquet: there is nothing to score"),
    ],
)
def test_generations_that_do_not_fit(scoring_config, scored_workspace, condition, change, says):
    path = scored_workspace.generations(condition)
    write_table(path, change(read_table(path)))
    with pytest.raises(HubkitError, match=says):
        read_evaluation(scoring_config, scored_workspace)


def test_an_encoder_that_cannot_be_loaded(scoring_config, scored_workspace, tmp_path):
    scoring = scoring_config.scoring.model_copy(
        update={"bertimbau": scoring_config.scoring.bertimbau.model_copy(update={"layer": 9})}
    )
    with pytest.raises(HubkitError, match=r"scoring.bertimbau.*num_layers is 9, and bert has 4 layers"):
        run_one("score", scoring_config.model_copy(update={"scoring": scoring}), scored_workspace)


@pytest.mark.parametrize(
    ("sections", "kind", "expected"),
    [
        (
            {"findings": "Clear.", "impression": "Normal."},
            "findings_impression",
            "FINDINGS: Clear.\n\nIMPRESSION: Normal.",
        ),
        ({"impression": "Normal.", "indication": "Cough."}, "findings_impression", "IMPRESSION: Normal."),
        ({"impression": "Normal.", "indication": "Cough."}, "report", "INDICATION: Cough.\n\nIMPRESSION: Normal."),
        ({"last_paragraph": "All clear."}, "findings_impression", "All clear."),
        ({}, "report", ""),
    ],
)
def test_the_original_is_the_same_sections_in_english(sections, kind, expected):
    study = {**dict.fromkeys(("indication", "comparison", "findings", "impression", "last_paragraph")), **sections}
    assert original(study, kind) == expected


@pytest.mark.parametrize(
    ("rows", "generated", "said"),
    [
        (5, None, "only 5 of 12 test studies have generated reports"),
        (12, "", "only 0 of 12 answers with the adapter have text"),
        (12, " ", "only 0 of 12 answers with the adapter have text"),
        (6, None, None),
    ],
)
def test_too_few_generations_are_not_scored(scoring_config, scored_workspace, rows, generated, said):
    for condition in CONDITIONS:
        table = read_table(scored_workspace.generations(condition)).slice(0, rows)
        if generated is not None and condition == "lora":
            column = pa.array([generated] * rows)
            table = table.set_column(table.column_names.index("generated"), "generated", column)
        write_table(scored_workspace.generations(condition), table)
    if said is None:
        assert len(read_evaluation(scoring_config, scored_workspace).studies) == rows
        return
    with pytest.raises(HubkitError, match=said):
        read_evaluation(scoring_config, scored_workspace)
