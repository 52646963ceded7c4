"""Which lines of the measured files the tests of a file reach, and whether they start processes."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

# What CPython reports when a process starts another, whichever module it does it with.
STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.system"}


class Reached(MetaPathFinder):
    """Notes each statement of `files` that runs in this process, in any of its threads.

    They are compiled with a call before each statement. `sys.settrace` would tell the same, and take
    five times as long, since it is asked about every function of every library.
    """

    def __init__(self, tree: Path, files: Iterable[str]) -> None:
        self.names = {str(tree / file): file for file in files}
        self.lines: dict[str, set[int]] = {file: set() for file in self.names.values()}
        self.starts_processes = False

    def start(self) -> None:
        """From now on, for modules that are imported later."""
        sys.addaudithook(self._audit)
        sys.meta_path.insert(0, self)
        for number, file in enumerate(self.lines):
            setattr(builtins, name_of_mark(number), self.lines[file].add)

    def _audit(self, event: str, _: tuple[Any, ...]) -> None:
        if event in STARTS:
            self.starts_processes = True

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin not in self.names:
            return None  # pytest's own finder may want it
        number = list(self.names).index(spec.origin)
        spec.loader = _Loader(name, spec.origin, name_of_mark(number))
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, mark: str) -> None:
        super().__init__(name, path)
        self.mark = mark

    def get_code(self, fullname: str) -> CodeType:
        """Never the cached bytecode, which has no marks."""
        marked = with_marks(self.get_data(self.path).decode(), self.mark)
        return compile(marked, self.path, "exec", dont_inherit=True)


def name_of_mark(number: int) -> str:
    return f"__reached_{number}__"


def with_marks(source: str, mark: str) -> ast.Module:
    """The module with `mark(line)` before each statement, but where nothing may come first."""
    tree = ast.parse(source)
    for node in list(ast.walk(tree)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and block:
                setattr(node, name, [each for stmt in block for each in _marked(stmt, mark)])
    return ast.fix_missing_locations(tree)


def _marked(statement: ast.stmt, mark: str) -> list[ast.stmt]:
    docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    if docstring or (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
        return [statement]
    call = ast.Call(ast.Name(mark, ast.Load()), [ast.Constant(statement.lineno)], [])
    return [ast.copy_location(ast.Expr(call), statement), statement]


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
