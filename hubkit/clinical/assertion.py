"""Who says what: the findings that a text names, each affirmed, negated or uncertain.

After NegEx (Chapman and others, 2001): a cue reaches the terms that follow it in its clause, up to a word that ends its
reach; an adverb such as "not" that reaches nothing there turns to those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hubkit.clinical.aspects import (
    advises_study,
    denied_evidence,
    doubts_aspect,
    doubts_cause,
    doubts_trend,
    has_unread_object,
    is_judged,
    of_other_side,
)
from hubkit.clinical.cues import (
    CONTRAST,
    COPULAS,
    cue,
    denied_trend,
    is_normal,
    is_void,
    looks_back,
    says_little,
    stays,
)
from hubkit.clinical.lexicon import Term
from hubkit.clinical.sentences import MENTIONED, Sentence

SUBJECTS = frozenset({"anatomy", "ignore"})
"""Kinds of phrases that are negated, or not seen, without being a mention."""

CHANGES = frozenset({"up", "down", "better", "worse"})

COURSES = CHANGES | {"same"}

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

LIST_LINKS = ALTERNATIVES | {"and", "e"}

CAUSES = frozenset({"due", "secondary", "because", "devido", "secundario", "secundaria", "por"})

EXISTING = frozenset({"ha", "there"})
"""What says that something exists, and ends no doubt that stands right before it."""

WITH = frozenset({"with", "com"})

RELATIVE = frozenset({"that", "which", "que"})
"""What a negation at the end of a sentence reaches back over."""

FARTHEST = 100
"""Terms that a cue reaches over; no sentence of a report lists so many, and long texts stay in linear time."""

CLAUSE_END = frozenset(";:.!?")


class Mention(NamedTuple):
    """A term that names something, and how: 1 affirmed, 0 negated, -1 uncertain."""

    term: Term
    polarity: int


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
        evidence = denied_evidence(sentence, at)
        for place in _after(sentence, evidence, polarity) if evidence is not None else ():
            polarity[place] = 0
        if value is None or at in polarity or (of_trend and (not gone or stays(sentence, term))):
            continue
        if value == 0 and is_void(sentence, term):
            if at + 1 in polarity and terms[at + 1].first == term.last:
                polarity[at + 1] = 0  # "a consolidation, not cavitated" has no cavity
            continue
        for place in _reached_by_trend(sentence, at, polarity) if of_trend else _reached(sentence, at, polarity):
            # What is denied stays so, whatever doubts it.
            if polarity[place] != 0:
                polarity[place] = value
    for at, term in enumerate(terms):
        if "sought" in term.meaning.names:
            for place in _after(sentence, at, polarity):
                del polarity[place]
    return [Mention(terms[at], value) for at, value in polarity.items()]


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
    if doubts_trend(sentence, at) or doubts_aspect(sentence, at) or advises_study(sentence, at):
        return []
    if doubts_cause(sentence, at):
        return _before(sentence, at, polarity)[:1]
    if "considered" in term.meaning.names and is_judged(sentence, at):
        return []
    if "considered" in term.meaning.names and words[term.first] in COPULAS:
        return _before(sentence, at, polarity)[:1] or _after(sentence, at, polarity)[:1]  # "infarction is considered"
    if of_other_side(sentence, at) or words[max(0, term.first - 1) : term.last] == ["if", "not"]:
        return []
    trend = denied_trend(sentence, at) if cue(term.meaning) == 0 else None
    if trend is not None and words[trend.last : trend.last + 1] and words[trend.last] in LINKS:
        return []
    turns = looks_back(term.meaning) and trend is None and not has_unread_object(sentence, at)
    if turns and any(word.startswith(SEEN) for word in words[term.last - 1 : term.last + 2]):
        # A verb that opens its clause has its subjects after it: "não foram vistos edema, derrame ou nódulo".
        opens = not any(word.isalnum() for word in words[: term.first])
        ends = CLAUSE_END - {":"} if opens else CLAUSE_END | {","}
        return _before(sentence, at, polarity) or _after(sentence, at, polarity, ends)
    return _after(sentence, at, polarity) or (_before(sentence, at, polarity) if turns else [])


def trends(sentence: Sentence) -> Iterator[Mention]:
    """Yield what a sentence says to have grown, shrunk, improved or worsened, and whether it denies that."""
    denied = [denied_trend(sentence, at) for at, term in enumerate(sentence.terms) if cue(term.meaning) == 0]
    for term in sentence.terms:
        if not term.meaning.names.isdisjoint(CHANGES):
            yield Mention(term, 0 if term in denied else 1)


def _after(sentence: Sentence, at: int, polarity: dict[int, int], ends: frozenset[str] = CLAUSE_END) -> list[int]:
    terms, words = sentence.terms, sentence.words
    reached = []
    since = edge = terms[at].last
    if words[terms[at].first - 1 : terms[at].first] == [","] and words[edge : edge + 1] == [","]:
        edge += 1  # in parenthesis: "and, perhaps, a small effusion"
    for place in range(at + 1, min(len(terms), at + FARTHEST)):
        term = terms[place]
        kinds = term.meaning.kinds
        gap = words[edge : term.first]
        if place == at + 1 and term.meaning.first in CAUSES | WITH and cue(terms[at].meaning) == -1:
            edge = term.last  # "possibly due to atelectasis" and "possibly with an effusion" doubt what follows
            continue
        if place == at + 1 and not gap and term.meaning.first in EXISTING and cue(terms[at].meaning) == -1:
            edge = term.last  # "provavelmente há um derrame" doubts the effusion
            continue
        if not ends.isdisjoint(gap) or "scope" in kinds or (cue(term.meaning) == -1 and "," in gap):
            break
        listed = "," not in gap or not ALTERNATIVES.isdisjoint(words[term.last :])
        if not listed and (says_little(term.meaning) or _subject_of_state(terms, place)):
            break
        if place in polarity:
            direct = place == at + 1 and looks_back(terms[at].meaning) and COPULAS.issuperset(gap)
            if "state" in kinds and (not listed or (is_normal(term.meaning) and not direct)):
                if _qualifies(terms, place, polarity):
                    continue
                break
            between = words[since : term.first]
            if not CONTRAST.isdisjoint(between) and _followed_up(sentence, place, "," in between):
                break
            reached.append(place)
            since = term.last
        elif "same" in term.meaning.names and not CONTRAST.isdisjoint(gap) and reached:
            break  # "no effusion and stable edema"
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
    for place in range(start, max(-1, start - FARTHEST), -1):
        term = terms[place]
        gap = words[term.last : edge]
        relative = relative or term.meaning.first in RELATIVE or not RELATIVE.isdisjoint(gap)
        if other and not relative and not reached and "," in gap:
            # Another subject than a finding has the negation: "tip in the stomach, side port not seen".
            break
        stops = "scope" in term.meaning.kinds and term.meaning.first not in RELATIVE
        stops = stops or ("trend" in term.meaning.kinds and "," in gap)
        stops = stops or (bool(reached) and "," in gap and LIST_LINKS.isdisjoint(words[term.last : terms[at].first]))
        if not CLAUSE_END.isdisjoint(gap) or stops or cue(term.meaning) is not None:
            break
        if place in polarity and not is_normal(term.meaning):
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


def _followed_up(sentence: Sentence, at: int, after_comma: bool) -> bool:
    """Whether a finding is there, since it says how it is now: "no pneumothorax, effusion now small".

    After "and" only a course says so: "no effusion and edema unchanged", but not "new", nor "small".
    """
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    if not following or not ALTERNATIVES.isdisjoint(sentence.words[term.last :]):
        return False
    (after,) = following
    gap = sentence.words[term.last : after.first]
    changed = "trend" in after.meaning.kinds and cue(after.meaning) is None
    if not after_comma:
        changed = changed and not after.meaning.names.isdisjoint(COURSES)
    return (changed or (after_comma and says_little(after.meaning))) and CLAUSE_END.isdisjoint(gap) and "," not in gap
