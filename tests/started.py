"""A command in a process of its own, for tests that kill it or look at what it has printed so far."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


class Run:
    """A started command, whose output is in a file.

    Args:
        command: with its arguments.
        log: the file.
        patience: seconds that `wait` waits for its end.
    """

    def __init__(self, command: Sequence[str], log: Path, patience: float = 240):
        self.log, self.patience = log, patience
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait(self, seconds: float | None = None) -> int:
        return self.process.wait(self.patience if seconds is None else seconds)
