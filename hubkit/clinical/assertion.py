"""Who says what: the findings that a text names, each affirmed, negated or uncertain.

After NegEx (Chapman and others, 2001): a cue reaches the terms that follow it in its clause, up to a word that ends its
reach; an adverb such as "not" that reaches nothing there turns to those before it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from hubkit.clinical.attributes import Attributes, find_attributes
from hubkit.clinical.lexicon import TOKEN, Language, Meaning, Term, find_terms, fold
from hubkit.clinical.plain import unread
from hubkit.clinical.quantities import PATIENT

MENTIONED = frozenset({"finding", "device", "state"})

SUBJECTS = frozenset({"anatomy", "ignore"})
"""Kinds of phrases that are negated, or not seen, without being a mention."""

CHANGES = frozenset({"up", "down", "better", "worse"})

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

ADVERBS = frozenset({"not", "cannot", "nao"})

SEEN = (
    "seen", "visuali", "visible", "identified", "present", "evident", "appreciated", "noted", "detected", "observed",
    "demonstrated", "found", "apparent", "vist", "visive", "identificad", "observad", "notad", "detectad", "encontrad",
    "caracterizad", "demonstrad",
)  # fmt: skip
"""How the words begin that make a negation speak of what stands before it: an effusion "is not seen"."""

LINKS = frozenset({"of", "in", "de", "do", "da", "dos", "das", "no", "na", "nos", "nas"})
"""What joins a trend to what shows it: "increase in"."""

ALTERNATIVES = frozenset({"or", "nor", "ou", "nem"})
"""What goes on with a list of what is denied."""

JOINTS = ALTERNATIVES | {"and", "e"}

RELATIVE = frozenset({"that", "which", "que"})
"""What a negation at the end of a sentence reaches back over."""

CLAUSE_END = frozenset(";:.!?")

ABBREVIATIONS = (r"\bDr\.", r"\bDrs\.", r"\bDra\.", r"\(a\)\.", r"\bvs\.", r"\bca\.")

SENTENCE_END = re.compile(
    rf"(?<=[.!?]){''.join(f'(?<!{word})' for word in ABBREVIATIONS)}(?<!^\?)(?<!\s\?)\s+(?=[\"'(]?[A-ZÀ-Ý0-9_-])"
    r"|\n\s*\n|\n\s*(?=[-*•]\s|\d+[.)]\s|[A-ZÀ-Ý][A-ZÀ-Ý ]+:)|\s//\s"
)
"""After a mark and before a capital (but "? VAP" asks one question), at an empty line, and before an item of a list or
the name of a section."""


ENUMERATOR = re.compile(r"\W*\d{1,2}[.)]\W*")

ANSWER = re.compile(r"(no|not|none|n[ãa]o|nenhuma?|yes|sim)\b", re.IGNORECASE)


class Sentence:
    """A sentence as folded words and the terms among them.

    Args:
        text: its text.
        start: where that stands in the whole text.
        folded: the same text, folded.
        language: "en" or "pt".
    """

    def __init__(self, text: str, start: int, folded: str, language: Language):
        self.text = text
        self.start = start
        self.folded = folded
        self.language = language
        self.words: list[str] = TOKEN.findall(folded)
        self.terms = find_terms(self.words, language, self.in_capitals)

    def in_capitals(self, at: int) -> bool:
        """Whether a word is written as an abbreviation: in capitals, and with one or two letters not after a number.

        A letter alone, such as L and R, is none in a text all in capitals, as an initial, or before a slash.
        """
        start, end = self._spans[at]
        text = self.text
        if not text[start:end].isupper() or (end - start < 3 and text[:start].rstrip()[-1:].isdigit()):
            return False
        if end - start > 1:
            return True
        initial = (text[end : end + 1] in {"/", "."} and end + 1 < len(text)) or (start == 0 and text[0] == "E")
        return text[start] in LETTERS and not initial and not text.isupper()

    def after_age(self, at: int) -> bool:
        """Whether a letter stands for the sex after an age: 72M. 14F is the size of a catheter."""
        if self.words[at] not in {"m", "f"} or at == 0 or not self.words[at - 1].isdigit():
            return False
        start, end = self._spans[at - 1][0], self._spans[at][1]
        return PATIENT.fullmatch(self.text, start, end) is not None

    def span(self, term: Term) -> tuple[int, int]:
        """Where a term stands in the whole text."""
        return self.span_of(term.first, term.last)

    def span_of(self, first: int, last: int) -> tuple[int, int]:
        """Where the words from `first` up to `last` stand in the whole text."""
        return self.start + self._spans[first][0], self.start + self._spans[last - 1][1]

    @functools.cached_property
    def attributes(self) -> Attributes:
        """What the sentence says of its findings and devices."""
        return find_attributes(self)

    @functools.cached_property
    def unread(self) -> list[str]:
        """The words that were not understood."""
        return unread(self)

    @functools.cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [match.span() for match in TOKEN.finditer(self.folded)]


class Mention(NamedTuple):
    """A term that names something, and how: 1 affirmed, 0 negated, -1 uncertain."""

    term: Term
    polarity: int


def sentences(text: str, language: Language) -> list[Sentence]:
    """Part a text into sentences; an enumerator or a lone "No." stays with its neighbour."""
    parted = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if ENUMERATOR.fullmatch(text, start, match.start()):
            continue
        if text[match.start() - 1] == "?" and ANSWER.match(text, match.end()):
            continue
        parted.append((start, match.start()))
        start = match.end()
    parted.append((start, len(text)))
    folded = fold(text)
    return [
        Sentence(text[start:end], start, folded[start:end], language)
        for start, end in parted
        if text[start:end].strip()
    ]


def mentions(sentence: Sentence, gone: bool = True) -> list[Mention]:
    """Return what a sentence names, in its order, with the polarity that its cues give.

    Args:
        sentence: what is read.
        gone: whether what was removed or has resolved counts as negated.
    """
    terms = sentence.terms
    polarity = {at: 1 for at, term in enumerate(terms) if term.meaning.kinds & MENTIONED}
    if not polarity:
        return []
    for at, term in enumerate(terms):
        value = cue(term.meaning)
        of_trend = "trend" in term.meaning.kinds
        if value is None or at in polarity or (of_trend and not gone):
            continue
        reached = _reached(sentence, at, polarity)
        # A device is removed or a finding resolved one at a time.
        for place in reached[:1] if of_trend else reached:
            if value == 0 or polarity[place] != 0:
                polarity[place] = value
    return [Mention(terms[at], value) for at, value in polarity.items()]


def _reached(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    """The places that a cue reaches: those after it or, if it can turn, before it."""
    term = sentence.terms[at]
    trend = _denied_trend(sentence, at)
    if trend is not None and sentence.words[trend.last : trend.last + 1] and sentence.words[trend.last] in LINKS:
        return []
    turns = _looks_back(term.meaning) and trend is None
    if turns and any(word.startswith(SEEN) for word in sentence.words[term.last - 1 : term.last + 2]):
        return _before(sentence, at, polarity) or _after(sentence, at, polarity, CLAUSE_END | {","})
    return _after(sentence, at, polarity) or (_before(sentence, at, polarity) if turns else [])


def trends(sentence: Sentence) -> Iterator[Mention]:
    """Yield what a sentence says to have grown, shrunk, improved or worsened, and whether it denies that."""
    denied = [_denied_trend(sentence, at) for at, term in enumerate(sentence.terms) if cue(term.meaning) == 0]
    for term in sentence.terms:
        if not term.meaning.names.isdisjoint(CHANGES):
            yield Mention(term, 0 if term in denied else 1)


def _denied_trend(sentence: Sentence, at: int) -> Term | None:
    """The trend that a cue belongs to: what is "not resolved" is there, and so is that which shows "no increase"."""
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    if not following or "trend" not in following[0].meaning.kinds or "new" in following[0].meaning.names:
        return None
    return None if "," in sentence.words[term.last : following[0].first] else following[0]


@functools.cache
def cue(meaning: Meaning) -> int | None:
    """What a phrase makes of what it reaches: 0 negated, -1 uncertain, None nothing."""
    names = {(concept.kind, concept.name) for concept in meaning.concepts}
    if ("hedge", "possible") in names:
        return -1
    if names & {("negation", "forward"), ("negation", "adverb"), ("trend", "resolved"), ("trend", "removed")}:
        return 0
    return None


@functools.cache
def _looks_back(meaning: Meaning) -> bool:
    """Whether a phrase that reaches nothing after it turns to what stands before: "not", but not "no"."""
    return meaning.first in ADVERBS or any(
        (concept.kind, concept.name) != ("negation", "forward")
        for concept in meaning.concepts
        if concept.kind != "scope"
    )


def _after(sentence: Sentence, at: int, polarity: dict[int, int], ends: frozenset[str] = CLAUSE_END) -> list[int]:
    terms, words = sentence.terms, sentence.words
    reached = []
    edge = terms[at].last
    for place in range(at + 1, len(terms)):
        term = terms[place]
        kinds = term.meaning.kinds
        gap = words[edge : term.first]
        if not ends.isdisjoint(gap) or "scope" in kinds or (cue(term.meaning) == -1 and "," in gap):
            break
        if "," in gap and _small(term.meaning) and ALTERNATIVES.isdisjoint(words[term.last :]):
            break
        if place in polarity:
            if "state" in kinds and ("," in gap or _normal(term.meaning)):
                break
            if "," in gap and _followed_up(sentence, place):
                break
            reached.append(place)
        elif cue(term.meaning) == 0 and "trend" not in kinds:
            break
        edge = term.last
    return reached


def _before(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    terms, words = sentence.terms, sentence.words
    reached: list[int] = []
    other = relative = False
    edge = terms[at].first
    for place in range(at - 1, -1, -1):
        term = terms[place]
        gap = words[term.last : edge]
        relative = relative or term.meaning.first in RELATIVE or not RELATIVE.isdisjoint(gap)
        if other and not relative and not reached and "," in gap:
            # Another subject than a finding has the negation: "tip in the stomach, side port not seen".
            break
        stops = "scope" in term.meaning.kinds and term.meaning.first not in RELATIVE
        stops = stops or ("trend" in term.meaning.kinds and "," in gap)
        stops = stops or (bool(reached) and "," in gap and JOINTS.isdisjoint(words[term.last : terms[at].first]))
        if not CLAUSE_END.isdisjoint(gap) or stops or cue(term.meaning) is not None:
            break
        if place in polarity and not _normal(term.meaning):
            reached.append(place)
        elif term.meaning.kinds <= SUBJECTS:
            other = True
        edge = term.first
    return reached


def _followed_up(sentence: Sentence, at: int) -> bool:
    """Whether a finding is there, since it says how it is now: "no pneumothorax, effusion now small"."""
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    if not following or not ALTERNATIVES.isdisjoint(sentence.words[term.last :]):
        return False
    (after,) = following
    gap = sentence.words[term.last : after.first]
    changed = "trend" in after.meaning.kinds and cue(after.meaning) is None
    return (changed or _small(after.meaning)) and CLAUSE_END.isdisjoint(gap) and "," not in gap


@functools.cache
def _small(meaning: Meaning) -> bool:
    """Whether a phrase says that something is there, if little: "no pneumothorax, tiny effusion"."""
    return any((concept.kind, concept.name) == ("grade", "low") for concept in meaning.concepts)


@functools.cache
def _normal(meaning: Meaning) -> bool:
    return any(
        concept.kind == "state" and concept.name in ("normal", "clear", "intact") for concept in meaning.concepts
    )
