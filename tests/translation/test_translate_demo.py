"""The stage with the demo's own translator on reports that it was not trained on, against their true Portuguese."""

from __future__ import annotations

import random

import pyarrow.parquet as pq

from hubkit.config import parse_config
from hubkit.demo.config import MODELS
from hubkit.demo.grammar import sample_report
from hubkit.release import run_one


def test_demo_reports_are_translated_exactly_and_pass_the_checks(make_workspace):
    rng = random.Random("held out from the translator")
    reports = [sample_report(rng)[1] for _ in range(40)]
    truth = {(section.name, section.source): section.translation for report in reports for section in report.sections}
    workspace = make_workspace([{section.name: section.source for section in report.sections} for report in reports])
    table = {"model": str(MODELS["translator"]), "quantization": "fp32", "device": "cpu", "rules": False}
    run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    right = [truth[row["section"], row["source"]] == row["translation"] for row in rows]
    assert sum(right) >= 0.9 * len(rows)
    assert {row["finish_reason"] for row in rows} == {"stop"}
    assert sum(row["status"] == "ok" for row in rows) >= 0.98 * len(rows)
