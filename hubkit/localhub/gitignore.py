"""What a .gitignore names, in time that grows with pattern and path alone.

Patterns come from whoever uploads, and regular expressions made of them can take for ever: `*a*a*a*a*a*b`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hubkit.localhub.errors import Refusal

MOST_STEPS = 20_000_000
"""Characters of patterns times folders and files: a few seconds of the Hub's one event loop at worst."""

_ANY_RUN, _ANY_FOLDERS = "*", "**"


class _Class(NamedTuple):
    """`[a-z]` or `[!a-z]`: ranges of characters, and whether they are those that do not fit."""

    ranges: tuple[tuple[str, str], ...]
    excluded: bool

    def takes(self, character: str) -> bool:
        return any(first <= character <= last for first, last in self.ranges) != self.excluded


class _Literal(NamedTuple):
    """One character; None stands for any."""

    character: str | None

    def takes(self, character: str) -> bool:
        return self.character in (None, character)


_Token = _Class | _Literal | str


class Rule(NamedTuple):
    """A line of a .gitignore.

    Attributes:
        parts: what each folder and the name have to fit; `**` stands for any number of folders.
        kept: whether the line begins with `!`, and so keeps what an earlier one ignores.
        folders: whether it names folders alone.
    """

    parts: list[list[_Token] | str]
    kept: bool
    folders: bool

    def names(self, path: list[str]) -> bool:
        """Whether the line names a file, or a folder that it lies in."""
        # How many parts of the rule the folders so far may have used up.
        used = {0}
        for depth, name in enumerate(path, 1):
            used = _further(self.parts, _skipping(self.parts, used), name)
            if len(self.parts) in used and (depth < len(path) or not self.folders):
                return True
        return False


def ignored(gitignore: str, paths: list[str]) -> list[bool]:
    """Whether each file is ignored.

    Raises:
        Refusal: this would take too long (400).
    """
    if len(gitignore) * sum(path.count("/") + 1 for path in paths) > MOST_STEPS:
        raise Refusal(400, "Too many patterns in .gitignore for so many files")
    rules = [rule for line in gitignore.splitlines() if (rule := _rule(line))]
    return [_last(rules, path.split("/")) for path in paths]


def _last(rules: Iterable[Rule], path: list[str]) -> bool:
    found = False
    for rule in rules:
        # A line that would change nothing need not be tried.
        if found == rule.kept and rule.names(path):
            found = not rule.kept
    return found


def _rule(line: str) -> Rule | None:
    """The rule of a line; None where it has none, or cannot be read, which git passes over."""
    line = line.rstrip(" ") + (" " if line.rstrip(" ").endswith("\\") and line.endswith(" ") else "")
    kept = line.startswith("!")
    text = line.removeprefix("!")
    folders = text.endswith("/")
    named = text.rstrip("/")
    if not named or line.startswith("#"):
        return None
    parts: list[list[_Token] | str] = [] if "/" in named else [_ANY_FOLDERS]
    for part in named.lstrip("/").split("/"):
        tokens = _ANY_FOLDERS if part == "**" else _tokens(part)
        if tokens is None:
            return None
        parts.append(tokens)
    if parts[-1] == _ANY_FOLDERS:
        parts[-1] = [_ANY_RUN]  # At the end it stands for whatever is inside.
    return Rule(parts, kept, folders)


def _tokens(part: str) -> list[_Token] | None:
    tokens: list[_Token] = []
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            if tokens[-1:] != [_ANY_RUN]:
                tokens.append(_ANY_RUN)
        elif character == "?":
            tokens.append(_Literal(None))
        elif character == "[":
            end = part.find("]", at + 2 if part[at : at + 1] in ("!", "^") else at + 1)
            if end < 0:
                return None
            ranges = _ranges(part[at:end].lstrip("!^") if part[at] in "!^" else part[at:end])
            if ranges is None:
                return None
            tokens.append(_Class(ranges, part[at] in "!^"))
            at = end + 1
        elif character == "\\":
            if at == len(part):
                return None
            tokens.append(_Literal(part[at]))
            at += 1
        else:
            tokens.append(_Literal(character))
    return tokens


def _ranges(text: str) -> tuple[tuple[str, str], ...] | None:
    found = []
    while text:
        first, last = text[0], text[2] if text[1:2] == "-" and len(text) > 2 else text[0]
        if last < first:
            return None
        found.append((first, last))
        text = text[3:] if text[1:2] == "-" and len(text) > 2 else text[1:]
    return tuple(found)


def _skipping(parts: list[list[_Token] | str], used: set[int]) -> set[int]:
    """The places in a rule that can be reached where `**` stands for no folder."""
    reached = set(used)
    for place in range(len(parts)):
        if place in reached and parts[place] == _ANY_FOLDERS:
            reached.add(place + 1)
    return reached


def _further(parts: list[list[_Token] | str], used: set[int], name: str) -> set[int]:
    reached = set()
    for place in used:
        if place < len(parts):
            part = parts[place]
            if part == _ANY_FOLDERS:
                reached.add(place)
            elif not isinstance(part, str) and _fits(part, name):
                reached.add(place + 1)
    return reached


def _fits(tokens: list[_Token], name: str) -> bool:
    """Whether a name fits, with the set of places reached in it as the bits of a number."""
    whole = (1 << (len(name) + 1)) - 1
    reached = 1
    known: dict[_Class | _Literal, int] = {}

    def taken(token: _Class | _Literal) -> int:
        if token not in known:
            known[token] = sum(1 << place for place, character in enumerate(name) if token.takes(character))
        return known[token]

    for token in tokens:
        if not reached:
            return False
        if isinstance(token, str):
            # Everything from the first place on.
            reached = whole & ~((reached & -reached) - 1)
        elif isinstance(token, _Literal) and token.character is None:
            reached = (reached << 1) & whole
        else:
            reached = ((reached & taken(token)) << 1) & whole
    return bool(reached >> len(name) & 1)
