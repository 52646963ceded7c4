"""Where the step runs: in this process, or in many through datatrove (workers here, Slurm, Ray)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError, UsageError
from hubkit.progress import Progress
from hubkit.translation.parts import read_parts
from hubkit.translation.step import Step
from hubkit.workspace import write_json

QUIET = {"LOGURU_DIAGNOSE": "NO", "RAY_USAGE_STATS_ENABLED": "0"}
"""The environment of every task: datatrove logs errors through loguru, which would print the values of variables, that
is reports, beside each line of a traceback; and Ray would tell its makers of its use."""

WARDEN = (sys.executable, "-m", "hubkit.translation.engines.warden")

POLL_SECONDS = 10.0


def run_step(step: Step) -> None:
    """Run `step` where its settings say.

    Raises:
        HubkitError: a task ended without having translated its share; what is translated is kept.
    """
    settings = step.translation
    if settings.executor == "local" and settings.tasks == 1:
        with Progress("translate: units", sum(map(len, step.todo()))) as progress:
            step.run(done=progress.advance)
        return
    os.environ.update(QUIET)
    with _watched(step):
        {"local": _run_local, "slurm": _run_slurm, "ray": _run_ray}[settings.executor](step)
    answered = read_parts(step.folder).keys()
    left = sum(unit.key not in answered for chunk in step.chunks() for unit in chunk)
    if left:
        reasons = "; ".join(dict.fromkeys(step.failures())) or "read the logs there"
        raise HubkitError(
            f"{left} units were not translated: {reasons}",
            where=step.logs,
            mend="run again: what is translated is kept",
        )


def _run_local(step: Step) -> None:
    import dill
    from datatrove.executor import LocalPipelineExecutor

    tasks, workers = step.translation.tasks, step.translation.workers
    executor = LocalPipelineExecutor([step], tasks, workers, logging_dir=str(step.logs), skip_completed=False)
    file = step.logs / "executor.pik"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(dill.dumps(executor))
    # The pool's processes would outlive a hubkit that is killed and hold the workspace's lock: the warden ends them.
    launch = [str(Path(sys.executable).with_name("launch_pickled_pipeline")), str(file)]
    # Without a share of their own, all workers would compute on all cores and wait for one another.
    threads = max(len(os.sched_getaffinity(0)) // workers, 1)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    with (
        (step.logs / "console.log").open("ab") as console,
        subprocess.Popen(
            [*WARDEN, *launch],
            stdin=subprocess.PIPE,  # closed when this block is left, however it is left
            stdout=console,
            stderr=console,
            start_new_session=True,
            env=environment,
        ) as warden,
    ):
        warden.wait()


def _run_ray(step: Step) -> None:
    import ray
    from datatrove.executor.ray import RayPipelineExecutor

    tasks, workers = step.translation.tasks, step.translation.workers
    options: dict[str, Any] = {"runtime_env": {"env_vars": QUIET}, "log_to_driver": False}
    if "RAY_ADDRESS" not in os.environ:
        # A Ray of our own keeps to loopback; its workers need not have a core each.
        cores = max(os.cpu_count() or 1, workers + 1)
        options |= {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "num_cpus": cores}
    with ray.init(**options):
        executor = RayPipelineExecutor(
            [step], tasks, workers, logging_dir=str(step.logs), skip_completed=False, **step.translation.ray
        )
        executor.run()


def _run_slurm(step: Step) -> None:
    from datatrove.executor import SlurmPipelineExecutor

    record = step.logs / "job.json"
    job = json.loads(record.read_text())["job"] if record.exists() else None
    if job is None or not _queued(job):
        settings = step.translation
        options = {"job_name": "hubkit-translate", "workers": settings.workers, **settings.slurm}
        ours = {"PATH": f"{Path(sys.executable).parent}:$PATH", **QUIET}
        exports = "export " + " ".join(f"{name}={value}" for name, value in ours.items())
        options["env_command"] = "; ".join(filter(None, [exports, options.get("env_command")]))
        try:
            executor = SlurmPipelineExecutor(
                [step], settings.tasks, logging_dir=str(step.logs), skip_completed=False, **options
            )
        except TypeError as error:
            raise UsageError(str(error).partition("__init__() ")[2], where="[translation.slurm]") from None
        try:
            executor.run()
        except (OSError, subprocess.CalledProcessError) as error:
            raise HubkitError(
                f"sbatch did not take the job: {error}", where=step.logs / "launch_script.slurm"
            ) from None
        job = str(executor.job_id)
        write_json(record, {"job": job})
    while _queued(job):
        time.sleep(POLL_SECONDS)


def _queued(job: str) -> bool:
    # squeue fails for a job that it has forgotten, which is one that has ended.
    answer = subprocess.run(["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False)
    return answer.returncode == 0 and bool(answer.stdout.strip())


@contextmanager
def _watched(step: Step) -> Iterator[None]:
    """Show how many chunks are kept while other processes translate them."""
    chunks = sum(bool(chunk) for chunk in step.todo())
    before = len(list(step.folder.glob("part-*.parquet")))
    over = threading.Event()
    with Progress("translate: chunks", chunks) as progress:

        def watch() -> None:
            while not over.wait(2.0):
                progress.advance(len(list(step.folder.glob("part-*.parquet"))) - before - progress.done)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
