"""The check of terms that were translated in another sense, or by a word that is none of their renderings."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubkit.checks.flags import Flag, Span
from hubkit.checks.hunspell import word_list
from hubkit.checks.sides import Side
from hubkit.clinical.sentences import Sentence

SPELLED_OUT = 5
"""Characters of a term that is not an abbreviation."""

SHORTEST = 3
"""Letters of a word that can be a term's rendering."""

GERUND = "ndo"
"""How a verb ends that says in other words what a participle of the source says: "retificando"."""


def wrong_senses(source: Sequence[Sentence], translation: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for each word of the source whose other sense the translation has: "tips" as "dicas"."""
    told = {word for sentence in translation for word in sentence.words}
    if told.isdisjoint(_wrong_words()):
        return
    table = _senses()
    spent: set[str] = set()  # a term is looked for once: a text may say it thousands of times
    for sentence in source:
        for at, word in enumerate(sentence.words):
            for phrase, wrong in table.get(word, ()):
                term = " ".join(phrase)
                if term in spent or sentence.words[at : at + len(phrase)] != phrase or _read_as_nothing(sentence, at):
                    continue
                spent.add(term)
                place = next(_places(wrong, translation), None)
                if place is not None:
                    other, first, last = place
                    span = sentence.span_of(at, at + len(phrase))
                    yield Flag("term_changed", "error", span, other.span_of(first, last))


def _places(wrong: Sequence[list[str]], translation: Sequence[Sentence]) -> Iterator[tuple[Sentence, int, int]]:
    """Where a translation has one of some phrases: the sentence, its first word and the word after its last."""
    for sentence in translation:
        for at, word in enumerate(sentence.words):
            for phrase in wrong:
                if word == phrase[0] and sentence.words[at : at + len(phrase)] == phrase:
                    yield sentence, at, at + len(phrase)


def other_words(flags: Sequence[Flag], source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag for a lost finding in whose place a word stands that is none of its renderings, and no cognate.

    Only where all of the source was understood, so that the word can stand for nothing else, and for a word
    of the installed word list. Abbreviations have too many renderings, and so do places. Where the translation
    names something that the source does not, the finding was put in other words.
    """
    if any(flag.name.endswith("_added") for flag in flags):
        return
    if max(len(source.sentences), len(translation.sentences)) > 1:
        # What was merged was put in other words.
        return
    lost = next((flag for flag in flags if flag.name == "finding_lost" and flag.severity == "warning"), None)
    if lost is None or source.unread(translation):
        return
    term = next((place for place in source.places if place.span == lost.source_span), None)
    if term is None or _length(lost.source_span) < SPELLED_OUT:
        return
    words = set(translation.unread(source))
    for sentence in translation.sentences:
        for at, word in enumerate(sentence.words):
            if word in words and _is_word(sentence, at):
                yield Flag("term_changed", "error", lost.source_span, sentence.span_of(at, at + 1))
                return


def _is_word(sentence: Sentence, at: int) -> bool:
    """Whether a word is Portuguese, and no abbreviation."""
    word = sentence.words[at]
    if (
        len(word) < SHORTEST
        or word.endswith(GERUND)
        or not word.isalpha()
        or sentence.in_capitals(at)
        or sentence.shortens(at)
    ):
        return False
    listed = word_list()
    # One that is formed with a prefix, such as "hiperfluxo", is a term that the lexicon lacks.
    return listed is not None and sentence.written(at) in listed


def _length(span: Span | None) -> int:
    return span[1] - span[0] if span else 0


def _read_as_nothing(sentence: Sentence, at: int) -> bool:
    """Whether a word stands in a phrase of another sense, as in "left the department"."""
    return any(term.first <= at < term.last and "ignore" in term.meaning.kinds for term in sentence.terms)


@functools.cache
def _senses() -> dict[str, list[tuple[list[str], list[list[str]]]]]:
    """By the first word of a source term, the term in words and the phrases of its other sense."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    found: dict[str, list[tuple[list[str], list[list[str]]]]] = {}
    for term, wrong in table.items():
        words = term.split()
        found.setdefault(words[0], []).append((words, [phrase.split("_") for phrase in wrong.split()]))
    return found


@functools.cache
def _wrong_words() -> frozenset[str]:
    return frozenset(phrase[0] for terms in _senses().values() for _, wrong in terms for phrase in wrong)
