"""Runs tests over mutants: each in a process forked from one that has the heavy libraries, in a copy of the tree."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

# Libraries that take seconds to import, and read nothing of the environment that the tests set: huggingface_hub and
# what imports it (transformers, datasets) fix the Hub's address and the cache at import, and so stay with the tests.
PRELOAD = "torch,numpy,scipy.stats,pyarrow.parquet,pydantic,httpx,click,rich,cryptography.fernet,PIL.Image"
# A test may take this many times as long as without a fault, and some slack, before it counts as endless; what runs
# before the first test, and a test without a fault, may take the third figure in seconds.
FACTOR, SLACK, COLLECTION = 5, 30.0, 180
SUBREAPER = 36  # prctl: what a killed test leaves behind becomes a child of this process, and can be ended


@dataclass
class Job:
    """One run of some test files, with or without a fault."""

    tests: list[str]
    file: str = ""
    source: str = ""  # the text of `file` with the fault
    stop: bool = True  # at the first failure
    deselect: list[str] = field(default_factory=list)


@dataclass
class Result:
    outcome: str  # passed, failed, timed out
    seconds: float
    took: dict[str, float]
    failed: list[str]
    last: str  # the test that ran last
    output: str


def preload(names: str) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in filter(None, names.split(",")):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def copy_tree(tree: Path, target: Path) -> None:
    """What git knows of the tree, and what is new in it; bytecode is made here, so that runs need not."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=tree, text=True)
    for name in filter(None, names.split("\0")):
        if (tree / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(tree / name, target / name)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(target)], check=False, stdout=subprocess.DEVNULL)


def run_all(
    jobs: Iterable[Job], slots: list[Path], limits: dict[str, float], slack: float = SLACK
) -> Iterator[tuple[Job, Result]]:
    """The results as they come, as many at a time as there are slots, each a folder with a copy of the tree."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    waiting, free, busy = iter(jobs), list(slots), dict[int, _Run]()
    while True:
        while free and (job := next(waiting, None)):
            run = _Run(job, free.pop(), limits, slack)
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
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if run := busy.get(ended[0]):
                run.status = os.waitstatus_to_exitcode(ended[1])


class _Run:
    """A child with its pipe, its deadline and its mutated file."""

    def __init__(self, job: Job, slot: Path, limits: dict[str, float], slack: float) -> None:
        self.job, self.slot, self.limits, self.slack = job, slot, limits, slack
        self.took, self.failed, self.last, self.rest = dict[str, float](), list[str](), "", b""
        self.tree, self.temp = slot / "tree", slot / "tmp"
        self.temp.mkdir()
        self.began, self.late = time.monotonic(), False
        self.status: int | None = None  # how the child ended
        self.deadline = self.began + COLLECTION
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
            _child(job, self.tree, self.temp, write)
        os.close(write)

    def ended(self) -> bool:
        self._listen()
        if self.status is None and time.monotonic() > self.deadline:
            self.late = True
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = 1
        return self.status is not None

    def result(self) -> Result:
        self._listen()
        os.close(self.pipe)
        self._end_strays()
        if self.job.file:
            self.path.write_bytes(self.kept)
        output = (self.temp / "output").read_text(errors="replace") if (self.temp / "output").exists() else ""
        shutil.rmtree(self.temp, ignore_errors=True)
        outcome = "timed out" if self.late else "failed" if self.status else "passed"
        return Result(outcome, time.monotonic() - self.began, self.took, self.failed, self.last, output)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.pipe, 65536):
                self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for word, name, seconds in map(json.loads, lines):
            if word == "start":
                self.last = name
                self.deadline = time.monotonic() + self.slack + FACTOR * self.limits.get(name, COLLECTION)
            elif word == "took":
                self.took[name] = self.took.get(name, 0) + seconds
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


def _child(job: Job, tree: Path, temp: Path, pipe: int) -> None:
    """Never returns: the tests of the job, in a session of their own."""
    code = 70
    try:
        os.setsid()
        output = os.open(temp / "output", os.O_WRONLY | os.O_CREAT)
        for target in (1, 2):
            os.dup2(output, target)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(tree)
        tempfile.tempdir = None
        os.environ |= {
            "TMPDIR": str(temp),
            "PYTHONPATH": str(tree),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_STORAGE_DIRECTORY": str(temp / "hypothesis"),
        }
        # Options meant for the caller's own tests, such as the seed of an order that is switched off here.
        os.environ.pop("PYTEST_ADDOPTS", None)
        sys.dont_write_bytecode = True
        here = str(Path(__file__).parent)
        sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in (here, ""))]
        sys.argv = ["pytest"]
        # The cache would carry over what failed last; a random order would change what a test's time limit covers.
        arguments = [*job.tests, "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not long"]
        arguments += [f"--rootdir={tree}", *(f"--deselect={name}" for name in job.deselect)]
        code = pytest.main([*arguments, *(["-x"] if job.stop else [])], plugins=[_Reporter(pipe)])
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(int(code))


class _Reporter:
    """Tells the parent which test starts, how long each took and which failed."""

    def __init__(self, pipe: int) -> None:
        self.send: Callable[..., Any] = lambda *line: os.write(pipe, (json.dumps(line) + "\n").encode())

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "long: for `make long`")  # also on trees from before the marker

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.send("start", nodeid, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.send("took", report.nodeid, report.duration)
        if report.failed:
            self.send("failed", report.nodeid, 0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.send("failed", report.nodeid, 0)
