"""Parts a text into sentences, and finds the terms and attributes of each."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from hubkit.clinical.attributes import Attributes, find_attributes
from hubkit.clinical.lexicon import TOKEN, Language, Term, fold, narrowed
from hubkit.clinical.phrases import find_terms
from hubkit.clinical.plain import begins_known_word, leading, shortened, unread
from hubkit.clinical.quantity_patterns import SIDED, SIDED_PART, is_patient

MENTIONED = frozenset({"finding", "device", "state"})
"""Kinds of phrases that are affirmed, negated or doubted."""

HEALING = frozenset({"healed", "consolidation"})

BEFORE_HEALED = frozenset({"ja", "bem", "antiga", "antigas", "totalmente", "completamente"})
"""What may stand between a comma and the word that says that a fracture has healed."""

HEADING = re.compile(r"(?:.*\W)?[A-ZÀ-Ý]{4,} ", re.DOTALL)

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

BOTH_SIDES = re.compile(r"(?:R/L|L/R|D/E|E/D)(?![\w/])")

SIDES = frozenset("RD")
"""Letters for right. Those for left are a unit and a word as well: L and, in Portuguese, E."""

LONGEST_ABBREVIATION = 4
"""Letters of the words of an item that is made of abbreviations alone: "CVC VSC E"."""

SHORTEST_CLAUSE = 3
"""Words and marks of a sentence that may begin with "E" for "and"; "E limpo." is a side."""

NOT_ABBREVIATED = "".join(
    rf"(?<!{word}\s)" for word in (r"\bDr\.", r"\bDrs\.", r"\bDra\.", r"\(a\)\.", r"\bvs\.", r"\bca\.")
)

SENTENCE_END = re.compile(
    rf"\s(?:(?<=[.!?]\s){NOT_ABBREVIATED}(?<!^\?\s)(?<!\s\?\s)\s*"
    r"(?=[\"'(]?[A-ZÀ-Ý0-9_-]|\? ?[A-Za-z])"
    r"|(?<=\n)\s*\n|(?<=\n)\s*(?=[-*•]\s|\d+[.)]\s|[A-ZÀ-Ý][A-ZÀ-Ý ]+:)|//\s)"
)
"""After a mark and before a capital (but "? VAP" asks one question), at an empty line, and before an item of a list or
the name of a section. It begins with the space, so that a search looks at spaces alone."""

SHORTENED, LONGEST_SHORTENED = re.compile(r"\b([^\W\d]+)\.$"), 12
"""A shortened word before its full stop, and its characters."""

READ = 4096
"""Sentences that are kept; each takes a few kilobytes."""

OPENERS = frozenset({"ok", "okay", "alright", "bem", "certo"})
"""Words by which a dictated sentence begins, before a comma."""

ENUMERATOR = re.compile(r"\W*\d{1,2}[.)]\W*")

ANSWER = re.compile(r"(no|not|none|n[ãa]o|nenhuma?|yes|sim)\b", re.IGNORECASE)


class Sentence:
    """A sentence as folded words and the terms among them.

    Args:
        text: its text.
        language: "en" or "pt".
    """

    __slots__ = (
        "_attributes",
        "_origin",
        "_starts",
        "_unread",
        "folded",
        "language",
        "start",
        "terms",
        "text",
        "words",
    )

    start: int
    """Where it stands in the whole text."""

    _origin: Sentence | None
    """The same sentence at the beginning of a text; None where this is it, so that none refers to itself."""

    def __init__(self, text: str, language: Language):
        self.start, self._origin = 0, None
        self._attributes: Attributes | None = None
        self._unread: tuple[str, ...] | None = None
        self.text = text
        self.folded = fold(text)
        self.language = language
        found = [*TOKEN.finditer(self.folded)]
        self.words = [match[0] for match in found]
        self._starts = tuple([match.start() for match in found])  # numbers: a search for garbage passes every pair
        self.terms = _healed([*self._found()], self.words)

    def _found(self) -> Iterator[Term]:
        """The terms; "6 sem." are weeks, and deny nothing. "Okay," only begins to speak."""
        words = self.words
        for term in find_terms(words, self.language, self.in_capitals):
            weeks = words[term.first] == "sem" and term.first and words[term.first - 1][0].isdigit()
            opener = term.first == 0 and words[0] in OPENERS and words[1:2] == [","]
            if not opener and not (weeks and words[term.first + 1 : term.first + 2] == ["."]):
                yield term

    def in_capitals(self, at: int) -> bool:
        """Whether a word is written as an abbreviation: in capitals, and with one or two letters not after a number.

        A letter alone, such as L, is none in a text all in capitals, as an initial, or before a slash. R and D
        stand for nothing but sides there, and L for one where the other letters are abbreviations: "HPTX L".
        """
        start, text = self._starts[at], self.text
        end = start + len(self.words[at])
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
            start == 0 and text[0] == "E" and text[1:2] != ":" and len(self.words) > SHORTEST_CLAUSE
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
        return self.start + self._starts[first], self.start + self._starts[last - 1] + len(self.words[last - 1])

    def _within(self, at: int) -> tuple[int, int]:
        """Where a word stands in the sentence."""
        return self._starts[at], self._starts[at] + len(self.words[at])

    @property
    def origin(self) -> Sentence:
        """The same sentence at the beginning of a text, one object for all places where it stands."""
        return self._origin or self

    @property
    def attributes(self) -> Attributes:
        """What the sentence says of its findings and devices."""
        origin = self._origin or self  # shared by all places where the sentence stands
        if origin._attributes is None:
            origin._attributes = find_attributes(self.words, self.language, self._marked)
        return origin._attributes

    @property
    def unread(self) -> tuple[str, ...]:
        """The words that were not understood."""
        origin = self._origin or self
        if origin._unread is None:
            known = {at for term in self.terms for at in range(term.first, term.last)}
            origin._unread = unread(self.words, self.language, known.union(self.attributes.covered))
        return origin._unread

    def written(self, at: int) -> str:
        """A word as it is written in the text."""
        return self.text[slice(*self._within(at))]

    def shortens(self, at: int) -> bool:
        """Whether a word is the beginning of a known one, cut short by a full stop: "bilat."."""
        end = self._within(at)[1]
        return self.text[end : end + 1] == "." and begins_known_word(self.words[at], self.language)

    def _marked(self, at: int) -> bool:
        return self.in_capitals(at) or self._after_age(at)

    def _after_age(self, at: int) -> bool:
        """Whether a letter stands for the sex after an age: 72M. 14F is the size of a catheter."""
        if self.words[at] not in {"m", "f"} or at == 0 or not self.words[at - 1].isdigit():
            return False
        start, end = self._starts[at - 1], self._within(at)[1]
        return is_patient(self.text, start, end)


def _healed(terms: list[Term], words: Sequence[str]) -> list[Term]:
    """The same terms, where "consolidada" of a fracture says that it has healed, and names no consolidation."""
    broken = None
    for at, term in enumerate(terms):
        if "fracture" in term.meaning.names:
            broken = term.last
        elif broken is not None and term.meaning.names >= HEALING:
            between = words[broken : term.first]
            if "," not in between or BEFORE_HEALED.issuperset(between[between.index(",") + 1 :]):
                terms[at] = term._replace(meaning=narrowed(term.meaning, "healed"))
        elif term.meaning.kinds & MENTIONED:
            broken = None
    return terms


def sentences(text: str, language: Language) -> list[Sentence]:
    """Part a text into sentences; an enumerator or a lone "No." stays with its neighbour."""
    parted = []
    start = 0
    for match in SENTENCE_END.finditer(text):
        if ENUMERATOR.fullmatch(text, start, match.start()):
            continue
        before = SHORTENED.search(text, max(0, match.start() - LONGEST_SHORTENED), match.start())
        if before and fold(before[1]) in shortened(language):
            continue
        if before and before.start() == start and fold(before[1]) in leading(language):
            continue
        if text[match.start() - 1] == "?" and ANSWER.match(text, match.end()):
            continue
        parted.append((start, match.start()))
        start = match.end()
    parted.append((start, len(text)))
    return [_placed(text[start:end], start, language) for start, end in parted if text[start:end].strip()]


def _placed(text: str, start: int, language: Language) -> Sentence:
    """A sentence that may have been read before, at its place in a text."""
    origin = _read(text, language)
    if not start:
        return origin
    sentence = Sentence.__new__(Sentence)
    sentence.text, sentence.folded, sentence.language = text, origin.folded, language
    sentence.words, sentence.terms, sentence._starts = origin.words, origin.terms, origin._starts
    sentence.start, sentence._origin = start, origin
    return sentence


@functools.lru_cache(maxsize=READ)
def _read(text: str, language: Language) -> Sentence:
    """Read a sentence once: reports say the same ones over and over ("No pneumothorax.")."""
    return Sentence(text, language)
