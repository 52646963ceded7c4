"""What faults leave alone, and how the syntax tree tells it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# Calls whose text or effect only a person sees: no test should hold them to the letter.
QUIET_CALLS = re.compile(r"^(print|log\w*|warn\w*|echo|debug|info|warning|secho|advance|say)$|(Error|Warning|Exit)$")
# Swapped or changed arguments of these stop every test at once, and tell nothing.
STRICT_CALLS = {"isinstance", "issubclass", "getattr", "hasattr", "setattr", "cast", "range", "partial"}
# The same in either order.
STRICT_CALLS |= {"min", "max"}
# Messages, pauses and layout: changes that no reader of the result would notice. `strict` of zip guards what cannot be.
QUIET_KEYWORDS = {"help", "hint", "description", "encoding", "errors", "indent", "timeout", "usedforsecurity", "strict"}
PAUSES = re.compile(r"TIMEOUT|WAIT|SECONDS|INTERVAL|PAUSE")
KEYED_CALLS = {"get", "pop", "setdefault", "startswith", "endswith", "removeprefix", "removesuffix", "split", "join"}
# Without a cache a function only takes longer; a property that is none is mypy's to find.
KEPT_DECORATORS = {"cache", "lru_cache", "property", "cached_property"}


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_number(node: ast.expr) -> bool:
    def parts() -> Iterator[bool]:
        for part in ast.walk(node):
            yield isinstance(part, ast.Constant) and type(part.value) in (int, float)
            yield isinstance(part, ast.Call) and name_of(part) in {"len", "sum", "max", "min", "float", "int", "mean"}

    return any(parts())


def name_of(node: ast.AST) -> str:
    """The last name of a call, a decorator or an annotation: `a.b.c(...)` and `c[...]` are `c`."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
