"""Where the step runs: in this process, or in many through datatrove (workers here, Slurm, Ray)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models.devices import gpus_for
from hubkit.progress import Progress, repeated
from hubkit.translation import slurm
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.plan import plan, write_plan
from hubkit.translation.units import Unit
from hubkit.translation.worker import Worker

QUIET = {"LOGURU_DIAGNOSE": "NO", "RAY_USAGE_STATS_ENABLED": "0"}
"""The environment of every task: datatrove logs errors through loguru, which would print the values of variables, that
is reports, with each line of a traceback; and Ray would tell its makers of its use."""

SUPERVISOR = (sys.executable, "-m", "hubkit.translation.engines.supervisor")

RAY_SECONDS = 30.0
"""How long a connection to RAY_ADDRESS may take; Ray itself would try for a quarter of an hour."""


class Outcome(NamedTuple):
    """What became of tasks that other machines ran: their ends in words, and what helps."""

    fates: Sequence[str] = ()
    hint: str = ""


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
    outcome = Outcome()
    write_plan(step.folder, chunks)
    with _watched(step.checkpoints, len(todo.chunks)) as progress:
        if settings.executor == "slurm":
            outcome = _run_slurm(step, progress)
        else:
            {"local": _run_local, "ray": _run_ray}[settings.executor](step)
    answered = step.checkpoints.statuses()
    left = sum(unit.key not in answered for unit in units)
    if left:
        reasons = "; ".join([*outcome.fates, *dict.fromkeys(step.failures())]) or "read the logs there"
        advice = f"{outcome.hint}; then run" if outcome.hint else "run"
        raise HubkitError(
            f"{left} units were not translated: {reasons}",
            where=step.logs,
            hint=f"{advice} again: what is translated is kept",
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
    address = os.environ.get("RAY_ADDRESS")
    if address is None:
        # Ray replaces 127.0.0.1 by this machine's address, except where it expects no cluster. It reads this on import.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    import ray
    from datatrove.executor.ray import RayPipelineExecutor

    settings = step.translation
    executor = _built(RayPipelineExecutor, step, "ray", {"workers": settings.workers, **settings.ray})
    options: dict[str, Any] = {"runtime_env": {"env_vars": QUIET}, "log_to_driver": False}
    if address is None:
        # A Ray of our own keeps to loopback; its workers need not have a core each.
        cores = max(os.cpu_count() or 1, settings.workers + 1)
        options |= {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": cores}
        # Without "local" Ray joins the last cluster of this machine, dead or another's, and refuses the cores.
        options["address"] = "local"
    else:
        _require_listener(address)
        # A cluster that died by halves still listens, and Ray asks it for minutes without a word.
        print(f"  translate: connects to the Ray of RAY_ADDRESS {address}, which may take minutes", file=sys.stderr)
    try:
        session = ray.init(**options)
    except ConnectionError as error:
        # Of some of its errors Ray keeps the words alone.
        if any("AuthenticationError" in f"{type(one)} {one}" for one in _causes(error)):
            raise HubkitError("Ray refuses the token", where=f"RAY_ADDRESS {address}", hint=HINT_TOKEN) from None
        raise HubkitError("no Ray is there", where=f"RAY_ADDRESS {address}", hint=HINT_RAY) from None
    with session:
        _require_resources(executor, ray.cluster_resources())
        executor.run()


HINT_TOKEN = "set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN to that of the cluster"

HINT_RAY = "start the cluster, or unset RAY_ADDRESS for a Ray on this machine"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _require_listener(address: str) -> None:
    # Where Ray looks for itself: a cluster that died leaves its address, which Ray would ask for a quarter of an hour.
    noted = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
    asked = noted.read_text().strip() if address == "auto" and noted.is_file() else address
    host, _, port = asked.rpartition("://")[2].rpartition(":")
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


def _run_slurm(step: Worker, progress: Progress) -> Outcome:
    slurm.require_slurm()
    record = step.logs / "job.json"
    jobs = slurm.recorded(record)
    if jobs and slurm.is_under_way(jobs):
        slurm.tell_joined(jobs)
    else:
        from hubkit.translation.array_job import ArrayJob, submit

        settings = step.translation
        options = {"job_name": "hubkit-translate", "workers": settings.workers, **settings.slurm}
        ours = {"PATH": f"{Path(sys.executable).parent}:$PATH", **QUIET}
        exports = "export " + " ".join(f"{name}={value}" for name, value in ours.items())
        options["env_command"] = "; ".join(filter(None, ["umask 077", exports, options.get("env_command")]))
        position = options.pop("job_id_position", None)
        executor = _built(ArrayJob, step, "slurm", options)
        step.forget_failures()  # those of tasks that do not start this time would be told again
        jobs = submit(executor, record, position)
    tasks = slurm.wait(jobs, progress)
    return Outcome(slurm.fates(tasks), slurm.hints(tasks))


def _built(executor: Callable[..., Any], step: Worker, name: str, options: dict[str, Any]) -> Any:
    """One of datatrove's executors, with the options of [translation.NAME].

    Raises:
        UsageError: it has no such option, or lacks one.
    """
    tasks, logs = step.translation.tasks, str(step.logs)
    try:
        return executor([step], tasks=tasks, logging_dir=logs, skip_completed=False, **options)
    except TypeError as error:
        raise UsageError(
            str(error).rpartition("() ")[2],
            where=f"[translation.{name}]",
            hint="the settings that it knows: hubkit settings translation",
        ) from None


@contextmanager
def _watched(checkpoints: Checkpoints, chunks: int) -> Iterator[Progress]:
    """Show how many of so many chunks are kept while other processes translate them."""
    before = len(checkpoints.paths())
    with (
        Progress("translate: chunks", chunks) as progress,
        repeated(2.0, lambda: progress.reach(len(checkpoints.paths()) - before)),
    ):
        yield progress
