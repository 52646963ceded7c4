"""Plain English: words that the project does without, short sentences, and lines of at most 100 columns."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from notebook_files import NOTEBOOKS, cells

from hubkit.cli import cli
from hubkit.config import ReleaseConfig

CHECKOUT = Path(__file__).parents[1]

sys.path.insert(0, str(CHECKOUT / "docs" / "site"))
error_reference: Any = importlib.import_module("error_reference")

DOCS = sorted((CHECKOUT / "docs").rglob("*.md"))
GUIDES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "CHANGELOG.md", *DOCS]
CARDS = sorted(
    path
    for folder in ("dataset_card", "model_card", "bertscore_ptbr")
    for path in (CHECKOUT / folder).rglob("*")
    if path.suffix in (".md", ".jinja", ".html")
)
MODULES = sorted(
    path for folder in ("hubkit", "bertscore_ptbr", "loading_script") for path in (CHECKOUT / folder).rglob("*.py")
)
PORTUGUESE = CHECKOUT / "docs" / "inicio.md"

AVOIDED = {
    r"beside": "next to, with, in addition to",
    r"besides": "also, in addition",
    r"anew": "again",
    r"mend(s|ed|ing)?": "hint, fix, repair",
    r"(?<!there )(is|are|was) no (?!longer\b)[a-z]+": "is not a ..., there is no ...",
    r"what is there": "the existing files, what exists",
    r"who asks": "who requests access, the caller",
    r"said(?!:)": "say who says it, or: print, name",
    r"told(?!:)": "learns, gets a message",
    r"be had": "can be fetched, is available",
    r"(is|are) to be": "should be, has to be",
    r"at the most": "at most",
}
"""Words that house style does without, with plain words in their place. "no longer" is plain English."""

LONGEST_MEAN = 20
"""Words in a sentence of a guide, on average: docs of comparable projects have 15, and 26 were too many."""

WIDTH = 100
"""Columns of a line of prose; tables and links cannot be wrapped."""

PATTERN = re.compile(rf"\b({'|'.join(AVOIDED)})\b", re.IGNORECASE)


def found(text: str) -> list[str]:
    """The avoided words in a text outside of code, each with what stands around it."""
    text = re.sub(r"```.*?```|`[^`]*`", "X", text, flags=re.DOTALL)
    return [text[max(hit.start() - 25, 0) : hit.end() + 15].replace("\n", " ") for hit in PATTERN.finditer(text)]


def named(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It lies beside the card.", 1),
        ("It is built anew.", 1),
        ("It is no sandbox. It is no longer read. They are no models.", 2),
        ("What is said of it is to be read, and can be had.", 3),
        ("`mend` became `hint`.", 0),
        ("The amendment says what existed.", 0),
    ],
)
def test_avoided_words_are_found(text: str, expected: int) -> None:
    assert len(found(text)) == expected


@pytest.mark.parametrize("path", [path for path in [*GUIDES, *CARDS] if path != PORTUGUESE], ids=named)
def test_guides_and_cards_are_plain(path: Path) -> None:
    assert found(path.read_text(encoding="utf-8")) == []


def helps(command: click.Command, path: str) -> Iterator[tuple[str, str]]:
    yield path, " ".join([command.help or "", command.short_help or "", command.epilog or ""])
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from helps(inner, f"{path} {name}")


def test_help_is_plain() -> None:
    assert {where: words for where, text in helps(cli, "hubkit") if (words := found(text))} == {}


def test_settings_are_plain() -> None:
    texts = {
        f"{table}.{name}": setting.description or ""
        for table, field in ReleaseConfig.model_fields.items()
        for name, setting in type(field.default).model_fields.items()
    }
    assert {where: words for where, text in texts.items() if (words := found(text))} == {}


def test_errors_are_plain() -> None:
    """As docs/site/error_reference.py reads them from the code; a name in braces is filled in at run time."""
    texts = {
        f"{error.module}:{error.line} {part}": re.sub(r"\{[^}]*\}", "X", text)
        for error in error_reference.errors()
        for part, text in (("what", error.what), ("where", error.where), ("hint", error.hint))
    }
    assert len(texts) > 1000
    assert {where: words for where, text in texts.items() if (words := found(text))} == {}


def docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a module, its classes and functions, and the texts that stand under its constants."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def test_docstrings_are_plain() -> None:
    words = {named(path): [hit for text in docstrings(path) for hit in found(text)] for path in MODULES}
    assert {path: hits for path, hits in words.items() if hits} == {}


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a guide that are neither code nor tables, with their numbers."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside and not line.lstrip().startswith(("|", "<!--")):
            yield number, line


def paragraphs(text: str) -> Iterator[str]:
    """Paragraphs and list items of a guide, each as one line; headings are none."""
    held: list[str] = []
    last = 0
    for number, line in prose(text):
        starts = re.match(r"\s*(?:[-*]|\d+\.)\s+(.*)", line)
        if held and (not line.strip() or starts or line.startswith("#") or number != last + 1):
            yield " ".join(held)
            held = []
        if line.strip() and not line.startswith(("#", "<")):
            held.append(starts[1] if starts else line.strip())
        last = number
    if held:
        yield " ".join(held)


def sentences(text: str) -> Iterator[str]:
    for paragraph in paragraphs(text):
        plain = re.sub(r"`[^`]*`", "X", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)).replace("*", "")
        yield from re.split(r"(?<=[.!?])[\"')]*\s+(?=[\"'(A-ZÀ-Ý0-9])", plain)


def mean_words(text: str) -> float:
    lengths = [len(sentence.split()) for sentence in sentences(text)]
    return sum(lengths) / max(len(lengths), 1)


def test_sentences_are_counted_across_lines_and_not_in_code_or_tables() -> None:
    text = (
        "# Head\nOne two three\nfour. Five `six seven` eight!\n\n- nine\n  ten\n\n```\nfar too long\n```\n| a | b |\n"
    )
    assert list(sentences(text)) == ["One two three four.", "Five X eight!", "nine ten"]
    assert mean_words(text) == 3


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_sentences_are_short(path: Path) -> None:
    assert mean_words(path.read_text(encoding="utf-8")) <= LONGEST_MEAN


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_lines_are_short(path: Path) -> None:
    lines = prose(path.read_text(encoding="utf-8"))
    links = re.compile(r"\]\([^)]{40,}\)|https?://")
    long = [number for number, line in lines if len(line) > WIDTH and not links.search(line)]
    assert long == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_reads_like_a_guide(path: Path) -> None:
    text = "\n\n".join(cells(path, "markdown").values())
    assert found(text) == []
    assert mean_words(text) <= LONGEST_MEAN
    assert [line for _, line in prose(text) if len(line) > WIDTH] == []


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_no_mark_of_a_merge_is_left(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("<<<<<<< ", ">>>>>>> ")) or line == "======="] == []
