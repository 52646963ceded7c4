"""The checks of form: what shows without knowing the content, such as loops, chatter and words of another language."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
import tomllib
from collections.abc import Iterator, Sequence, Set
from pathlib import Path
from typing import Literal

from hubkit.checks.flags import Flag
from hubkit.clinical.attributes import attribute_words
from hubkit.clinical.lexicon import Language, fold, phrase_tree, words_of
from hubkit.clinical.sentences import Sentence

WORDS = {
    name: frozenset(words)
    for name, words in tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8")).items()
}

OPENING = re.compile(rf"\W*(?:{'|'.join(map(re.escape, sorted(WORDS['opening'])))})")

REMARK = re.compile("|".join(map(re.escape, sorted(WORDS["remark"]))))

OTHER_SCRIPT = re.compile(r"[\u0370-\u1cff\u2e80-\ua95f\uac00-\ud7ff\uf900-\ufaff]")

MARK = re.compile(r"[*`#•|\[-]")
"""One of these stands in whatever MARKDOWN finds."""

MARKDOWN = re.compile(
    r"\*\*|`|^#{1,6}\s|^\s*[*•]\s|^\s*\|.*\|\s*$|^\s*-\s(?=\S)|^-{3,}\s*$|\[[^\]\n]+\]\(", re.MULTILINE
)

CLOSING = frozenset('.,;:!?)"')

ASKING = frozenset({"de", "em", "com", "sem", "por", "para"})

ACCENTED = frozenset({"nós", "dás", "pôr"})
"""Words that only their accents tell from prepositions: "sem nós" has no knots."""

BEFORE_IS = frozenset({"fato", "quando", "onde", "como", "realmente", "ja", "sempre", "nao"})
"""Words after which a sentence may end in "é": "maior do que de fato é"."""

PRONOUNS = frozenset({"um", "uma"})

COUNTING = frozenset(
    ("cada", "mais", "so", "apenas", "somente", "nenhum", "nem", "a", "por", "ha", "resta", "restou", "restando")
)
"""Words after which "um" and "uma" are numbers and need no noun: "em dois pontos cada uma", "resta um"."""

NEVER_AFTER = frozenset({"de", "do", "da", "dos", "das", "em", "na", "nas", "nos", "sem"})
"""Prepositions before which none of ASKING stands: a noun is missing. "De no máximo 5 mm" is whole."""

ABOUT = (["torno"], ["media"], ["geral"])
"""What makes of "em" a word of degree: "desvio de em torno de 2 cm"."""

RATIOS = ((15, (0.1, 12.0)), (30, (0.15, 7.0)), (60, (0.25, 4.0)), (160, (0.3, 3.0)), (math.inf, (0.5, 2.0)))
"""Up to so many characters of the source, the bounds of the translation's length over the source's."""


def check_length(source: str, translation: str, last: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for a translation that is far shorter or longer than its source, or that ends in mid-sentence."""
    ratio = len(translation) / len(source)
    # An abbreviation may be spelled out, and the reverse.
    low, high = next(bounds for longest, bounds in RATIOS if len(source) < longest)
    if not low <= ratio <= high:
        yield Flag("length", "error", (0, len(source)), (0, len(translation)))
    if source[-1] in ".!?" and translation[-1] not in ".!?:;)]\"”'»":
        word = translation.split()[-1]
        end = len(translation)
        cut_off = translation[-1] in ",-" or (bool(last) and fold(word) in last[-1].unread)
        if translation[-1] in ",-" or fold(word) not in WORDS["dangling"]:
            severity: Literal["error", "warning"] = "error" if cut_off else "warning"
            yield Flag("truncated", severity, (len(source) - 1, len(source)), (end - len(word), end))


