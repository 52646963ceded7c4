"""Values of the dossier that stand in no file as they are: they are computed from tables and settings. None has text of
the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pyarrow.parquet as pq

from hubkit.artifacts.recipe import read_base
from hubkit.artifacts.review_results import read_results, results_files
from hubkit.artifacts.scores import Difference, read_summary
from hubkit.artifacts.subgroups import read_subgroups
from hubkit.artifacts.translator import read_translator
from hubkit.config import ReleaseConfig
from hubkit.packaging.effort import COMPUTING, efforts
from hubkit.packaging.populations import view_counts, view_scores
from hubkit.tables import CONDITIONS, SPLITS
from hubkit.terms.exposure import statements
from hubkit.terms.kinds import terms_of
from hubkit.translation.prompt import Prompt
from hubkit.workspace import Workspace


def translation_prompt(config: ReleaseConfig, workspace: Workspace) -> str:
    """What the translator reads in addition to the text."""
    prompt = Prompt.of(config.translation)
    if prompt.template == "translategemma":
        return "none: the model's own template, with the languages en and pt-BR"
    return f"{prompt.system} (in the {prompt.template} turn)"


def exposures(config: ReleaseConfig, workspace: Workspace) -> str:
    """Which models had seen the corpus before, as far as their makers say it."""
    base = read_base(workspace.adapter).name
    translators = [served.model for served in read_translator(workspace).served if served.model]
    return " ".join(statements(base, translators, terms_of(config.corpus)).sentences).lstrip("†‡ ")


def shared_patients(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many patients have studies in more than one split."""
    splits: dict[int, set[str]] = {}
    for batch in pq.ParquetFile(workspace.studies).iter_batches(columns=["subject_id", "split"]):
        for subject, split in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            splits.setdefault(subject, set()).add(split)
    shared = sum(len(found) > 1 for found in splits.values())
    return f"{shared} of {len(splits)} patients have studies in more than one split"


