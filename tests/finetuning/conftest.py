"""What the tests of fine-tuning share."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def largest_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Sets how many bytes this process may write to a file; writing fails beyond, in the middle of the file.

    A full disk fails in the same places, with another number; this needs no disk to fill.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python keeps what it compiled also where the disk took half of it, and no later import could read that.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
