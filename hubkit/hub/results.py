"""What the Hub's leaderboards read: looked at before a push, and given the commit of the dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubkit import pins
from hubkit.artifacts.eval_results import (
    BENCHMARK,
    FRAMEWORKS,
    RESULTS,
    Benchmark,
    parse_benchmark,
    parse_results,
    undefined_tasks,
    with_revision,
)
from hubkit.errors import HubkitError
from hubkit.hub.targets import Target


def check_results(found: Sequence[Target]) -> None:
    """Refuse files that the Hub would refuse, and results of tasks that the dataset does not define.

    Raises:
        HubkitError: a file is malformed, or names a task that is not in the dataset's eval.yaml.
    """
    dataset = next((target for target in found if target.artifact == "dataset"), None)
    benchmark = _benchmark(dataset) if dataset else None
    for target in found:
        # A release that an older hubkit packaged has its tag where a commit belongs, and gets the commit.
        filled = filled_results(target, {"dataset": pins.UNKNOWN})
        for path in _result_files(target):
            where = target.folder / path
            text = filled[path].decode() if path in filled else where.read_text(encoding="utf-8")
            results = parse_results(text, str(where))
            missing = undefined_tasks(results, dataset.repo, benchmark) if dataset and benchmark else []
            if missing:
                raise HubkitError(
                    f"names the task {missing[0]!r}, which {BENCHMARK} of the dataset does not define",
                    where=str(where),
                    hint="run: hubkit release --from package",
                )


def filled_results(target: Target, known: Mapping[str, str]) -> dict[str, bytes]:
    """The results of a model with the commit of the dataset, where its card names that too."""
    repo = pins.parts(target.card()).get("dataset")
    if repo is None or "dataset" not in known:
        return {}
    files = target.files()
    return {
        path: with_revision(files[path].read_text(encoding="utf-8"), repo, known["dataset"]).encode()
        for path in _result_files(target)
    }


def framework_notice(target: Target) -> str:
    """What to know where the Hub refused `eval.yaml`; empty where its framework is one that the Hub lists."""
    benchmark = _benchmark(target)
    if benchmark is None or benchmark.evaluation_framework in FRAMEWORKS:
        return ""
    return (
        f"; the Hub lists no evaluation framework {benchmark.evaluation_framework!r}: docs/packaging.md says how to "
        "ask for it"
    )


def _benchmark(target: Target) -> Benchmark | None:
    path = target.folder / BENCHMARK
    if target.artifact != "dataset" or not path.is_file():
        return None
    return parse_benchmark(path.read_text(encoding="utf-8"), str(path))


def _result_files(target: Target) -> list[str]:
    return [path for path in target.files() if path.startswith(RESULTS) and path.endswith((".yaml", ".yml"))]
