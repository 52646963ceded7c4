"""The checks of what is denied."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from hubkit.checks.flags import Flag
from hubkit.checks.form import WORDS
from hubkit.checks.sides import KEPT, SIZED, Place, Side, soft, unmatched
from hubkit.clinical.cues import cue
from hubkit.clinical.lexicon import Meaning

LOOSE = frozenset({"loose", "normal", "clear", "intact", "midline", "same", "resolved", "removed"})
"""What can stand for a negation of the other language, and needs none there."""

NEGATING = frozenset({"forward", "adverb", "inner"})
"""The concepts of negation."""

SOUND = frozenset({"normal", "clear", "intact", "midline", "same", "resolved"})
"""What says that all is well, often by a negation."""

UNSOUND = {
    "clear": frozenset({"opacity", "infiltrate", "consolidation", "airspace_disease"}),
    "normal": SIZED | {"cardiomegaly"},
    "intact": frozenset({"fracture", "dislocation"}),
}
"""What a lung that is clear, and a heart or mediastinum that is normal, does not have."""

DOUBT = "possible"

ABNORMAL = frozenset({"abnormality", "lesion"})

PLACES = frozenset({"anatomy", "side", "grade"})

AGREEING = frozenset({"nor", "nenhum", "nenhuma", "nem", "nada", "ninguem", "tampouco"})

GONE = frozenset({"resolved", "removed"})

FORWARD = frozenset({"no", "without", "neither", "nor", "sem", "ausencia", "nem"})
"""Negations that deny nothing before them."""

CLAUSES = frozenset({";", ":", ".", "but", "mas"})

LISTED = frozenset(
    {",", "or", "nor", "and", "ou", "nem", "e", "a", "an", "any", "of", "the", "in", "at", "on", "o",
     "um", "uma", "de", "do", "da", "dos", "das", "no", "na", "nos", "nas", "em"}
)  # fmt: skip
"""What joins the findings of a list, and says where they are."""

NAMING = frozenset({"finding", "device", "anatomy", "side", "grade"})

NEGATIVE = frozenset({"no", "not", "cannot", "without", "never", "sem", "nao", "nenhum", "nenhuma", "ausencia"})
"""A phrase such as "no change" or "sem alterações" that begins with one of these is a negation, whatever else it is."""


def negation(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag for a negation that is not answered.

    A negation asks for one on the other side, or for a phrase that can stand for one and answers nothing else there;
    where sentences have several, the polarity of each finding decides.
    """
    misread = _misread(translation)
    if misread is not None:
        yield Flag("negation_added", "error", source.span, misread)
        return
    said, told = _negations(source), _negations(translation)
    if len(said) != len(told) and DOUBT in source.names & translation.names:
        # "It is uncertain whether" and "não é possível definir se" answer one another as doubts.
        said, told = ([place for place in own if DOUBT not in place.meaning.names] for own in (said, told))
    if "again" in source.names and not said:
        # "Sem mudanças" is what "remain in position" says, and denies nothing.
        told = [place for place in told if "same" not in place.meaning.names]
    spare, other_spare = unmatched(_loose(source, translation), _loose(translation, source))
    if spare and other_spare:
        # Whatever their words, what stands for a negation on both sides answers one another: "sharp", "livres".
        paired = min(len(spare), len(other_spare))
        spare, other_spare = spare[paired:], other_spare[paired:]
    if not told and not other_spare:
        if any(_sound(place.meaning) for place in translation.cues):
            # "Normal heart. No pleural abnormality." may be one "normais".
            said = [place for place in said if not _of_abnormality(place)]
        sound = [place for place in spare if _sound(place.meaning) and not translation.says(place.meaning, source)]
        if not said and translation.unread(source):
            # What is well may be put in a word that was not understood.
            sound = []
        if said or sound:
            same = not said and "same" in sound[0].meaning.names
            name = "comparison_lost" if same else "negation_dropped"
            yield Flag(name, "error", (said or sound)[0].span, translation.span)
            return
    unsound = _unsound(source, translation)
    if unsound is not None:
        yield unsound
        return
    allowed = len(said) + len(spare)
    plain = [place for place in told if place.meaning.first == "nao"]
    lone = [place for place in plain if place.term.last == place.term.first + 1]
    # "Sem desvio" denies what "displaced" says, whatever else is denied beside it.
    inner = [place for place in told if "inner" in place.meaning.names] if len(told) > allowed else []
    if len(inner) <= sum("inner" in place.meaning.names for place in said):
        inner = []
    if (told and not allowed) or ((lone or inner) and len(told) > allowed) or len(plain) > allowed:
        yield Flag("negation_added", "error", source.span, (lone or inner or plain or told)[-1].span)
    elif said or told:
        yield from _turned(source, translation, len(told) - allowed, len(said) - len(told) - len(other_spare))


def _of_abnormality(place: Place) -> bool:
    """Whether a negation denies that something is abnormal, and nothing else: "no pleural abnormality"."""
    following = [term for term in place.sentence.terms if term.first >= place.term.last]
    named = [term.meaning.names for term in following if not term.meaning.kinds <= PLACES]
    return bool(named) and all(not names.isdisjoint(ABNORMAL) for names in named)


