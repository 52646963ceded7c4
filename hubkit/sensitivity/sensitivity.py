"""`hubkit sensitivity`: how far the scores hang on the prompt and on the examples, on validation studies alone."""

from __future__ import annotations

from hubkit.artifacts.sensitivity import SensitivityResults, results_path, write_sensitivity
from hubkit.config import ReleaseConfig
from hubkit.disk import full_disk
from hubkit.progress import running
from hubkit.sensitivity.answers import answer_design, base_name
from hubkit.sensitivity.design import Design, make_design
from hubkit.sensitivity.plots import draw_plots
from hubkit.sensitivity.results import summarise
from hubkit.sensitivity.scores import score_answers
from hubkit.workspace import Workspace


def measure_sensitivity(config: ReleaseConfig, workspace: Workspace) -> SensitivityResults:
    """Try every combination of prompt, examples and condition, and write what came of it to `workspace.sensitivity`.

    What was answered and scored is kept there: a run that was cut off continues.

    Raises:
        UsageError: a prompt or a setting cannot be used.
        HubkitError: a split lacks what is needed, or a model cannot be loaded.
    """
    # A missing package is found before the hours in which a model answers.
    import statsmodels  # noqa: F401

    with workspace.lock():
        design = make_design(config, workspace)
        try:
            with running("sensitivity"), full_disk(workspace.root, lambda: _needed(design)):
                answers = answer_design(config, workspace, design)
                scores = score_answers(config, workspace, design, answers)
                found = summarise(config, design, scores, base_name(config, workspace))
                # Cut off between the two, figures of a former run must not stand next to plots of this one.
                results_path(workspace).unlink(missing_ok=True)
                draw_plots(workspace.sensitivity, found)
                write_sensitivity(workspace, found)
        finally:
            workspace.close(config.workspace.group, quiet=True)
    return found


def _needed(design: Design) -> str:
    reports = len(design.all_cells()) * len(design.samples)
    # A report of 512 tokens, its ids and its batch.
    return f"sensitivity keeps {reports:,} reports, about {max(1, reports * 4 // 1000)} MB"
