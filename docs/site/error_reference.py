"""The page of all errors, made from the code: what hubkit says, where, and what helps.

An error's text is read from its `raise`. What is filled in at run time is shown as its name in the code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import hubkit
from hubkit.errors import HubkitError

HUBKIT = Path(hubkit.__file__).parent

AREAS = {
    "cli": "Command line",
    "config": "Settings",
    "corpus": "Corpus",
    "sources": "Corpus",
    "translation": "Translation and corrections",
    "checks": "Clinical checks",
    "clinical": "Clinical checks",
    "models": "Models and training",
    "finetuning": "Models and training",
    "generation": "Models and training",
    "scoring": "Scores and audit",
    "metrics": "Scores and audit",
    "audit": "Scores and audit",
    "packaging": "Packaging",
    "leakguard": "Packaging",
    "custody": "Custody and terms",
    "terms": "Custody and terms",
    "hub": "Hub",
    "localhub": "Hub on loopback",
    "verification": "Verification",
    "review": "Review by readers",
}
"""The sections of the page, by the package that raises; everything else is under the last, "Workspace"."""


class Error(NamedTuple):
    """A place in the code that raises: what it says, about what, what helps, the exit code, and where it stands."""

    what: str
    where: str
    hint: str
    exit_code: int
    module: str
    line: int

    @property
    def area(self) -> str:
        return AREAS.get(self.module.split("/")[0], "Workspace")


def kinds() -> dict[str, int]:
    """The exit code of each class of error by its name, for all that are importable without running a stage."""
    found, rest = {"HubkitError": HubkitError.exit_code}, _classes()
    while new := {name: rest[name][1] or found[base] for name, base in _bases(rest, found)}:
        found |= new
        rest = {name: of for name, of in rest.items() if name not in found}
    return {name: int(code) for name, code in found.items()}


def _bases(rest: Mapping[str, tuple[list[str], int | None]], found: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, base) for name, (bases, _) in rest.items() for base in bases if base in found]


def _classes() -> dict[str, tuple[list[str], int | None]]:
    """The bases of each class in the code, and the exit code that it sets."""
    classes: dict[str, tuple[list[str], int | None]] = {}
    for _, tree in _modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                codes = [
                    part.value.value
                    for part in node.body
                    if isinstance(part, ast.Assign)
                    and ast.unparse(part.targets[0]) == "exit_code"
                    and isinstance(part.value, ast.Constant)
                ]
                code = codes[0] if codes and isinstance(codes[0], int) else None
                classes[node.name] = ([ast.unparse(base).split(".")[-1] for base in node.bases], code)
    return classes


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(HUBKIT.rglob("*.py")):
        yield str(path.relative_to(HUBKIT)), ast.parse(path.read_text(encoding="utf-8"))


def errors() -> list[Error]:
    """Every place that raises an error of hubkit with a text of its own."""
    known, found = kinds(), []
    for module, tree in _modules():
        shared = _constants(tree.body)
        for scope in ast.walk(tree):
            if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = shared | _constants(list(_own(scope)))
            for node in _own(scope):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in known and node.args:
                    keywords = {part.arg: _text(part.value, names) for part in node.keywords if part.arg}
                    said = (_text(node.args[0], names), keywords.get("where", ""), keywords.get("hint", ""))
                    found.append(Error(*said, known[ast.unparse(node.func)], module, node.lineno))
    return found


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _own(child)


def _constants(nodes: list[ast.AST] | list[ast.stmt]) -> dict[str, ast.expr]:
    """The texts that are given a name."""
    texts = (ast.Constant, ast.JoinedStr, ast.IfExp, ast.BinOp)
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, texts)
    }


def _text(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> str:
    """What an expression says, with `{name}` for what is known at run time alone."""
    match node:
        case ast.Constant(value=None):
            return ""
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part, names, depth) for part in node.values)
        case ast.FormattedValue():
            return _text(node.value, names, depth)
        case ast.Name() if node.id in names and depth < 3:
            return _text(names[node.id], names, depth + 1)
        case ast.IfExp():
            parts = dict.fromkeys(_text(part, names, depth) for part in (node.body, node.orelse))
            return " / ".join(part for part in parts if part)
        case ast.BinOp(op=ast.Add()):
            return _text(node.left, names, depth) + _text(node.right, names, depth)
    named = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    attributes = [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]
    return "{" + (attributes or named or ["…"])[0].strip("_") + "}"


def page(table: Callable[[Iterable[str], Iterable[Iterable[str]]], str]) -> str:
    """All errors by area, in Markdown.

    Args:
        table: writes a table of these heads and rows.
    """
    found = errors()
    parts = [
        "# Errors",
        "Everything that hubkit says when it stops, made from the code. An error is one line: where, what is wrong, "
        "and in brackets what helps. A name in braces is filled in. Exit code 1 means that the work failed, 2 that "
        "the command or a setting is wrong, and 130 that somebody interrupted it. Search this page for a word of "
        "the message.",
    ]
    for area in sorted({error.area for error in found}):
        here = [error for error in found if error.area == area]
        rows = sorted({(error.what, error.where, error.hint, str(error.exit_code)) for error in here})
        parts += [f"## {area}", table(("what it says", "where", "what helps", "exit code"), rows)]
    return "\n\n".join(parts) + "\n"
