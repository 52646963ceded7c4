"""One study, or nothing to tell apart: figures and plots all the same."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.config import parse_config
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.plots import draw_plots
from hubkit.scoring.summary import summarise
from hubkit.scoring.table import render
from hubkit.tables import CONDITIONS, SETUPS


def small_evaluation(count, text, value, labels):
    systems = [*CONDITIONS, "reference", "flipped"]
    evaluation = Evaluation(
        subjects=np.arange(count),
        studies=np.arange(count),
        references=[text] * count,
        originals=[text] * count,
        labels=[labels] * count,
        generated={system: [text] * count for system in systems},
    )
    scores = {system: np.full((count, 3), value, dtype=np.float32) for system in systems}
    flags = {system: np.zeros(count, dtype=bool) for system in systems}
    return evaluation, {setup: SetupScores("signature", scores, flags, flags) for setup in SETUPS}


@pytest.mark.parametrize(
    ("count", "text", "value", "labels"),
    [
        (1, "Há derrame pleural.", 0.7, {"Pleural Effusion": 1}),
        (1, "", 0.0, {}),
        (3, "Normal.", 1.0, {"No Finding": 1}),
    ],
)
def test_small_samples(tmp_path, count, text, value, labels):
    evaluation, setups = small_evaluation(count, text, value, labels)
    summary = summarise(parse_config({"scoring": {"resamples": 50}}), evaluation, setups)
    f1 = summary.conditions["lora"].bertscore["bertimbau"].f1
    assert [f1.mean, f1.low, f1.high, f1.min, f1.max] == pytest.approx([value] * 5)
    assert f1.sd == 0
    assert all(row.p_randomisation == 1 for row in summary.differences)
    assert "NaN" not in render(summary, "json")
    assert "nan" not in render(summary, "md")
    for kind in ("png", "svg"):
        (tmp_path / f"errors.{kind}").touch()  # as a run with the error profile leaves it
    draw_plots(tmp_path, evaluation, setups, summary)
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.svg"))) == 10
