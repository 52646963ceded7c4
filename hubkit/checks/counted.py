"""Finds several things that became one, or one that became several: "multiple nodules", "nódulo"."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Place, Side
from hubkit.clinical.quantity_patterns import NUMBERS

NAME = "count_changed"
"""What the dimension `count` raises as well."""

COUNTED = frozenset({"finding", "device", "anatomy"})

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


def other_count(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield a flag where what the source counts as several is one in the translation, or the reverse."""
    if not any(
        "one" in one.words or any("count" in found.values for found in one.attributes.found) for one in source.sentences
    ):
        return
    for place in source.places:
        counts = _counts(place)
        if not counts or place.meaning.kinds.isdisjoint(COUNTED):
            continue
        answers = [other for other in translation.places if not other.meaning.names.isdisjoint(place.meaning.names)]
        forms = {_form(other) for other in answers}
        if counts <= SEVERAL and forms == {"one"} and not _several(translation):
            yield Flag(NAME, "error", place.span, answers[0].span)
            return
        if counts <= ONE and forms == {"several"} and not _single(translation):
            yield Flag(NAME, "error", place.span, answers[0].span)
            return


def _counts(place: Place) -> frozenset[str]:
    """The counts that stand before a term of the source, with no more than adjectives between."""
    sentence, term, _ = place
    words = sentence.words
    for one in sentence.attributes.found:
        values = one.values.get("count")
        between = words[one.last : term.first]
        near = one.first < term.first and len(between) <= REACH and LINKS.isdisjoint(between)
        if values and near and all(word.isalpha() for word in between):
            return values
    return ONE if "one" in words[max(0, term.first - 2) : term.first] else frozenset()


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
