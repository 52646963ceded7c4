"""What is tried of the translation prompt: which validation studies, and which ways to ask for each."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pyarrow.compute as pc

from hubkit.config import ReleaseConfig, Translation
from hubkit.errors import HubkitError
from hubkit.sensitivity.design import SPLIT, choose_studies
from hubkit.study_batches import study_batches
from hubkit.tables import SECTIONS
from hubkit.translation.units import has_text
from hubkit.workspace import Workspace, read_table


class Way(NamedTuple):
    """A way to ask for a translation.

    Attributes:
        units: what is translated at a time, as [translation] units says it.
        rules: whether hubkit's rules of style follow the prompt.
        context: whether the model sees the rest of the report.
    """

    units: Literal["sections", "report"]
    rules: bool
    context: bool

    @property
    def name(self) -> str:
        """Such as "sections+rules"."""
        return "+".join([self.units, *(["rules"] if self.rules else []), *(["context"] if self.context else [])])

    def settings(self, translation: Translation) -> Translation:
        """The settings that ask this way. A second attempt would hide what the first one got wrong."""
        own = {"units": self.units, "rules": self.rules, "context": self.context}
        return translation.model_copy(update={**own, "retries": 0, "memory": True, "tasks": 1, "executor": "local"})


class TranslationDesign(NamedTuple):
    """All that is tried.

    Attributes:
        studies: ids, one of each patient, ascending.
        patients: how many patients of the split have a report.
        ways: those that are tried.
        of_set: which of them is that of [translation].
    """

    studies: tuple[int, ...]
    patients: int
    ways: tuple[Way, ...]
    of_set: int


class _Study(NamedTuple):
    subject_id: int
    study_id: int


def make_translation_design(config: ReleaseConfig, workspace: Workspace) -> TranslationDesign:
    """Choose studies, and list the ways to ask.

    Raises:
        HubkitError: the validation split has no report.
    """
    studies = _with_text(workspace)
    if not studies:
        hint = "the prompt is tried on them alone: set [corpus] subset so that validate has some, then: hubkit read"
        raise HubkitError(f"the split {SPLIT} has no reports", where=workspace.studies, hint=hint)
    chosen = choose_studies(studies, config.sensitivity.fraction, config.release.seed)
    ways = list_ways(config.translation)
    return TranslationDesign(
        tuple(study.study_id for study in chosen),
        len({study.subject_id for study in studies}),
        ways,
        ways.index(_effective(_set_way(config.translation), config.translation)),
    )


def list_ways(translation: Translation) -> tuple[Way, ...]:
    """Every way to ask that differs from the others in what the model reads."""
    every = [
        Way(units, rules, context)
        for units in ("sections", "report")
        for rules in (False, True)
        for context in (False, True)
    ]
    return tuple(dict.fromkeys(_effective(way, translation) for way in every))


def _set_way(translation: Translation) -> Way:
    return Way(translation.units, translation.rules, translation.context)


def _effective(way: Way, translation: Translation) -> Way:
    """A way without what does nothing: a whole report has no context, and TranslateGemma takes the text alone."""
    if translation.template == "translategemma":
        return Way(way.units, False, False)
    return way._replace(context=way.context and way.units == "sections")


def _with_text(workspace: Workspace) -> list[_Study]:
    """The studies that every way has a text of: ways are compared on the same studies."""
    table = read_table(workspace.studies, columns=["subject_id", "study_id", "split"])
    ids = table.filter(pc.equal(table["split"], SPLIT))["study_id"].to_numpy()
    batches = study_batches(workspace.studies, ["subject_id", "study_id", "report", *SECTIONS], np.sort(ids))
    return [
        _Study(row["subject_id"], row["study_id"])
        for batch in batches
        for row in batch.to_pylist()
        if has_text(row["report"]) and any(has_text(row[name]) for name in SECTIONS)
    ]
