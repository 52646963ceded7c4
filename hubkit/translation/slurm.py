"""The tasks of a job of Slurm: waited for, and what became of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.errors import HubkitError
from hubkit.progress import Progress

POLL_SECONDS = 10.0
"""Between two calls of squeue: the controller serves the whole cluster."""

PATIENCE = 360
"""How often Slurm is asked again when it does not answer: an hour."""

ANSWER_SECONDS = 120.0
"""How long one of Slurm's commands may take; without its controller they give up by themselves after a while."""

ENDED = frozenset(
    {
        *("completed", "failed", "timeout", "cancelled", "node_fail", "out_of_memory"),
        *("preempted", "boot_fail", "deadline", "revoked"),
    }
)
"""The states that a task does not leave, in small letters. A task that was requeued is pending again."""

ORDINARY = frozenset({"None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime", "Cleaning", "Prolog"})
"""Reasons to wait that pass by themselves. The others, such as JobHeldUser, are reported."""

HINTS = {
    "timeout": "raise [translation.slurm] time",
    "out_of_memory": "raise [translation.slurm] mem_per_cpu_gb",
    "failed": "read the logs there",
}
"""What helps, by state; running again goes on with what is left in any case."""

FEW = 4
"""So many tasks of one fate are named."""


class TaskState(NamedTuple):
    """The state of a task as `squeue` has it, in small letters, and Slurm's reason for it."""

    state: str
    reason: str = "None"

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def cause(self) -> str:
        told = self.reason not in ORDINARY and self.reason.lower() != self.state
        return f"{self.state.upper()} ({self.reason})" if told else self.state.upper()


def require_slurm() -> None:
    """Raise HubkitError where Slurm's commands are not on PATH."""
    for tool in ("sbatch", "squeue"):
        if shutil.which(tool) is None:
            raise HubkitError(
                f"{tool} is not on PATH",
                where='[translation] executor = "slurm"',
                hint="run hubkit on a login node of the cluster",
            )


def recorded(record: Path) -> list[str]:
    """The ids in the file `record`; none where nothing was submitted."""
    if not record.exists():
        return []
    values = json.loads(record.read_text())
    # A file of an earlier version holds one id.
    return list(values.get("jobs") or [values["job"]])


def wait(jobs: Iterable[str], progress: Progress) -> dict[str, TaskState]:
    """Wait until all tasks of `jobs` have ended.

    Returns:
        The last state that Slurm gave for each task, by JOB_TASK.

    Raises:
        HubkitError: Slurm does not say, however often it is asked.
    """
    seen: dict[str, TaskState] = {}
    under_way = list(jobs)
    while under_way:
        states = {job: task_states(job) for job in under_way}
        for tasks in states.values():
            seen |= tasks
        under_way = [job for job, tasks in states.items() if any(not task.ended for task in tasks.values())]
        if under_way:
            told = {name: task for job in under_way for name, task in states[job].items()}
            progress.note = f"Slurm job {', '.join(under_way)}: {counted_states(told)}"
            time.sleep(POLL_SECONDS)
    forgotten = {name.partition("_")[0] for name, task in seen.items() if not task.ended}
    for job in forgotten:
        seen |= _accounted(job)
    return seen


def is_under_way(jobs: Iterable[str]) -> bool:
    """Whether a task of `jobs` has not ended."""
    return any(not task.ended for job in jobs for task in task_states(job).values())


def task_states(job: str, patience: int | None = None) -> dict[str, TaskState]:
    """The states of a job's tasks by JOB_TASK; none where Slurm has forgotten the job, as it does in time.

    Args:
        patience: how often Slurm is asked where it does not answer; None: for an hour.

    Raises:
        HubkitError: Slurm does not say, however often it is asked.
    """
    command = ["squeue", "--noheader", "--jobs", job, "--array", "--states", "all", "--format", "%i %T %r"]
    said = ""
    for _ in range(patience or PATIENCE):
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            said = f"no answer within {ANSWER_SECONDS:.0f} s"
            continue
        if answer.returncode == 0:
            return _parsed(answer.stdout)
        if "Invalid job id" in answer.stderr:
            return {}
        said = (answer.stderr.splitlines() or [f"code {answer.returncode}"])[0]
        if patience is None:
            time.sleep(POLL_SECONDS)
    raise HubkitError(
        f"squeue does not say whether job {job} runs: {said}", hint="run again: hubkit goes on waiting for that job"
    )


def counted_states(tasks: Mapping[str, TaskState]) -> str:
    """How many tasks are in which state, with what keeps them from starting."""
    counts = Counter(
        f"{task.state} ({task.reason})" if task.state == "pending" and task.reason not in ORDINARY else task.state
        for task in tasks.values()
    )
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def fates(tasks: Mapping[str, TaskState]) -> list[str]:
    """What became of the tasks that did not complete: `tasks 12_0, 12_3: TIMEOUT`."""
    by_cause: defaultdict[str, list[str]] = defaultdict(list)
    for name, task in sorted(tasks.items(), key=lambda item: [int(part) for part in re.findall(r"\d+", item[0])]):
        if task.state != "completed":
            by_cause[task.cause if task.ended else f"ended; Slurm last had it {task.state}"].append(name)
    return [f"{_named(names)}: {cause}" for cause, names in by_cause.items()]


def hints(tasks: Mapping[str, TaskState]) -> str:
    """What helps against the states in which tasks ended; "" for none."""
    return ", ".join(dict.fromkeys(HINTS[task.state] for task in tasks.values() if task.state in HINTS))


def tell_joined(jobs: Iterable[str]) -> None:
    """Say that this run waits for a job that an earlier one submitted."""
    print(f"  translate: joins Slurm job {', '.join(jobs)}, which is under way", file=sys.stderr)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"task{'s' if len(names) > 1 else ''} {', '.join(names[:FEW])}{more}"


def _accounted(job: str) -> dict[str, TaskState]:
    """How tasks ended that squeue forgot, from Slurm's accounting where there is one."""
    command = ["sacct", "--noheader", "--allocations", "--parsable2", "--jobs", job, "--format", "JobID,State"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    # "CANCELLED by 1000" has more than the state.
    lines = [line.split("|") for line in answer.stdout.splitlines() if line.count("|") == 1]
    return {name: TaskState(state.split()[0].lower()) for name, state in lines if state.strip()}


def _parsed(listed: str) -> dict[str, TaskState]:
    rows: list[Any] = [line.split(None, 2) for line in listed.splitlines() if line.strip()]
    return {row[0]: TaskState(row[1].lower(), row[2].strip() if len(row) > 2 else "None") for row in rows}
