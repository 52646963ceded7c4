"""The metrics of single reports, as they are compared with what readers say of the same reports."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from scoring_workspace import build_workspace

from hubkit.config import parse_config
from hubkit.review.metric_agreement import report_scores
from hubkit.tables import CONDITIONS, SCORES, SETUPS
from hubkit.workspace import Workspace, read_table, write_table


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = build_workspace(tmp_path / "work")
    f1 = {"zero_shot": 0.25, "few_shot": 0.5, "lora": 0.75}
    rows = [
        {"subject_id": row["subject_id"], "study_id": row["study_id"], "condition": condition, "setup": setup}
        | {"precision": 0.0, "recall": 0.0, "f1": f1[condition]}
        for condition in CONDITIONS
        for setup in SETUPS
        for row in read_table(workspace.generations(condition)).to_pylist()
    ]
    write_table(workspace.scores / "scores.parquet", pa.Table.from_pylist(rows, SCORES))
    return workspace


def test_every_metric_of_single_reports(workspace: Workspace) -> None:
    config = parse_config({"corpus": {"kind": "demo", "root": str(workspace.root)}})
    scores = report_scores(config, workspace, [1012, 1013, 1014, 1])
    assert list(scores) == [
        "BERTScore F1, BERTimbau",
        "BERTScore F1, XLM-R",
        "chrF++",
        "findings F1, micro",
        "errors per report",
    ]
    texts = {(study, condition) for study in (1012, 1013, 1014) for condition in CONDITIONS}
    assert all(values.keys() == texts for values in scores.values())
    assert {condition: scores["BERTScore F1, XLM-R"][1012, condition] for condition in CONDITIONS} == {
        "zero_shot": 0.25,
        "few_shot": 0.5,
        "lora": 0.75,
    }
    # LoRA's reports are the references themselves; zero-shot's say nothing of any finding.
    assert scores["chrF++"][1013, "lora"] == pytest.approx(100.0)
    assert scores["chrF++"][1013, "zero_shot"] < 20
    for study in (1012, 1013):
        assert scores["errors per report"][study, "lora"] == 0
        assert scores["errors per report"][study, "zero_shot"] < 0
