"""Where a workspace stands: its stages, rows that are flagged, jobs that run, and what is on the Hub."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.receipt import read_receipt
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.release import plan
from hubkit.report.forecast import repo_lines
from hubkit.report.outcomes import outcome, statuses
from hubkit.stages import STAGES
from hubkit.translation.slurm import counted_states, recorded, task_states
from hubkit.workspace import Workspace


def status(config: ReleaseConfig, workspace: Workspace) -> Iterator[str]:
    """Yield lines for people; nothing is changed, and a Hub that does not answer is not waited for."""
    busy = "a hubkit works in it now" if workspace.busy() else "nothing runs in it"
    yield f"{'workspace':<10} {workspace.root} ({busy})"
    yield from _stages(config, workspace)
    yield from _flagged(workspace)
    yield from _jobs(workspace)
    yield from _pushed(workspace)
    yield from repo_lines(config, workspace)


def _stages(config: ReleaseConfig, workspace: Workspace) -> Iterator[str]:
    try:
        steps = {step.stage.name: step for step in plan(config, workspace)}
    except HubkitError as error:
        # Without its corpus nobody can tell whether it changed; what was made is still there.
        yield f"{'corpus':<10} {error}"
        steps = {}
    for stage in STAGES:
        manifest, step = read_manifest(workspace, stage.name), steps.get(stage.name)
        made = outcome(stage.name, workspace) if manifest else None
        when = f"{manifest.started[:10]}" if manifest else ""
        if step is None:
            state = f"done {when}" if manifest else "not done yet"
        elif step.action == "skip":
            state = f"done {when}"
        elif step.action == "maybe":
            state = f"done {when}, perhaps stale: an earlier stage has to run"
        elif manifest:
            state = f"stale: {step.reason.replace('stage runs', 'stage has to run')}"
        else:
            state = step.reason
        yield f"{stage.name:<10} {state}" + (f"; {made}" if made else "")


def _flagged(workspace: Workspace) -> Iterator[str]:
    try:
        counts = statuses(workspace)
    except FileNotFoundError:
        return
    share = (counts.total() - counts["ok"]) / max(counts.total(), 1)
    yield (
        f"{'flagged':<10} {counts['flagged']} flagged and {counts['failed']} failed of {counts.total():,} sections "
        f"({share:.1%}); side by side: hubkit report"
    )


def _jobs(workspace: Workspace) -> Iterator[str]:
    for record in sorted((workspace.root / "partial").glob("translate-*/slurm-*/job.json")):
        for job in recorded(record):
            try:
                told = counted_states(task_states(job, patience=1))
            except (HubkitError, OSError) as error:
                yield f"{'jobs':<10} Slurm job {job}: not known ({error})"
                continue
            yield f"{'jobs':<10} Slurm job {job}: {told or 'ended'}"


def _pushed(workspace: Workspace) -> Iterator[str]:
    receipt = read_receipt(workspace)
    if receipt is None:
        yield f"{'pushed':<10} nothing from this workspace"
        return
    gone = f", withdrawn on {receipt.withdrawn}" if receipt.withdrawn else ""
    yield f"{'pushed':<10} {receipt.tag} to {receipt.endpoint}{gone}"
