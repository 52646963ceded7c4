"""What `hubkit sensitivity` prints: tables of at most 80 columns, and what follows from them."""

from __future__ import annotations

from hubkit.artifacts.sensitivity import MeasureSensitivity, SensitivityResults
from hubkit.metrics.registry import METRICS
from hubkit.screen import counted
from hubkit.sensitivity.scores import LOWER_IS_BETTER
from hubkit.sensitivity.variance import SOURCES
from hubkit.tables import SYSTEM_NAMES

WIDTH = 80
"""Columns of a terminal that nobody widened."""


def result_lines(found: SensitivityResults) -> list[str]:
    """All that is printed, line by line; none is longer than `WIDTH`."""
    lines = _tried(found)
    names = next(iter(found.conditions.values())).measures
    for name in names:
        by_condition = {condition: one.measures[name] for condition, one in found.conditions.items()}
        label = METRICS[name].label + (" (fewer is better)" if name in LOWER_IS_BETTER else "")
        lines += ["", *_shares(label, by_condition), "", *_prompts(found, by_condition)]
        lines += ["", *_choices(found, by_condition)]
    return [*lines, "", *_closing(found)]


def _tried(found: SensitivityResults) -> list[str]:
    combinations = sum(one.combinations for one in found.conditions.values())
    draws = f", {counted(len(found.draw_seeds), 'draw')} of {found.shots} few-shot" if found.draw_seeds else ""
    lines = [
        f"{counted(found.studies, 'validation study')}, one of each patient, of {counted(found.patients, 'patient')}",
        f"{len(found.prompts)} prompts{draws}: {counted(combinations, 'combination')}, "
        f"{counted(combinations * found.studies, 'report')}",
    ]
    return [*lines, *(f"{SYSTEM_NAMES[name]} is left out: {reason}" for name, reason in found.left_out.items())]


def _shares(label: str, by_condition: dict[str, MeasureSensitivity]) -> list[str]:
    """Where the variance of a single report's score comes from."""
    header = f"{'variance by source':<20}" + "".join(map(_column, SOURCES, SOURCES)) + f"{'sd':>9}"
    lines = [f"{label}: one report's score", header]
    for condition, one in by_condition.items():
        cells = [f"{one.components[source].share:.0%}" if source in one.components else "" for source in SOURCES]
        sd = sum(component.variance for component in one.components.values()) ** 0.5
        lines.append(f"{SYSTEM_NAMES[condition]:<20}" + "".join(map(_column, SOURCES, cells)) + f"{sd:>9.3f}")
    return lines


def _column(source: str, text: str) -> str:
    return text.rjust(max(9, len(source) + 2))


def _prompts(found: SensitivityResults, by_condition: dict[str, MeasureSensitivity]) -> list[str]:
    """The mean of each prompt; * is the set one."""
    lines = [f"{'mean by prompt':<22}" + "".join(f"{SYSTEM_NAMES[condition]:>11}" for condition in by_condition)]
    for prompt in found.prompts:
        mark = "* " if prompt.name == found.set_prompt else "  "
        means = "".join(f"{one.prompts[prompt.name].value:>11.3f}" for one in by_condition.values())
        lines.append(f"{mark + prompt.name:<22}" + means)
    return [*lines, "* set in [generation] prompt"]


def _choices(found: SensitivityResults, by_condition: dict[str, MeasureSensitivity]) -> list[str]:
    lines = []
    for condition, one in by_condition.items():
        choice = one.choice
        if choice.prompt == found.set_prompt:
            lines.append(f"{SYSTEM_NAMES[condition]}: the set prompt would have been chosen")
            continue
        lead = choice.lead
        lines.append(f"{SYSTEM_NAMES[condition]}: {choice.prompt} would have been chosen over the set prompt:")
        lines.append(
            f"  {lead.value:+.3f} [{lead.low:+.3f}, {lead.high:+.3f}]; chosen on other patients: "
            f"{choice.lead_on_others:+.3f}"
        )
    return lines


def _closing(found: SensitivityResults) -> list[str]:
    return [
        *(f"{caution}." for caution in found.cautions),
        "The test split has no part in this: no test study was asked about or scored.",
        "To take another prompt, set [generation] prompt before hubkit finetune.",
    ]
