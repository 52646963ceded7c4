"""Which words of a sentence were not understood: those that no table of this package holds."""

from __future__ import annotations

import functools
import itertools
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.clinical.lexicon import Language
from hubkit.clinical.quantities import NUMBERS

if TYPE_CHECKING:
    from hubkit.clinical.assertion import Sentence


def unread(sentence: Sentence) -> list[str]:
    """Return the words of a sentence that neither a phrase of the lexicon nor an attribute takes up.

    Numbers, units and what plain.toml lists are understood; a letter alone is no word.
    """
    known = {at for term in sentence.terms for at in range(term.first, term.last)}
    known.update(sentence.attributes.covered)
    plain = _plain(sentence.language)
    return [
        word
        for at, word in enumerate(sentence.words)
        if at not in known and len(word) > 1 and word[0].isalpha() and word not in plain
    ]


@functools.cache
def _plain(language: Language) -> frozenset[str]:
    words = tomllib.loads(Path(__file__).with_name("plain.toml").read_text(encoding="utf-8"))[language].split()
    numbers = [*NUMBERS[language]["words"].values(), *NUMBERS[language]["loose"].values()]
    tables = [*numbers, *NUMBERS["months"][language], *NUMBERS["units"].values()]
    return frozenset([*words, *itertools.chain.from_iterable(tables)])
