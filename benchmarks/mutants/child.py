"""Runs the tests of one job in a process forked from one that has the heavy libraries."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from reach import Reached

# Libraries that take seconds to import, and read nothing of the environment that the tests set: huggingface_hub and
# what imports it (transformers, datasets) fix the Hub's address and the cache at import, and so stay with the tests.
PRELOAD = "torch,numpy,scipy.stats,pyarrow.parquet,pydantic,httpx,click,rich,cryptography.fernet,PIL.Image"

CHEAPEST = 4
"""So many files are collected and run first. Most faults are noticed there, and to collect all files
of an area takes a second."""


@dataclass
class Job:
    """One run of some test files, with or without a fault."""

    tests: list[str]
    file: str = ""
    source: str = ""  # the text of `file` with the fault
    stop: bool = True  # at the first failure
    deselect: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)  # files whose lines are noted when they run


def preload(names: str) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in filter(None, names.split(",")):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def run_tests(job: Job, tree: Path, temp: Path, pipe: int) -> NoReturn:
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
        arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not long"]
        arguments += [f"--rootdir={tree}", *(f"--deselect={name}" for name in job.deselect)]
        plugin = _Reporter(pipe, Reached(tree, job.trace) if job.trace else None)
        arguments += ["-x"] if job.stop else []
        code = 0
        for tests in filter(None, (job.tests[:CHEAPEST], job.tests[CHEAPEST:])):
            ended = pytest.main([*tests, *arguments], plugins=[plugin])
            code = code or (0 if ended == pytest.ExitCode.NO_TESTS_COLLECTED else int(ended))
            if code and job.stop:
                break
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(int(code))


class _Reporter:
    """Tells the parent which test starts, what each took, which failed and which lines ran."""

    def __init__(self, pipe: int, reached: Reached | None) -> None:
        self.pipe, self.reached, self.began = pipe, reached, 0.0

    def send(self, *line: Any) -> None:
        os.write(self.pipe, (json.dumps(line) + "\n").encode())

    def pytest_configure(self, config: pytest.Config) -> None:
        # The marker is declared here for trees from before it was in pyproject.toml.
        config.addinivalue_line("markers", "long: for `make long`")
        if self.reached:
            self.reached.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.began = sum(os.times()[:4])
        self.send("start", nodeid, 0)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.send("took", nodeid, sum(os.times()[:4]) - self.began)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.send("failed", report.nodeid, 0)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.send("failed", report.nodeid, 0)

    def pytest_sessionfinish(self) -> None:
        if self.reached:
            for file, lines in self.reached.lines.items():
                self.send("reached", file, sorted(lines))
            if self.reached.starts_processes:
                self.send("starts processes", "", 0)
