"""Runs tests over mutants, each in a process of its own and a copy of the tree, within limits."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from child import Job, run_tests

# In processor seconds, so that a busy machine ends nothing that works: a test may take FACTOR times
# what it takes without a fault, and SLACK, before it counts as endless; what runs before the first
# test, and a test without a fault, may take COLLECTION.
FACTOR, SLACK, COLLECTION = 5, 30.0, 180
# A run that uses less than this share of a processor for IDLE seconds of the clock waits for what
# does not come. On a machine with ten busy processes a core it would still get more.
IDLE, IDLE_SHARE = 60.0, 0.02
# The last resort, in seconds of the clock for each processor second that a test may take.
CLOCK_FACTOR = 10
LOOK = 1.0  # seconds between two looks at what a run has used: a look reads all of /proc
SUBREAPER = 36  # prctl: what a killed test leaves behind becomes a child of this process, and can be ended


@dataclass
class Result:
    outcome: str  # passed, failed, endless, timed out
    seconds: float  # of processor time
    took: dict[str, float]  # processor seconds of each test
    failed: list[str]
    last: str  # the test that ran last
    output: str
    reached: dict[str, list[int]]  # the lines of the traced files
    starts_processes: bool


def copy_tree(tree: Path, target: Path) -> None:
    """What git knows of the tree, and what is new in it; bytecode is made here, so that runs need not."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=tree, text=True)
    for name in filter(None, names.split("\0")):
        if (tree / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, target / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(target)], check=False, stdout=subprocess.DEVNULL)


def processor_seconds(pid: int) -> float:
    """What a process and all below it have used, with those that ended and were waited for."""
    used = 0.0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                used += sum(each.cpu_times()[:4])  # user and system, its own and its children's
    return used


def run_all(
    jobs: Iterable[Job],
    slots: list[Path],
    limits: dict[str, float],
    slack: float = SLACK,
    idle: float = IDLE,
) -> Iterator[tuple[Job, Result]]:
    """The results as they come, as many at a time as there are slots, each a folder with a copy of the tree."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    waiting, free, busy = iter(jobs), list(slots), dict[int, _Run]()
    while True:
        while free and (job := next(waiting, None)):
            run = _Run(job, free.pop(), limits, slack, idle)
            busy[run.pid] = run
        if not busy:
            return
        time.sleep(0.02)
        _reap(busy)
        for pid, run in list(busy.items()):
            if run.ended():
                free.append(run.slot)
                del busy[pid]
                yield run.job, run.result()


def _reap(busy: dict[int, _Run]) -> None:
    """Take note of the runs that ended, and let go of adopted processes: tests wait until those are gone."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            if run := busy.get(ended[0]):
                run.finish(*ended[1:])


class _Run:
    """A child with its pipe, its limits and its mutated file."""

    def __init__(self, job: Job, slot: Path, limits: dict[str, float], slack: float, idle: float) -> None:
        self.job, self.slot, self.limits, self.slack, self.idle = job, slot, limits, slack, idle
        self.took, self.failed, self.last, self.rest = dict[str, float](), list[str](), "", b""
        self.reached: dict[str, list[int]] = {}
        self.starts_processes = False
        self.tree, self.temp = slot / "tree", slot / "tmp"
        self.temp.mkdir()
        # Tests look at what another user of the machine can read of a folder in it.
        self.temp.chmod(0o755)
        self.outcome = ""  # why the run was ended, if it was
        self.status: int | None = None  # how the child ended
        self.used = 0.0  # processor seconds
        if job.file:
            self.path = self.tree / job.file
            self.kept = self.path.read_bytes()
            for stale in self.path.parent.glob(f"__pycache__/{self.path.stem}.*"):
                stale.unlink()
            self.path.write_text(job.source, encoding="utf-8")
        self.pipe, write = os.pipe()
        os.set_blocking(self.pipe, False)
        self.pid = os.fork()
        if not self.pid:
            run_tests(job, self.tree, self.temp, write)
        os.close(write)
        self.looked = time.monotonic()
        self.seen = 0.0  # what it had used at the last look
        self.busy_at, self.busy_used = self.looked, 0.0  # when it was last seen at work
        self._allow(COLLECTION)

    def finish(self, status: int, usage: Any) -> None:
        self.status = os.waitstatus_to_exitcode(status)
        self.used = usage.ru_utime + usage.ru_stime

    def ended(self) -> bool:
        self._listen()
        if self.status is None and time.monotonic() > self.looked + LOOK:
            self.looked, used = time.monotonic(), processor_seconds(self.pid)
            self.seen = used
            if used - self.busy_used > IDLE_SHARE * self.idle:
                self.busy_at, self.busy_used = self.looked, used
            if used > self.limit:
                self._end("endless")
            elif self.looked > min(self.deadline, self.busy_at + self.idle):
                self._end("timed out")
        return self.status is not None

    def _end(self, outcome: str) -> None:
        self.outcome = outcome
        os.kill(self.pid, signal.SIGKILL)
        self.finish(*os.wait4(self.pid, 0)[1:])

    def _allow(self, seconds: float) -> None:
        """Let it use so many processor seconds from now on."""
        self.limit = self.seen + seconds
        self.deadline = time.monotonic() + CLOCK_FACTOR * seconds

    def result(self) -> Result:
        self._listen()
        os.close(self.pipe)
        self._end_strays()
        if self.job.file:
            self.path.write_bytes(self.kept)
        written = self.temp / "output"
        output = written.read_text(errors="replace") if written.exists() else ""
        shutil.rmtree(self.temp, ignore_errors=True)
        outcome = self.outcome or ("failed" if self.status else "passed")
        return Result(
            outcome,
            self.used,
            self.took,
            self.failed,
            self.last,
            output,
            self.reached,
            self.starts_processes,
        )

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.pipe, 65536):
                self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for word, name, value in map(json.loads, lines):
            if word == "start":
                self.last = name
                self._allow(self.slack + FACTOR * self.limits.get(name, COLLECTION))
            elif word == "took":
                self.took[name] = value
            elif word == "reached":
                self.reached[name] = value
            elif word == "starts processes":
                self.starts_processes = True
            else:
                self.failed.append(name)

    def _end_strays(self) -> None:
        """Ends the servers and workers that the tests left: of this run's session, or with its folder as TMPDIR."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                here = os.getsid(process.pid) == self.pid or process.environ().get("TMPDIR") == str(self.temp)
                if here:
                    process.kill()
                    if process.ppid() == os.getpid():
                        process.wait(5)
