"""The values that a pointer of the dossier may name, which stand in no file as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.dossier import data_values, result_values
from hubkit.tables import SPLITS
from hubkit.workspace import Workspace


class Reader(NamedTuple):
    """A value that is computed.

    Attributes:
        where: the files or settings that it comes from.
        stages: the stages that have to have run, the one that wrote the files last.
        compute: None where the release has nothing of it.
        settings: whether it is computed from hubkit.toml, and is not given where that changed since.
        without: what a row says in place of a value that is None.
    """

    where: str
    stages: tuple[str, ...]
    compute: Callable[[ReleaseConfig, Workspace], str | None]
    settings: bool = False
    without: str = "not done in this release"


READERS = {
    "translation_prompt": Reader(
        "hubkit.toml: [translation] prompt, rules, curb_thinking, template",
        ("translate",),
        data_values.translation_prompt,
        True,
    ),
    "translation_requests": Reader(
        "hubkit.toml: [translation] context, retries, template", ("translate",), data_values.translation_requests, True
    ),
    "prompt_lengths": Reader(
        "adapter/hubkit_generation.json: prompt; hubkit.toml: [translation] prompt, rules, curb_thinking",
        ("translate", "finetune"),
        data_values.prompt_lengths,
        True,
    ),
    "corpus_version": Reader(
        "hubkit.toml: [corpus] version",
        ("read",),
        data_values.corpus_version,
        True,
        "hubkit knows no versions of this kind of corpus",
    ),
    "contents_of_splits": Reader(
        "studies/studies.parquet: split, subject_id, images", ("read",), data_values.contents_of_splits
    ),
    "exposures": Reader(
        "adapter/hubkit_generation.json: base_model.name; translations/translator.json: served.*.model",
        ("translate", "finetune"),
        data_values.exposures,
    ),
    "translation_hardware": Reader(
        "manifests/translate.json: hardware; hubkit.toml: [translation] engine, executor",
        ("translate",),
        data_values.translation_hardware,
    ),
    "shared_patients": Reader("studies/studies.parquet: subject_id, split", ("read",), data_values.shared_patients),
    "missing_sections": Reader("studies/studies.parquet: null sections", ("read",), data_values.missing_sections),
    "views": Reader("studies/studies.parquet: images.view, split", ("read",), data_values.views),
    **{
        f"positive_{split}": Reader(
            f"studies/selection.json: labels.{split}.*.positive",
            ("read",),
            partial(data_values.positive_labels, split=split),
            without="not recorded",
        )
        for split in SPLITS
    },
    "sections_by_status": Reader("revised/translations.parquet: status", ("revise",), data_values.sections_by_status),
    "ends_of_answers": Reader("generations/*.parquet: finish_reason", ("generate",), result_values.ends_of_answers),
    "scores_by_view": Reader(
        "scores/scores.parquet: f1; studies/studies.parquet: images", ("score",), result_values.scores_by_view, True
    ),
    "f1_by_finding": Reader(
        "scores/summary.json: conditions.lora.clinical.labels.*.f1", ("score",), result_values.f1_by_finding
    ),
    "subgroups": Reader(
        "scores/subgroups.json: divisions.*.groups.*.figures", ("score",), result_values.subgroups, True
    ),
    "tests": Reader("scores/summary.json: differences.*.p_holm", ("score",), result_values.tests),
    "clinical_errors": Reader(
        "scores/summary.json: conditions.*.errors per report, reports without error",
        ("score",),
        result_values.clinical_errors,
    ),
    "metrics_against_readers": Reader(
        "review/*/results.json: metrics.*.tau", (), result_values.metrics_against_readers
    ),
    "reviews": Reader("review/*/results.json: readers, strata, agreement", (), result_values.reviews),
    "prompts_tried": Reader(
        "sensitivity/sensitivity.json: prompts, studies, conditions.*.measures", (), result_values.prompts_tried
    ),
}
"""By the name that the tables of the guidelines use."""
