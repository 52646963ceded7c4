"""The check of words that turn a sentence round when one stands for the other: acute and chronic, above and below."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side, Span
from hubkit.clinical.lexicon import Language

OPPOSITES: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def opposites(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where the source has one of two opposites alone, and the translation the other alone."""
    said = _found(source, "en")
    if not said:
        return
    told = _found(translation, "pt")
    for (pair, one), span in said.items():
        opposite = told.get((pair, 1 - one))
        if opposite and (pair, 1 - one) not in said and (pair, one) not in told:
            yield Flag("opposite", "error", span, opposite)


def _found(side: Side, language: Language) -> dict[tuple[int, int], Span]:
    """Where each side of each pair is first found."""
    found: dict[tuple[int, int], Span] = {}
    for sentence in side.sentences:
        for match in _pattern(language).finditer(sentence.folded):
            # The first alternative is what is read as nothing; after it come the two sides of each pair, by turns.
            if match.lastindex is not None and match.lastindex > 1:
                span = sentence.start + match.start(), sentence.start + match.end()
                found.setdefault(divmod(match.lastindex - 2, 2), span)
    return found


@functools.cache
def _pattern(language: Language) -> re.Pattern[str]:
    forms = [OPPOSITES["nothing"][language], *(form for pair in OPPOSITES["pairs"] for form in pair[language])]
    return re.compile(r"(?<!\w)(?:" + "|".join(f"({form})" for form in forms) + r")(?!\w)")
