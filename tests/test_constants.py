"""Every constant that is a number says what it counts and why it has that value, where it stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
FOLDERS = ("hubkit", "bertscore_ptbr", "loading_script")


def is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.UnaryOp(operand=operand):
            return is_number(operand)
        case ast.BinOp(left, _, right):
            return is_number(left) and is_number(right)
        case ast.Tuple(parts):
            return bool(parts) and all(is_number(part) for part in parts)
    return False


def is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def unexplained(source: str) -> list[str]:
    """Constants without a comment before or after them, or a text under them; a text may stand under several lines."""
    lines = source.splitlines()
    tree = ast.parse(source)
    found = []
    for body in [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]:
        for place, node in enumerate(body):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None or not is_number(node.value):
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            name = ast.unparse(target).strip("()")
            if not name.replace("_", "").replace(", ", "").isupper():
                continue
            last = place
            while last + 1 < len(body) and isinstance(body[last + 1], ast.Assign):
                if body[last + 1].lineno != (body[last].end_lineno or 0) + 1:
                    break
                last += 1
            below = body[last + 1] if last + 1 < len(body) else None
            commented = "#" in lines[node.lineno - 1] or lines[node.lineno - 2].lstrip().startswith("#")
            if not commented and not is_text(below):
                found.append(name)
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("\nSECONDS = 5\n", ["SECONDS"]),
        ("\nSECONDS = 5  # a second try takes as long\n", []),
        ('\nSECONDS = 5\n"""A second try takes as long."""\n', []),
        ('\nLEAST = 5\nMOST = 7\n"""Both are of the paper."""\n', []),
        ('\nLEAST = 5\n\nMOST = 7\n"""Of the paper."""\n', ["LEAST"]),
        ('\nNAME = "x"\nseconds = 5\nON = True\n', []),
        ("\nBYTES = 2**20\n\nA, B = 1, -2\n", ["BYTES", "A, B"]),
    ],
)
def test_a_bare_number_is_found(source: str, expected: list[str]) -> None:
    assert unexplained(source) == expected


def test_every_number_is_explained() -> None:
    paths = sorted(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*.py"))
    bare = {str(path.relative_to(CHECKOUT)): unexplained(path.read_text(encoding="utf-8")) for path in paths}
    assert {path: names for path, names in bare.items() if names} == {}