def translation_hardware(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """What translated, or that it was a server or a cluster, of which hubkit knows no hardware."""
    found = next(effort for effort in efforts(config, workspace) if effort.work == COMPUTING["translate"])
    return found.hardware or found.unknown or None


def sections_by_status(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many translated sections passed the checks, were flagged, or failed."""
    counts = Counter(pq.read_table(workspace.translations, columns=["status"])["status"].to_pylist())
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items(), key=lambda at: (-at[1], at[0])))


def ends_of_answers(config: ReleaseConfig, workspace: Workspace) -> str:
    """How generation ended, by condition: by the model itself, or at the limit of tokens."""
    parts = []
    for condition in CONDITIONS:
        column = pq.read_table(workspace.generations(condition), columns=["finish_reason"])["finish_reason"]
        counts = Counter(column.to_pylist())
        parts.append(f"{condition}: " + ", ".join(f"{count} {reason}" for reason, count in counts.most_common()))
    return "; ".join(parts)


def missing_sections(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many studies lack each section."""
    names = ["indication", "comparison", "findings", "impression"]
    studies, lacking = 0, Counter(dict.fromkeys(names, 0))
    # The columns hold the reports: all of them at once would fill the memory of a laptop.
    for batch in pq.ParquetFile(workspace.studies).iter_batches(columns=names):
        studies += batch.num_rows
        lacking.update({name: batch.column(name).null_count for name in names})
    counts = ", ".join(f"{name} {lacking[name]}" for name in names)
    return f"of {studies} studies without the section: {counts}"


def views(config: ReleaseConfig, workspace: Workspace) -> str:
    """Images by view, in the order of the splits."""
    counts = [f"{row.view} " + "/".join(map(str, row.images)) for row in view_counts(workspace)]
    return f"{'/'.join(SPLITS)}: {', '.join(counts)}" if counts else "no images"


def scores_by_view(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """The adapter's mean BERTScore F1 (BERTimbau) by the view of a study's first image.

    None where views are subgroups: those have a smallest size, which these figures would get round.
    """
    if "view" in config.scoring.subgroups:
        return None
    rows = [f"{row.view} {row.f1:.3f} ({row.studies} studies)" for row in view_scores(workspace)]
    return ", ".join(rows) or None


def subgroups(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """The adapter's BERTScore F1 (BERTimbau) over each group that is large enough, with its interval."""
    found = read_subgroups(workspace)
    rows = [
        f"{division.name}, {group.name} ({group.studies} studies): {one.figure.value:.3f} "
        f"({one.figure.low:.3f} to {one.figure.high:.3f})"
        for division in (found.divisions if found else ())
        for group in division.groups
        for one in group.figures
        if (one.condition, one.measure) == ("lora", "bertimbau f1")
    ]
    return "; ".join(rows) or None


def tests(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Every difference that was tested, with its interval and its p value after Holm's adjustment."""
    return "; ".join(_tested(row) for row in read_summary(workspace).tested) or None


def _tested(row: Difference) -> str:
    interval = f"{row.difference:+.3g} ({row.low:.3g} to {row.high:.3g})"
    return f"{row.system} over {row.against}, {row.measure}: {interval}, p = {row.p_holm:.2g}"


def clinical_errors(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Clinical errors a report, and the share of reports without one, by condition."""
    systems = read_summary(workspace).conditions
    names = ("errors per report", "reports without error")
    parts = [
        f"{system}: " + ", ".join(f"{name} {found.metrics[name].value:.3g}" for name in names)
        for system, found in systems.items()
        if system in CONDITIONS and all(name in found.metrics for name in names)
    ]
    return "; ".join(parts) or None


def reviews(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Each review by readers that was collected: who read, how many rows, and how far readers agree."""
    parts = []
    for path in results_files(workspace):
        found = read_results(path.parent)
        years = ", ".join(str(reader.years) for reader in found.readers if reader.years is not None) or "not given"
        agreed = [
            f"{row.question} {name} {one.value:.3g}"
            for row in found.agreement
            if row.between == "readers"
            for name, one in row.coefficients.items()
            if one.value is not None
        ]
        kind = f"{found.kind}, simulated" if found.simulated else found.kind
        parts.append(
            f"{path.parent.name} ({kind}): {len(found.readers)} readers, years of experience {years}, "
            f"{found.read} of {found.population} rows read, agreement {', '.join(agreed) or 'not measured'}"
        )
    return "; ".join(parts) or None


class Reader(NamedTuple):
    """A value that is computed.

    Attributes:
        where: the files or settings that it comes from.
        stages: the stages that have to have run, the one that wrote the files last.
        compute: None where the release has nothing of it.
        settings: whether it is computed from hubkit.toml, and is not given where that changed since.
    """

    where: str
    stages: tuple[str, ...]
    compute: Callable[[ReleaseConfig, Workspace], str | None]
    settings: bool = False


READERS = {
    "translation_prompt": Reader(
        "hubkit.toml: [translation] prompt, rules, curb_thinking, template", ("translate",), translation_prompt, True
    ),
    "exposures": Reader(
        "adapter/hubkit_generation.json: base_model.name; translations/translator.json: served.*.model",
        ("translate", "finetune"),
        exposures,
    ),
    "translation_hardware": Reader(
        "manifests/translate.json: hardware; hubkit.toml: [translation] engine, executor",
        ("translate",),
        translation_hardware,
    ),
    "shared_patients": Reader("studies/studies.parquet: subject_id, split", ("read",), shared_patients),
    "missing_sections": Reader("studies/studies.parquet: null sections", ("read",), missing_sections),
    "views": Reader("studies/studies.parquet: images.view, split", ("read",), views),
    "sections_by_status": Reader("revised/translations.parquet: status", ("revise",), sections_by_status),
    "ends_of_answers": Reader("generations/*.parquet: finish_reason", ("generate",), ends_of_answers),
    "scores_by_view": Reader(
        "scores/scores.parquet: f1; studies/studies.parquet: images", ("score",), scores_by_view, True
    ),
    "subgroups": Reader("scores/subgroups.json: divisions.*.groups.*.figures", ("score",), subgroups, True),
    "tests": Reader("scores/summary.json: differences.*.p_holm", ("score",), tests),
    "clinical_errors": Reader(
        "scores/summary.json: conditions.*.errors per report, reports without error", ("score",), clinical_errors
    ),
    "reviews": Reader("review/*/results.json: readers, strata, agreement", (), reviews),
}
"""By the name that the tables of the guidelines use."""
