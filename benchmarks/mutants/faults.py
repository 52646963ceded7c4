"""The faults of a file: each is one replaced span, and is known by the lines that it changes."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass

from operators import Sites


@dataclass(frozen=True)
class Mutant:
    """One fault. Its lines, and not their number, name it: so it stays the same when other lines change."""

    file: str
    line: int
    function: str
    operator: str
    before: str
    after: str
    nth: int  # among the faults of this file with the same function and the same lines
    span: tuple[int, int]  # in bytes
    text: str

    def apply(self, source: str) -> str | None:
        """The file with the fault in it; None where it does not compile or means the same."""
        raw = source.encode()
        changed = (raw[: self.span[0]] + self.text.encode() + raw[self.span[1] :]).decode()
        try:
            return None if ast.dump(ast.parse(changed)) == ast.dump(ast.parse(source)) else changed
        except SyntaxError:
            return None


def mutants(source: str, file: str) -> list[Mutant]:
    """All faults of a file, in the order of the text."""
    raw = source.encode()
    visitor = Sites(source)
    visitor.visit(visitor.tree)
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for start, end, text, operator, function in sorted(visitor.sites):
        first, last = raw.rfind(b"\n", 0, start) + 1, raw.find(b"\n", end)
        before = " ".join(raw[first:last].decode().split())
        after = " ".join((raw[first:start].decode() + text + raw[end:last].decode()).split())
        key = (function, before, after)
        line = raw.count(b"\n", 0, start) + 1
        found.append(Mutant(file, line, function, operator, before, after, seen[key], (start, end), text))
        seen[key] += 1
    return found
