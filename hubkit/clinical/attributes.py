"""What a sentence says of its findings and devices, by dimension: attributes.toml, and how it is found."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.clinical.lexicon import Language, expand, share_ends, spellings, words_of

ATTRIBUTES: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

NOTHING = "none"
"""The dimension of phrases that are read as nothing."""

DENYING = {
    "en": frozenset({"no", "not", "without", "nor", "never", "cannot"}),
    "pt": frozenset({"nao", "sem", "s", "nem", "nenhum", "nenhuma"}),
}

DENIED_WITHIN = 4
"""Words that a negation reaches: "não foram completamente", "no evidence of an acute"."""

Values = dict[str, frozenset[str]]


class Attribute(NamedTuple):
    """A phrase of attributes.toml in a sentence: from the word `first` up to `last`.

    Attributes:
        values: by dimension, what the phrase can mean.
        first: its first word.
        last: the word after its last.
        denied: whether a negation stands shortly before, so that its opposite may express the value.
    """

    values: Values
    first: int
    last: int
    denied: bool


class Attributes(NamedTuple):
    """The attributes of a sentence in their order, and all words that they or `none` take up.

    Tuples, here and in `Sentence`: a search for garbage leaves those of texts and numbers out.
    """

    found: tuple[Attribute, ...]
    covered: tuple[int, ...]


def find_attributes(words: Sequence[str], language: Language, in_capitals: Callable[[int], bool]) -> Attributes:
    """Return the attributes of a sentence; where several begin, the longest.

    Args:
        words: what TOKEN finds.
        language: "en" or "pt".
        in_capitals: whether the word at an index is written as an abbreviation.
    """
    tree, denying = _tree(language), DENYING[language]
    found: list[Attribute] = []
    covered: list[int] = []
    after = 0
    count = len(words)
    for at in [at for at, word in enumerate(words) if word in tree]:
        if at < after:
            continue
        begun = tree[words[at]]
        if "" not in begun and (at + 1 == count or words[at + 1] not in begun):
            continue  # nearly half of the words that may begin a phrase begin none here
        values, end, step = None, at + 1, at + 1
        node: dict[str, Any] | None = begun
        while node is not None:
            here = node.get("")
            if here is not None and (not here[1] or in_capitals(step - 1)):
                values, end = here[0], step
            node = node.get(words[step]) if step < count else None
            step += 1
        if values:
            covered += range(at, end)
            if NOTHING not in values:
                denied = not denying.isdisjoint(words[max(0, at - DENIED_WITHIN) : at])
                found.append(Attribute(values, at, end, denied))
        after = end
    return Attributes(tuple(found), tuple(covered))


@functools.cache
def near(dimension: str) -> dict[str, frozenset[str]]:
    """By value of a dimension, the values that can stand for it, itself among them."""
    entries = ATTRIBUTES[dimension]
    links = {value: {value, *entry.get("near", ())} for value, entry in entries.items()}
    return {
        value: frozenset(linked | {other for other, back in links.items() if value in back})
        for value, linked in links.items()
    }


@functools.cache
def loose(dimension: str) -> frozenset[str]:
    """The values of a dimension that may be left out: a drain that was "placed" is there."""
    return frozenset(value for value, entry in ATTRIBUTES.get(dimension, {}).items() if entry.get("loose", False))


def attribute_words(language: Language) -> frozenset[str]:
    """Return the words of all phrases of a language."""
    return words_of(_tree(language))


@functools.cache
def _tree(language: Language) -> dict[str, Any]:
    """The phrases of a language as nested dicts by word; under "" stand the values, and whether capitals are asked."""
    values: dict[tuple[str, ...], dict[str, set[str]]] = {}
    spelled: set[tuple[str, ...]] = set()
    for dimension, entries in ATTRIBUTES.items():
        for value, entry in entries.items():
            for phrase in (phrase for pattern in entry[language] for phrase in expand(pattern) if phrase.strip()):
                for words in spellings(phrase, language):
                    values.setdefault(words, {}).setdefault(dimension, set()).add(value)
                    if not phrase.split()[-1].isupper():
                        spelled.add(words)
    tree: dict[str, Any] = {}
    for words, meant in values.items():
        node = tree
        for word in words:
            node = node.setdefault(word, {})
        items = tuple((dimension, frozenset(names)) for dimension, names in meant.items())
        node[""] = _meant(items, words not in spelled)
    share_ends(tree, {})
    return tree


@functools.cache
def _meant(items: tuple[tuple[str, frozenset[str]], ...], capitals: bool) -> tuple[Values, bool]:
    """What a phrase means, one object for all that mean the same: a search for garbage passes each."""
    return dict(items), capitals
