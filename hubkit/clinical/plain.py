"""Which words of a sentence were not understood: those that no table of this package holds."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from hubkit.clinical.attributes import attribute_words
from hubkit.clinical.lexicon import Language, phrase_tree, words_of
from hubkit.clinical.quantity_patterns import NUMBERS


def unread(words: Sequence[str], language: Language, known: Container[int]) -> tuple[str, ...]:
    """Return the words of a sentence that were not understood; a letter alone does not count as a word.

    Args:
        words: what TOKEN finds.
        language: "en" or "pt".
        known: indices of the words that a phrase of the lexicon or an attribute takes up.
    """
    plain = _plain(language)
    return tuple(
        [
            word
            for at, word in enumerate(words)
            if word not in plain and len(word) > 1 and word[0].isalpha() and at not in known
        ]
    )


@functools.cache
def _plain(language: Language) -> frozenset[str]:
    words = _table()[language].split()
    numbers = [*NUMBERS[language]["words"].values(), *NUMBERS[language]["loose"].values()]
    tables = [*numbers, *NUMBERS["months"][language], *NUMBERS["units"].values()]
    return frozenset([*words, *itertools.chain.from_iterable(tables)])


@functools.cache
def shortened(language: Language) -> frozenset[str]:
    """Return the words that are cut short before a noun, so that their full stop ends no sentence."""
    return frozenset(_table()["shortened"][language].split())


@functools.cache
def leading(language: Language) -> frozenset[str]:
    """Return the words cut short whose full stop ends no sentence where they begin it."""
    return frozenset(_table()["leading"][language].split())


def begins_known_word(word: str, language: Language) -> bool:
    """Whether a known word of a language begins so; two letters are too few to tell."""
    return len(word) > 2 and word in _beginnings(language)


@functools.cache
def _beginnings(language: Language) -> frozenset[str]:
    words = _plain(language) | words_of(phrase_tree(language)) | attribute_words(language)
    return frozenset(word[:length] for word in words for length in range(3, len(word)))


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("plain.toml").read_text(encoding="utf-8"))
