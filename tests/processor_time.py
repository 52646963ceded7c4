"""What tests cost in processor seconds, which a busy machine changes less than seconds of the clock.

    PYTHONPATH=tests .venv/bin/pytest -p processor_time [-n 2 --dist loadfile] [FILE...]

It prints the 25 dearest folders, files and tests; a test's set-up and the processes that it started and waited for
count. A worker of pytest-xdist sends its seconds with its reports.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Generator

import pytest

SHOWN = 25

_spent: Counter[str] = Counter()
_counted = 0.0


def used() -> float:
    """Processor seconds of this process and of those below it that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def pytest_collection_finish() -> None:
    """Count from here on: what is imported to collect belongs to no test."""
    global _counted
    _counted = used()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let each report carry the seconds since the one before it: pytest-xdist sends all that a report has."""
    global _counted
    report = yield
    before, _counted = _counted, used()
    report.processor_seconds = _counted - before
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what reports carry, in the process that prints."""
    _spent[report.nodeid] += getattr(report, "processor_seconds", 0.0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the dearest folders, files and tests."""
    files: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    for test, seconds in _spent.items():
        file = test.partition("::")[0]
        files[file] += seconds
        folders[file.rpartition("/")[0]] += seconds
    for title, found in (("folders", folders), ("files", files), ("tests", _spent)):
        terminalreporter.section(f"dearest {title}, in processor seconds ({found.total():.0f} in all)")
        for name, seconds in found.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:7.1f}  {name}")
