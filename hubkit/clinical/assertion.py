"""Who says what: the findings that a text names, each affirmed, negated or uncertain.

After NegEx (Chapman and others, 2001): a cue reaches the terms that follow it in its clause, up to a word that ends its
reach; an adverb such as "not" that reaches nothing there turns to those before it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hubkit.clinical.attributes import Attributes, find_attributes
from hubkit.clinical.lexicon import TOKEN, Language, Meaning, Term, find_terms, fold, narrowed
from hubkit.clinical.plain import unread
from hubkit.clinical.quantities import SIDED, SIDED_PART, is_patient

MENTIONED = frozenset({"finding", "device", "state"})

SUBJECTS = frozenset({"anatomy", "ignore"})
"""Kinds of phrases that are negated, or not seen, without being a mention."""

HEALING = frozenset({"healed", "consolidation"})

CHANGES = frozenset({"up", "down", "better", "worse"})

HEADING = re.compile(r"(?:.*\W)?[A-ZÀ-Ý]{4,} ", re.DOTALL)

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

BOTH_SIDES = re.compile(r"(?:R/L|L/R|D/E|E/D)(?![\w/])")

SIDES = frozenset("RD")
"""Letters for right. Those for left are a unit and a word as well: L and, in Portuguese, E."""

LONGEST_ABBREVIATION = 4
"""Letters of the words of an item that is made of abbreviations alone: "CVC VSC E"."""

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

NEARLY = frozenset(
    (
        *("almost", "nearly", "near", "mostly", "partial", "partially", "partly", "incomplete", "incompletely"),
        *("quase", "parcial", "parcialmente", "incompleta", "incompletamente", "praticamente"),
    )
)
"""What leaves something of a finding that it says to have resolved."""

NEARLY_WITHIN = 2
"""Words between such a word and the resolution: "quase totalmente reabsorvido"."""

MOVED = ("back", "retract", "tracion", "recu")
"""How words begin that say that a device was moved and not removed: a tube that was pulled back is there."""

COPULAS = frozenset({"is", "are", "was", "were", "been", "e", "sao", "foi", "esta", "estao", "foram", "parece"})

CAUSES = frozenset({"due", "secondary", "because", "devido", "secundario", "secundaria", "por"})

CONTRAST = frozenset({",", "and", "but", "e", "mas", "("})

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
        self.terms = _healed(find_terms(self.words, language, self.in_capitals), self.words)

    def in_capitals(self, at: int) -> bool:
        """Whether a word is written as an abbreviation: in capitals, and with one or two letters not after a number.

        A letter alone, such as L, is none in a text all in capitals, as an initial, or before a slash. R and D
        stand for nothing but sides there, and L for one where the other letters are abbreviations: "HPTX L".
        """
        start, end = self._spans[at]
        text = self.text
        if not text[start:end].isupper() or (end - start < 3 and self._counted(start, end)):
            return False
        if end - start > 1:
            return True
        if text[start] == "E" and HEADING.fullmatch(text[:start]) and text[end : end + 5].strip().isupper():
            # "ACHADOS E IMPRESSÃO:"
            return False
        if BOTH_SIDES.match(text, start):
            return True
        initial = (text[end : end + 1] in {"/", "."} and end + 1 < len(text)) or (
            start == 0 and text[0] == "E" and text[1:2] != ":"
        )
        # "VSC E." ends in a side; a text whose words are spelled out may have been cut off after "and".
        ends = not text[end:].strip(" .;") and max(map(len, self.words)) <= LONGEST_ABBREVIATION
        sided = text[start] in SIDES or (text[start] == "L" and self.language == "en") or ends
        shouted = text.isupper() and not sided
        return text[start] in LETTERS and not initial and not shouted

    def _counted(self, start: int, end: int) -> bool:
        """Whether a number stands before a letter that may be its unit: "4 L", and not "L2-L4 L" or "4 L ribs"."""
        if self.text[start:end] in SIDES:
            return False
        before = self.folded[:start].rstrip()
        number = before.rstrip("0123456789")
        return number != before and SIDED.search(number) is None and SIDED_PART.match(self.folded, end) is None

    def span(self, term: Term) -> tuple[int, int]:
        """Where a term stands in the whole text."""
        return self.span_of(term.first, term.last)

    def span_of(self, first: int, last: int) -> tuple[int, int]:
        """Where the words from `first` up to `last` stand in the whole text."""
        return self.start + self._spans[first][0], self.start + self._spans[last - 1][1]

    @functools.cached_property
    def attributes(self) -> Attributes:
        """What the sentence says of its findings and devices."""
        return find_attributes(self.words, self.language, self._marked)

    @functools.cached_property
    def unread(self) -> list[str]:
        """The words that were not understood."""
        known = {at for term in self.terms for at in range(term.first, term.last)}
        return unread(self.words, self.language, known.union(self.attributes.covered))

    def _marked(self, at: int) -> bool:
        return self.in_capitals(at) or self._after_age(at)

    def _after_age(self, at: int) -> bool:
        """Whether a letter stands for the sex after an age: 72M. 14F is the size of a catheter."""
        if self.words[at] not in {"m", "f"} or at == 0 or not self.words[at - 1].isdigit():
            return False
        start, end = self._spans[at - 1][0], self._spans[at][1]
        return is_patient(self.text, start, end)

    @functools.cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [match.span() for match in TOKEN.finditer(self.folded)]


def _healed(terms: list[Term], words: Sequence[str]) -> list[Term]:
    """The same terms, where "consolidada" of a fracture says that it has healed, and names no consolidation."""
    broken = None
    for at, term in enumerate(terms):
        if "fracture" in term.meaning.names:
            broken = term.last
        elif broken is not None and term.meaning.names >= HEALING:
            if "," not in words[broken : term.first]:
                terms[at] = term._replace(meaning=narrowed(term.meaning, "healed"))
        elif term.meaning.kinds & MENTIONED:
            broken = None
    return terms


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
        if value is None or at in polarity or (of_trend and (not gone or _stays(sentence, term))):
            continue
        for place in _reached_by_trend(sentence, at, polarity) if of_trend else _reached(sentence, at, polarity):
            if value == 0 or polarity[place] != 0:
                polarity[place] = value
    for at, term in enumerate(terms):
        if "sought" in term.meaning.names:
            for place in _after(sentence, at, polarity):
                del polarity[place]
    return [Mention(terms[at], value) for at, value in polarity.items()]


def _stays(sentence: Sentence, term: Term) -> bool:
    """Whether something of a finding is left, or a device was only moved: "nearly resolved", "pulled back"."""
    before = sentence.words[max(0, term.first - NEARLY_WITHIN) : term.first]
    moved = any(word.startswith(MOVED) for word in sentence.words[term.first : term.last + 1])
    return moved or not NEARLY.isdisjoint(before)


def _doubts_trend(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of how something changed, and not whether it is there: "line likely unchanged"."""
    following = sentence.terms[at + 1 : at + 2]
    return (
        cue(sentence.terms[at].meaning) == -1
        and bool(following)
        and following[0].first == sentence.terms[at].last
        and "same" in following[0].meaning.names
    )


