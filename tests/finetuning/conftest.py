"""What the tests of fine-tuning share."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Generator

import pytest


@pytest.fixture
def largest_file(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many bytes this process may write to a file; writing fails beyond, in the middle of the file.

    A full disk fails in the same places, with another number; this needs no disk to fill.
    """
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    # Python keeps what it compiled also where the disk took half of it, and no later import could read that.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, largest))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Lift the limit with the end of the test: how it went is written before the teardown, and may go to a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        return (yield)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
