"""sensitivity/sensitivity.json: how far scores hang on the prompt and on the examples. It has no text of the corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.artifacts.scores import Interval
from hubkit.workspace import Workspace

SENSITIVITY = "sensitivity.json"


class Component(Model):
    """What one source adds to the variance of a single score, and its share of all of it (0 to 1)."""

    variance: float
    share: float


class Choice(Model):
    """The prompt that would have been chosen by a measure.

    Attributes:
        prompt: the one with the best mean.
        lead: its mean minus that of the set prompt; negative errors are a lead too.
        lead_on_others: the same where each patient's prompt is chosen on the other patients alone. Of several prompts
            the best leads by chance as well; this figure is free of that.
    """

    prompt: str
    lead: Interval
    lead_on_others: float


class MeasureSensitivity(Model):
    """What one measure says of one condition.

    Attributes:
        components: by source: prompt, draw and prompt:draw (where several were drawn), patient, residual.
        prompts: mean of each prompt over draws and patients.
        draws: mean of each draw by prompt, in the order of the draws.
        choice: see there.
    """

    components: dict[str, Component]
    prompts: dict[str, Interval]
    draws: dict[str, list[float]]
    choice: Choice


class ConditionSensitivity(Model):
    """A condition: how many combinations of prompt and draw were tried, and what each measure says."""

    combinations: int
    measures: dict[str, MeasureSensitivity]


class TriedPrompt(Model):
    """A prompt that was tried, word for word."""

    name: str
    text: str


class SensitivityResults(Model):
    """What was tried, and what came of it.

    Attributes:
        split: the studies are of this split alone.
        test_split: what was done with the test split.
        studies: how many were asked about, one of each patient.
        patients: how many patients of the split have a study with a reference.
        fraction: of these patients, as configured.
        base: the model as it may be published, with its revision where it has one.
        prompts: all that were tried; `set_prompt` names that of [generation] prompt.
        shots: examples in a draw.
        draw_seeds: of each draw.
        left_out: conditions that could not be tried, with the reason.
        seed, resamples, confidence: of the intervals, which resample patients.
        cautions: what to know of the intervals, where the patients are few.
        versions: of the libraries that the figures depend on.
        conditions: by name.
    """

    split: Literal["validate"]
    test_split: Literal["not read"]
    studies: int
    patients: int
    fraction: float
    base: str
    prompts: list[TriedPrompt]
    set_prompt: str
    shots: int
    draw_seeds: list[int]
    left_out: dict[str, str]
    seed: int
    resamples: int
    confidence: float
    cautions: tuple[str, ...] = ()
    versions: dict[str, str]
    conditions: dict[str, ConditionSensitivity]


def results_path(workspace: Workspace) -> Path:
    """Where the results are."""
    return workspace.sensitivity / SENSITIVITY


def read_sensitivity(workspace: Workspace) -> SensitivityResults:
    """What was found.

    Raises:
        HubkitError: it did not run, or its file cannot be read.
    """
    return read_model(SensitivityResults, "sensitivity", results_path(workspace), "run: hubkit sensitivity")


def write_sensitivity(workspace: Workspace, found: SensitivityResults) -> Path:
    write_model("sensitivity", results_path(workspace), found)
    return results_path(workspace)
