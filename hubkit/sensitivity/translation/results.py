"""From the translations of all ways to what is reported: shares flagged, errors, and the way that would be chosen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hubkit.artifacts.scores import Interval
from hubkit.artifacts.translation_sensitivity import (
    BackTranslationErrors,
    ChosenWay,
    SecondModel,
    TranslationSensitivity,
    TriedWay,
)
from hubkit.config import ReleaseConfig
from hubkit.error_profile.profile import DIMENSIONS
from hubkit.metrics.measure import mean
from hubkit.models.folders import public_name
from hubkit.scoring.statistics import bootstrap, interval_cautions, with_interval
from hubkit.sensitivity.design import SPLIT
from hubkit.sensitivity.results import best_prompts, lead_on_others
from hubkit.sensitivity.translation.answers import Translated
from hubkit.sensitivity.translation.back import BackErrors
from hubkit.sensitivity.translation.design import TranslationDesign, Way

FLAGGED, ERRORS = "reports flagged", "errors after back-translation"


def summarise_translation(
    config: ReleaseConfig,
    design: TranslationDesign,
    translated: Mapping[Way, Translated],
    back: BackErrors | None,
) -> TranslationSensitivity:
    """What the translations of a design say.

    Args:
        back: errors of back-translations, where a second model is set.
    """
    flagged = np.stack([_by_study(design, translated[way]) for way in design.ways])
    shares, choice = _measure(config, design, flagged)
    choices, errors = {FLAGGED: choice}, dict[Way, BackTranslationErrors]()
    if back:
        rows = np.stack([back.counts[way].by_report for way in design.ways])
        per_report, choices[ERRORS] = _measure(config, design, rows)
        for way, one in zip(design.ways, per_report, strict=True):
            dimensions = {name: back.counts[way].of_dimension(name).over_all() for name in DIMENSIONS}
            errors[way] = BackTranslationErrors(per_report=one, by_dimension=dimensions)
    settings, second = config.translation, config.sensitivity.back_translation
    return TranslationSensitivity(
        split=SPLIT,
        test_split="not read",
        studies=len(design.studies),
        patients=design.patients,
        fraction=config.sensitivity.fraction,
        model=public_name(settings.model, settings.model_id),
        prompt=settings.prompt,
        template=settings.template,
        ways=[
            _tried(way, translated[way], len(design.studies), share, errors.get(way))
            for way, share in zip(design.ways, shares, strict=True)
        ],
        set_way=design.ways[design.of_set].name,
        choices=choices,
        second_model=SecondModel(
            model=public_name(second.model, second.model_id), revision=back.revision, left_out=back.left_out
        )
        if second and back
        else None,
        seed=config.release.seed,
        resamples=config.scoring.resamples,
        confidence=config.scoring.confidence,
        cautions=tuple(interval_cautions(len(design.studies))),
    )


def _by_study(design: TranslationDesign, one: Translated) -> np.ndarray:
    """(studies,): 1 where a section of the report is flagged."""
    flagged = {unit.study_id for unit in one.units if unit.flagged}
    return np.array([study in flagged for study in design.studies], np.float64)


def _tried(way: Way, one: Translated, studies: int, share: Interval, errors: BackTranslationErrors | None) -> TriedWay:
    by_check: dict[str, set[int]] = {}
    for unit in one.units:
        for name in unit.errors:
            by_check.setdefault(name, set()).add(unit.study_id)
    return TriedWay(
        name=way.name,
        units=way.units,
        rules=way.rules,
        context=way.context,
        revision=one.revision,
        texts=len(one.units),
        failed=sum(unit.text is None for unit in one.units),
        units_flagged=sum(unit.flagged for unit in one.units) / len(one.units),
        reports_flagged=share,
        checks={name: len(found) / studies for name, found in sorted(by_check.items())},
        back_translation=errors,
    )


def _measure(config: ReleaseConfig, design: TranslationDesign, rows: np.ndarray) -> tuple[list[Interval], ChosenWay]:
    """The mean of each way with its interval, and the way with the least.

    Args:
        rows: ways x studies; each study is of another patient.
    """
    names, of_set, level = [way.name for way in design.ways], design.of_set, config.scoring.confidence
    measures = {name: mean(row) for name, row in zip(names, rows, strict=True)}
    drawn = bootstrap(measures, np.arange(rows.shape[1]), config.scoring.resamples, config.release.seed)
    best = int(best_prompts(rows.sum(axis=1), of_set, True))
    lead = with_interval(rows[best].mean() - rows[of_set].mean(), drawn[names[best]] - drawn[names[of_set]], level)
    means = [with_interval(row.mean(), drawn[name], level) for name, row in zip(names, rows, strict=True)]
    return means, ChosenWay(way=names[best], lead=lead, lead_on_others=lead_on_others(rows, of_set, True))
