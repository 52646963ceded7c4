"""The bilingual lexicon of chest radiograph reports, lexicon.toml, and how its phrases are found in a text.

All phrases of a language stand in one tree of words, so that a text is read once, whatever the lexicon's size.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

Language = Literal["en", "pt"]

LEXICON = Path(__file__).with_name("lexicon.toml")

TOKEN = re.compile(r"[a-z]+\d[a-z\d]*|\d+(?:[.,:/]\d+)*|[a-z]+(?:'[a-z]+)?|_{2,}|[^\s\w-]")
"""In folded text. Hyphens part words as spaces do; a number keeps its marks."""

GROUP_MARK = re.compile(r"([(|)])")

ENDINGS = "(o|a|os|as)"


class Concept(NamedTuple):
    """A table of lexicon.toml; `name` is without its kind."""

    kind: str
    name: str
    label: str | None
    includes: frozenset[str]
    near: frozenset[str]
    soft: bool


class Token(NamedTuple):
    """A word, number or mark, folded, and where it stands in the text; `caps` is whether it is a word in capitals."""

    word: str
    start: int
    end: int
    caps: bool


class Term(NamedTuple):
    """A phrase of the lexicon found in a text.

    Attributes:
        concepts: what it can mean, more than one where the phrase is ambiguous.
        kinds: the kinds of these.
        first: index of its first token.
        last: index after its last token.
    """

    concepts: tuple[Concept, ...]
    kinds: frozenset[str]
    first: int
    last: int


def fold(text: str) -> str:
    """Return `text` in lower case and without accents; every character keeps its place."""
    return text.translate(_FOLDED)


def tokenize(text: str) -> list[Token]:
    found = []
    for match in TOKEN.finditer(fold(text)):
        start, end = match.span()
        found.append(Token(match[0], start, end, text[start:end].isupper()))
    return found


def find_terms(tokens: Sequence[Token], language: Language) -> list[Term]:
    """Return the phrases of the lexicon among `tokens`, from left to right, the longest where several begin."""
    tree = phrase_tree(language)
    found = []
    at, count = 0, len(tokens)
    while at < count:
        node: dict[str, Any] | None = tree.get(tokens[at].word)
        meaning, end, step = None, at, at
        while node is not None:
            step += 1
            if "" in node and (not node[""][2] or tokens[step - 1].caps):
                meaning, end = node[""], step
            node = node.get(tokens[step].word) if step < count else None
        if meaning is None:
            at += 1
            continue
        found.append(Term(meaning[0], meaning[1], at, end))
        at = end
    return found


@functools.cache
def concepts() -> dict[str, Concept]:
    """Return the lexicon's concepts by "kind.name"."""
    return {
        f"{kind}.{name}": Concept(
            kind,
            name,
            entry.get("label"),
            frozenset(entry.get("includes", ())),
            frozenset(entry.get("near", ())),
            entry.get("soft", False),
        )
        for kind, entries in _entries().items()
        for name, entry in entries.items()
    }


@functools.cache
def phrase_tree(language: Language) -> dict[str, Any]:
    """Return the phrases of a language as nested dicts by word; under "" stand the concepts and kinds of a phrase,
    and whether it ends in an abbreviation, which is found in capitals alone: HAS is no "has"."""
    meanings: dict[tuple[str, ...], list[Concept]] = {}
    abbreviations = set()
    for key, concept in concepts().items():
        kind, name = key.split(".")
        for pattern in _entries()[kind][name][language]:
            for phrase in expand(pattern):
                words = tuple(token.word for token in tokenize(phrase))
                found = meanings.setdefault(words, [])
                if concept not in found:
                    found.append(concept)
                if phrase.split()[-1].isupper():
                    abbreviations.add(words)
    tree: dict[str, Any] = {}
    for words, found in meanings.items():
        node = tree
        for word in words:
            node = node.setdefault(word, {})
        node[""] = tuple(found), frozenset(concept.kind for concept in found), words in abbreviations
    return tree


def expand(pattern: str) -> list[str]:
    """Return the phrases of a pattern: (x) may be missing, (x|y) is one of both and may be missing where x begins or
    ends with a space; @ stands for the endings o, a, os, as. Groups may stand in one another.

    >>> expand("cist(o|os)( simple(s))")
    ['cisto simples', 'cisto simple', 'cisto', 'cistos simples', 'cistos simple', 'cistos']
    """
    pieces = GROUP_MARK.split(pattern.replace("@", ENDINGS))
    return list(dict.fromkeys(_options(iter(pieces))))


def _options(pieces: Iterator[str], inner: bool = False) -> list[str]:
    """The phrases up to the end of a group, or of the pattern."""
    options: list[str] = []
    begun = [""]
    for piece in pieces:
        if piece == "(":
            group = _options(pieces, inner=True)
            begun = [head + tail for head in begun for tail in group]
        elif piece == "|":
            options += begun
            begun = [""]
        elif piece == ")":
            break
        else:
            begun = [head + piece for head in begun]
    lone = inner and not options
    options += begun
    return [*options, ""] if lone or (inner and options[0] != options[0].strip()) else options


@functools.cache
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads(LEXICON.read_text(encoding="utf-8"))


def _folded() -> dict[int, str]:
    table = {}
    for code in range(ord("A"), 0x250):
        base = unicodedata.normalize("NFD", chr(code))[0].lower()
        if len(base) == 1:
            table[code] = base
    return {**table, ord("’"): "'", ord("‐"): "-", ord("–"): "-", ord("ª"): "a", ord("º"): "o"}


_FOLDED = _folded()
