"""Values of the dossier that are computed from what came out: generated reports, scores, reviews. None is text of the
corpus."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq

from hubkit.artifacts.review_results import Results, read_results, results_files
from hubkit.artifacts.scores import Difference, read_summary
from hubkit.artifacts.sensitivity import read_sensitivity, results_path
from hubkit.artifacts.subgroups import read_subgroups
from hubkit.config import ReleaseConfig
from hubkit.packaging.populations import view_scores
from hubkit.screen import counted
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace


def metrics_against_readers(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """How the metrics agree with readers of generated reports: Kendall's tau-b with the penalty that readers gave."""
    parts = []
    for path in results_files(workspace):
        found = read_results(path.parent)
        name = f"{path.parent.name} (simulated)" if found.simulated else path.parent.name
        parts += [
            f"{name}: {row.metric} tau-b {row.tau.value:.3g} over {row.texts} reports"
            for row in found.metrics
            if row.tau.value is not None
        ]
    return "; ".join(parts) or None


def ends_of_answers(config: ReleaseConfig, workspace: Workspace) -> str:
    """How generation ended, by condition: by the model itself, or at the limit of tokens."""
    parts = []
    for condition in CONDITIONS:
        column = pq.read_table(workspace.generations(condition), columns=["finish_reason"])["finish_reason"]
        counts = Counter(column.to_pylist())
        parts.append(f"{condition}: " + ", ".join(f"{count} {reason}" for reason, count in counts.most_common()))
    return "; ".join(parts)


def scores_by_view(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """The adapter's mean BERTScore F1 (BERTimbau) by the view of a study's first image.

    None where subgroups were asked for: those have a smallest size, which these figures would get round.
    """
    if config.scoring.subgroups:
        return None
    rows = [f"{row.view} {row.f1:.3f} ({row.studies} studies)" for row in view_scores(workspace)]
    return ", ".join(rows) or None


def f1_by_finding(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """The adapter's F1 of each finding; where subgroups were asked for, of those that as many studies have."""
    found = read_subgroups(workspace)
    rows = [
        f"{label} {one.f1:.6g}"
        for label, one in read_summary(workspace).conditions["lora"].findings.items()
        if found is None or label in found.findings
    ]
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
    """Each review by readers that was collected: who read, how many rows, and how far they agree.

    Readers are compared with one another and each with themselves, over the items that were read twice.
    """
    parts = []
    for path in results_files(workspace):
        found = read_results(path.parent)
        years = ", ".join(str(reader.years) for reader in found.readers if reader.years is not None) or "not given"
        kind = f"{found.kind}, simulated" if found.simulated else found.kind
        parts.append(
            f"{path.parent.name} ({kind}): {counted(len(found.readers), 'reader')}, years of experience {years}, "
            f"{found.read} of {found.population} rows read, agreement between readers {_agreed(found, 'readers')}, "
            f"of readers with themselves {_agreed(found, 'repeats')}"
        )
    return "; ".join(parts) or None


def _agreed(results: Results, between: str) -> str:
    rows = [
        f"{row.question} {name} {one.value:.3g} ({row.items} items)"
        for row in results.agreement
        if row.between == between
        for name, one in row.coefficients.items()
        if one.value is not None
    ]
    return ", ".join(rows) or "not measured"


def prompts_tried(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """What `hubkit sensitivity` tried on validation studies, and which prompt would have been chosen."""
    if not results_path(workspace).exists():
        return None
    found = read_sensitivity(workspace)
    asked = {prompt.name: prompt.text for prompt in found.prompts}
    other = "" if asked[found.set_prompt] == config.generation.prompt else ", when another prompt was set"
    leads = [
        f"{condition} {choice.prompt} ({choice.lead.value:+.3g} over the set one)"
        for condition, one in found.conditions.items()
        for choice in [one.measures["bertimbau f1"].choice]
    ]
    return (
        f"{len(asked)} prompts and {max(1, len(found.draw_seeds))} draws of examples on {found.studies} studies of "
        f"{found.split}{other}; best by BERTScore F1: {', '.join(leads)}; test split {found.test_split}"
    )
