"""Which lines of the measured files the tests of a file reach, and whether they start processes."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# What CPython reports when a process starts another, whichever module it does it with.
STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}


class Tracer:
    """Notes each line of `files` that runs in this process, in any of its threads."""

    def __init__(self, tree: Path, files: Iterable[str]) -> None:
        self.names = {str(tree / file): file for file in files}
        self.lines: dict[str, set[int]] = {file: set() for file in self.names.values()}
        self.starts_processes = False
        self.tracers: dict[CodeType, Callable[[FrameType, str, Any], Any] | None] = {}

    def start(self) -> None:
        sys.addaudithook(self._audit)
        threading.settrace(self._call)
        sys.settrace(self._call)

    def _audit(self, event: str, _: tuple[Any, ...]) -> None:
        if event in STARTS:
            self.starts_processes = True

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if code not in self.tracers:
            self.tracers[code] = self._tracer(code)
        return self.tracers[code]

    def _tracer(self, code: CodeType) -> Callable[[FrameType, str, Any], Any] | None:
        """What notes the lines of a function; nothing of other files."""
        file = self.names.get(code.co_filename)
        if file is None:
            return None
        seen = self.lines[file]
        seen.add(code.co_firstlineno)
        missing = {line for *_, line in code.co_lines() if line} - {code.co_firstlineno}

        def note(frame: FrameType, event: str, _: Any) -> Any:
            seen.add(frame.f_lineno)
            missing.discard(frame.f_lineno)
            if not missing:
                # From its next call on it runs at full speed.
                self.tracers[code] = None
            return note

        return note


def lines_of_statement(source: str, line: int) -> range:
    """The lines whose running shows that the fault in `line` ran: those of its statement.

    Of a statement with a body only its head: the body may not run.
    """
    best = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt):
            continue
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        body = getattr(node, "body", [])
        last = max(first, body[0].lineno - 1) if body else node.end_lineno or first
        # `ast.walk` goes from outside to inside: the last that fits is the innermost.
        if first <= line <= last:
            best = range(first, last + 1)
    return best
