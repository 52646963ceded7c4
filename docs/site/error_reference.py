"""The page of all errors, made from the code: what hubkit says, where, and what helps.

An error's text is read from its `raise`. What is filled in at run time is shown as its name in the code.
"""

from __future__ import annotations

import ast
import functools
import re
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


def kinds(classes: Iterable[ast.ClassDef]) -> dict[str, int]:
    """The exit code of each class of error by its name, for all that are importable without running a stage."""
    found, rest = {"HubkitError": HubkitError.exit_code}, _described(classes)
    while new := {name: rest[name][1] or found[base] for name, base in _bases(rest, found)}:
        found |= new
        rest = {name: of for name, of in rest.items() if name not in found}
    return {name: int(code) for name, code in found.items()}


def _bases(rest: Mapping[str, tuple[list[str], int | None]], found: Mapping[str, int]) -> list[tuple[str, str]]:
    return [(name, base) for name, (bases, _) in rest.items() for base in bases if base in found]


def _described(classes: Iterable[ast.ClassDef]) -> dict[str, tuple[list[str], int | None]]:
    """The bases of each class in the code, and the exit code that it sets."""
    described: dict[str, tuple[list[str], int | None]] = {}
    for node in classes:
        codes = [
            part.value.value
            for part in node.body
            if isinstance(part, ast.Assign)
            and ast.unparse(part.targets[0]) == "exit_code"
            and isinstance(part.value, ast.Constant)
        ]
        code = codes[0] if codes and isinstance(codes[0], int) else None
        described[node.name] = ([ast.unparse(base).split(".")[-1] for base in node.bases], code)
    return described


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(HUBKIT.rglob("*.py")):
        yield str(path.relative_to(HUBKIT)), ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def errors() -> tuple[Error, ...]:
    """Every place that raises an error of hubkit with a text of its own."""
    modules = dict(_modules())
    # A module has thousands of nodes: each is visited once, and only these are looked at again.
    wanted = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.ImportFrom)
    nodes = {module: [node for node in ast.walk(tree) if isinstance(node, wanted)] for module, tree in modules.items()}
    known = kinds(node for part in nodes.values() for node in part if isinstance(node, ast.ClassDef))
    constants = {module: _constants(tree.body) for module, tree in modules.items()}
    found: list[Error] = []
    for module, part in nodes.items():
        imports = [node for node in part if isinstance(node, ast.ImportFrom)]
        shared = _imported(imports, constants) | constants[module]
        for scope in part:
            if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
                found += _raised(scope, shared, known, module)
    return tuple(found)


def _raised(scope: ast.AST, shared: Mapping[str, ast.expr], known: Mapping[str, int], module: str) -> Iterator[Error]:
    """The errors that a function makes itself, by the names of texts that its module has."""
    own = list(_own(scope))
    names = {**shared, **_constants(own)}
    for node in own:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known and node.args:
            keywords = {part.arg: _text(part.value, names) for part in node.keywords if part.arg}
            said = (_text(node.args[0], names), keywords.get("where", ""), keywords.get("hint", ""))
            yield Error(*said, known[node.func.id], module, node.lineno)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it, in the order of the code."""
    waiting = [*ast.iter_child_nodes(scope)][::-1]
    while waiting:
        yield (node := waiting.pop())
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*ast.iter_child_nodes(node)][::-1]


def _constants(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """The texts that are given a name."""
    texts = (ast.Constant, ast.JoinedStr, ast.IfExp, ast.BinOp)
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, texts)
        # Not a number: `row = first + 1` stays {row}.
        if any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node.value))
    }


def _imported(imports: Iterable[ast.ImportFrom], constants: Mapping[str, dict[str, ast.expr]]) -> dict[str, ast.expr]:
    """The texts that a module takes from others, such as `from hubkit.disk import HINT`."""
    return {
        name.asname or name.name: constants[source][name.name]
        for node in imports
        if node.module
        for source in [node.module.removeprefix("hubkit.").replace(".", "/") + ".py"]
        for name in node.names
        if name.name in constants.get(source, {})
    }


def _text(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> str:
    """What an expression says, with `{name}` for what is known only at run time."""
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
    return "{" + WORDS.get(name := _name(node).strip("_").lower(), name) + "}"


WORDS = {"strerror": "reason", "said": "answer", "at": "place"}
"""Plain words for names in the code that say little to a reader of the page."""


def _name(node: ast.AST) -> str:
    """The name in the code of a value that an error shows: of `name.replace("_", "-")` it is `name`."""
    match node:
        case ast.Name():
            return node.id
        case ast.Call(func=ast.Attribute(value=ast.Constant())) | ast.Call(func=ast.Name()) if node.args:
            return _name(node.args[0])
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute() | ast.Call() as inner)):
            return _name(inner)
        case ast.Attribute():
            return node.attr
        case ast.Subscript() | ast.Starred():
            return _name(node.value)
    named = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return (named or ["…"])[0]


def page(table: Callable[[Iterable[str], Iterable[Iterable[str]]], str]) -> str:
    """All errors by area, in Markdown.

    Args:
        table: writes a table of these heads and rows.
    """
    found = errors()
    areas = sorted({error.area for error in found})
    parts = [
        "# Errors",
        "Every error of hubkit, made from the code. hubkit prints an error as one line: where it is, **what is "
        "wrong**, and what helps in brackets. Search this page for a few words of the message. A name in braces, such "
        "as `{path}`, stands for a value of your run.",
        "| exit code | meaning |\n| --- | --- |\n| 1 | the work failed |\n| 2 | the command or a setting is wrong |\n"
        "| 130 | interrupted |",
        "By area: " + ", ".join(f"[{area}](#{area.lower().replace(' ', '-')})" for area in areas) + ".",
    ]
    for area in areas:
        rows = sorted(
            {
                (_shown(error.what), _shown(error.where), _shown(error.hint), error.exit_code)
                for error in found
                if error.area == area
            }
        )
        lines = [
            (f"{where}: **{what}**" if where else f"**{what}**", hint, str(code)) for what, where, hint, code in rows
        ]
        # The class lets a phone show each row as a block (extra.css): three columns do not fit its width.
        parts += [
            f"## {area}",
            '<div class="errors" markdown>',
            table(("error", "what helps", "exit code"), lines),
            "</div>",
        ]
    return "\n\n".join(parts) + "\n"


def _shown(text: str) -> str:
    """A text with its values as code. Markdown would take braces for attributes of the cell and drop them."""
    pieces = re.split(r"(\{[^}]*\})", text)
    return "".join(f"`{piece}`" if piece.startswith("{") else re.sub(r"([*<\[\]])", r"\\\1", piece) for piece in pieces)
