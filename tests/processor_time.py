"""What tests cost in processor seconds, which a busy machine changes less than seconds of the clock.

    PYTHONPATH=tests .venv/bin/pytest -p processor_time [FILE...]

It prints the 25 dearest files and tests; a test's set-up and the processes that it started and waited for count.
Not with -n: its workers keep what they measure for themselves.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Generator

import pytest

SHOWN = 25

_spent: Counter[str] = Counter()


def used() -> float:
    """Processor seconds of this process and of those below it that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    before = used()
    try:
        return (yield)
    finally:
        _spent[item.nodeid] += used() - before


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    files: Counter[str] = Counter()
    for test, seconds in _spent.items():
        files[test.partition("::")[0]] += seconds
    for title, found in (("files", files), ("tests", _spent)):
        terminalreporter.section(f"dearest {title}, in processor seconds ({found.total():.0f} in all)")
        for name, seconds in found.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:7.1f}  {name}")
