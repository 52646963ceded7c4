"""The bilingual lexicon of chest radiograph reports, lexicon.toml, and how its phrases are found in a text.

All phrases of a language stand in one tree of words, so that a text is read once, whatever the lexicon's size.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

Language = Literal["en", "pt"]

LEXICON = Path(__file__).with_name("lexicon.toml")

TOKEN = re.compile(r"[a-z]+(?:\d[a-z\d]*|'[a-z]+)?|[^\s\w-]|\d+(?:[.,:/]\d+)*|_{2,}")
"""A word, number or mark of folded text. Hyphens part words as spaces do; a number keeps its marks."""

GROUP_MARK = re.compile(r"([(|)])")

ENDINGS = "(o|a|os|as)"

VERB = "(a|am|ou|aram|ado|ada|ados|adas|ando|ar|ava|avam|e|em|asse|assem|ara|arao|aria|ariam)"
"""Endings of a regular verb, folded."""

GAP = "*"
"""Stands for up to a few words in a phrase."""

SLASHED: dict[Language, dict[str, tuple[str, ...]]] = {
    "en": {"with": ("w", "/"), "without": ("w", "/", "o")},
    "pt": {"sem": ("s", "/"), "com": ("c", "/"), "para": ("p", "/")},
}
"""Prepositions that dictated reports write with a slash."""

UNSLASHED: dict[Language, dict[str, str]] = {
    language: {slashed[0]: word for word, slashed in words.items()} for language, words in SLASHED.items()
}


class Concept(NamedTuple):
    """A table of lexicon.toml; `name` is without its kind."""

    kind: str
    name: str
    label: str | None
    includes: frozenset[str]
    near: frozenset[str]
    soft: bool


@dataclass(frozen=True, eq=False, slots=True)
class Meaning:
    """What a phrase can mean. Phrases that mean the same share one, so that what is worked out of it is
    worked out once, and a search for garbage has fewer objects to pass.

    Attributes:
        concepts: more than one where the phrase is ambiguous.
        kinds: the kinds of these.
        names: their names.
        said: their names, and what is named along with them.
        near: what a translation may choose in their place.
        first: the first word of the phrase.
        capitals: whether it ends in an abbreviation, which is found in capitals alone: HAS is no "has".
    """

    concepts: tuple[Concept, ...]
    kinds: frozenset[str]
    names: frozenset[str]
    said: frozenset[str]
    near: frozenset[str]
    first: str
    capitals: bool


class Term(NamedTuple):
    """A phrase of the lexicon found among words: from the index `first` up to `last`."""

    meaning: Meaning
    first: int
    last: int


def fold(text: str) -> str:
    """Return `text` in lower case and without accents; every character keeps its place."""
    try:
        # Bytes take a tenth of the time, and nearly every text has an encoding of one byte a character.
        return text.encode("latin-1").translate(_FOLDED_LATIN).decode("latin-1")
    except UnicodeEncodeError:
        return text.translate(_FOLDED)


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
    """Return the phrases of a language as nested dicts by word; under "" stands the meaning of a phrase."""
    found: dict[tuple[str, ...], list[Concept]] = {}
    abbreviations: set[tuple[str, ...]] = set()
    spelled: set[tuple[str, ...]] = set()
    for key, concept in concepts().items():
        kind, name = key.split(".")
        for pattern in _entries()[kind][name][language]:
            for phrase in expand(pattern):
                for words in spellings(phrase, language):
                    known = found.setdefault(words, [])
                    if concept not in known:
                        known.append(concept)
                    (abbreviations if phrase.split()[-1].isupper() else spelled).add(words)
    tree: dict[str, Any] = {}
    shouted = abbreviations - spelled
    for words, known in found.items():
        node = tree
        for word in words:
            node = node.setdefault(word, {})
        first = words[0] if words[1:2] != ("/",) else UNSLASHED[language].get(words[0], words[0])
        node[""] = _meaning(tuple(known), first, words in shouted)
    share_ends(tree, {})
    return tree


@functools.cache
def _meaning(known: tuple[Concept, ...], first: str, capitals: bool) -> Meaning:
    return Meaning(known, *_sets(known), first, capitals)


@functools.cache
def _sets(known: tuple[Concept, ...]) -> tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]:
    """The kinds and names of some concepts, what is named along with them, and what may stand in their place."""
    kinds, names = frozenset(concept.kind for concept in known), frozenset(concept.name for concept in known)
    near = frozenset[str]().union(*(concept.near for concept in known))
    return kinds, names, names.union(*(concept.includes for concept in known)), near


@functools.cache
def narrowed(meaning: Meaning, name: str) -> Meaning:
    """Return what is left of an ambiguous meaning where the text around it says which concept is meant."""
    left = tuple(concept for concept in meaning.concepts if concept.name == name)
    return _meaning(left, meaning.first, meaning.capitals)


def expand(pattern: str) -> list[str]:
    """Return the phrases of a pattern: (x) may be missing, (x|y) is one of both and may be missing where x begins or
    ends with a space; @ stands for the endings o, a, os, as and ~ for those of a regular verb; for * stand up to three
    words. Groups may stand in one another.

    >>> expand("cist(o|os)( simple(s))")
    ['cisto simples', 'cisto simple', 'cisto', 'cistos simples', 'cistos simple', 'cistos']
    """
    pattern = pattern.replace(f" {GAP}", f"( {GAP})").replace("@", ENDINGS).replace("~", VERB)
    pieces = GROUP_MARK.split(pattern)
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


def spellings(phrase: str, language: Language) -> Iterator[tuple[str, ...]]:
    """Yield the words of a phrase, and those of its shorthand: "s/ derrame" is "sem derrame"."""
    words = TOKEN.findall(fold(phrase))
    yield tuple(words)
    slashed = SLASHED[language]
    if not slashed.keys().isdisjoint(words):
        yield tuple(itertools.chain.from_iterable(slashed.get(word, (word,)) for word in words))


def share_ends(tree: dict[str, Any], ends: dict[int, dict[str, Any]]) -> None:
    """Let phrases that mean the same, and begin no other, end in one node: two thirds of all nodes are ends.

    Args:
        tree: nested dicts by word; under "" stands what a phrase means.
        ends: by the identity of a meaning, the node that has it and nothing else.
    """
    for word, below in tree.items():
        if word and len(below) == 1 and "" in below:
            tree[word] = ends.setdefault(id(below[""]), below)
        elif word:
            share_ends(below, ends)


def words_of(tree: dict[str, Any]) -> frozenset[str]:
    """Return the words of all phrases of a tree."""
    found: set[str] = set()
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        found |= node.keys() - {""}
        nodes += [below for word, below in node.items() if word]
    return frozenset(found)


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

_FOLDED_LATIN = bytes(ord(chr(code).translate(_FOLDED)) for code in range(256))
