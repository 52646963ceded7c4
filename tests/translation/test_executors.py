"""The same step on many workers: on this machine, through a stand-in for Slurm, and on a real Ray."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from hubkit.config import parse_config
from hubkit.digests import file_digest
from hubkit.errors import HubkitError, UsageError
from hubkit.progress import Progress
from hubkit.release import run_one
from hubkit.translation.slurm import TaskState, counted_states, fates, hints, task_states, wait


@pytest.fixture
def configure(moody):
    """Settings of the engine openai, so that workers need not load a model, and of whatever else is asked for."""
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "capitals", "base_url": url, "checkpoint": 3}
    return lambda **changes: parse_config({"corpus": {"kind": "demo"}, "translation": {**table, **changes}})


@pytest.fixture
def expected(make_workspace, studies, configure):
    workspace = make_workspace(studies, "alone")
    run_one("translate", configure(), workspace)
    return file_digest(workspace.machine_translations)


def test_two_workers_here_write_the_same_bytes(make_workspace, studies, configure, expected):
    workspace = make_workspace(studies)
    run_one("translate", configure(tasks=3, workers=2), workspace)
    assert file_digest(workspace.machine_translations) == expected


@pytest.fixture
def left_behind(monkeypatch):
    """The note of a Ray that was killed, in a folder with a name short enough for Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        note = Path(folder) / "ray" / "ray_current_cluster"
        note.parent.mkdir()
        note.write_text("127.0.0.1:1")
        yield


@pytest.mark.long
@pytest.mark.usefixtures("left_behind")
def test_a_real_ray_writes_the_same_bytes(make_workspace, studies, configure, expected):
    workspace = make_workspace(studies)
    options = {"cpus_per_task": 1, "mem_per_cpu_gb": 0.5}
    run_one("translate", configure(executor="ray", tasks=2, workers=2, ray=options), workspace)
    assert file_digest(workspace.machine_translations) == expected


@pytest.mark.long
@pytest.mark.usefixtures("left_behind")
def test_more_than_ray_has_is_refused(make_workspace, studies, configure):
    with pytest.raises(UsageError, match="a task is to have 1000 GPUs, and Ray has"):
        run_one("translate", configure(executor="ray", ray={"gpus_per_task": 1000}), make_workspace(studies))


@pytest.mark.parametrize(
    ("address", "options", "error", "says"),
    [
        (None, {"nonsense": 1}, UsageError, "unexpected keyword argument 'nonsense'"),
        ("127.0.0.1:1", {}, HubkitError, "RAY_ADDRESS 127.0.0.1:1: no Ray answers within 30 s"),
        ("ray://127.0.0.1:1", {}, HubkitError, "no Ray answers within 30 s"),
        ("127.0.0.1:99999", {}, HubkitError, "no Ray answers within 30 s"),
    ],
)
def test_ray_that_is_not_there_or_told_nonsense(
    make_workspace, studies, configure, monkeypatch, tmp_path, address, options, error, says
):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(error, match=says):
        run_one("translate", configure(executor="ray", ray=options), make_workspace(studies))


def test_no_ray_is_found_where_none_runs(make_workspace, studies, configure, monkeypatch, tmp_path, capsys):
    """Ray also takes any other raylet of this machine for "auto", such as that of another run of these tests."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr("ray._private.services.psutil.process_iter", lambda *names: iter(()))
    with pytest.raises(HubkitError, match="RAY_ADDRESS auto: no Ray is there"):
        run_one("translate", configure(executor="ray"), make_workspace(studies))
    assert "connects to the Ray of RAY_ADDRESS auto" in capsys.readouterr().err


def test_a_ray_that_died_is_not_waited_for(make_workspace, studies, configure, monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("127.0.0.1:1")
    with pytest.raises(HubkitError, match="RAY_ADDRESS auto: no Ray answers within 30 s"):
        run_one("translate", configure(executor="ray"), make_workspace(studies))


SBATCH = """#!/bin/sh
# A stand-in for sbatch: runs the array's tasks one after another in the background, as one job.
for script; do :; done
n=$(($(cat "$SLURM_HOME/jobs" 2>/dev/null || echo 100) + 1)); echo $n > "$SLURM_HOME/jobs"
cp "$script" "$SLURM_HOME/$n.slurm"; echo "$@" > "$SLURM_HOME/$n.args"
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' "$script")
( for task in $(seq 0 $last); do
    SLURM_JOB_ID=$n SLURM_ARRAY_TASK_ID=$task SLURM_NODELIST=here RUN_OFFSET=0 bash "$SLURM_HOME/$n.slurm"
  done ) > "$SLURM_HOME/$n.log" 2>&1 < /dev/null &
