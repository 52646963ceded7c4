"""The error profile in summary.json, the tables and the plots: where it is asked for, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from hubkit.artifacts.model import to_json
from hubkit.artifacts.scores import Summary
from hubkit.config import parse_config
from hubkit.scoring import figures
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.summary import summarise
from hubkit.scoring.tables import grids
from hubkit.tables import CONDITIONS, SETUPS

REFERENCE = "Pequeno derrame pleural à direita. Hérnia hiatal. Sem pneumotórax."
SYSTEMS = {
    "zero_shot": ["Pneumotórax."] * 4,
    "few_shot": [REFERENCE, REFERENCE, REFERENCE.replace("direita", "esquerda"), REFERENCE],
    "lora": [REFERENCE] * 4,
    "commonest": ["Pulmões limpos."] * 4,
    "reference": [REFERENCE] * 4,
    "flipped": ["Sem derrame. Hérnia hiatal."] * 4,
}


def summary(asked: bool) -> Summary:
    config = parse_config({"scoring": {"resamples": 50, "error_profile": asked}, "release": {"seed": 3}})
    evaluation = Evaluation(
        subjects=np.array([1, 1, 2, 3]),
        studies=np.arange(4),
        references=[REFERENCE] * 4,
        originals=["There is a small right effusion."] * 4,
        labels=[{"Pleural Effusion": 1}] * 4,
        generated=SYSTEMS,
    )
    draw = np.random.default_rng(1)
    none = dict.fromkeys(SYSTEMS, np.zeros(4, bool))
    scores = {system: draw.random((4, 3), "float32") for system in SYSTEMS}
    return summarise(config, evaluation, {setup: SetupScores("", scores, none, none) for setup in SETUPS})


@pytest.fixture(scope="module")
def asked() -> Summary:
    return summary(True)


@pytest.fixture(scope="module")
def unasked() -> Summary:
    return summary(False)


@pytest.mark.parametrize(
    ("system", "per_report", "without"),
    [
        ("zero_shot", 3.0, 0.0),
        ("few_shot", 0.25, 0.75),
        ("lora", 0.0, 1.0),
        ("commonest", 2.0, 0.0),
        ("reference", 0.0, 1.0),
        ("flipped", 1.0, 0.0),
    ],
)
def test_errors_per_report(asked: Summary, system: str, per_report: float, without: float) -> None:
    found = asked.conditions[system]
    assert found.figure("errors per report").value == per_report
    assert found.figure("reports without error").value == without
    assert found.figure("errors per report").low <= per_report <= found.figure("errors per report").high


def test_errors_by_kind_and_finding(asked: Summary) -> None:
    few, zero = asked.conditions["few_shot"], asked.conditions["zero_shot"]
    assert (few.figure("errors side").value, few.figure("errors missed").value) == (0.25, 0.0)
    assert (zero.figure("errors missed").value, zero.figure("errors invented").value) == (2.0, 1.0)
    assert list(few.errors) == ["Pleural Effusion", "Pneumothorax", "Other"]
    effusion = few.errors["Pleural Effusion"]
    assert (effusion.per_report.value, effusion.references, effusion.by_dimension["side"]) == (0.25, 4, 1)
    assert (zero.errors["Other"].by_dimension["missed"], zero.errors["Pneumothorax"].references) == (4, 0)


def test_the_profile_is_a_family_of_its_own(asked: Summary, unasked: Summary) -> None:
    """Asking for it changes no figure and no p value of the other measures."""
    rows = {(row.system, row.against, row.measure): row for row in asked.differences}
    assert {(row.system, row.against, row.measure): row for row in unasked.differences}.items() <= rows.items()
    own = {key: row for key, row in rows.items() if "error" in key[2]}
    assert len(own) == 3 * 11
    lowest = min(own.values(), key=lambda row: row.p_randomisation)
    assert lowest.p_holm == pytest.approx(min(1.0, 33 * lowest.p_randomisation))
    for system, found in unasked.conditions.items():
        assert found.names <= asked.conditions[system].names
        assert all(asked.conditions[system].figure(name) == found.figure(name) for name in found.names)


def test_an_unasked_profile_leaves_no_trace(unasked: Summary) -> None:
    assert "error" not in str(to_json(unasked))
    assert not any("error" in cell for grid in grids(unasked) for cell in (grid.caption, *grid.header))


def test_summary_json_keeps_it(asked: Summary) -> None:
    assert Summary.model_validate(to_json(asked)) == asked


def test_the_tables(asked: Summary) -> None:
    drawn = grids(asked)
    assert [len(grid.header) for grid in drawn] == [10, 7, 9, 10, 8, 6]
    assert drawn[1].header[-2:] == ("errors per report", "reports without error")
    assert "errors" not in drawn[1].caption, "flipping negations costs no share of nothing"
    (zero,) = [row for row in drawn[3].rows if row[0] == "zero-shot"]
    assert zero[1:3] == ("2.000 [2.000, 2.000]", "1.000 [1.000, 1.000]")
    assert [row[:3] for row in drawn[4].rows] == [
        ("Pleural Effusion", "4", "1.000 [1.000, 1.000]"),
        ("Pneumothorax", "0", "1.000 [1.000, 1.000]"),
        ("Other", "4", "1.000 [1.000, 1.000]"),
    ]


def test_the_plot_shows_what_the_tables_say(asked: Summary) -> None:
    drawn = figures.errors(asked)
    assert isinstance(drawn, Figure)
    left, right = drawn.axes
    assert [label.get_text() for label in right.get_yticklabels()] == ["Pleural Effusion", "Pneumothorax", "Other"]
    shown = [line.get_xdata().tolist() for line in left.lines if len(line.get_xdata()) == 9][: len(CONDITIONS)]
    kinds = ("missed", "invented", "side", "place", "severity", "size", "trend", "certainty", "devices")
    expected = [[asked.conditions[name].figure(f"errors {kind}").value for kind in kinds] for name in CONDITIONS]
    assert [values in shown for values in expected] == [True] * len(CONDITIONS)
