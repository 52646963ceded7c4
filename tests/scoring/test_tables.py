"""Each cell of the tables holds the figure that its row and column name: no two figures of this summary are equal."""

from __future__ import annotations

import itertools

import pytest

from hubkit.artifacts.scores import Summary
from hubkit.scoring.tables import grids

SYSTEMS = ("zero_shot", "few_shot", "lora", "commonest", "reference", "flipped")
NAMES = ("zero-shot", "few-shot", "LoRA", "commonest report", "reference itself", "reference, negations flipped")
SETUPS = {"bertimbau": "BERTimbau", "xlm-roberta": "XLM-R"}
ORIGINAL = {"bertimbau": ("0.582", "0.655", "0.660"), "xlm-roberta": ("0.824", "0.826", "0.837")}


def made_summary():
    numbers = (at / 1000 for at in itertools.count(101))

    def figures(*names):
        return {name: next(numbers) for name in names}

    interval = ("value", "low", "high")
    conditions = {
        system: {
            **{
                setup: {
                    measure: figures("mean", "low", "high", "median", "min", "max", "sd")
                    for measure in ("precision", "recall", "f1")
                }
                | {"truncated": 0, "empty": 0}
                for setup in SETUPS
            },
            **{name: {key: 100 * value for key, value in figures(*interval).items()} for name in ("chrf++", "bleu")},
            "clinical": {
                "micro": figures(*interval),
                "macro": figures(*interval),
                "labels": {"Edema": {**figures("f1"), "studies": 31}, "Fracture": {**figures("f1"), "studies": 7}},
            },
        }
        for system in SYSTEMS
    }
    conditions["lora"]["xlm-roberta"] |= {"truncated": 3, "empty": 1}
    names = ("difference", "low", "high", "p_bootstrap", "p_randomisation", "p_holm")
    rows = [("lora", "zero_shot", "xlm-roberta f1"), ("few_shot", "commonest", "bleu")]
    return {
        "n": 965,
        "patients": 293,
        "seed": 42,
        "resamples": 10000,
        "confidence": 0.9,
        "signatures": {},
        "conditions": conditions,
        "rules": {"texts": 156, **figures("whole_texts", "values", "micro", "macro"), "labels": {"Edema": 0.961}},
        "differences": [
            {"system": one, "against": other, "measure": measure, **figures(*names)} for one, other, measure in rows
        ],
    }


SUMMARY = made_summary()
CONDITIONS = SUMMARY["conditions"]


def shown(found, name="value", digits=3):
    return f"{found[name]:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def test_bertscore():
    grid = grids(Summary.model_validate(SUMMARY))[0]
    expected = []
    for setup, setup_name in SETUPS.items():
        for at, (system, name) in enumerate(zip(SYSTEMS, NAMES, strict=True)):
            found = CONDITIONS[system][setup]
            figures = [shown(found[measure], "mean") for measure in ("precision", "recall", "f1")]
            figures += [f"{found['f1'][key]:.3f}" for key in ("median", "min", "max", "sd")]
            expected.append((name, setup_name, *figures, ORIGINAL[setup][at] if at < 3 else ""))
    assert grid.rows == expected
    header = ("precision", "recall", "F1", "median", "min", "max", "sd", "original study")
    assert grid.header == ("condition", "setup", *header)
    assert grid.note.endswith("Pairs with a text that was cut, or empty: LoRA (XLM-R) 3 cut and 1 empty.")
    assert "965 studies of 293 patients, mean and 90% interval" in grid.caption
    assert grid.sides == "llrrrrrrrr"


def test_other_measures():
    grid = grids(Summary.model_validate(SUMMARY))[1]
    assert grid.header == ("condition", "chrF++", "BLEU", "findings F1, micro", "findings F1, macro")
    assert grid.rows == [
        (
            name,
            *[shown(CONDITIONS[system][measure], digits=1) for measure in ("chrf++", "bleu")],
            *[shown(CONDITIONS[system]["clinical"][measure]) for measure in ("micro", "macro")],
        )
        for system, name in zip(SYSTEMS, NAMES, strict=True)
    ]


def test_findings():
    grid = grids(Summary.model_validate(SUMMARY))[2]
    labels = [
        (
            label,
            studies,
            *[f"{found['clinical']['labels'][label]['f1']:.3f}" for found in CONDITIONS.values()],
            rules,
        )
        for label, studies, rules in (("Edema", "31", "0.961"), ("Fracture", "7", ""))
    ]
    means = [
        (
            name,
            "",
            *[f"{found['clinical'][name]['value']:.3f}" for found in CONDITIONS.values()],
            f"{SUMMARY['rules'][name]:.3f}",
        )
        for name in ("micro", "macro")
    ]
    assert grid.header == ("label", "studies", *NAMES, "rules")
    assert grid.rows == labels + means


def test_differences():
    grid = grids(Summary.model_validate(SUMMARY))[3]
    first, second = SUMMARY["differences"]
    assert grid.rows == [
        (*names, shown(row, "difference", digits), *[f"{row[name]:.4f}" for name in grid_p])
        for grid_p in [("p_bootstrap", "p_randomisation", "p_holm")]
        for names, row, digits in (
            (("LoRA − zero-shot", "BERTScore F1, XLM-R"), first, 3),
            (("few-shot − commonest report", "BLEU"), second, 1),
        )
    ]
    assert grid.header[-3:] == ("p, bootstrap", "p, randomisation", "p, Holm")


@pytest.mark.parametrize(
    ("p_value", "expected"), [(1.0, "1.0000"), (0.0001, "0.0001"), (0.00009, "< 0.0001"), (0.05, "0.0500")]
)
def test_a_p_value_is_never_shown_as_zero(p_value, expected):
    row = {**SUMMARY["differences"][0], "p_holm": p_value}
    assert grids(Summary.model_validate({**SUMMARY, "differences": [row]}))[3].rows[0][-1] == expected
