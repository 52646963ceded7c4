"""Finds several things that became one, or one that became several: "multiple nodules", "nódulo"."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Place, Side
from hubkit.clinical.lexicon import Term
from hubkit.clinical.quantity_patterns import NUMBERS
from hubkit.clinical.sentences import Sentence

NAME = "count_changed"
"""What the dimension `count` raises as well."""

COUNTABLE = frozenset({"finding", "device", "anatomy"})
"""Kinds of what a count may be of."""

SEVERAL = frozenset({"multiple", "many", "both", "few"})
"""Values of the dimension `count` that a singular contradicts."""

ONE = frozenset({"single", "one_of"})

REACH = 3
"""Words between a count and what is counted: "multiple old rib fractures"."""

LINKS = frozenset({"of", "the", "and", "in", "with", "or"})
"""Words that no count reaches beyond."""

SINGLE = frozenset({"um", "uma"})

NUMERALS = frozenset(
    word for value, words in NUMBERS["pt"]["words"].items() if value != "1" for word in words
) | frozenset({"par", "cada", "grupo", "serie"})
"""Words by which a Portuguese singular speaks of several: "um par de drenos", "em cada base"."""

INVARIANT = ("x", "is", "us")
"""How words end that have one form for both numbers: "pneumotórax"."""

ADJECTIVE = (
    *("ico", "ica", "oso", "osa", "ivo", "iva", "ado", "ada", "ido", "ida", "ario", "aria", "al", "ar"),
    *("cardiaco", "cardiaca", "osseo", "ossea", "opaco", "opaca"),
)
"""How folded adjectives and participles end in the singular. Their noun may be another than what is counted: "doença
metastática" is several metastases."""

NOUNS = frozenset({"dispositivo", "figado", "tecido", "liquido", "chiado", "ferida", "material"})
"""Nouns that end like adjectives."""

COLLECTIVES = frozenset({"coluna", "gradil", "arcabouco", "esqueleto", "parenquima"})
"""What has several of its parts, in the singular: "gradil costal" is the ribs."""


def other_count(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where what the source counts as several is one in the translation, or the reverse."""
    answered: set[frozenset[str]] = set()
    for sentence in source.sentences:
        for term, counts in _counted(sentence):
            names = term.meaning.names
            if names in answered or not (counts <= SEVERAL or counts <= ONE):
                continue
            answered.add(names)
            answers = [other for other in translation.places if not names.isdisjoint(other.meaning.names)]
            forms = {_form(other) for other in answers}
            wrong = (
                forms == {"one"} and not _several(translation)
                if counts <= SEVERAL
                else forms == {"several"} and not _single(translation)
            )
            if wrong:
                yield Flag(NAME, "error", sentence.span(term), answers[0].span)
                return


def _counted(sentence: Sentence) -> Iterator[tuple[Term, frozenset[str]]]:
    """The terms before which a count stands, with no more than adjectives between, and that count."""
    words = sentence.words
    found = [one for one in sentence.attributes.found if "count" in one.values]
    if not found and "one" not in words:
        return
    lasts = [one.last for one in found]
    for term in sentence.terms:
        if term.meaning.kinds.isdisjoint(COUNTABLE):
            continue
        at = bisect_right(lasts, term.first) - 1
        between = words[lasts[at] : term.first] if at >= 0 and term.first - lasts[at] <= REACH else None
        if between is not None and LINKS.isdisjoint(between) and all(word.isalpha() for word in between):
            yield term, found[at].values["count"]
        elif "one" in words[max(0, term.first - 2) : term.first]:
            yield term, ONE


def _form(place: Place) -> str:
    """Whether a Portuguese term is "one" or "several", by its first word; "" where that does not say."""
    sentence, term, _ = place
    word = sentence.words[term.first]
    ends = term.first + 2 >= len(sentence.words)  # its full stop is that of the sentence
    if not word.isalpha() or sentence.in_capitals(term.first) or (sentence.shortens(term.first) and not ends):
        return ""
    if word.endswith(INVARIANT):
        # "Bilaterais", "basais" and "sinais" are plurals.
        return "several" if word.endswith(("ais", "eis", "ois")) else ""
    if word in COLLECTIVES or (word.endswith(ADJECTIVE) and word not in NOUNS):
        return ""
    return "several" if word.endswith("s") else "one"


def _several(translation: Side) -> bool:
    """Whether anything else in the translation speaks of several."""
    words = {word for sentence in translation.sentences for word in sentence.words}
    if not NUMERALS.isdisjoint(words) or "both" in translation.names or {"left", "right"} <= translation.names:
        return True
    return any(not _values(one.values).isdisjoint(SEVERAL) for s in translation.sentences for one in s.attributes.found)


def _single(translation: Side) -> bool:
    if any(not SINGLE.isdisjoint(sentence.words) for sentence in translation.sentences):
        return True
    return any(not _values(one.values).isdisjoint(ONE) for s in translation.sentences for one in s.attributes.found)


def _values(values: dict[str, frozenset[str]]) -> frozenset[str]:
    return values.get("count", frozenset())
