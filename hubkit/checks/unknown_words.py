"""The check for words that are none: of no Portuguese word list, not in the lexicon, and not taken from the source."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.checks.flags import Flag
from hubkit.checks.hunspell import WordList, word_list
from hubkit.checks.sides import DOUBLED, SPELLED
from hubkit.clinical.attributes import attribute_words
from hubkit.clinical.lexicon import fold, phrase_tree, words_of
from hubkit.clinical.sentences import Sentence

TABLE: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

PREFIXES = tuple(sorted(set(TABLE["prefixes"].split()), key=len, reverse=True))

WORDS = frozenset(TABLE["words"].split())

ENDINGS = tuple(TABLE["endings"].split())

LONGEST_ENDING = max(map(len, ENDINGS)) + 3
"""Letters of a word that has more than an ending."""

SHARED, ENDING = 5, 4
"""Letters that a cognate shares with its source word at least, and letters in which they may end differently."""


MISSPELT = 2
"""Letters in which a word differs from the one that it is a misspelling of, at most."""

BEGUN = 6
"""Letters with which an invention begins like the word that it is made of: "consolidância"."""


class Vocabulary(NamedTuple):
    """The words of a source.

    Attributes:
        names: those that are written with a capital somewhere.
        by_start: those that the lexicon lacks, by the letters that a cognate shares with them at least.
        starts: how all of them begin.
    """

    names: frozenset[str]
    by_start: dict[str, set[str]]
    starts: frozenset[str]

    @classmethod
    def of(cls, source: Sequence[Sentence]) -> Vocabulary:
        names, by_start, starts = set(), dict[str, set[str]](), set()
        for sentence in source:
            known = {at for term in sentence.terms for at in range(term.first, term.last)}
            for at, word in enumerate(sentence.words):
                if sentence.written(at)[0].isupper():
                    names.add(word)
                starts.add(_spelled(word)[:SHARED])
                if at not in known:
                    by_start.setdefault(_spelled(word)[:SHARED], set()).add(word)
        return cls(frozenset(names), by_start, frozenset(starts))

    def has(self, word: str) -> bool:
        """Whether a word is one of the source, or begins like one: it was left, or made up of it."""
        return _spelled(word)[:SHARED] in self.starts

    def gives(self, word: str, text: str) -> bool:
        """Whether a word, written as `text`, is a name of the source, or is formed from one of its words."""
        if text[0].isupper() and word in self.names:
            return True
        # A word of the source that was left is no Portuguese.
        alike = self.by_start.get(_spelled(word)[:SHARED], ())
        return any(said != word and _cognate(said, word) for said in alike)


def check_words(source: Sequence[Sentence], translation: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for each word of a translation that does not exist; none without an installed word list."""
    # One item in capitals among others is an abbreviation ("BAAR?"); a text in capitals is not.
    shouted = all(sentence.text.isupper() for sentence in translation)
    vocabulary: Vocabulary | None = None
    for sentence in translation:
        if not sentence.unread:
            continue
        words = word_list()
        if words is None:
            return
        for at in _candidates(sentence, shouted):
            start, end = sentence.span_of(at, at + 1)
            text = sentence.text[start - sentence.start : end - sentence.start]
            if is_known(text, words):
                continue
            vocabulary = vocabulary or Vocabulary.of(source)
            if not vocabulary.gives(sentence.words[at], text):
                # What resembles nothing is more often a rare word or a name than an invention.
                invented = vocabulary.has(sentence.words[at]) or resembles_known(sentence.words[at])
                yield Flag("unknown_word", TABLE["severity"] if invented else "warning", None, (start, end))


def _candidates(sentence: Sentence, shouted: bool) -> Iterator[int]:
    """The words that were not understood; a part of a compound, and an abbreviation, do not count."""
    unread = frozenset(sentence.unread)
    for at, word in enumerate(sentence.words):
        if word in unread and len(word) >= TABLE["shortest"] and word.isalpha():
            first, last = (place - sentence.start for place in sentence.span_of(at, at + 1))
            around = sentence.text[max(0, first - 1) : first] + sentence.text[last : last + 1]
            written = sentence.text[first:last]
            # "eFAST" is an abbreviation like "FAST".
            if at and written.istitle() and not shouted:
                # A capital within a sentence: a name, such as Glasgow.
                continue
            abbreviated = not shouted and (sentence.in_capitals(at) or not (written.istitle() or written.islower()))
            if "-" not in around and not abbreviated and not sentence.shortens(at):
                yield at


@functools.lru_cache(maxsize=200_000)
def is_known(word: str, words: WordList) -> bool:
    """Whether a word list has a word, or what is left of it without a prefix."""
    folded = fold(word)
    if folded in WORDS or word in words:
        return True
    if len(folded) > LONGEST_ENDING and folded.endswith(ENDINGS):
        return True
    for prefix in PREFIXES:
        if folded.startswith(prefix) and len(word) - len(prefix) >= TABLE["shortest"]:
            rest = word[len(prefix) :]
            # "retroesternal", and with the consonant doubled, "infrarrenal".
            if rest in words or (rest[:2] in ("rr", "ss") and rest[1:] in words):
                return True
    return False


@functools.lru_cache(maxsize=200_000)
def resembles_known(word: str) -> bool:
    """Whether a folded word is a misspelling of one that the tables of this package know, or begins like one.

    Misspellings keep the first letter, so that few words are compared.
    """
    alike = _known_by_first().get(word[:1], ())
    return any(other[:BEGUN] == word[:BEGUN] or _within(word, other, MISSPELT) for other in alike)


@functools.cache
def _known_by_first() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in sorted(words_of(phrase_tree("pt")) | attribute_words("pt")):
        if len(word) > MISSPELT + 2:
            found.setdefault(word[0], []).append(word)
    return found


def _within(one: str, other: str, most: int) -> bool:
    """Whether two words differ in no more letters than `most` (Levenshtein)."""
    if abs(len(one) - len(other)) > most:
        return False
    before = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for to, another in enumerate(other, 1):
            row.append(min(before[to] + 1, row[-1] + 1, before[to - 1] + (letter != another)))
        if min(row) > most:
            return False
        before = row
    return before[-1] <= most


@functools.lru_cache(maxsize=200_000)
def _cognate(said: str, word: str) -> bool:
    one, other = _spelled(said), _spelled(word)
    shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return shared >= SHARED and max(len(one), len(other)) - shared <= ENDING


def _spelled(word: str) -> str:
    """A folded word as Portuguese would spell its sounds."""
    return DOUBLED.sub(r"\1", word.replace("ph", "f").replace("qu", "c").translate(SPELLED))
