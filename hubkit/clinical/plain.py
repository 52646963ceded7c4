"""Which words of a sentence were not understood: those that no table of this package holds."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Container, Sequence
from pathlib import Path

from hubkit.clinical.lexicon import Language
from hubkit.clinical.quantity_patterns import NUMBERS


def unread(words: Sequence[str], language: Language, known: Container[int]) -> list[str]:
    """Return the words of a sentence that were not understood; a letter alone is no word.

    Args:
        words: what TOKEN finds.
        language: "en" or "pt".
        known: indices of the words that a phrase of the lexicon or an attribute takes up.
    """
    plain = _plain(language)
    return [
        word
        for at, word in enumerate(words)
        if word not in plain and len(word) > 1 and word[0].isalpha() and at not in known
    ]


@functools.cache
def _plain(language: Language) -> frozenset[str]:
    words = tomllib.loads(Path(__file__).with_name("plain.toml").read_text(encoding="utf-8"))[language].split()
    numbers = [*NUMBERS[language]["words"].values(), *NUMBERS[language]["loose"].values()]
    tables = [*numbers, *NUMBERS["months"][language], *NUMBERS["units"].values()]
    return frozenset([*words, *itertools.chain.from_iterable(tables)])
