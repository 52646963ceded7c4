"""A real Slurm of one node, in a folder of its own: munged, slurmctld and slurmd, on loopback, stopped by pid."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")

CONF = """\
ClusterName=hubkit
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued task may start once the credential of its first start has expired: two minutes, unless set.
AuthInfo=socket={home}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MinJobAge=8
SchedulerParameters=sched_interval=2,bf_interval=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 CoresPerSocket=4 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
SlurmdParameters=config_overrides
"""
"""Four cores whatever the machine has, so that four tasks run at a time."""


class Cluster:
    """The daemons, each of which can be killed and started again.

    Args:
        home: an empty folder for configuration, state and logs.
    """

    def __init__(self, home: Path):
        self.home, self.host = home, socket.gethostname().split(".")[0]
        for name in ("state", "spool", "munge"):
            (home / name).mkdir(mode=0o700, parents=True)
        ports = {"controller": free_port(), "daemon": free_port()}
        (home / "slurm.conf").write_text(CONF.format(home=home, host=self.host, **ports))
        key = home / "munge" / "key"
        key.write_bytes(secrets.token_bytes(64))
        key.chmod(0o600)
        self.environment = {**os.environ, "SLURM_CONF": str(home / "slurm.conf")}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all three and wait until the node is idle.

        Raises:
            TimeoutError: it is not within a minute; the logs are in the folder.
        """
        self.start_daemon("munged")
        wait_until((self.home / "munge.socket").exists, 10, "munged")
        self.start_daemon("slurmctld")
        self.start_daemon("slurmd")
        wait_until(lambda: self.node_state() == "idle", 60, "the node is idle")

    def start_daemon(self, name: str) -> None:
        home = self.home
        command = {
            "munged": [
                *("munged", "--foreground", "--force", f"--socket={home}/munge.socket", "--num-threads=2"),
                *(f"--key-file={home}/munge/key", f"--seed-file={home}/munge/seed"),
                *(f"--pid-file={home}/munge/pid", f"--log-file={home}/munge/log"),
            ],
            "slurmctld": ["slurmctld", "-D", "-f", f"{home}/slurm.conf"],
            "slurmd": ["slurmd", "-D", "-f", f"{home}/slurm.conf", "-N", self.host],
        }[name]
        path = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        with (home / f"{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                [str(path), *command[1:]], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )

    def kill_daemon(self, name: str, family: bool = False) -> None:
        """Kill a daemon; with `family` what it started as well, as when the machine goes."""
        process = self.daemons.pop(name)
        members = [psutil.Process(process.pid), *self._steps()] if family else [psutil.Process(process.pid)]
        for member in members:
            kill_tree(member)
        process.wait()

    def stop_daemon(self, name: str) -> None:
        """End a daemon as an administrator does: a controller that is killed may forget jobs of the last seconds."""
        process = self.daemons.pop(name)
        process.terminate()
        process.wait(30)

    def stop(self) -> None:
        """End the tasks, then the daemons, the controller first."""
        for step in self._steps():
            kill_tree(step)
        for name in ("slurmctld", "slurmd", "munged"):
            process = self.daemons.pop(name, None)
            if process is not None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def clear(self) -> None:
        """Bring up what was killed, cancel all jobs, and forget them."""
        for name in ("slurmctld", "slurmd"):
            if name not in self.daemons:
                self.start_daemon(name)
        wait_until(lambda: self.node_state() != "", 60, "the controller answers")
        self.run("scancel", "--user", "root", "--hurry")
        wait_until(lambda: self.node_state() == "idle", 60, "the node is idle")
        # Slurm remembers ended jobs for five minutes; the next test counts its own.
        wait_until(lambda: not self.tasks(), 30, "the jobs are forgotten")

    def run(self, *command: str) -> str:
        """The output of one of Slurm's commands.

        Raises:
            CalledProcessError: it failed.
        """
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def node_state(self) -> str:
        try:
            return self.run("sinfo", "--noheader", "--format", "%t").strip()
        except subprocess.CalledProcessError:
            return ""

    def tasks(self) -> dict[str, str]:
        """The states of all tasks that Slurm remembers, by JOB_TASK."""
        lines = self.run("squeue", "--noheader", "--array", "--states", "all", "--format", "%i %T").splitlines()
        return dict(line.split(None, 1) for line in lines)

    def _steps(self) -> list[psutil.Process]:
        """What runs the tasks: slurmstepd leaves the daemon that started it, and knows its spool folder."""
        found = []
        for process in psutil.process_iter(["name", "environ"]):
            environment = process.info["environ"] or {}
            ours = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
            if process.info["name"] == "slurmstepd" and ours:
                found.append(process)
        return found


def kill_tree(process: psutil.Process) -> None:
    """Kill a process and what it started."""
    try:
        members = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in members:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def wait_until(condition, seconds: float, what: str, every: float = 0.2) -> None:
    """Wait until `condition()` holds.

    Raises:
        TimeoutError: it does not in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
