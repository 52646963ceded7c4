"""Files that the Hub's leaderboards read: `.eval_results/*.yaml` of a model, and `eval.yaml` of a benchmark.

The formats are those of the Hub's documentation (hub-docs: eval_results.yaml and
docs/hub/eval-results.md). The Hub looks at them when they are pushed, so they are looked at before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from hubkit.errors import HubkitError

RESULTS = ".eval_results/"
"""The folder of results in a model's repo."""

BENCHMARK = "eval.yaml"
"""The file that makes a dataset's repo a benchmark, and defines its tasks."""

FRAMEWORKS = frozenset(
    (
        *("apex-evals", "archipelago", "claw-eval", "exgentic", "harbor", "inspect-ai", "math-arena", "mdpbench"),
        *("mteb", "nemo-evaluator", "olmocr-bench", "open-asr-leaderboard", "parsebench", "screenspot-pro"),
        *("swe-bench", "swe-bench-pro", "video-mme-v2", "wildclawbench", "yc-bench"),
    )
)
"""What the Hub takes as `evaluation_framework` (packages/tasks/src/eval.ts of huggingface.js, as of
2026-08). Whoever scores in another way asks for an entry there."""

REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

COMMIT = re.compile(r"[0-9a-f]{40}")


def _repo(value: str) -> str:
    if not REPO.fullmatch(value):
        raise ValueError("is not the id of a repo, namespace/name")
    return value


def _commit(value: str) -> str:
    if not COMMIT.fullmatch(value):
        raise ValueError("is not a commit, 40 hexadecimal digits")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("is not a number")
    return value


def _day(value: str) -> str:
    datetime.fromisoformat(value)
    return value


def _address(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("is not an address")
    return value


Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    """Strict: the Hub refuses what it does not know, and a number is not a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ResultSource(_Part):
    """Where a result comes from."""

    url: Annotated[str, AfterValidator(_address)]
    name: Text | None = None
    user: Text | None = None
    org: Text | None = None


class ResultDataset(_Part):
    """The benchmark of a result: its repo, the task in its eval.yaml, and the commit."""

    id: Annotated[str, AfterValidator(_repo)]
    task_id: Text
    revision: Annotated[str, AfterValidator(_commit)] | None = None


class Result(_Part):
    """An entry of a file of results."""

    dataset: ResultDataset
    value: Annotated[float, BeforeValidator(_number)]
    verifyToken: Text | None = None
    date: Annotated[str, AfterValidator(_day)] | None = None
    source: ResultSource | None = None
    notes: Text | None = None


class Task(_Part):
    """A task of a benchmark, which has a leaderboard; inspect-ai also wants to know how it is run."""

    id: Text
    config: Text | None = None
    split: Text | None = None
    field_spec: dict[str, Any] | None = None
    solvers: list[dict[str, Any]] | None = None
    scorers: list[dict[str, Any]] | None = None


class Benchmark(_Part):
    """The content of eval.yaml."""

    name: Text
    description: Text
    evaluation_framework: Text
    tasks: Annotated[list[Task], Field(min_length=1)]


_RESULTS = TypeAdapter(Annotated[list[Result], Field(min_length=1)])


def parse_results(text: str, where: str) -> list[Result]:
    """Read a file of `.eval_results/`.

    Raises:
        HubkitError: it does not have the Hub's format.
    """
    found: list[Result] = _validated(_RESULTS, text, where)
    return found


def parse_benchmark(text: str, where: str) -> Benchmark:
    """Read `eval.yaml`.

    Raises:
        HubkitError: it does not have the Hub's format.
    """
    found: Benchmark = _validated(TypeAdapter(Benchmark), text, where)
    ids = [task.id for task in found.tasks]
    if len({*ids}) < len(ids):
        raise _malformed("tasks: two of them have the same id", where)
    for task in found.tasks:
        run = (task.field_spec, task.solvers, task.scorers)
        if found.evaluation_framework == "inspect-ai" and None in run:
            raise _malformed(f"tasks.{task.id}: inspect-ai needs field_spec, solvers and scorers", where)
    return found


def is_result(path: str) -> bool:
    """Whether a file is for the Hub's leaderboards."""
    return path == BENCHMARK or path.startswith(RESULTS)


def problem(path: str, content: bytes) -> str | None:
    """Return what is wrong with a file for the leaderboards; None where nothing is, or where it is none."""
    if not is_result(path) or not path.endswith((".yaml", ".yml")):
        return None
    try:
        text = content.decode()
        _ = parse_benchmark(text, path) if path == BENCHMARK else parse_results(text, path)
    except UnicodeDecodeError:
        return "is not UTF-8"
    except HubkitError as error:
        return error.what
    return None


def with_revision(text: str, dataset: str, commit: str) -> str:
    """Return results with the commit of `dataset`, wherever they are about it; what is malformed stays as it is."""
    try:
        entries = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    named = [one["dataset"] for one in entries if _has_dataset(one)] if isinstance(entries, list) else []
    for one in named:
        if one.get("id") == dataset:
            one["revision"] = commit
    return yaml.safe_dump(entries, sort_keys=False)


def _has_dataset(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("dataset"), dict)


def undefined_tasks(results: Iterable[Result], dataset: str, benchmark: Benchmark | None) -> list[str]:
    """Return the tasks of `dataset` that results name and its benchmark does not define."""
    known = {task.id for task in benchmark.tasks} if benchmark else set[str]()
    return sorted({one.dataset.task_id for one in results if one.dataset.id == dataset} - known)


def _validated(adapter: TypeAdapter[Any], text: str, where: str) -> Any:
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _malformed("is not YAML", where) from None
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _malformed(f"{place}: {first['msg']}".removeprefix(": "), where) from None


def _malformed(what: str, where: str) -> HubkitError:
    hint = "correct the file as docs/packaging.md says, or run: hubkit release --from package"
    return HubkitError(f"the Hub would refuse it: {what}", where=where, hint=hint)
