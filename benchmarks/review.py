"""How far a review by readers can be trusted: intervals, readings that strata save, coefficients of agreement.

    python benchmarks/review.py
    python benchmarks/review.py --reviews 200

Reviews are simulated on 5,000 rows of which 2 % have an error: rows are drawn as `hubkit review make`
draws them, judged without a slip, and estimated as `hubkit review collect` estimates. An interval is
right when it holds the share of all rows.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hubkit.artifacts.review import Review
from hubkit.artifacts.scores import Interval
from hubkit.review.agreement import alpha, gwet, kappa, linear_weights, readings_table
from hubkit.review.design import Design, Row, Sampling, allocate, draw, sizes_of, strata
from hubkit.review.estimates import check_figures, rates
from hubkit.review.intervals import Sample, share_interval
from hubkit.review.readings import GRADES, MAJOR, Judgement
from hubkit.review.simulate import SEVERITY_SHARES

VALUES = Path(__file__).parents[1] / "tests" / "review" / "agreement_values.json"

ROWS = 5000
ERROR_RATE = 0.02
FLAGGED_ROWS, WARNED_ROWS = 0.024, 0.06
"""Shares of rows that the checks flag and warn of: about those of a strong translator."""

ITEMS = (150, 300, 600)
DRAWS = 1000
"""Samples for a mean width."""


def population(recall: float, seed: int) -> tuple[list[Row], dict[int, str | None]]:
    """Rows with their strata, and the severity of the error of each; `recall` of the errors stand in flagged rows."""
    rng = random.Random(seed)
    errors = round(ERROR_RATE * ROWS)
    in_flagged, in_warned = round(recall * errors), round((1 - recall) / 2 * errors)
    parts = {
        "flagged": (round(FLAGGED_ROWS * ROWS), in_flagged),
        "warned": (round(WARNED_ROWS * ROWS), in_warned),
        "passed": (ROWS - round(FLAGGED_ROWS * ROWS) - round(WARNED_ROWS * ROWS), errors - in_flagged - in_warned),
    }
    rows, truth = [], {}
    for name, (size, wrong) in parts.items():
        for number in range(size):
            study = len(rows)
            rows.append(Row(study, "findings", ("check",) if name == "flagged" else (), name))
            severities = rng.choices(list(SEVERITY_SHARES), list(SEVERITY_SHARES.values()))
            truth[study] = severities[0] if number < wrong else None
    return rows, truth


def simulated(rows: list[Row], truth: dict[int, str | None], design: Design) -> dict[str, Interval]:
    """The intervals of one review, of which every item was read by one reader who does not slip."""
    items = draw(rows, design)
    # Without the checks of a file: they take most of the time, and there is no file here.
    review = Review.model_construct(kind="translation", strata=tuple(strata(rows, items)), items=tuple(items))
    judged = []
    for item in items:
        severity = truth[item.study_id]
        grade = GRADES.index(severity or "none")
        kinds = frozenset({"terminology"} if severity else ())
        verdict = "correct" if severity is None else "wrong" if grade >= MAJOR else "acceptable"
        judged.append(Judgement("one", item.id, False, 0, 1.0, None, grade, kinds, 0, verdict))
    found = {row.what: row.share for row in rates(review, judged, []) if row.group is None}
    for check in check_figures(review, judged):
        if check.check == "check":
            found["precision of flagged rows"] = check.precision
            if check.recall is not None:
                found["recall of flagged rows"] = check.recall
    return found


def coverage(reviews: int, numbers: Sequence[int]) -> None:
    recall = 0.7
    rows, truth = population(recall, seed=0)
    flagged = [row.study_id for row in rows if row.stratum == "flagged"]
    true = {
        "an error": ERROR_RATE,
        "major or critical": sum(grade in ("major", "critical") for grade in truth.values()) / ROWS,
        "critical": sum(grade == "critical" for grade in truth.values()) / ROWS,
        "precision of flagged rows": sum(truth[study] is not None for study in flagged) / len(flagged),
        "recall of flagged rows": recall,
    }
    print(f"95 % intervals over {reviews} reviews each, {ROWS} rows, {ERROR_RATE:.0%} with an error")
    print(f"{'':<28}{'true %':>7}" + "".join(f"{name:>15}" for name in ("simple", "stratified") for _ in numbers))
    print(f"{'items':<35}" + "".join(f"{items:>15}" for _ in range(2) for items in numbers))
    lines = {name: f"{name:<28}{100 * value:>7.2f}" for name, value in true.items()}
    samplings: tuple[Sampling, ...] = ("simple", "stratified")
    for sampling in samplings:
        for items in numbers:
            held, made, width = Counter[str](), Counter[str](), Counter[str]()
            for seed in range(reviews):
                for name, found in simulated(rows, truth, Design(items, seed, sampling)).items():
                    if name in true:
                        made[name] += 1
                        held[name] += found.low - 1e-12 <= true[name] <= found.high + 1e-12
                        width[name] += found.high - found.low
            for name in true:
                share = f"{held[name] / made[name]:.1%}" if made[name] else "-"
                lines[name] += f"{share:>7} {100 * width[name] / max(made[name], 1):>5.1f} w"
    print("\n".join(lines.values()))
    print("w: mean width in points", flush=True)


def mean_width(sizes: dict[str, int], wrong: dict[str, int], read: dict[str, int], rng: np.random.Generator) -> float:
    total = 0.0
    for _ in range(DRAWS):
        found = {name: rng.hypergeometric(wrong[name], sizes[name] - wrong[name], read[name]) for name in sizes}
        drawn = [Sample(sizes[name], read[name], found[name] / read[name]) for name in sizes]
        interval = share_interval(drawn)
        total += interval.high - interval.low
    return total / DRAWS


def saved_readings() -> None:
    print("\nreadings that strata need for the mean width of a simple sample")
    print(f"{'errors in flagged rows':<24}" + "".join(f"{f'simple {items}':>14}" for items in (300, 600, 1000)))
    rng = np.random.default_rng(0)
    for recall in (0.5, 0.6, 0.7, 0.8, 0.9):
        rows, truth = population(recall, seed=0)
        sizes = sizes_of(rows)
        wrong = Counter(row.stratum for row in rows if truth[row.study_id] is not None)
        cells = []
        for items in (300, 600, 1000):
            aim = mean_width({"all": ROWS}, {"all": round(ERROR_RATE * ROWS)}, {"all": items}, rng)
            low, high = 20, items
            while high - low > 4:
                middle = (low + high) // 2
                wide = mean_width(sizes, wrong, allocate(sizes, Design(middle)), rng) > aim
                low, high = (middle, high) if wide else (low, middle)
            cells.append(f"{f'{high} ({high / items:.0%})':>14}")
        print(f"{recall:<24.0%}" + "".join(cells), flush=True)


def libraries() -> None:
    frozen = json.loads(VALUES.read_text(encoding="utf-8"))
    worst = dict.fromkeys(("AC1", "AC2", "alpha", "kappa"), 0.0)
    for case in frozen["cases"].values():
        ratings, size = readings_table(case["ratings"]), case["categories"]
        counts = (ratings[:, :, None] == np.arange(size)).sum(axis=1).astype(float)
        linear, same = linear_weights(size), np.eye(size)
        pairs = [
            ("AC1", gwet(counts, same), "gwet identity"),
            ("AC2", gwet(counts, linear), "gwet linear"),
            ("alpha", alpha(counts, "nominal"), "alpha nominal"),
            ("alpha", alpha(counts, "ordinal"), "alpha ordinal"),
            ("kappa", kappa(ratings, size, same), "kappa identity"),
            ("kappa", kappa(ratings, size, linear), "kappa linear"),
        ]
        for name, measure, value in pairs:
            if value in case:
                worst[name] = max(worst[name], abs(measure.over_all() - case[value]))
    print(f"\nlargest difference to {frozen['made with'].split(', numpy')[0]}:")
    print(", ".join(f"{name} {difference:.1e}" for name, difference in worst.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=1000, help="of each design")
    parser.add_argument("--items", type=int, nargs="+", default=ITEMS, help="that are read in a review")
    arguments = parser.parse_args()
    libraries()
    saved_readings()
    print()
    coverage(arguments.reviews, arguments.items)


if __name__ == "__main__":
    main()
