"""Error rates, checks and metrics against readers, and readers among one another, on answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from invented_review import invented_review, invented_rows
from scipy.stats import kendalltau

from hubkit.artifacts.review import Reading, Review
from hubkit.review.consistency import agreement, disagreements, learning, questions
from hubkit.review.design import Design
from hubkit.review.estimates import ANY_FLAG, FLAGGED, check_figures, rates
from hubkit.review.metric_agreement import metric_figures, tau_with_interval
from hubkit.review.readings import GRADES, judgements
from hubkit.review.simulate import READERS, Slips, draw_truth, simulate_reading

PERFECT = Slips(missed=0.0, invented=0.0)


def read_by(review: Review, answers: dict[str, list[dict]]) -> list[Reading]:
    return [
        Reading.model_validate(
            {
                "review": review.digest,
                "reader": reader,
                "kind": review.kind,
                "language": "pt",
                "started": review.created,
                "saved": review.created,
                "answers": those,
            }
        )
        for reader, those in answers.items()
    ]


def right(item: str, **more: object) -> dict:
    return {"item": item, "seconds": 30.0, "verdict": "correct", "errors": [], "correction": None} | more


def wrong(item: str, severity: str = "major", kind: str = "terminology") -> dict:
    return right(item, verdict="wrong", errors=[{"type": kind, "severity": severity}])


def test_rates_of_a_census_are_those_of_the_truth() -> None:
    review = invented_review(Design(1000, overlap=0.0, repeats=0.0))
    truth = draw_truth(review, 0.05, seed=1)
    readings = [simulate_reading(review, reader, truth, PERFECT, seed=1) for reader in review.order]
    found = {(row.what, row.group): row for row in rates(review, *judgements(review, readings))}
    severities = list(truth.values())
    for name, grades in (
        ("an error", ("minor", "major", "critical")),
        ("major or critical", ("major", "critical")),
        ("critical", ("critical",)),
    ):
        share = found[name, None].share
        true = sum(severity in grades for severity in severities) / 1000
        assert (share.value, share.low, share.high) == pytest.approx((true, true, true))
    by_type = sum(found[kind, None].found for kind in ("terminology", "fluency"))
    assert 0 < by_type < found["an error", None].found


def test_flagged_rows_are_weighted_back() -> None:
    review = invented_review(Design(120, overlap=0.0, repeats=0.0), readers=["ana"])
    stratum = {item.id: item.stratum for item in review.items}
    answers = [wrong(item) if stratum[item] == "flagged" else right(item) for item in review.order["ana"]]
    [first, *_] = rates(review, *judgements(review, read_by(review, {"ana": answers})))
    # All 40 flagged rows of 1,000, though 23 of 120 that were read.
    assert (first.what, first.read, first.found) == ("an error", 120, 23)
    assert first.share.value == pytest.approx(0.04)


@pytest.mark.parametrize(
    ("answer", "grade", "kinds"),
    [
        (right("001"), "none", set()),
        (right("001", errors=[{"type": "fluency", "severity": "neutral"}]), "neutral", set()),
        (right("001", verdict="acceptable", errors=[{"type": "fluency", "severity": "minor"}]), "minor", {"fluency"}),
        (right("001", verdict="wrong"), "major", set()),
        (right("001", verdict="unreadable"), "critical", set()),
        (wrong("001", "critical"), "critical", {"terminology"}),
    ],
)
def test_grade_of_an_answer(answer: dict, grade: str, kinds: set[str]) -> None:
    review = invented_review(Design(5, overlap=0.0, repeats=0.0), readers=["ana"])
    [[judged], _] = judgements(review, read_by(review, {"ana": [answer]}))
    assert (GRADES[judged.grade], judged.kinds) == (grade, kinds)


def test_two_readers_of_an_item_count_for_half_each() -> None:
    review = invented_review(Design(20, sampling="simple", overlap=1.0, repeats=0.0))
    ids = [item.id for item in review.items]
    answers = {
        "ana": [wrong(item) for item in ids[:4]] + [right(item) for item in ids[4:]],
        "rui": list(map(right, ids)),
    }
    [first, *_] = rates(review, *judgements(review, read_by(review, answers)))
    assert (first.read, first.found, first.share.value) == (20, 2.0, 0.1)


def test_open_items_are_no_right_ones() -> None:
    review = invented_review(Design(20, sampling="simple", overlap=0.0, repeats=0.0), readers=["ana"])
    answers = [wrong(item) for item in review.order["ana"][:5]] + [right(item) for item in review.order["ana"][5:10]]
    [first, *_] = rates(review, *judgements(review, read_by(review, {"ana": answers})))
    assert (first.read, first.share.value) == (10, 0.5)


def test_precision_and_recall_of_a_census() -> None:
    sizes = {"flagged": 10, "warned": 10, "passed": 30}
    review = invented_review(Design(50, overlap=0.0, repeats=0.0), readers=["ana"], rows=invented_rows(sizes))
    # Of the errors 6 are flagged, 2 warned of, 2 passed.
    left = {"flagged": 6, "warned": 2, "passed": 2}
    answers = []
    for item in review.items:
        answers.append(wrong(item.id) if left[item.stratum] > 0 else right(item.id))
        left[item.stratum] -= 1
    judged, _ = judgements(review, read_by(review, {"ana": answers}))
    found = {row.check: row for row in check_figures(review, judged)}
    assert {
        name: (row.read, round(row.precision.value, 9), row.recall and round(row.recall.value, 9))
        for name, row in found.items()
    } == {
        FLAGGED: (10, 0.6, 0.6),
        ANY_FLAG: (20, 0.4, 0.8),
        "negation_added": (10, 0.6, 0.6),
        "length": (10, 0.2, 0.2),
    }


def test_recall_is_weighted_back() -> None:
    review = invented_review(Design(120, overlap=0.0, repeats=0.0), readers=["ana"])
    passed = [item.id for item in review.items if item.stratum == "passed"]
    bad = {item.id for item in review.items if item.stratum == "flagged"} | {passed[0]}
    answers = [wrong(item.id) if item.id in bad else right(item.id) for item in review.items]
    judged, _ = judgements(review, read_by(review, {"ana": answers}))
    recall = {row.check: row.recall for row in check_figures(review, judged)}[FLAGGED]
    # 40 flagged rows, and one of the 77 that stand for 900.
    assert recall is not None
    assert recall.value == pytest.approx(40 / (40 + 900 / 77))
    assert recall.low < 0.6 < 0.9 < recall.high


def test_repeats_are_compared_and_counted_once() -> None:
    review = invented_review(Design(60, sampling="simple", overlap=1.0, repeats=0.2))
    ids = review.order["ana"]
    answers = [wrong(item) if item.endswith("#2") else right(item) for item in ids]
    judged, preferred = judgements(review, read_by(review, {"ana": answers}))
    assert rates(review, judged, preferred)[0].found == 0
    found = {(row.question, row.between): row for row in agreement(questions(judged, preferred), 0, 0.95)}
    again = found["an error", "repeats"]
    assert (again.items, again.coefficients["percent"].value) == (12, 0.0)
    assert ("an error", "readers") not in found


def test_disagreements_name_the_readers_and_the_widest_first() -> None:
    review = invented_review(Design(10, sampling="simple", overlap=1.0, repeats=0.0))
    ids = [item.id for item in review.items]
    ana = [right(ids[0], verdict="unreadable"), wrong(ids[1]), *map(right, ids[2:])]
    readings = read_by(review, {"ana": ana, "rui": list(map(right, ids))})
    judged, preferred = judgements(review, readings)
    found = disagreements(review, questions(judged, preferred))
    assert [(row.item, row.question, row.answers) for row in found] == [
        (ids[0], "an error", {"ana": "yes", "rui": "no"}),
        (ids[0], "severity", {"ana": "critical", "rui": "none"}),
        (ids[0], "verdict", {"ana": "unreadable", "rui": "correct"}),
        (ids[1], "an error", {"ana": "yes", "rui": "no"}),
        (ids[1], "severity", {"ana": "major", "rui": "none"}),
        (ids[1], "verdict", {"ana": "wrong", "rui": "correct"}),
    ]


def test_learning() -> None:
    review = invented_review(Design(20, sampling="simple", overlap=1.0, repeats=0.0), readers=["ana"])
    answers = [
        (wrong(item) if place < 4 else right(item)) | {"seconds": 100.0 - place}
        for place, item in enumerate(review.order["ana"])
    ]
    [row] = learning(judgements(review, read_by(review, {"ana": answers}))[0])
    assert (row.readings, row.seconds_first, row.seconds_last) == (20, 98.0, 83.0)
    assert (row.errors_first, row.errors_last) == (0.4, 0.0)


def test_reports_are_compared_by_condition_and_not_by_side() -> None:
    review = invented_review(Design(30, sampling="simple", overlap=1.0, repeats=0.2), kind="generation")
    answers = {}
    for reader, ids in review.order.items():
        answers[reader] = []
        for item in ids:
            bad, good = ("a", "b") if review.blinding[reader][item]["a"] == "zero_shot" else ("b", "a")
            answers[reader].append(
                {
                    "item": item,
                    "seconds": 60.0,
                    "better": good,
                    "errors": {bad: [{"dimension": "side", "severity": "critical"}]},
                    "would_sign": {good: True, bad: False},
                }
            )
    judged, preferred = judgements(review, read_by(review, answers))
    found = {(row.what, row.group): row.share.value for row in rates(review, judged, preferred)}
    assert {name: value for name, value in found.items() if value} == {
        ("an error", "zero_shot"): 1.0,
        ("major or critical", "zero_shot"): 1.0,
        ("critical", "zero_shot"): 1.0,
        ("side", "zero_shot"): 1.0,
        ("would sign", "lora"): 1.0,
        ("lora is better", "lora and zero_shot"): 1.0,
    }
    agreed = {(row.question, row.between): row for row in agreement(questions(judged, preferred), 0, 0.95)}
    assert agreed["preference", "readers"].coefficients["percent"].value == 1.0
    # A metric that follows the readers, one that is upside down, and one that cannot tell.
    study = {item.id: item.study_id for item in review.items}
    values = {
        name: {
            (number, condition): sign * (condition == "lora")
            for number in study.values()
            for condition in ("lora", "zero_shot")
        }
        for name, sign in (("good", 1.0), ("bad", -1.0), ("blind", 0.0))
    }
    metrics = {row.metric: row for row in metric_figures(review, judged, preferred, values, 0, 0.95)}
    assert {name: row.tau.value for name, row in metrics.items()} == {"good": 1.0, "bad": -1.0, "blind": None}
    assert {name: row.preferred and row.preferred.value for name, row in metrics.items()} == {
        "good": 1.0,
        "bad": 0.0,
        "blind": 0.5,
    }
    assert {row.texts for row in metrics.values()} == {60}


def test_tau_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    one = rng.integers(0, 6, 40).astype(float)
    other = one + rng.integers(0, 4, 40)
    found = tau_with_interval(one, other, np.arange(40), 0, 0.95)
    assert found.value == pytest.approx(kendalltau(one, other).statistic, abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert found.low < kendalltau(one, other).statistic < found.high


def test_simulated_readers_slip_as_often_as_they_are_told() -> None:
    rows = invented_rows({"flagged": 400, "warned": 400, "passed": 3000})
    review = invented_review(Design(3800, overlap=1.0, repeats=0.0), readers=list(READERS), rows=rows)
    truth = draw_truth(review, 0.2, seed=2)
    for reader, slips in READERS.items():
        reading = simulate_reading(review, reader, truth, slips, seed=3)
        said = {row.item: row.grade > 0 for row in judgements(review, [reading])[0]}
        wrong_ones = [item for (item, _), severity in truth.items() if severity]
        missed = sum(not said[item] for item in wrong_ones) / len(wrong_ones)
        invented = sum(said[item] for (item, _), severity in truth.items() if not severity) / (3800 - len(wrong_ones))
        assert missed == pytest.approx(slips.missed, abs=0.045)
        assert invented == pytest.approx(slips.invented, abs=0.01)