def _reached_by_trend(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    """The one device that was removed, or the finding that has resolved: "removed lines", "lines removed"."""
    term, following = sentence.terms[at], sentence.words[sentence.terms[at].last :][:1]
    adjacent = at + 1 in polarity and sentence.terms[at + 1].first == term.last
    ahead = _after(sentence, at, polarity)[:1]
    if ahead and (adjacent or not LINKS.isdisjoint(following)):
        return ahead
    return _before(sentence, at, polarity)[:1] or ahead


def _reached(sentence: Sentence, at: int, polarity: dict[int, int]) -> list[int]:
    """The places that a cue reaches: those after it or, if it can turn, before it."""
    term, words = sentence.terms[at], sentence.words
    if "alternative" in term.meaning.names:
        return [*_before(sentence, at, polarity)[:1], *_after(sentence, at, polarity)]
    if _doubts_trend(sentence, at):
        return []
    if _of_other_side(sentence, at) or words[max(0, term.first - 1) : term.last] == ["if", "not"]:
        return []
    trend = _denied_trend(sentence, at) if cue(term.meaning) == 0 else None
    if trend is not None and words[trend.last : trend.last + 1] and words[trend.last] in LINKS:
        return []
    turns = _looks_back(term.meaning) and trend is None
    if turns and any(word.startswith(SEEN) for word in words[term.last - 1 : term.last + 2]):
        # A verb that opens its clause has its subjects after it: "não foram vistos edema, derrame ou nódulo".
        opens = not any(word.isalnum() for word in words[: term.first])
        ends = CLAUSE_END - {":"} if opens else CLAUSE_END | {","}
        return _before(sentence, at, polarity) or _after(sentence, at, polarity, ends)
    return _after(sentence, at, polarity) or (_before(sentence, at, polarity) if turns else [])


def _of_other_side(sentence: Sentence, at: int) -> bool:
    """Whether a negation only sets one side against another: "effusion on the right, not on the left"."""
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    contrasted = sentence.words[term.first - 1 : term.first] if term.first else []
    return (
        term.meaning.first in ADVERBS
        and not CONTRAST.isdisjoint(contrasted)
        and bool(following)
        and following[0].meaning.kinds == {"side"}
    )


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
    if names & {("hedge", "possible"), ("hedge", "alternative"), ("hedge", "considered")}:
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
    if words[terms[at].first - 1 : terms[at].first] == [","] and words[edge : edge + 1] == [","]:
        edge += 1  # in parenthesis: "and, perhaps, a small effusion"
    for place in range(at + 1, len(terms)):
        term = terms[place]
        kinds = term.meaning.kinds
        gap = words[edge : term.first]
        if place == at + 1 and term.meaning.first in CAUSES and cue(terms[at].meaning) == -1:
            edge = term.last  # "possibly due to atelectasis" doubts the atelectasis
            continue
        if not ends.isdisjoint(gap) or "scope" in kinds or (cue(term.meaning) == -1 and "," in gap):
            break
        listed = "," not in gap or not ALTERNATIVES.isdisjoint(words[term.last :])
        if not listed and (_small(term.meaning) or _subject_of_state(terms, place)):
            break
        if place in polarity:
            direct = place == at + 1 and _looks_back(terms[at].meaning) and COPULAS.issuperset(gap)
            if "state" in kinds and (not listed or (_normal(term.meaning) and not direct)):
                if _qualifies(terms, place, polarity):
                    continue
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
    start = at - 1
    if words[edge - 1 : edge] in ([":"], ["?"]):  # a finding and its answer: "Pneumothorax: absent."
        edge -= 1
        start -= start >= 0 and terms[start].first == edge
    for place in range(start, -1, -1):
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


def _qualifies(terms: Sequence[Term], at: int, polarity: dict[int, int]) -> bool:
    """Whether a state only says how sure a finding is that directly follows: "no clear pneumothorax"."""
    following = terms[at + 1 : at + 2]
    return (
        "clear" in terms[at].meaning.names
        and at + 1 in polarity
        and following[0].first == terms[at].last
        and "finding" in following[0].meaning.kinds
    )


def _subject_of_state(terms: Sequence[Term], at: int) -> bool:
    """Whether an organ has a state of its own: "no effusion, heart enlarged"."""
    return "anatomy" in terms[at].meaning.kinds and any(
        "state" in term.meaning.kinds for term in terms[at + 1 : at + 2]
    )


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