echo $! > "$SLURM_HOME/$n.pid"
echo "Submitted batch job $n"
"""

SQUEUE = """#!/bin/sh
# A stand-in for squeue: says what is in the file "says" while there is one, as often as it has lines.
line=$(head -n 1 "$SLURM_HOME/says" 2>/dev/null) && sed -i 1d "$SLURM_HOME/says"
[ -n "$line" ] && echo "slurm_load_jobs error: $line" >&2 && exit 1
[ "$1 $2 $4 $5 $6 $7" = "--noheader --jobs --array --states all --format" ] || exit 2
kill -0 $(cat "$SLURM_HOME/$3.pid") 2>/dev/null || exit 0
printf "$3_0 PENDING Priority\n$3_1 RUNNING None\n$3_2 RUNNING None\n"
exit 0
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Stand-ins on PATH that run what they are given, as Slurm would; the folder holds their scripts and logs."""
    home = tmp_path / "slurm"
    home.mkdir()
    programs = {"sbatch": SBATCH, "squeue": SQUEUE, "srun": '#!/bin/sh\nshift 3\nexec "$@"\n'}
    for name, script in {**programs, "scontrol": "#!/bin/sh\necho here\n"}.items():
        (home / name).write_text(script)
        (home / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_HOME", str(home))
    monkeypatch.setattr("hubkit.translation.slurm.POLL_SECONDS", 0.2)
    return home


def test_slurm_gets_a_script_that_does_the_work(make_workspace, studies, configure, expected, slurm):
    workspace = make_workspace(studies)
    options = {"time": "08:00:00", "partition": "gpu", "gpus_per_task": 1, "qos": "", "cpus_per_task": 8}
    run_one("translate", configure(executor="slurm", tasks=2, workers=2, slurm=options), workspace)
    assert file_digest(workspace.machine_translations) == expected
    script = (slurm / "101.slurm").read_text().splitlines()
    wanted = ["array=0-1%2", "time=08:00:00", "partition=gpu", "gpus=1", "cpus-per-task=8", "job-name=hubkit-translate"]
    assert {f"#SBATCH --{line}" for line in wanted} <= set(script)
    exports = next(line for line in script if "export PATH=" in line)
    assert exports.lstrip().startswith("umask 077; export PATH=")
    assert f"PATH={Path(sys.executable).parent}:$PATH LOGURU_DIAGNOSE=NO" in exports
    assert any("launch_pickled_pipeline" in line for line in script)


def test_a_job_is_not_given_up_when_squeue_fails(
    make_workspace, studies, configure, expected, slurm, monkeypatch, capsys
):
    monkeypatch.setattr("hubkit.progress.SECONDS_BETWEEN_LINES", 0.2)
    workspace = make_workspace(studies)
    (slurm / "says").write_text("Unable to contact slurm controller (connect failure)\n" * 3)
    table = {"time": "1:00:00", "partition": "gpu"}
    run_one("translate", configure(executor="slurm", tasks=2, slurm=table), workspace)
    assert file_digest(workspace.machine_translations) == expected
    said = re.findall(
        r"translate: chunks: \d+ of \d+.*, Slurm job (\d+): 1 pending, 2 running$", capsys.readouterr().err, re.M
    )
    assert "101" in said, "how far the array is, and in which states its tasks are"
    # One array, and no second job that merges what datatrove counts.
    assert (slurm / "jobs").read_text() == "101\n"


@pytest.mark.parametrize(
    ("says", "runs"),
    [
        ([], True),
        (["Unable to contact slurm controller (connect failure)", "Socket timed out on send/recv operation"], True),
        (["Invalid job id specified"], False),
        (["Socket timed out on send/recv operation", "Invalid job id specified"], False),
        (["Unable to contact slurm controller"] * 3, None),
    ],
)
def test_what_squeue_says_of_a_job(slurm, monkeypatch, says, runs):
    monkeypatch.setattr("hubkit.translation.slurm.PATIENCE", 3)
    (slurm / "7.pid").write_text(str(os.getpid()))
    (slurm / "says").write_text("".join(f"{line}\n" for line in says))
    if runs is None:
        with pytest.raises(HubkitError, match=r"whether job 7 runs: .*Unable to contact .*\(run again"):
            task_states("7")
    else:
        assert counted_states(task_states("7")) == ("1 pending, 2 running" if runs else "")


SQUEUE_ONCE = """#!/bin/sh
# Says what the files 1, 2, ... hold, one a call; then that it has forgotten the job.
n=$(($(cat "$SLURM_HOME/calls" 2>/dev/null || echo 0) + 1)); echo $n > "$SLURM_HOME/calls"
cat "$SLURM_HOME/$n" 2>/dev/null || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }
"""

SACCT = "#!/bin/sh\nprintf '9_0|OUT_OF_MEMORY\\n9_1|CANCELLED by 1000\\n'\n"


@pytest.mark.parametrize(
    ("polls", "accounting", "told", "advice"),
    [
        (["9_0 COMPLETED None", "9_0 COMPLETED None"], False, [], ""),
        (
            ["9_0 RUNNING None\n9_1 PENDING Resources", "9_0 TIMEOUT TimeLimit\n9_1 FAILED NonZeroExitCode"],
            False,
            ["task 9_0: TIMEOUT (TimeLimit)", "task 9_1: FAILED (NonZeroExitCode)"],
            "raise [translation.slurm] time, read the logs there",
        ),
        (["9_0 RUNNING None"], False, ["task 9_0: ended; Slurm last had it running"], ""),
        (
            ["9_0 RUNNING None\n9_1 RUNNING None"],
            True,
            ["task 9_0: OUT_OF_MEMORY", "task 9_1: CANCELLED"],
            "raise [translation.slurm] mem_per_cpu_gb",
        ),
        (
            ["9_0 NODE_FAIL None\n9_1 PENDING BeginTime", "9_0 NODE_FAIL None\n9_1 CANCELLED None"],
            False,
            ["task 9_0: NODE_FAIL", "task 9_1: CANCELLED"],
            "",
        ),
        (
            ["\n".join(f"9_{task} CANCELLED None" for task in (11, 2, 0, 1, 30, 4))],
            False,
            ["tasks 9_0, 9_1, 9_2, 9_4 and 2 more: CANCELLED"],
            "",
        ),
    ],
)
def test_the_fate_of_each_task_is_told(slurm, polls, accounting, told, advice):
    (slurm / "squeue").write_text(SQUEUE_ONCE)
    for number, listed in enumerate(polls, 1):
        (slurm / str(number)).write_text(f"{listed}\n")
    if accounting:
        (slurm / "sacct").write_text(SACCT)
        (slurm / "sacct").chmod(0o755)
    with Progress("translate: chunks", 1) as progress:
        tasks = wait(["9"], progress)
    assert fates(tasks) == told
    assert hints(tasks) == advice


def test_what_keeps_tasks_from_starting_is_told_where_it_does_not_pass_by_itself():
    tasks = {"9_0": TaskState("pending", "Resources"), "9_1": TaskState("pending", "JobHeldUser")}
    assert counted_states(tasks) == "1 pending, 1 pending (JobHeldUser)"


def test_a_job_whose_second_half_was_refused_is_joined(make_workspace, studies, configure, slurm, capsys):
    """The id was kept when all was submitted, so that the next run submitted the job once more beside itself."""
    real = (slurm / "sbatch").read_text()
    refusing = real.replace("for script", '[ -e "$SLURM_HOME/jobs" ] && exit 1\nfor script', 1)
    (slurm / "sbatch").write_text(refusing)
    options = {"time": "1:00:00", "partition": "gpu", "max_array_size": 1}
    config, workspace = configure(executor="slurm", tasks=2, slurm=options), make_workspace(studies)
    with pytest.raises(HubkitError, match="sbatch did not take the job: code 1"):
        run_one("translate", config, workspace)
    (slurm / "sbatch").write_text(real)
    (record,) = workspace.root.glob("partial/*/slurm-2/job.json")
    assert json.loads(record.read_text()) == {"jobs": ["101"]}
    (slurm / "101.pid").write_text(str(os.getpid()))
    threading.Timer(1.0, (slurm / "101.pid").write_text, ["999999999"]).start()
    with pytest.raises(HubkitError, match="units were not translated: task 101_0: ended; Slurm last had it pending"):
        run_one("translate", config, workspace)
    assert "joins Slurm job 101" in capsys.readouterr().err
    assert (slurm / "jobs").read_text() == "101\n"


@pytest.mark.usefixtures("slurm")
def test_slurm_that_is_told_nonsense(make_workspace, studies, configure):
    workspace = make_workspace(studies)
    with pytest.raises(UsageError, match="tempo"):
        run_one("translate", configure(executor="slurm", slurm={"tempo": 3}), workspace)


def test_slurm_that_is_not_there_or_takes_no_job(make_workspace, studies, configure, slurm, monkeypatch):
    workspace = make_workspace(studies)
    config = configure(executor="slurm", slurm={"time": "1:00:00", "partition": "gpu"})
    (slurm / "sbatch").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(HubkitError, match="sbatch did not take the job"):
        run_one("translate", config, workspace)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HubkitError, match=r"sbatch is not on PATH \(run hubkit on a login node"):
        run_one("translate", config, workspace)


RUN = """
import sys
from pathlib import Path
from hubkit.config import load_config
from hubkit.progress import Progress
from hubkit.release import run_one
from hubkit.workspace import Workspace
if __name__ == "__main__":
    run_one("translate", load_config(Path(sys.argv[1])), Workspace(Path(sys.argv[2])))
