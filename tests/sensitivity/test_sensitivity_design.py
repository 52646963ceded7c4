"""Which studies, examples and combinations are tried, and what is refused before a model is loaded."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_vision import fill_workspace

from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import HubkitError
from hubkit.models.samples import Sample, choose_examples, read_samples
from hubkit.sensitivity.design import choose_studies, make_design
from hubkit.sensitivity.results import best_prompts, lead_on_others


def config(generation: dict[str, Any] | None = None, **sensitivity: Any) -> ReleaseConfig:
    return parse_config({"generation": generation or {}, "sensitivity": {"fraction": 1.0, **sensitivity}})


def samples(patients: int, studies: int) -> list[Sample]:
    return [Sample(patient, patient * 10 + study, (), "x") for patient in range(patients) for study in range(studies)]


@pytest.mark.parametrize(("fraction", "count"), [(1.0, 100), (0.2, 20), (0.07, 7), (0.071, 8), (0.001, 1)])
def test_one_study_of_a_share_of_the_patients(fraction: float, count: int) -> None:
    chosen = choose_studies(samples(100, 3), fraction, seed=42)
    assert len(chosen) == count == len({sample.subject_id for sample in chosen})
    assert chosen == sorted(chosen, key=lambda sample: sample.study_id)


def test_a_larger_share_holds_a_smaller_one_whatever_the_order_of_the_rows() -> None:
    rows = samples(50, 2)
    shuffled = random.Random(1).sample(rows, len(rows))
    small, large = choose_studies(rows, 0.3, 42), choose_studies(shuffled, 0.6, 42)
    assert set(small) < set(large)
    assert choose_studies(rows, 0.3, 43) != small
    # Not always the first study of a patient.
    assert len({sample.study_id % 10 for sample in large}) == 2


def test_combinations(tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=6, validate=20, test=2)
    design = make_design(config(), workspace)
    assert design.left_out == {"lora": "no adapter is trained"}
    assert [len(design.cells(condition)) for condition in design.conditions] == [5, 15]
    assert len(design.all_cells()) == 20
    assert {sample.study_id for sample in design.samples} == set(range(7, 27))
    # The first draw is that of the release, and the others differ from it and from one another.
    train = read_samples(workspace, "train", "findings_impression").kept
    assert design.draws[0].examples == tuple(choose_examples(train, 1, 42))
    assert len({draw.examples for draw in design.draws}) == 3
    assert {sample.study_id for draw in design.draws for sample in draw.examples} <= set(range(1, 7))


REFUSED: dict[str, tuple[dict[str, int], dict[str, Any], str]] = {
    "no validation studies": (
        {"validate": 0},
        {},
        "studies.parquet: the split validate has no studies (prompts are tried on them alone: set [corpus] subset",
    ),
    "no examples": ({"train": 0}, {}, "translations.parquet: no train study can be an example (run: hubkit translate"),
    "fewer than a draw takes": ({"train": 1}, {"shots": 2}, "2 few-shot examples were asked for"),
    "draws that must repeat": (
        {"train": 2},
        {},
        "[sensitivity] draws: 3 draws of 1 from 2 train studies cannot all differ (lower it",
    ),
    "too few patients": (
        {},
        {"fraction": 0.5},
        "[sensitivity] fraction: 0.5 of 20 validate patients are 10, too few for 5 prompts x 3 draws "
        "(set it to 0.75 or more)",
    ),
    "too few patients at all": (
        {"validate": 10},
        {},
        "[sensitivity] fraction: 1 of 10 validate patients are 10, too few for 5 prompts x 3 draws "
        "(take fewer prompts or draws, or more validate studies)",
    ),
    "too few patients without draws": (
        {"validate": 4},
        {"conditions": ["zero_shot"]},
        "1 of 4 validate patients are 4, too few for 5 prompts (take fewer",
    ),
    "nothing that can be tried": (
        {},
        {"conditions": ["lora"]},
        "[sensitivity] conditions: only lora is listed, and no adapter is trained (run: hubkit finetune",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_tried_is_refused_in_one_line(tmp_path: Path, case: str) -> None:
    splits, settings, message = REFUSED[case]
    workspace = fill_workspace(tmp_path, **{"train": 6, "validate": 20, "test": 2, **splits})
    sensitivity = {name: value for name, value in settings.items() if name != "shots"}
    tried = config(generation={"shots": settings.get("shots", 1)}, **sensitivity)
    with pytest.raises(HubkitError) as error:
        make_design(tried, workspace)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_least_fraction_that_an_error_names_is_accepted(tmp_path: Path) -> None:
    workspace = fill_workspace(tmp_path, train=6, validate=20, test=2)
    assert len(make_design(config(fraction=0.75), workspace).samples) == 15


@pytest.mark.parametrize(
    ("scores", "lower", "best", "lead"),
    [
        # The second is best for everybody.
        ([[1, 1, 1], [2, 2, 2], [0, 0, 0]], False, 1, 1.0),
        ([[1, 1, 1], [2, 2, 2], [0, 0, 0]], True, 2, -1.0),
        # The second is best by the third patient alone: without that one the set prompt stays.
        ([[1, 1, 1], [0, 0, 9]], False, 1, -2 / 3),
        # As good as the set one: that stays.
        ([[1, 2, 3], [3, 2, 1]], False, 0, -2 / 3),
        ([[0.1, 0.2], [0.2, 0.1]], False, 0, -0.05),
    ],
)
def test_the_prompt_that_would_have_been_chosen(scores: list, lower: bool, best: int, lead: float) -> None:
    by_patient = np.array(scores, dtype=float)
    assert int(best_prompts(by_patient.sum(axis=1), 0, lower)) == best
    assert lead_on_others(by_patient, 0, lower) == pytest.approx(lead)
