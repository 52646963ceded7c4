"""Progress of anything that takes over two seconds: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 15


class Progress:
    """Counts what is done out of `total`; use it as a context manager and call `advance`.

    Args:
        what: what is counted, such as "translate: units".
        total: how many there are.
        done: how many were done before, by an earlier run.
    """

    def __init__(self, what: str, total: int, done: int = 0):
        self.what, self.total, self.done = what, total, done
        self._bar: object | None = None
        self._printed = time.monotonic()

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            bar = Bar(*columns, console=Console(stderr=True))
            bar.start()
            self._task = bar.add_task(self.what, total=self.total, completed=self.done)
            self._bar = bar
        return self

    def advance(self, count: int = 1) -> None:
        self.done += count
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done)  # type: ignore[attr-defined]
        elif time.monotonic() - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            print(f"  {self.what}: {self.done} of {self.total}", file=sys.stderr, flush=True)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()  # type: ignore[attr-defined]


def track(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield `items` and show how many are done."""
    with Progress(what, total) as progress:
        for item in items:
            yield item
            progress.advance()
