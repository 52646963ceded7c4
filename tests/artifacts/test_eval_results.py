"""Which files the Hub's leaderboards take: its own examples, and what is wrong with others."""

from __future__ import annotations

import pytest
import yaml

from hubkit.artifacts.eval_results import parse_benchmark, parse_results, problem, undefined_tasks, with_revision
from hubkit.errors import HubkitError

FULL = """
- dataset:
    id: cais/hle
    task_id: default
    revision: 5503434ddd753f426f4b38109466949a1217c2bb
  value: 20.90
  verifyToken: abc
  date: "2025-01-15"
  source:
    url: https://huggingface.co/spaces/lab/traces
    name: Eval traces
    user: lab
  notes: no-tools
- dataset: {id: Idavidrein/gpqa, task_id: gpqa_diamond}
  value: 1
"""

BENCHMARK = """
name: AIME
description: An exam.
evaluation_framework: math-arena
tasks:
- id: lab/aime
- {id: lab/more, config: default, split: test}
"""

INSPECT = BENCHMARK.replace("math-arena", "inspect-ai")


def test_what_the_hub_takes() -> None:
    first, second = parse_results(FULL, "results")
    assert (first.dataset.task_id, first.value, second.value, second.date) == ("default", 20.9, 1.0, None)
    assert [task.id for task in parse_benchmark(BENCHMARK, "eval.yaml").tasks] == ["lab/aime", "lab/more"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("id: cais/hle", "id: hle"), "0.dataset.id: Value error, is not the id of a repo, namespace/name"),
        (("    task_id: default\n", ""), "0.dataset.task_id: Field required"),
        (("5503434ddd", "release-1.0.0 "), "0.dataset.revision: Value error, is not a commit, 40 hexadecimal digits"),
        (("value: 20.90", "value: high"), "0.value: Value error, is not a number"),
        (("value: 20.90", "value: .nan"), "0.value: Value error, is not a number"),
        (("value: 20.90", "value: true"), "0.value: Value error, is not a number"),
        (("  value: 20.90\n", ""), "0.value: Field required"),
        (('"2025-01-15"', '"last week"'), "0.date: Value error, Invalid isoformat string: 'last week'"),
        (('"2025-01-15"', "2025-01-15"), "0.date: Input should be a valid string"),
        (("    url: https://huggingface.co/spaces/lab/traces\n", ""), "0.source.url: Field required"),
        (("notes: no-tools", "note: no-tools"), "0.note: Extra inputs are not permitted"),
        (("notes: no-tools", "notes: [no-tools]"), "0.notes: Input should be a valid string"),
        ((FULL, "- dataset: ["), "is not YAML"),
        ((FULL, "{}"), "Input should be a valid list"),
        ((FULL, "[]"), "List should have at least 1 item after validation, not 0"),
        ((FULL, ""), "Input should be a valid list"),
    ],
)
def test_a_malformed_result_is_named(change: tuple[str, str], what: str) -> None:
    with pytest.raises(HubkitError) as raised:
        parse_results(FULL.replace(*change), ".eval_results/x.yaml")
    assert raised.value.what == f"the Hub would refuse it: {what}"
    assert problem(".eval_results/x.yaml", FULL.replace(*change).encode()) == raised.value.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (BENCHMARK.replace("name: AIME\n", ""), "name: Field required"),
        (BENCHMARK.replace("evaluation_framework: math-arena\n", ""), "evaluation_framework: Field required"),
        (BENCHMARK.partition("- id")[0] + "  []", "tasks: List should have at least 1 item after validation, not 0"),
        (BENCHMARK.replace("lab/more", "lab/aime"), "tasks: two of them have the same id"),
        (BENCHMARK.replace("split: test", "splits: test"), "tasks.1.splits: Extra inputs are not permitted"),
        (INSPECT, "tasks.lab/aime: inspect-ai needs field_spec, solvers and scorers"),
    ],
)
def test_a_malformed_benchmark_is_named(text: str, what: str) -> None:
    with pytest.raises(HubkitError) as raised:
        parse_benchmark(text, "eval.yaml")
    assert raised.value.what == f"the Hub would refuse it: {what}"


def test_other_files_are_not_looked_at() -> None:
    assert problem("README.md", b"[") is None
    assert problem(".eval_results/readme.txt", b"[") is None
    assert problem("eval.yaml", BENCHMARK.encode()) is None
    assert problem("eval.yaml", b"\xff") == "is not UTF-8"


def test_the_commit_stands_with_the_results_of_one_dataset() -> None:
    filled = yaml.safe_load(with_revision(FULL, "Idavidrein/gpqa", "a" * 40))
    assert [entry["dataset"]["revision"] for entry in filled] == ["5503434ddd753f426f4b38109466949a1217c2bb", "a" * 40]
    assert [entry["value"] for entry in filled] == [20.9, 1]
    for malformed in ("- dataset: [", "- value: 1\n", "- dataset: x\n", "x: 1\n"):
        assert with_revision(malformed, "cais/hle", "a" * 40) == malformed


def test_tasks_that_nothing_defines() -> None:
    results = parse_results(FULL, "results")
    assert undefined_tasks(results, "cais/hle", None) == ["default"]
    assert undefined_tasks(results, "cais/hle", parse_benchmark(BENCHMARK, "eval.yaml")) == ["default"]
    assert undefined_tasks(results, "lab/other", None) == []
