"""The evaluation as the cards show it: means with intervals of each condition and setup."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hubkit.errors import HubkitError
from hubkit.tables import CONDITIONS, SETUPS
from hubkit.workspace import Workspace

METRICS = ("precision", "recall", "f1")


class Interval(NamedTuple):
    """A mean over studies, with the interval around it."""

    mean: float
    low: float
    high: float


class Result(NamedTuple):
    """One condition in one setup."""

    setup: str
    condition: str
    precision: Interval
    recall: Interval
    f1: Interval


def evaluation(workspace: Workspace) -> list[Result]:
    """The results in scores/summary.json, setup by setup, conditions in the order of CONDITIONS.

    Raises:
        HubkitError: the file is missing or is not what the scoring stage writes.
    """
    path = workspace.scores / "summary.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        return [_result(summary, setup, condition) for setup in SETUPS for condition in CONDITIONS]
    except (OSError, ValueError, KeyError, TypeError):
        raise HubkitError("is missing or incomplete", where=path, mend="hubkit score") from None


def _result(summary: dict[str, Any], setup: str, condition: str) -> Result:
    found = summary["conditions"][condition][setup]
    figures = [Interval(*(float(found[metric][key]) for key in ("mean", "low", "high"))) for metric in METRICS]
    return Result(setup, condition, *figures)
