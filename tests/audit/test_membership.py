"""How well losses tell training studies from others: against values counted by hand, and on simulated studies."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.audit import membership
from hubkit.audit.membership import Losses, attack, auc, compare, found_at, resampled_auc, shared


@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        ([3, 4], [1, 2], 1.0),
        ([1, 2], [3, 4], 0.0),
        ([1, 3], [2, 2], 0.5),
        ([2, 2], [2, 2], 0.5),
        ([1, 3, 5], [2, 4], 0.5),
        ([2, 3], [2, 1], 0.875),
        ([5], [1, 2, 9, 10], 0.5),
    ],
)
def test_the_share_of_pairs_that_are_told_apart(members: list[int], others: list[int], expected: float) -> None:
    assert auc(np.array(members), np.array(others)) == expected


def test_the_share_found_at_a_rate_of_false_alarms() -> None:
    others = np.arange(100.0)
    members = np.array([89.5, 90.5, 95.0, 200.0, 0.0])
    # Ten of the hundred are alarms: those from 90 up. What is above 89 is found.
    assert found_at(members, others, 0.1) == 4 / 5
    # A member that ties with the border is not found, as the other with that score is no alarm.
    assert found_at(np.array([89.0, 90.0]), others, 0.1) == 1 / 2
    assert found_at(np.zeros(5), np.zeros(100), 0.1) == 0.0
    assert found_at(members, others[:99], 0.1) is None
    assert found_at(members, others, 0.01) is None
    assert found_at(members, np.arange(1000.0), 0.01) == 0.0


def test_draws_are_of_patients_and_not_of_studies() -> None:
    # One patient has nine studies that win and the other one that loses: draws of studies would rarely come to 0.
    members, patients = np.array([1.0] * 9 + [-1.0]), np.array([7] * 9 + [8])
    drawn = resampled_auc(members, patients, np.zeros(5), np.arange(5), 4000, seed=1)
    assert sorted(set(drawn.round(6))) == [0.0, 0.9, 1.0]
    assert (drawn == 0).mean() == pytest.approx(0.25, abs=0.03)
    again = resampled_auc(members, patients, np.zeros(5), np.arange(5), 4000, seed=1)
    assert (drawn == again).all()


@pytest.mark.parametrize("resamples", [1, 2, 5, 6])
def test_draws_are_as_many_as_asked_for_however_many_fit_at_once(
    monkeypatch: pytest.MonkeyPatch, resamples: int
) -> None:
    sides = np.array([1.0, 0.0]), np.arange(2), np.zeros(5), np.arange(5)
    monkeypatch.setattr(membership, "CELLS_AT_ONCE", 10)
    assert resampled_auc(*sides, resamples, seed=1).shape == (resamples,)


def test_the_interval_holds_what_it_says() -> None:
    held = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        drawn = resampled_auc(
            generator.normal(size=60), np.arange(60), generator.normal(size=60), np.arange(60), 300, seed
        )
        low, high = np.quantile(drawn, [0.025, 0.975])
        held += low <= 0.5 <= high
    assert 0.9 <= held / 200 <= 0.99


def losses(base: list[float], adapter: list[float], reference: list[float] | None = None) -> Losses:
    other = None if reference is None else np.array(reference)
    return Losses(np.arange(len(base)), np.array(base), np.array(adapter), other)


def test_every_score_is_higher_where_the_adapter_knows_the_study() -> None:
    known, unknown = losses([2.0, 3.0], [0.5, 1.0], [1.9, 2.9]), losses([2.0, 3.0], [1.5, 2.5], [1.6, 2.6])
    found = attack(known, unknown, 50, 0.95, seed=0)
    assert {name: values.value for name, values in found.items()} == {
        "base": 0.5,
        "loss": 1.0,
        "ratio": 1.0,
        "difference": 1.0,
        "reference": 1.0,
    }
    assert attack(unknown, known, 50, 0.95, seed=0)["difference"].value == 0.0


def test_studies_with_a_text_of_the_other_side_are_told_apart() -> None:
    # The shared texts of the training split have the lowest losses of all: without them nothing is told.
    train = losses([1.0] * 22, [0.1] * 2 + [0.5, 0.6] * 10)
    test = losses([1.0] * 21, [0.1] + [0.5, 0.6] * 10)
    templates = {"train": np.array([True] * 2 + [False] * 20), "test": np.array([True] + [False] * 20)}
    found = compare({"train": train, "test": test}, templates, 50, 0.95, seed=0)
    assert found.own_texts["loss"].value == 0.5
    assert found.train_test["loss"].value > 0.5
    assert (found.studies, found.shared_texts) == ({"train": 22, "test": 21}, {"train": 2, "test": 1})
    assert found.train_validate is None


def test_texts_are_the_same_but_for_case_and_white_space() -> None:
    assert shared(["Sem derrame.", "Derrame.", "a  b"], ["sem\nderrame. ", "A B"]).tolist() == [True, False, True]
    assert shared([], ["a"]).tolist() == []
