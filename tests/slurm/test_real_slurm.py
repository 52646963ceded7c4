"""`translate` on a real Slurm of one node: what is killed, held, refused or cut off, and what hubkit says of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from cluster import wait_until

from hubkit.digests import file_digest

pytestmark = pytest.mark.slurm

RUN = """
import sys
from pathlib import Path
from hubkit.cli import main
import hubkit.translation.slurm as slurm
slurm.POLL_SECONDS = 1.0
sys.argv = ["hubkit", "translate", "--config", sys.argv[1], "--workspace", sys.argv[2]]
main()
"""

DEMO = Path(__file__).parents[2] / "hubkit" / "demo" / "models" / "translator"


class Run:
    """A hubkit in a process of its own."""

    def __init__(self, toml: Path, workspace: Path, log: Path):
        self.log = log
        script = toml.with_name("run.py")
        script.write_text(RUN)
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, str(script), str(toml), str(workspace)], stdout=file, stderr=file
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait(self, seconds: float = 120) -> str:
        self.code = self.process.wait(seconds)
        return self.said


@pytest.fixture
def hubkit(make_workspace, studies, moody, tmp_path):
    """A function that starts `hubkit translate` with four tasks on the cluster, or elsewhere."""
    workspace = make_workspace(studies)
    started = []

    def start(
        options="", slurm='time = "00:10:00"\npartition = "main"', executor="slurm", toml="hubkit.toml", into=None
    ):
        path = tmp_path / toml
        server = f'engine = "openai"\nmodel = "capitals"\nbase_url = "http://127.0.0.1:{moody.server_port}/v1"\n'
        path.write_text(
            f'[corpus]\nkind = "demo"\n[translation]\n{options or server}checkpoint = 1\nexecutor = "{executor}"\n'
            f"tasks = {4 if executor == 'slurm' else 1}\nworkers = 4\n[translation.slurm]\n{slurm}\n"
            'qos = ""\nmem_per_cpu_gb = 1\n'
        )
        run = Run(path, (into or workspace).root, tmp_path / f"run-{len(started)}.log")
        started.append(run)
        return run

    start.workspace, start.moody = workspace, moody
    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()


def local_digest(hubkit, make_workspace, studies, options=""):
    run = hubkit(options, executor="local", toml="local.toml", into=(alone := make_workspace(studies, "alone")))
    said = run.wait()
    assert run.code == 0, said
    return file_digest(alone.machine_translations)


def job_of(hubkit):
    (record,) = hubkit.workspace.root.glob("partial/*/slurm-4/job.json")
    (job,) = json.loads(record.read_text())["jobs"]
    return job


def underway(cluster, hubkit, count=4):
    """Wait until so many tasks run, and return the job."""
    wait_until(lambda: list(cluster.tasks().values()).count("RUNNING") == count, 60, f"{count} tasks run")
    return job_of(hubkit)


def steps(hubkit):
    """How many tasks of this workspace have come past `srun`: their Python runs."""
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    ours = [command for command in commands if any(str(hubkit.workspace.root) in part for part in command)]
    return sum("python" in command[0] and any("launch_pickled" in part for part in command) for command in ours)


def rows(hubkit):
    found = pq.read_table(hubkit.workspace.machine_translations).to_pylist()
    assert len({(row["study_id"], row["section"]) for row in found}) == len(found) == 33
    return found


def test_four_tasks_with_the_demos_translator_write_the_same_bytes_as_one_here(
    cluster, hubkit, make_workspace, studies
):
    options = f'model = "{DEMO}"\nquantization = "fp32"\ndevice = "cpu"\nmax_flagged = 1.0\n'
    expected = local_digest(hubkit, make_workspace, studies, options)
    run = hubkit(options)
    said = run.wait(300)
    assert run.code == 0, said
    assert file_digest(hubkit.workspace.machine_translations) == expected
    # One array, and no job that waits for it.
    assert len(cluster.tasks()) == 4
    assert set(cluster.tasks().values()) == {"COMPLETED"}


def test_a_cancelled_task_is_named_and_the_next_run_does_the_rest(cluster, hubkit):
    hubkit.moody.delay = 1.5
    run = hubkit()
    job = underway(cluster, hubkit)
    cluster.run("scancel", f"{job}_2")
    said = run.wait()
    assert run.code == 1
    assert re.search(rf"\d+ units were not translated: task {job}_2: CANCELLED \(run again", said), said
    hubkit.moody.delay = 0.0
    again = hubkit()
    again.wait()
    assert again.code == 0, again.said
    assert "joins" not in again.said
    rows(hubkit)


def test_a_task_without_time_is_named_with_the_setting(cluster, hubkit):
    hubkit.moody.delay = 100.0
    hubkit.moody.plan = {}
    run = hubkit(slurm='time = "00:01:00"\npartition = "main"')
    job = underway(cluster, hubkit)
    said = run.wait(200)
    assert run.code == 1
    assert f"tasks {job}_0, {job}_1, {job}_2, {job}_3: TIMEOUT (TimeLimit)" in said
    assert "(raise [translation.slurm] time; then run again: what is translated is kept)" in said


def test_a_run_that_was_killed_is_joined_by_the_next(cluster, hubkit, make_workspace, studies):
    expected = local_digest(hubkit, make_workspace, studies)
    hubkit.moody.delay = 1.5
    run = hubkit()
    job = underway(cluster, hubkit)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    again = hubkit()
    said = again.wait()
    assert again.code == 0, said
    assert f"translate: joins Slurm job {job}, which is under way" in said
    assert {name.partition("_")[0] for name in cluster.tasks()} == {job}
    assert file_digest(hubkit.workspace.machine_translations) == expected


def test_a_task_that_is_requeued_goes_on_where_it_was(cluster, hubkit, make_workspace, studies):
    expected = local_digest(hubkit, make_workspace, studies)
    hubkit.moody.delay = 1.5
    run = hubkit()
    job = underway(cluster, hubkit)
    cluster.run("scontrol", "requeue", f"{job}_1")
    said = run.wait(180)
    assert run.code == 0, said
    assert file_digest(hubkit.workspace.machine_translations) == expected


def test_a_node_that_goes_for_a_minute_ends_nothing(cluster, hubkit, make_workspace, studies):
    expected = local_digest(hubkit, make_workspace, studies)
    hubkit.moody.delay = 1.5
    run = hubkit()
    underway(cluster, hubkit)
    cluster.kill_daemon("slurmd", family=True)
    wait_until(lambda: "down" in cluster.node_state(), 90, "the node is down")
    time.sleep(30)
    cluster.start_daemon("slurmd")
    said = run.wait(240)
    assert run.code == 0, said
    assert file_digest(hubkit.workspace.machine_translations) == expected


def test_a_controller_that_goes_for_a_minute_ends_nothing(cluster, hubkit, make_workspace, studies):
    expected = local_digest(hubkit, make_workspace, studies)
    hubkit.moody.delay = 1.5
    run = hubkit()
    underway(cluster, hubkit)
    # A task that Slurm calls running still asks the controller for its step, and fails where nobody answers.
    wait_until(lambda: steps(hubkit) == 4, 120, "four tasks have their step")
    cluster.stop_daemon("slurmctld")
    time.sleep(60)
    assert run.process.poll() is None, run.said
    cluster.start_daemon("slurmctld")
    said = run.wait(240)
    assert run.code == 0, said
    assert file_digest(hubkit.workspace.machine_translations) == expected


def test_a_job_that_is_held_is_waited_for_and_says_so(cluster, hubkit):
    run = hubkit(slurm='time = "00:10:00"\npartition = "main"\nsbatch_args = {hold = ""}')
    wait_until(lambda: len(cluster.tasks()) == 4, 60, "the job is there")
    wait_until(lambda: "4 pending (JobHeldUser)" in run.said, 60, "the hold is told")
    cluster.run("scontrol", "release", job_of(hubkit))
    said = run.wait()
    assert run.code == 0, said
    rows(hubkit)


def test_a_job_that_is_refused_is_told_with_what_sbatch_said(cluster, hubkit):
    run = hubkit(slurm='time = "00:10:00"\npartition = "nowhere"')
    said = run.wait()
    assert run.code == 1
    assert "invalid partition specified: nowhere" in said
    assert "sbatch did not take the job: code 1, and above is why" in said
    assert not list(hubkit.workspace.root.glob("partial/*/slurm-4/job.json"))
    assert cluster.tasks() == {}


def test_a_second_array_that_is_refused_leaves_the_first_to_be_joined(cluster, hubkit, tmp_path, monkeypatch):
    """Where tasks are more than an array may have, datatrove submits several."""
    tools = tmp_path / "tools"
    tools.mkdir()
    real = subprocess.run(["which", "sbatch"], capture_output=True, text=True, check=True).stdout.strip()
    (tools / "sbatch").write_text(
        f'#!/bin/sh\n[ -e {tools}/once ] && echo "Job violates accounting/QOS policy" >&2 && exit 1\n'
        f'touch {tools}/once\nexec {real} "$@"\n'
    )
    (tools / "sbatch").chmod(0o755)
    hubkit.moody.delay = 1.0
    slurm = 'time = "00:10:00"\npartition = "main"\nmax_array_size = 2'
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tools), prepend=":")
        first = hubkit(slurm=slurm)
        said = first.wait()
    assert first.code == 1
    assert "accounting/QOS policy" in said
    job = job_of(hubkit)
    second = hubkit(slurm=slurm)
    said = second.wait()
    assert f"joins Slurm job {job}" in said
    assert second.code == 1
    assert "units were not translated" in said
    third = hubkit(slurm=slurm)
    third.wait()
    assert third.code == 0, third.said
    rows(hubkit)


def servers():
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any("translation_server.py" in word for word in process.info["cmdline"] or [])
    ]


@pytest.mark.parametrize("cancelled", [False, True])
def test_each_task_serves_a_model_and_leaves_no_server(cluster, hubkit, cancelled):
    script = Path(__file__).parents[1] / "translation" / "translation_server.py"
    delay = 30.0 if cancelled else 0.0
    options = f'engine = "openai"\nmodel = "capitals"\nserve = "{sys.executable} {script} {{port}} {delay}"\n'
    run = hubkit(options)
    if cancelled:
        job = underway(cluster, hubkit)
        wait_until(lambda: len(servers()) >= 4, 120, "four servers run")
        cluster.run("scancel", job)
    said = run.wait()
    assert run.code == (1 if cancelled else 0), said
    if not cancelled:
        rows(hubkit)
    wait_until(lambda: not servers(), 40, "the servers are gone")


def test_a_second_hubkit_is_refused_while_the_first_waits(cluster, hubkit):
    hubkit.moody.delay = 1.0
    first = hubkit()
    job = underway(cluster, hubkit)
    second = hubkit()
    said = second.wait()
    assert second.code != 0
    assert f"{first.process.pid}" in said
    first.wait()
    assert first.code == 0, first.said
    assert {name.partition("_")[0] for name in cluster.tasks()} == {job}
