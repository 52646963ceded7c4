"""sensitivity/translation.json: what the translation prompt changes. It has no text of the corpus, and no ids."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hubkit.artifacts.model import Model, write_model
from hubkit.artifacts.scores import Interval
from hubkit.workspace import Workspace

TRANSLATION_SENSITIVITY = "translation.json"


class BackTranslationErrors(Model):
    """Clinical errors of a report after it was translated back, against its source.

    Attributes:
        per_report: errors of all dimensions.
        by_dimension: errors of each dimension in a report.
    """

    per_report: Interval
    by_dimension: dict[str, float]


class TriedWay(Model):
    """A way to ask, and what came of it.

    Attributes:
        name: such as "sections+rules".
        units, rules, context: as in [translation].
        revision: the commit of the model, where it is known.
        texts: sections or reports that were translated.
        failed: how many of them have no translation.
        units_flagged: the share of them with an error that a check found, or without a translation.
        reports_flagged: the share of reports with such a section.
        checks: the share of reports that each check found an error in.
        back_translation: see there; None without a second model.
    """

    name: str
    units: Literal["sections", "report"]
    rules: bool
    context: bool
    revision: str | None
    texts: int
    failed: int
    units_flagged: float
    reports_flagged: Interval
    checks: dict[str, float]
    back_translation: BackTranslationErrors | None = None


class ChosenWay(Model):
    """The way that would have been chosen by a measure.

    Attributes:
        way: the one with the least mean.
        lead: its mean minus that of the set way.
        lead_on_others: the same where each patient's way is chosen on the other patients alone. Of several ways the
            best leads by chance as well; this figure is free of that.
    """

    way: str
    lead: Interval
    lead_on_others: float


class SecondModel(Model):
    """What translated back.

    Attributes:
        model: as it may be published.
        revision: its commit, where it is known and one translated everything.
        left_out: studies that lack a whole back-translation.
    """

    model: str
    revision: str | None
    left_out: int


class TranslationSensitivity(Model):
    """What was tried, and what came of it.

    Attributes:
        split: the studies are of this split alone.
        test_split: what was done with the test split.
        studies: how many were translated, one of each patient.
        patients: how many patients of the split have a report.
        fraction: of these patients, as configured.
        model: what translated, as it may be published.
        prompt, template: as in [translation].
        ways: all that were tried; `set_way` names that of [translation].
        choices: by measure, the way that would have been chosen: that with the least.
        second_model: None where none is set.
        seed, resamples, confidence: of the intervals, which resample patients.
        cautions: what to know of the intervals, where the patients are few.
    """

    split: Literal["validate"]
    test_split: Literal["not read"]
    studies: int
    patients: int
    fraction: float
    model: str
    prompt: str
    template: str
    ways: list[TriedWay]
    set_way: str
    choices: dict[str, ChosenWay]
    second_model: SecondModel | None = None
    seed: int
    resamples: int
    confidence: float
    cautions: tuple[str, ...] = ()


def translation_results_path(workspace: Workspace) -> Path:
    """Where the results are."""
    return workspace.sensitivity / TRANSLATION_SENSITIVITY


def write_translation_sensitivity(workspace: Workspace, found: TranslationSensitivity) -> None:
    """Write `found` to its file."""
    write_model("translation_sensitivity", translation_results_path(workspace), found)
