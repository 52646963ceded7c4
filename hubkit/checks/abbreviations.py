"""The check of abbreviations that were read as another term: "MI" as "insuficiência mitral"."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hubkit.checks.flags import Flag
from hubkit.clinical.sentences import Sentence

LEAST = 4
"""Letters of a rendering that shows a misreading; a shorter one is an abbreviation of many meanings."""


class Entry(NamedTuple):
    """What an abbreviation is short for: patterns of its renderings, and of what is spelled out in English."""

    english: re.Pattern[str]
    portuguese: re.Pattern[str]


def misread(source: Sequence[Sentence], translation: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for an abbreviation of which the translation has no rendering, but one of another's."""
    table = _table()
    found = [
        (sentence, at)
        for sentence in source
        for at, word in enumerate(sentence.words)
        if word in table and sentence.in_capitals(at)
    ]
    if not found:
        return
    told = "\n".join(sentence.folded for sentence in translation)
    lost = [(sentence, at) for sentence, at in found if table[sentence.words[at]].portuguese.search(told) is None]
    if not lost:
        return
    sentence, at = lost[0]
    wrong = _other(source, table, told)
    if wrong is not None:
        yield Flag("term_changed", "error", sentence.span_of(at, at + 1), _span(translation, wrong))
    elif not any(one.unread for one in translation):
        # All was understood, and nothing of it is a rendering.
        yield Flag("term_changed", "error", sentence.span_of(at, at + 1), None)


def _other(source: Sequence[Sentence], table: dict[str, Entry], told: str) -> re.Match[str] | None:
    """The first rendering of an entry that the source does not have, and of none that it has."""
    said = "\n".join(sentence.folded for sentence in source)
    words = {word for sentence in source for word in sentence.words}
    there = {name for name, entry in table.items() if name in words or entry.english.search(said)}
    for name in [name for name in table if name not in there]:
        for match in table[name].portuguese.finditer(told):
            if len(match[0]) >= LEAST and not any(table[one].portuguese.fullmatch(match[0]) for one in there):
                return match
    return None


def _span(translation: Sequence[Sentence], wrong: re.Match[str]) -> tuple[int, int]:
    """Where a match in the joined sentences stands in the text."""
    start = wrong.start()
    for sentence in translation:
        if start <= len(sentence.folded):
            break
        start -= len(sentence.folded) + 1
    return sentence.start + start, sentence.start + start + len(wrong[0])


@functools.cache
def _table() -> dict[str, Entry]:
    rows = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        name.lower(): Entry(re.compile(rf"\b(?:{row['en']})\b"), re.compile(rf"\b(?:{row['pt']})\b"))
        for name, row in rows.items()
    }
