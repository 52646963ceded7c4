"""Small plausible faults in Python source, over its syntax tree: where they go and what they put there."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

from quiet import (
    KEPT_DECORATORS,
    KEYED_CALLS,
    PAUSES,
    QUIET_CALLS,
    QUIET_KEYWORDS,
    STRICT_CALLS,
    is_number,
    is_text,
    name_of,
)

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
# What a function returns instead of its value, by its annotation; None for all others.
EMPTY = {"list": "[]", "dict": "{}", "str": '""', "tuple": "()", "set": "set()", "frozenset": "frozenset()", "int": "0"}


class Sites(ast.NodeVisitor):
    """Collects (start, end, replacement, operator, function), with offsets in bytes as `ast` gives them."""

    def __init__(self, source: str) -> None:
        self.tree = ast.parse(source)
        self.raw = source.encode()
        self.starts = [0]
        for line in self.raw.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.scope: list[str] = []
        self.returns: ast.expr | None = None
        self.sites: list[tuple[int, int, str, str, str]] = []

    # Places in the text

    def start(self, node: ast.AST) -> int:
        return self.starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def text(self, node: ast.AST) -> str:
        return self.raw[self.start(node) : self.end(node)].decode()

    def add(self, start: int, end: int, text: str, operator: str) -> None:
        self.sites.append((start, end, text, operator, ".".join(self.scope) or "<module>"))

    def replace(self, node: ast.AST, text: str, operator: str) -> None:
        self.add(self.start(node), self.end(node), text, operator)

    def between(self, left: ast.AST, right: ast.AST, token: str, other: str, operator: str) -> None:
        """Exchanges the operator in the gap of two operands, where parentheses and line breaks may stand as well."""
        gap = self.raw[self.end(left) : self.start(right)].decode()
        match = re.search(r"\s+".join(map(re.escape, token.split())), gap)
        if match and "#" not in gap:
            offset = self.end(left) + len(gap[: match.start()].encode())
            self.add(offset, offset + len(match.group().encode()), other, operator)

    # Scopes, and what is left alone

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scope.append(node.name)
        self._decorators(node)
        for default in (*node.args.defaults, *(value for value in node.args.kw_defaults if value)):
            self._value(default)
        outer, self.returns = self.returns, node.returns
        for statement in node.body:
            self.visit(statement)
        self.returns = outer
        self.scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scope.append(node.name)
        self._decorators(node)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        """The words of an error are left alone; whether it is raised is the condition's business."""

    visit_Assert = visit_JoinedStr = visit_Raise  # type: ignore[assignment]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self._assigned([node.target], node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node.targets, node.value)

    def _assigned(self, targets: list[ast.expr], value: ast.expr) -> None:
        names = " ".join(self.text(target) for target in targets)
        if not (PAUSES.search(names) or names == "__all__"):
            self._value(value)

    def _decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            if name_of(decorator) not in KEPT_DECORATORS:
                at = self.raw.rfind(b"@", 0, self.start(decorator))
                self.add(at, self.end(decorator), "", "removed decorator")

    # Faults

    def visit_Compare(self, node: ast.Compare) -> None:
        for (left, right), op in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
            token, others = COMPARISONS[type(op)]
            for other in others:
                self.between(left, right, token, other, "comparison")
        for operand in (node.left, *node.comparators):
            self._value(operand)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        token, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            self.between(left, right, token, other, "and/or")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, (ast.Not, ast.USub)) and not isinstance(node.operand, ast.Constant):
            width = 3 if isinstance(node.op, ast.Not) else 1
            self.add(self.start(node), self.start(node) + width, "", "removed not or minus")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(isinstance(part, ast.JoinedStr) or is_text(part) for part in (node.left, node.right))
        types = isinstance(node.op, ast.BitOr) and not self.scope
        # A slash joins paths far more often than it divides: only beside something that is a number by its looks.
        paths = isinstance(node.op, ast.Div) and not (is_number(node.left) or is_number(node.right))
        if type(node.op) in ARITHMETIC and not (texts or types or paths):
            self.between(node.left, node.right, *ARITHMETIC[type(node.op)], "arithmetic")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, (ast.Add, ast.Sub)) and not isinstance(node.value, (ast.JoinedStr, ast.List)):
            token, other = ("+=", "-=") if isinstance(node.op, ast.Add) else ("-=", "+=")
            self.between(node.target, node.value, token, other, "arithmetic")
        self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.replace(node, str(not node.value), "True/False")
        elif isinstance(node.value, (int, float)):
            self.replace(node, repr(node.value + 1), "constant")
            if node.value > 0:
                self.replace(node, repr(node.value - 1), "constant")

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and not QUIET_CALLS.search(name_of(node.value)):
            self.replace(node, "pass", "removed call")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if name_of(node.test) != "TYPE_CHECKING":
            self._condition(node.test, "True", "False")
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._condition(node.test, "False")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test, "True", "False")
        for part in (node.test, node.body, node.orelse):
            self._value(part)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._condition(test, "True")
        self.generic_visit(node)

    def _condition(self, test: ast.expr, *values: str) -> None:
        if not isinstance(test, ast.Constant) and not any(isinstance(part, ast.NamedExpr) for part in ast.walk(test)):
            for value in values:
                self.replace(test, value, "removed condition")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        if not isinstance(node.value, ast.Constant):
            name = name_of(self.returns) if self.returns else ""
            empty = f"not ({self.text(node.value)})" if name == "bool" else EMPTY.get(name, "None")
            self.replace(node.value, empty, "returned value")
        self._value(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = name_of(node)
        if QUIET_CALLS.search(name):
            return
        self.visit(node.func)
        if name not in STRICT_CALLS and len(node.args) > 1:
            first, second = node.args[:2]
            if not isinstance(first, ast.Starred) and not isinstance(second, ast.Starred):
                gap = self.raw[self.end(first) : self.start(second)].decode()
                self.add(
                    self.start(first), self.end(second), self.text(second) + gap + self.text(first), "swapped arguments"
                )
        for argument in node.args:
            (self._value if name in KEYED_CALLS else self.visit)(argument)
        for keyword in node.keywords:
            if keyword.arg not in QUIET_KEYWORDS:
                self._value(keyword.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        for part in (*(key for key in node.keys if key), *node.values):
            self._value(part)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        self._value(node.slice)

    def _value(self, node: ast.expr) -> None:
        """A text that is a key or a value is changed; sentences are messages, and stay."""
        if is_text(node):
            if len(node.value.split()) < 4 and self.text(node)[:1] in "\"'r":
                # More punctuation among punctuation, or one more letter of a set, changes nothing that occurs.
                self.replace(node, repr(node.value + "X" if re.search(r"\w", node.value) else "X"), "text")
        else:
            self.visit(node)
