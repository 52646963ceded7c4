from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hubkit.artifacts.scores import Summary
from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.scoring.table import render
from hubkit.terms.exposure import configured_statements

FIGURE = {"low": 0.5, "high": 0.7}
BERTSCORE = {
    measure: {"mean": 0.6, **FIGURE, "median": 0.61, "min": 0.1, "max": 0.9, "sd": 0.05}
    for measure in ("precision", "recall", "f1")
} | {"truncated": 0, "empty": 0}


def summary():
    micro = {"reference": 0.8, "flipped": 0.2}
    return {
        "n": 965,
        "patients": 293,
        "seed": 42,
        "resamples": 10000,
        "confidence": 0.95,
        "conditions": {
            system: {
                "bertimbau": {**BERTSCORE, "empty": 2 if system == "zero_shot" else 0},
                "xlm-roberta": BERTSCORE,
                "chrf++": {"value": 40.0, "low": 38.0, "high": 42.0},
                "bleu": {"value": 10.0, "low": 9.0, "high": 11.0},
                "clinical": {
                    "micro": {"value": micro.get(system, 0.4), **FIGURE},
                    "macro": {"value": 0.3, **FIGURE},
                    "labels": {"Edema": {"f1": 0.7, "studies": 31}},
                },
            }
            for system in ("zero_shot", "few_shot", "lora", "commonest", "reference", "flipped")
        },
        "rules": {"texts": 156, "whole_texts": 0.9, "values": 0.99, "micro": 0.98, "macro": 0.97}
        | {"labels": {"Edema": 0.96, "Fracture": 1.0}},
        "signatures": {"bertimbau": "bertscore_ptbr|seed:42"},
        "differences": [
            {"system": "lora", "against": "zero_shot", "measure": "bertimbau f1", "difference": 0.078, "low": 0.07}
            | {"high": 0.085, "p_bootstrap": 0.0002, "p_randomisation": 0.0001, "p_holm": 0.0018},
            {"system": "lora", "against": "zero_shot", "measure": "bertimbau recall", "difference": 0.5, "low": 0.4}
            | {"high": 0.6, "p_bootstrap": 0.0002, "p_randomisation": 0.0001, "p_holm": None},
        ],
    }


@pytest.mark.parametrize(
    "line",
    [
        "BERTScore of 965 studies of 293 patients, mean and 95% interval; the rest is F1. Original study: F1 of "
        "GustavoFA/MIMIC-CXR-PT-BR over 965 test studies, that with BERTimbau read off its plots. Pairs with a text "
        "that was cut, or empty: zero-shot (BERTimbau) 0 cut and 2 empty.",
        "| LoRA | BERTimbau | 0.600 [0.500, 0.700] | 0.600 [0.500, 0.700] | 0.600 [0.500, 0.700] "
        "| 0.610 | 0.100 | 0.900 | 0.050 | 0.660 |",
        "| zero-shot | 40.0 [38.0, 42.0] | 10.0 [9.0, 11.0] | 0.400 [0.500, 0.700] | 0.300 [0.500, 0.700] |",
        "| Edema | 31 | 0.700 | 0.700 | 0.700 | 0.700 | 0.700 | 0.700 | 0.960 |",
        "| micro |  | 0.400 | 0.400 | 0.400 | 0.400 | 0.800 | 0.200 | 0.980 |",
        "- bertimbau: `bertscore_ptbr|seed:42`",
        "| LoRA − zero-shot | BERTScore F1, BERTimbau | 0.078 [0.070, 0.085] | 0.0002 | 0.0001 | 0.0018 |",
    ],
)
def test_markdown(line):
    assert line in render(Summary.model_validate(summary()), "md").splitlines()


def test_the_table_says_which_measure_sees_a_flipped_negation():
    found = render(Summary.model_validate(summary()), "md")
    assert (
        "What flipped negations cost the reference: 75% of findings F1, micro; 0% of BERTScore F1, BERTimbau" in found
    )


def test_the_table_states_the_accuracy_of_the_rules():
    assert (
        "the rules' F1 on 156 invented texts with known labels; they read 90.0% of these texts wholly right, and "
        "99.0% of single labels"
    ) in render(Summary.model_validate(summary()), "md")


def test_latex():
    found = render(Summary.model_validate(summary()), "latex")
    assert found.count(r"\begin{tabular}") == found.count(r"\end{tabular}}") == 4
    assert found.count("{") == found.count("}")
    assert found.endswith("% bertimbau: bertscore_ptbr|seed:42")
    assert r"LoRA $-$ zero-shot & BERTScore F1, BERTimbau & 0.078 [0.070, 0.085] & 0.0002 & 0.0001 & 0.0018 \\" in found
    assert r"95\% interval" in found
    assert all("_" not in line.replace(r"\_", "") for line in found.splitlines() if not line.startswith("%"))


def test_json_has_the_original_figures_beside():
    found = json.loads(render(Summary.model_validate(summary()), "json"))
    assert found["conditions"] == summary()["conditions"]
    assert found["seen"] == []
    assert found["original_f1"]["xlm-roberta"]["lora"] == 0.837


def test_the_command_prints_what_is_there(tmp_path):
    (tmp_path / "hubkit.toml").touch()
    folder = tmp_path / "work" / "scores"
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(summary()))
    arguments = ["score", "--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    result = CliRunner().invoke(cli, [*arguments, "--table", "md"], catch_exceptions=False)
    assert result.exit_code == 0
    seen = configured_statements(ReleaseConfig())
    assert result.output.strip() == render(Summary.model_validate(summary()), "md", seen)
    assert "| LoRA † | BERTimbau |" in result.output
    assert "† `google/medgemma-4b-it` was trained on MIMIC-CXR before (" in result.output
    (folder / "summary.json").write_text("{")
    result = CliRunner().invoke(cli, [*arguments, "--table", "json"])
    assert "summary.json: is not whole" in str(result.exception)