def check_endings(translation: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for a sentence that ends in a word that asks for another, or that lacks one between prepositions."""
    for sentence in translation:
        words = sentence.words
        last = next((at for at in range(len(words) - 1, 0, -1) if words[at] not in CLOSING), 0)
        # Not the a of 8ª, and no letter that is a name. "Em dois pontos; a quinta, em um" leaves out a noun.
        if (
            words
            and words[last] in WORDS["dangling"]
            and not words[last - 1].isdigit()
            and not (words[last] in PRONOUNS and words[last - 1] in COUNTING)
            and not (words[last] in PRONOUNS and words[max(0, last - 2) : last] == [",", "em"])
            and not sentence.in_capitals(last)
            and sentence.written(last).lower() not in ACCENTED
            and not (sentence.written(last) == "é" and words[last - 1] in BEFORE_IS)
        ):
            yield Flag("truncated", "error", None, sentence.span_of(last, last + 1))
        for at, (word, following) in enumerate(itertools.pairwise(words)):
            joined = word in ASKING and following in NEVER_AFTER and words[at + 2 : at + 3] not in ABOUT
            if joined and not sentence.in_capitals(at) and sentence.written(at + 1).lower() not in ACCENTED:
                yield Flag("truncated", "error", None, sentence.span_of(at, at + 2))
                break


def check_additions(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag for what a model adds to the translation, and for markup that the source does not have."""
    chatter = _chatter(fold(translation))
    if chatter and not _chatter(fold(source)):
        yield Flag("chatter", "error", None, chatter.span())
    markup = list(MARKDOWN.finditer(translation)) if MARK.search(translation) else []
    if markup and len(markup) > len(MARKDOWN.findall(source)):
        yield Flag("markdown", "error", None, markup[0].span())


def _chatter(folded: str) -> re.Match[str] | None:
    """Where a model speaks of its translation: at the beginning, or in a remark, sought as plain text first."""
    opening = OPENING.match(folded)
    return opening or (REMARK.search(folded) if any(remark in folded for remark in WORDS["remark"]) else None)


def check_loops(source: Sequence[Sentence], translation: Sequence[Sentence]) -> Iterator[Flag]:
    """Yield a flag for words that come over and over where the source does not."""
    words = [word for sentence in translation for word in sentence.words]
    at = _loop(words)
    if at is not None and _loop([word for sentence in source for word in sentence.words]) is None:
        places = [(sentence, place) for sentence in translation for place in range(len(sentence.words))]
        yield Flag("loop", "error", None, (_span(*places[at[0]])[0], _span(*places[at[1] - 1])[1]))


def check_language(source: Sequence[Sentence], translation: Sequence[Sentence], text: str) -> Iterator[Flag]:
    """Yield a flag for English words that were left, and for words or letters of a third language."""
    said, told = ({word for sentence in side for word in sentence.words} for side in (source, translation))
    english = _places(translation, told & WORDS["english"] | told & said & _english_words())
    # "Ínterim" is no English word.
    english = [(sentence, at) for sentence, at in english if sentence.written(at).isascii()]
    if english:
        yield Flag("english", "error", None, _span(*english[0]))
    script = OTHER_SCRIPT.search(text)
    if script:
        yield Flag("other_language", "error", None, script.span())
        return
    foreign, other = (_places(translation, (told & WORDS[name]) - said) for name in ("foreign", "other"))
    if foreign or len({sentence.words[at] for sentence, at in other}) > 1:
        yield Flag("other_language", "error", None, _span(*(foreign or other)[0]))


def _places(sentences: Sequence[Sentence], wanted: Set[str]) -> list[tuple[Sentence, int]]:
    """Where words stand; what is an abbreviation, by its capitals, does not count as a word."""
    if not wanted:
        return []
    return [
        (sentence, at)
        for sentence in sentences
        for at, word in enumerate(sentence.words)
        if word in wanted and (not sentence.in_capitals(at) or sentence.text.isupper()) and not sentence.shortens(at)
    ]


def _span(sentence: Sentence, at: int) -> tuple[int, int]:
    return sentence.span_of(at, at + 1)


def _loop(words: list[str]) -> tuple[int, int] | None:
    """Where two to eight words follow themselves at least twice more, a single word three times more."""
    if len(words) - len(set(words)) < 3:
        return None
    for size in range(1, 9):
        run = 0
        wanted = 3 if size == 1 else 2 * size
        if b"\1" * wanted not in bytes(map(operator.eq, words, words[size:])):
            continue  # nearly no text has a run; it is sought without a step for each word
        for at in range(size, len(words)):
            run = run + 1 if words[at] == words[at - size] else 0
            if run >= wanted and any(word.isalpha() for word in words[at - size : at]):
                return at - run - size + 1, at + 1
    return None


@functools.cache
def _english_words() -> frozenset[str]:
    """Words of the English lexicon that no Portuguese phrase holds; many with these endings are common to both."""
    only = (_words("en") | attribute_words("en")) - (_words("pt") | attribute_words("pt")) - WORDS["borrowed"]
    return frozenset(
        word for word in only if len(word) > 3 and word.isalpha() and not word.endswith(("al", "ar", "or", "a"))
    )


def _words(language: Language) -> frozenset[str]:
    return words_of(phrase_tree(language))
