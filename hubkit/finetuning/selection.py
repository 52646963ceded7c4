"""The checkpoint of the lowest evaluation loss among those that the audit accepts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from hubkit.artifacts.memorisation import LOWER, excess
from hubkit.artifacts.training import CheckpointSelection, TriedCheckpoint, read_training
from hubkit.config import Audit, ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.finetuning.checkpoints import checkpoint_folder
from hubkit.finetuning.run import WITHIN_AUDIT, Run, checkpoints
from hubkit.models.samples import Samples
from hubkit.workspace import Workspace

WHERE = "[finetuning] select"


class Auditor(Protocol):
    """Measures what an adapter remembers. It stands above this package, which only asks it."""

    def check(self, splits: Mapping[str, Samples]) -> None:
        """Refuse what cannot be measured, before anything is trained.

        Raises:
            UsageError: there is no validation split, too little of it, or no bound.
        """

    def measure(self, adapter: Path, commit: str | None) -> tuple[float | None, int | None, int]:
        """The AUC of the strongest attack by losses, the longest run and the longest whole report of an adapter.

        Args:
            commit: the base's revision.
        """


def select(settings: Audit, runs: Sequence[Run], auditor: Auditor) -> tuple[int, Run, CheckpointSelection]:
    """Audit the checkpoints of all runs, from the lowest evaluation loss on, until one stays under the bounds.

    Returns:
        The number of its run, that run with this checkpoint as its best, and what was tried.

    Raises:
        HubkitError: none does.
    """
    order = sorted((loss, at, step) for at, run in enumerate(runs) for step, loss in checkpoints(run).items())
    tried: list[TriedCheckpoint] = []
    for loss, at, step in order:
        adapter = checkpoint_folder(runs[at].adapter.parent, step)
        auc, longest, whole = auditor.measure(adapter, runs[at].commit)
        over = excess(settings, auc, longest, whole)
        found = TriedCheckpoint(
            trial=at + 1,
            step=step,
            eval_loss=loss,
            auc=auc,
            longest=longest,
            whole=whole,
            excess=None if over is None else over.what,
        )
        tried.append(found)
        print(f"  finetune: step {step}, evaluation loss {loss:.4f}: {_measured(found)}", file=sys.stderr)
        if over is None:
            run = runs[at]._replace(adapter=adapter, best_step=step, eval_loss=loss)
            return at, run, _selection(settings, tried)
    raise HubkitError(
        f"none of {len(tried)} checkpoints stays under the bounds of [audit]; the least that one has: "
        f"{_least(settings, tried)}",
        where=WHERE,
        hint=f'{LOWER}; lower eval_steps for more checkpoints, raise the bound, or set {WHERE} = "eval_loss"',
    )


def chosen_otherwise(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Why the bounds of now would choose another checkpoint than the one that was chosen; see `Stage.differs`."""
    if config.finetuning.select != WITHIN_AUDIT:
        return None
    selection = read_training(workspace.adapter).selection
    if selection is None:
        return "the adapter was chosen without the audit"
    *left, kept = [excess(config.audit, one.auc, one.longest, one.whole) for one in selection.tried]
    if kept is None and None not in left:
        return None
    return "the bounds of [audit] choose another checkpoint"


def _selection(settings: Audit, tried: list[TriedCheckpoint]) -> CheckpointSelection:
    return CheckpointSelection(
        max_auc=settings.max_auc,
        max_verbatim=settings.max_verbatim,
        studies=settings.studies,
        completions=settings.completions,
        tried=tried,
    )


def _measured(found: TriedCheckpoint) -> str:
    auc = "not measurable" if found.auc is None else f"{found.auc:.3f}"
    longest = "nothing asked" if found.longest is None else f"{found.longest} words"
    return f"AUC {auc}, longest run {longest}: {'taken' if found.excess is None else 'left'}"


def _least(settings: Audit, tried: Sequence[TriedCheckpoint]) -> str:
    aucs = [one.auc for one in tried if one.auc is not None]
    runs = [one.longest for one in tried if one.longest is not None]
    told = []
    if settings.max_auc is not None and aucs:
        told.append(f"AUC {min(aucs):.3f} (max_auc {settings.max_auc})")
    if settings.max_verbatim is not None and runs:
        told.append(f"{min(runs)} words (max_verbatim {settings.max_verbatim})")
    return ", ".join(told)