"""


@pytest.fixture
def start(configure, moody, tmp_path):
    """A function that starts the stage with three tasks on two workers in a process of its own."""
    toml, script = tmp_path / "hubkit.toml", tmp_path / "run.py"
    toml.write_text(
        '[corpus]\nkind = "demo"\n[translation]\nengine = "openai"\nmodel = "capitals"\n'
        f'base_url = "http://127.0.0.1:{moody.server_port}/v1"\ntasks = 3\nworkers = 2\ncheckpoint = 2\n'
    )
    script.write_text(RUN)

    def start(workspace):
        command = [sys.executable, str(script), str(toml), str(workspace.root)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.parametrize("survivors", [pytest.param(False, marks=pytest.mark.long), True])
def test_what_is_killed_continues(make_workspace, studies, start, moody, survivors):
    workspace = make_workspace(studies)
    moody.plan = {study["findings"]: ["hang", "fine"] for study in studies if study.get("findings")}
    process = start(workspace)
    while process.poll() is None and len(list(workspace.root.glob("partial/*/part-*.parquet"))) < 2:
        time.sleep(0.01)
    family = psutil.Process(process.pid).children(recursive=True)
    for member in [process] if survivors else [*family, process]:
        member.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(family, timeout=30)
    assert not workspace.machine_translations.exists()
    moody.plan, before = {}, len(moody.seen)
    again = start(workspace)
    said = again.communicate()[1]
    assert again.returncode == 0, said[-2000:]
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    assert len({(row["study_id"], row["section"]) for row in rows}) == len(rows) == 33
    assert len(moody.seen) - before < len({(row["section"], row["source"]) for row in rows})
    assert not any(member.is_running() for member in family)


def test_a_task_that_fails_logs_no_word_of_a_report(make_workspace, studies, start, moody):
    workspace = make_workspace(studies)
    moody.plan = {study["findings"]: [404] for study in studies if study.get("findings")}
    process = start(workspace)
    said = process.communicate()[1]
    logged = b"".join(
        path.read_bytes() for path in workspace.root.glob("partial/*/local-3/**/*") if path.is_file()
    ).decode(errors="replace")
    assert process.returncode != 0
    assert "HTTP 404" in logged
    assert re.search(r"\d+ units were not translated: .*HTTP 404", said)
    for text in (said, logged):
        assert "pneumothorax" not in text
        assert "Cough" not in text