def _unsound(source: Side, translation: Side) -> Flag | None:
    """A flag for what is clear or normal on one side, and clouded or enlarged on the other."""
    for sound, unsound in UNSOUND.items():
        for one, other in ((source, translation), (translation, source)):
            if sound not in one.names or sound in other.names:
                continue
            for place in other.places:
                affirmed = all(other.polarities.get(name) == {1} for name in place.meaning.names)
                if affirmed and place.meaning.names & unsound and (place.meaning.said & unsound).isdisjoint(one.names):
                    spans = one.named(sound)[0].span, place.span
                    return (
                        Flag("negation_dropped", "error", *spans)
                        if one is source
                        else Flag("negation_added", "error", *reversed(spans))
                    )
    return None


def _turned(source: Side, translation: Side, more: int, fewer: int) -> Iterator[Flag]:
    """A flag for the first finding that is affirmed on one side alone.

    What has many names ("tip", "process"), and what may be gone ("não há mais"), is believed only where the translation
    has more negations, or fewer, than can be answered. Where it has as many, the negation must reach this finding
    plainly on one side, and nothing may deny it on the other.
    """
    gone = not GONE.isdisjoint(source.names | translation.names)
    for name, polarities in source.polarities.items():
        others = translation.polarities.get(name)
        if (polarities, others) not in (({0}, {1}), ({1}, {0})):
            continue
        one, other = source.named(name)[0], translation.named(name)[0]
        added = others == {0}
        counted = (more if added else fewer) > 0
        if name in SOUND and not (added and counted):
            continue
        plain = not (gone or soft(one.meaning) or soft(other.meaning))
        affirmed, denied = (one, other) if added else (other, one)
        if counted or (plain and _undenied(affirmed) and _plainly_denied(denied)):
            yield Flag("negation_added" if added else "negation_dropped", "error", one.span, other.span)
            return


def _undenied(place: Place) -> bool:
    """Whether no negation of its clause can reach a place: one that only looks ahead may follow it."""
    words = place.sentence.words
    for term in place.sentence.terms:
        if "negation" not in term.meaning.kinds and not negates(term.meaning):
            continue
        first, last = (term, place.term) if term.first < place.term.first else (place.term, term)
        ahead = term.first > place.term.first and term.meaning.first in FORWARD
        if not ahead and CLAUSES.isdisjoint(words[first.last : last.first]):
            return False
    return True


def _plainly_denied(place: Place) -> bool:
    """Whether a negation stands before a place with nothing between them but a list of findings and where they are."""
    words = place.sentence.words
    at = place.term.first
    for term in reversed(place.sentence.terms[: place.sentence.terms.index(place.term)]):
        if not LISTED.issuperset(words[term.last : at]):
            return False
        if cue(term.meaning) == 0 and "trend" not in term.meaning.kinds:
            return True
        if not (term.meaning.kinds <= NAMING or LISTED.issuperset(words[term.first : term.last])):
            return False
        at = term.first
    return False


@functools.lru_cache(maxsize=KEPT)
def _negations(side: Side) -> Sequence[Place]:
    """The negations of a side; what only agrees with one before it, as in "não há nenhum", is none of its own."""
    found: list[Place] = []
    for place in side.cues:
        if negates(place.meaning):
            agrees = place.meaning.first in AGREEING and bool(found) and found[-1].sentence is place.sentence
            if not agrees:
                found.append(place)
    return found


def _loose(side: Side, answer: Side) -> list[Place]:
    """What can stand for a negation, but for what the other side says in its own way: "indistinct" as "mal definido",
    "unchanged" as "mantém".
    """
    return [
        place
        for place in side.cues
        if not LOOSE.isdisjoint(place.meaning.names)
        and not negates(place.meaning)
        and (place.meaning.names - LOOSE - NEGATING - _places(place.meaning)).isdisjoint(answer.names)
        and not ("same" in place.meaning.names and "again" in answer.names)
    ]


@functools.cache
def _places(meaning: Meaning) -> frozenset[str]:
    """The places that a phrase names: that both sides name a breast does not say that one is gone."""
    return frozenset(concept.name for concept in meaning.concepts if concept.kind == "anatomy")


@functools.cache
def _sound(meaning: Meaning) -> bool:
    return not SOUND.isdisjoint(meaning.names)


@functools.cache
def negates(meaning: Meaning) -> bool:
    """Whether a phrase is a negation, which asks for an answer."""
    if meaning.kinds.isdisjoint(("negation", "trend", "state")):
        return False
    if meaning.first in NEGATIVE:
        return "loose" not in meaning.names
    return "negation" in meaning.kinds and ("inner" in meaning.names or meaning.names.isdisjoint(LOOSE))


def _misread(side: Side) -> tuple[int, int] | None:
    """Where "não" stands for "no" (em + o): before a noun it cannot deny anything."""
    for sentence in side.sentences:
        if "nao" not in sentence.words:
            continue
        for at, word in enumerate(sentence.words[:-1]):
            if word == "nao" and sentence.words[at + 1] in WORDS["after_no"]:
                return sentence.span_of(at, at + 1)
    return None
