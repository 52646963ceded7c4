"""The stage score: generations -> scores.parquet, summary.json, extremes.json and plots."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hubkit.artifacts.extremes import Extremes, write_extremes
from hubkit.artifacts.scores import write_summary
from hubkit.artifacts.subgroups import write_subgroups
from hubkit.config import ReleaseConfig
from hubkit.scoring.groups import Study, read_studies
from hubkit.scoring.inputs import Evaluation, read_evaluation
from hubkit.tables import CONDITIONS, SCORES, SETUPS
from hubkit.workspace import Workspace, write_table

if TYPE_CHECKING:
    import pyarrow as pa

    from hubkit.scoring.bertscore import SetupScores


def score(config: ReleaseConfig, workspace: Workspace) -> None:
    """Score the three conditions in both setups on the test split, and write what there is to say about it.

    Raises:
        HubkitError: a table is missing or does not fit the others, or an encoder cannot be loaded.
    """
    from hubkit.scoring.bertscore import setup_scores
    from hubkit.scoring.figures import extreme_studies
    from hubkit.scoring.plots import draw_plots
    from hubkit.scoring.summary import means, summarise

    evaluation = read_evaluation(config, workspace)
    # Before the encoders run: what is wrong with these files is known in a second.
    studies = read_studies(config, workspace, evaluation) if config.scoring.subgroups else []
    setups = {setup: setup_scores(config, workspace, setup, evaluation) for setup in SETUPS}
    write_table(workspace.scores / "scores.parquet", scores_table(evaluation, setups))
    summary = summarise(config, evaluation, setups)
    if evaluation.left_out:
        whole = read_evaluation(config, workspace, flagged=True)
        of_whole = {setup: setup_scores(config, workspace, setup, whole) for setup in SETUPS}
        summary = summary.model_copy(update={"with_left_out": means(config, whole, of_whole)})
    write_summary(workspace, summary)
    _subgroups(config, workspace, evaluation, setups, studies)
    for caution in summary.cautions:
        print(f"  score: {caution}", file=sys.stderr)
    f1 = {setup: {system: values[:, 2] for system, values in found.scores.items()} for setup, found in setups.items()}
    extremes = {setup: extreme_studies(f1[setup], evaluation.studies) for setup in SETUPS}
    write_extremes(workspace, Extremes(setups=extremes))
    draw_plots(workspace.scores, evaluation, setups, summary)


def _subgroups(
    config: ReleaseConfig,
    workspace: Workspace,
    evaluation: Evaluation,
    setups: Mapping[str, SetupScores],
    studies: list[Study],
) -> None:
    """Score the subgroups that are asked for, and take those of a former run away."""
    from hubkit.scoring.plots import draw_subgroups
    from hubkit.scoring.subgroup_tables import write_csv
    from hubkit.scoring.subgroups import score_subgroups

    # With a smaller minimum they may show what should not be shown any more.
    for path in workspace.scores.glob(f"{workspace.subgroups.stem}.*"):
        path.unlink()
    if studies:
        found = score_subgroups(config, evaluation, setups, studies)
        write_subgroups(workspace, found)
        write_csv(workspace.subgroups.with_suffix(".csv"), found)
        draw_subgroups(workspace.scores, found)
        for caution in found.cautions:
            print(f"  score: {caution}", file=sys.stderr)


def scores_table(evaluation: Evaluation, setups: Mapping[str, SetupScores]) -> pa.Table:
    """The scores of every condition, setup and study, sorted in this order; the baseline stays out of it."""
    import pyarrow as pa

    parts = [
        pa.table(
            [
                pa.array(evaluation.subjects),
                pa.array(evaluation.studies),
                pa.array([condition] * len(evaluation.studies)),
                pa.array([setup] * len(evaluation.studies)),
                *[pa.array(column) for column in setups[setup].scores[condition].T.copy()],
            ],
            schema=SCORES,
        )
        for condition in sorted(CONDITIONS)
        for setup in sorted(SETUPS)
    ]
    return pa.concat_tables(parts).combine_chunks()
