"""The checks of what is doubted."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from hubkit.checks.flags import Flag
from hubkit.checks.negation import NEGATIVE
from hubkit.checks.sides import KEPT, Place, Side
from hubkit.clinical.cues import cue
from hubkit.clinical.lexicon import Meaning, Term
from hubkit.clinical.sentences import Sentence

BREAKS = frozenset({",", ";", ":", ".", "but", "though", "although", "however", "mas", "porem", "embora", "contudo"})
"""What a negation does not reach beyond to deny a doubt."""

DENIABLE = ("suggest", "suspicious", "suspected", "concerning", "worrisome", "suger", "sugir", "suspeit", "preocupante")
"""How the words of doubt begin that a negation reaches over what it denies."""

FINITE, WITHOUT = frozenset({"suggests", "suggest", "sugere", "sugerem"}), frozenset({"without", "sem"})

POSSIBLE = "possible"

VAGUE = frozenset({"hedge", "scope", "exam", "ignore"})
"""Kinds of phrases that name nothing."""

SEEMING = ("seem", "appear", "apparent", "parec", "aparent")

SUGGESTING = ("suggest", "suger", "sugir", "sugest")

DONE = re.compile(
    r"(?:tracion|recu|retir|avanc|reposicion|troc|radiograf|correlacion|acompanh|control|realiz|complement|avali|confirm)ar"
    r"|repetir|obter|substituir|(?:repeat|pull|obtain|imag|reimag|advanc|withdraw|correlat)(?:ing)?"
)
"""Verbs of what a report may ask for."""

CONDITIONAL = re.compile(
    r"[a-z]{2,}[aei]riam|(?:ajud|auxili|facilit|represent|indic|explic|confirm|mostr|justific|caus|revel|diferenci"
    r"|complement|acrescent|benefici|particip|avali)aria|(?:esclarec|favorec|correspond|parec|aparec|tend|s)eria"
    r"|(?:permit|defin|suger|contribu|reflet|distingu|exclu|exig|inclu|serv|traduz)iria"
)
"""Verbs in the conditional, folded. In the singular nouns and adjectives end so as well: "artéria", "primária"."""

WOULD = frozenset({"would", "should"})
"""What the conditional also renders. They do not count as doubt."""

ASKED = frozenset({"action", "modality"})
"""Dimensions of what can be asked for."""

ADVISED_WITHIN = 2
"""Words after a suggestion in which what is asked for begins."""

REACH = 30
"""Terms over which a negation may lie before a doubt; a sentence that has more between them loops."""


def uncertainty(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where there is less doubt than in the source, or doubt where it has nothing like it."""
    said, told = _hedges(source), _hedges(translation)
    said = [place for place in said if not _advises(place)]
    if len(said) > len(told) and len(said) > len(told) + _seeming(source, translation) + _conditional(
        source, translation
    ):
        yield Flag("uncertainty_dropped", "error", said[0].span, translation.span)
        return
    told = [place for place in told if not _advises(place)]
    if told and not any("hedge" in place.meaning.kinds for place in source.places):
        yield Flag("uncertainty_added", "error", source.span, told[0].span)


def _seeming(source: Side, translation: Side) -> int:
    """How many words of what merely seems so the translation has to spare: "may project" and "parece projetar"."""
    found = [
        sum(word.startswith(SEEMING) for sentence in side.sentences for word in sentence.words)
        for side in (source, translation)
    ]
    return max(0, found[1] - found[0])


def _conditional(source: Side, translation: Side) -> int:
    """How many conditionals the translation has to spare: "could clarify" and "esclareceriam"."""
    told = sum(
        CONDITIONAL.fullmatch(sentence.words[at]) is not None
        for sentence in translation.sentences
        for at in _outside(sentence)
    )
    would = sum(word in WOULD for sentence in source.sentences for word in sentence.words) if told else 0
    return max(0, told - would)


def _outside(sentence: Sentence) -> Iterator[int]:
    """The words that are in no phrase of doubt: "poderia" is one itself."""
    doubting = {at for term in sentence.terms if "hedge" in term.meaning.kinds for at in range(term.first, term.last)}
    return (at for at in range(len(sentence.words)) if at not in doubting)


def _advises(place: Place) -> bool:
    """Whether a word of suggestion asks for something to be done: "sugere-se tracionar", "suggest repeat"."""
    sentence, term, _ = place
    words = sentence.words
    if not words[term.first].startswith(SUGGESTING):
        return False
    following = range(term.last, min(len(words), term.last + ADVISED_WITHIN))
    if any(DONE.fullmatch(words[at]) for at in following):
        return True
    return any(one.first in following and not one.values.keys().isdisjoint(ASKED) for one in sentence.attributes.found)


@functools.lru_cache(maxsize=KEPT)
def _hedges(side: Side) -> Sequence[Place]:
    """What makes something uncertain; "no findings to suggest" does not, and "could suggest" does so once."""
    found: list[Place] = []
    if POSSIBLE not in side.names:
        return found
    for at, place in enumerate(side.places):
        if _possible(place.meaning) and not _denied(side.places, at):
            joined = bool(found) and found[-1].sentence is place.sentence and found[-1].term.last == place.term.first
            if not joined:
                found.append(place)
    return found


def _denied(places: list[Place], at: int) -> bool:
    """Whether a negation reaches a doubt: "no evidence to suggest". "Cannot be excluded" is none itself.

    Over what it denies it reaches few words of doubt: "no nodule suspicious for malignancy".
    """
    sentence, term, _ = places[at]
    if term.meaning.first in NEGATIVE:
        return False
    doubt, over = term.meaning.first, False
    for before in reversed(places[max(0, at - REACH) : at]):
        gap = sentence.words[before.term.last : term.first]
        if before.sentence is not sentence or not BREAKS.isdisjoint(gap):
            return False
        if cue(before.meaning) == 0 and "trend" not in before.meaning.kinds:
            if doubt in FINITE and before.meaning.first in WITHOUT and _affirmed(sentence, before.term):
                # "Cuffing without consolidation suggests": what is there does.
                return False
            return not over or doubt.startswith(DENIABLE)
        if before.meaning.first in BREAKS:
            return False
        over = over or not before.meaning.kinds <= VAGUE
        term = before.term
    return False


def _affirmed(sentence: Sentence, negation: Term) -> bool:
    """Whether a sentence names a finding before it denies another."""
    return any(term.last <= negation.first and "finding" in term.meaning.kinds for term in sentence.terms)


@functools.cache
def _possible(meaning: Meaning) -> bool:
    return any((concept.kind, concept.name) == ("hedge", POSSIBLE) for concept in meaning.concepts)
