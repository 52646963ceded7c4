"""Where the step runs: in this process, or in many through datatrove (workers here, Slurm, Ray)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models.devices import gpus_for
from hubkit.progress import Progress, repeated
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.plan import plan, write_plan
from hubkit.translation.units import Unit
from hubkit.translation.worker import Worker
from hubkit.workspace import write_json

QUIET = {"LOGURU_DIAGNOSE": "NO", "RAY_USAGE_STATS_ENABLED": "0"}
"""The environment of every task: datatrove logs errors through loguru, which would print the values of variables, that
is reports, beside each line of a traceback; and Ray would tell its makers of its use."""

SUPERVISOR = (sys.executable, "-m", "hubkit.translation.engines.supervisor")

POLL_SECONDS = 10.0

PATIENCE = 360
"""How often Slurm is asked again when it does not answer: an hour."""

RAY_SECONDS = 30.0
"""How long a connection to RAY_ADDRESS may take; Ray itself would try for a quarter of an hour."""


def run_worker(step: Worker, units: Sequence[Unit]) -> None:
    """Translate `units` where the settings of `step` say.

    Raises:
        UsageError: more workers compute at the same time than there are GPUs.
        HubkitError: a task ended without having translated its share; what is translated is kept.
    """
    settings = step.translation
    chunks = plan(units, settings.checkpoint)
    todo = step.todo(chunks)
    if settings.executor == "local" and settings.tasks == 1:
        with Progress("translate: units", sum(map(len, todo.chunks))) as progress:
            step.run(todo, done=progress.advance)
        return
    os.environ.update(QUIET)
    step.gpus = _gpus(settings)
    write_plan(step.folder, chunks)
    with _watched(step.checkpoints, len(todo.chunks)) as progress:
        if settings.executor == "slurm":
            _run_slurm(step, progress)
        else:
            {"local": _run_local, "ray": _run_ray}[settings.executor](step)
    answered = step.checkpoints.statuses()
    left = sum(unit.key not in answered for unit in units)
    if left:
        reasons = "; ".join(dict.fromkeys(step.failures())) or "read the logs there"
        raise HubkitError(
            f"{left} units were not translated: {reasons}",
            where=step.logs,
            hint="run again: what is translated is kept",
        )


def _gpus(settings: Translation) -> list[str]:
    """The GPUs that the processes of this machine share out; Slurm and Ray give theirs to each task."""
    if settings.executor != "local" or settings.engine != "transformers":
        return []
    return gpus_for(min(settings.tasks, settings.workers), settings.device, "[translation] workers")


def _run_local(step: Worker) -> None:
    import dill
    from datatrove.executor import LocalPipelineExecutor

    tasks, workers = step.translation.tasks, step.translation.workers
    executor = LocalPipelineExecutor([step], tasks, workers, logging_dir=str(step.logs), skip_completed=False)
    file = step.logs / "executor.pik"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(dill.dumps(executor))
    # The pool's processes outlive a hubkit that is killed and hold the workspace's lock: the supervisor ends them.
    launch = [str(Path(sys.executable).with_name("launch_pickled_pipeline")), str(file)]
    # Without a share of their own, all workers would compute on all cores and wait for one another.
    threads = max(len(os.sched_getaffinity(0)) // workers, 1)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    with (
        (step.logs / "console.log").open("ab") as console,
        subprocess.Popen(
            [*SUPERVISOR, *launch],
            stdin=subprocess.PIPE,  # closed when this block is left, however it is left
            stdout=console,
            stderr=console,
            start_new_session=True,
            env=environment,
        ) as supervisor,
    ):
        supervisor.wait()


def _run_ray(step: Worker) -> None:
    import ray
    from datatrove.executor.ray import RayPipelineExecutor

    settings = step.translation
    executor = _built(RayPipelineExecutor, step, "ray", {"workers": settings.workers, **settings.ray})
    options: dict[str, Any] = {"runtime_env": {"env_vars": QUIET}, "log_to_driver": False}
    address = os.environ.get("RAY_ADDRESS")
    if address is None:
        # A Ray of our own keeps to loopback; its workers need not have a core each.
        cores = max(os.cpu_count() or 1, settings.workers + 1)
        options |= {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": cores}
    else:
        _require_listener(address)
    try:
        session = ray.init(**options)
    except ConnectionError:
        raise HubkitError("no Ray is there", where=f"RAY_ADDRESS {address}", hint=HINT_RAY) from None
    with session:
        _require_resources(executor, ray.cluster_resources())
        executor.run()


HINT_RAY = "start the cluster, or unset RAY_ADDRESS for a Ray on this machine"


def _require_listener(address: str) -> None:
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto" and the like, where Ray looks for itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), RAY_SECONDS).close()
    except (OSError, OverflowError):
        raise HubkitError(
            f"no Ray answers within {RAY_SECONDS:.0f} s", where=f"RAY_ADDRESS {address}", hint=HINT_RAY
        ) from None


def _require_resources(executor: Any, there: Mapping[str, float]) -> None:
    """Ray would wait without end for what no machine of it has."""
    gib = executor.mem_per_cpu_gb * executor.cpus_per_task
    for name, wanted, found in (
        ("cores", executor.cpus_per_task, there.get("CPU", 0)),
        ("GPUs", executor.gpus_per_task, there.get("GPU", 0)),
        ("GiB of memory", gib, there.get("memory", 0) / 2**30),
    ):
        if wanted > found:
            raise UsageError(
                f"a task is to have {wanted:g} {name}, and Ray has {found:.3g}",
                where="[translation.ray]",
                hint="set gpus_per_task, cpus_per_task and mem_per_cpu_gb to what a machine has",
            )


def _run_slurm(step: Worker, progress: Progress) -> None:
    from datatrove.executor import SlurmPipelineExecutor

    for tool in ("sbatch", "squeue"):
        if shutil.which(tool) is None:
            raise HubkitError(
                f"{tool} is not on PATH",
                where='[translation] executor = "slurm"',
                hint="run hubkit on a login node of the cluster",
            )
    record = step.logs / "job.json"
    job = json.loads(record.read_text())["job"] if record.exists() else None
    if job is None or not job_states(job):
        settings = step.translation
        options = {"job_name": "hubkit-translate", "workers": settings.workers, **settings.slurm}
        ours = {"PATH": f"{Path(sys.executable).parent}:$PATH", **QUIET}
        exports = "export " + " ".join(f"{name}={value}" for name, value in ours.items())
        options["env_command"] = "; ".join(filter(None, ["umask 077", exports, options.get("env_command")]))
        executor = _built(SlurmPipelineExecutor, step, "slurm", options)
        try:
            executor.run()
        except (OSError, subprocess.CalledProcessError) as error:
            raise HubkitError(
                f"sbatch did not take the job: {error}", where=step.logs / "launch_script.slurm"
            ) from None
        job = str(executor.job_id)
        write_json(record, {"job": job})
    while states := job_states(job):
        progress.note = f"Slurm job {job}: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
        time.sleep(POLL_SECONDS)


def job_states(job: str) -> Counter[str]:
    """How many tasks of a job are in which of Slurm's states; none where it ended: Slurm forgets a job in time.

    Raises:
        HubkitError: Slurm does not say, however often it is asked.
    """
    for _ in range(PATIENCE):
        # A line for each task of the array, with the word for its state alone.
        command = ["squeue", "--noheader", "--jobs", job, "--array", "--format", "%T"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return Counter(line.strip().lower() for line in answer.stdout.splitlines() if line.strip())
        if "Invalid job id" in answer.stderr:
            return Counter()
        time.sleep(POLL_SECONDS)
    said = (answer.stderr.splitlines() or [f"code {answer.returncode}"])[0]
    raise HubkitError(
        f"squeue does not say whether job {job} runs: {said}", hint="run again: hubkit goes on waiting for that job"
    )


def _built(executor: Callable[..., Any], step: Worker, name: str, options: dict[str, Any]) -> Any:
    """One of datatrove's executors, with the options of [translation.NAME].

    Raises:
        UsageError: it has no such option, or lacks one.
    """
    tasks, logs = step.translation.tasks, str(step.logs)
    try:
        return executor([step], tasks=tasks, logging_dir=logs, skip_completed=False, **options)
    except TypeError as error:
        raise UsageError(str(error).rpartition("() ")[2], where=f"[translation.{name}]") from None


@contextmanager
def _watched(checkpoints: Checkpoints, chunks: int) -> Iterator[Progress]:
    """Show how many of so many chunks are kept while other processes translate them."""
    before = len(checkpoints.paths())
    with (
        Progress("translate: chunks", chunks) as progress,
        repeated(2.0, lambda: progress.reach(len(checkpoints.paths()) - before)),
    ):
        yield progress
