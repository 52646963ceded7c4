"""Progress of anything that takes over two seconds: a bar on a terminal, lines at intervals elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

SECONDS_BETWEEN_LINES = 15.0
"""How often a counter prints a line where there is no terminal."""

SECONDS_OF_SILENCE = 30.0
"""After how long without a counter a stage says that it is still running: models load for minutes."""

_lock = threading.Lock()
_counters: set[int] = set()
"""The counters that are shown now, by identity: a stage says nothing of its own meanwhile."""


class Progress:
    """Counts what is done out of `total`; use it as a context manager and call `advance`.

    Args:
        what: what is counted, such as "translate: units".
        total: how many there are.
        done: how many were done before, by an earlier run; the time left is estimated without them.
    """

    def __init__(self, what: str, total: int, done: int = 0):
        self.what, self.total, self.done = what, total, done
        self.note = ""
        """What else is known, such as the state of a cluster's job."""
        self._before, self._started = done, time.monotonic()
        self._shown = contextlib.ExitStack()

    def __enter__(self) -> Progress:
        self._before, self._started = self.done, time.monotonic()
        with _lock:
            _counters.add(id(self))
        if sys.stderr.isatty():
            self._shown.enter_context(_bar(self))
        else:
            self._shown.enter_context(repeated(SECONDS_BETWEEN_LINES, self._print))
        return self

    def advance(self, count: int = 1) -> None:
        """Add `count` to what is done."""
        self.done += count

    def reach(self, done: int) -> None:
        """Set what is done."""
        self.done = done

    def left(self) -> str:
        """The time that the rest will take at the speed so far, "" where that is not known."""
        seconds = time.monotonic() - self._started
        made = self.done - self._before
        # What was done in the first second is an accident of starting.
        if made <= 0 or seconds < 1 or self.done >= self.total:
            return ""
        return f"about {duration(seconds / made * (self.total - self.done))} left"

    def __str__(self) -> str:
        more = "".join(f", {part}" for part in (self.left(), self.note) if part)
        return f"{self.what}: {self.done} of {self.total}{more}"

    def _print(self) -> None:
        print(f"  {self}", file=sys.stderr, flush=True)

    def __exit__(self, *exception: object) -> None:
        self._shown.close()
        with _lock:
            _counters.discard(id(self))


def track(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Yield `items` and show how many are done."""
    with Progress(what, total) as progress:
        for item in items:
            yield item
            progress.advance()


@contextlib.contextmanager
def running(what: str) -> Iterator[None]:
    """Print at intervals how long the block has been running, while no counter is shown."""
    started = time.monotonic()

    def say() -> None:
        if not _counters:
            print(f"  {what}: running for {duration(time.monotonic() - started)}", file=sys.stderr, flush=True)

    with repeated(SECONDS_OF_SILENCE, say):
        yield


def duration(seconds: float) -> str:
    """A time for people: "7 s", "3 min", "2 h 10 min", "3 d 4 h"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


@contextlib.contextmanager
def _bar(progress: Progress) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    class Count(ProgressColumn):
        """The counter's own words: rich's estimate looks at the last 30 s, and a cluster's chunks come in bursts."""

        def render(self, task: Task) -> Text:
            bar.update(task.id, completed=progress.done)
            return Text(str(progress).removeprefix(f"{progress.what}: "))

    # A bar without a width of its own takes what the words leave of the line, also at 80 columns.
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(None, table_column=Column(ratio=1)),
        Count(Column(no_wrap=True)),
    )
    bar = Bar(*columns, console=Console(stderr=True), expand=True)
    task = bar.add_task(progress.what, total=progress.total, completed=progress.done)
    with bar:
        try:
            yield
        finally:
            bar.update(task, completed=progress.done, refresh=True)


@contextlib.contextmanager
def repeated(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call `call` every so many seconds while the block runs, in a thread of its own."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=repeat, name="hubkit-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
