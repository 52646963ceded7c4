"""Numbers of a report with their units, read so that English and Portuguese spellings compare equal.

A decimal comma, marks of thousands, the order of day and month, twelve and twenty-four hours, and number words differ
between the languages; the quantities here do not.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hubkit.clinical.lexicon import Language, fold
from hubkit.clinical.quantity_patterns import (
    BASES,
    BOUND,
    CHAIN,
    CLOCK,
    CUSTOMARY,
    DEIDENTIFIED,
    DIGIT,
    DIGITS,
    ENUMERATOR,
    HALF,
    LATE,
    LISTED,
    NUMBERED,
    NUMBERS,
    ORDINAL,
    PHYSICAL,
    RIBS,
    SECONDARY,
    SIDED,
    SIDED_PART,
    THIRDS,
    WORD,
    at_digits,
    bounds,
    is_patient,
    number_pattern,
    unit_pattern,
    units,
)


class Quantity(NamedTuple):
    """A number in a text.

    Attributes:
        values: what it can mean; more than one where its spelling is ambiguous.
        unit: a name of [units] in numbers.toml, "clock", "month of the year", or None.
        span: where it stands, in characters.
        required: whether a translation must have it; words such as "one" and "both" come and go.
    """

    values: frozenset[float]
    unit: str | None
    span: tuple[int, int]
    required: bool

    @property
    def measures(self) -> frozenset[tuple[str | None, float]]:
        """The values in the base unit of their dimension."""
        dimension, factor = BASES.get(self.unit or "", (self.unit, 1.0))
        found = frozenset((dimension, round(value * factor, 6)) for value in self.values)
        if self.unit in CUSTOMARY:
            # Rounded as people round: a fall of 10 feet is one of 3 metres.
            unit, size = CUSTOMARY[self.unit]
            factor = BASES[unit][1]
            found |= {("length", round(value * size, digits) * factor) for value in self.values for digits in (0, 1)}
        # "17h" may be a time of day.
        return found | {("clock", value * 60) for value in self.values} if self.unit == "hour" else found


ORDINALS = frozenset({1.0, 2.0})
"""What a degree sign makes "primary" and "secondary": "1° survey". No angle of a report is as small."""

BOTH = frozenset({"dois", "duas"})

DEFINITE = re.compile(r"\b(?:[ao]s|[nd][ao]s|pel[ao]s)\s$")
"""What makes "dois" mean "both": "nos dois ápices"."""

BEFORE_MONTH = frozenset(
    {"in", "of", "since", "from", "by", "until", "last", "early", "late", "em", "de", "desde", "ate"}
)

MODAL = re.compile(r"\s+(?:be|represent|reflect|have|indicate|suggest|also|well|or|not)\b")
"""What stands after "may" where it is not a month: "rib 7 may be fractured"."""


def quantities(text: str, language: Language) -> list[Quantity]:
    """Return the numbers of a text in their order; times of day count in minutes."""
    return [*_read(text, language)]


@functools.lru_cache(maxsize=1024)  # translations of one source are checked again and again
def _read(text: str, language: Language) -> tuple[Quantity, ...]:
    folded = fold(text)
    found: list[Quantity] = []
    if DIGIT.search(folded):
        found = [quantity for match in at_digits(CLOCK, folded) for quantity in _time(match, language)]
        taken = _covered(quantity.span for quantity in found)
        free = set[int]()
        if NUMBERED.search(folded):
            optional = (ENUMERATOR, THIRDS, SECONDARY)
            free = _covered(match.span() for pattern in optional for match in pattern.finditer(folded))
        for match in at_digits(number_pattern(), folded):
            if match.start() not in taken:
                number = match["number"]
                if LISTED[language].fullmatch(number) and RIBS.search(
                    folded, max(0, match.start() - BOUND), match.start()
                ):
                    found += _each(match)
                    continue
                values = frozenset({_fraction(number)}) if "/" in number else _values(number.replace(" ", ""), language)
                unit = units()[match["unit"]] if match["unit"] else None
                if is_patient(text, *match.span()):
                    unit = "year"
                elif unit in {"l", "day"} and _is_side(folded, match):
                    unit = None
                ordinal = language == "en" and unit == "degree" and values <= ORDINALS
                found.append(Quantity(values, unit, match.span(), match.start() not in free and not ordinal))
    if not _named(language).isdisjoint(WORD.findall(folded)):
        found += _spelled_out(folded, language)
    return tuple(_with_chained_units(sorted(found, key=lambda quantity: quantity.span), folded)) if found else ()


def _is_side(folded: str, match: re.Match[str]) -> bool:
    """Whether what looks like litres or days is a side."""
    before = SIDED.search(folded, max(0, match.start() - BOUND), match.start("number"))
    return before is not None or SIDED_PART.match(folded, match.end()) is not None


def _each(match: re.Match[str]) -> Iterator[Quantity]:
    """The numbers of a list that commas part."""
    for one in DIGITS.finditer(match["number"]):
        start = match.start("number") + one.start()
        yield Quantity(frozenset({float(one[0])}), None, (start, start + len(one[0])), True)


def bound(text: str, quantity: Quantity, language: Language) -> str | None:
    """Whether a number is given as the "most" or the "least" of what is meant: "less than 1 cm" is the most."""
    before = fold(text[max(0, quantity.span[0] - BOUND) : quantity.span[0]])
    return next((name for name, pattern in bounds(language).items() if pattern.search(before)), None)


def _spelled_out(folded: str, language: Language) -> Iterator[Quantity]:
    """The numbers and months that are words."""
    words, months = _words(language), _months(language)
    for match in WORD.finditer(folded):
        if match[0] in words:
            value, required = words[match[0]]
            required = required and not (
                match[0] in BOTH and DEFINITE.search(folded, max(0, match.start() - BOUND), match.start())
            )
            unit = unit_pattern().match(folded, match.end())
            yield Quantity(frozenset({value}), units()[unit[1]] if unit else None, match.span(), required)
        elif match[0] in months and (match[0] not in NUMBERS["months"]["ambiguous"] or _beside_a_day(folded, match)):
            yield Quantity(frozenset({float(months[match[0]])}), "month of the year", match.span(), True)


def deidentified(text: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the tokens that stand for what was taken out of a report and their places: "_" for ___, "x" for XXXX."""
    return [(match[0][0].lower(), match.span()) for match in DEIDENTIFIED.finditer(text)]


def _covered(spans: Iterable[tuple[int, int]]) -> set[int]:
    """The places within spans that do not overlap."""
    return {at for span in spans for at in range(*span)}


def _values(number: str, language: Language) -> frozenset[float]:
    mark = "," if language == "en" else "."
    if re.fullmatch(rf"\d{{1,3}}(\{mark}\d{{3}})+", number):
        return frozenset({float(number.replace(mark, ""))})
    marks = re.findall(r"[.,]", number)
    if len(marks) > 1:
        # After marks of thousands the other one is the decimal mark: 1,200.5 and 1.200,5.
        decimal = marks[-1] if marks.count(marks[-1]) == 1 else None
        whole, _, fraction = number.rpartition(decimal) if decimal else (number, "", "0")
        return frozenset({float(re.sub(r"[.,]", "", whole) + "." + fraction)})
    return frozenset({float(number.replace(",", "."))})


def _time(match: re.Match[str], language: Language) -> list[Quantity]:
    """A time of day in minutes; without a.m. or p.m. an English one may be either, a Portuguese one has 24 hours."""
    if match["military"]:
        hour, minute = int(match["military"][:2]), int(match["military"][2:])
    else:
        hour, minute = int(match["hour"] or match["only"] or match["full"]), int(match["minute"] or 0)
    if hour > 24:
        return []
    half = HALF.search(match[0])
    later = match.string[match.end() : match.end() + 12]
    hours = {hour % 24}
    if half or LATE.match(later):
        hours = {hour % 12 + (12 if half is None or half[1] == "p" else 0)} if hour <= 12 else hours
    elif language == "en" and hour <= 12 and not match["military"]:
        hours = {hour % 12, hour % 12 + 12}
    return [Quantity(frozenset(float(each * 60 + minute) for each in hours), "clock", match.span(), True)]


def _beside_a_day(folded: str, match: re.Match[str]) -> bool:
    if MODAL.match(folded, match.end()):
        return False
    before = folded[max(0, match.start() - BOUND) : match.start()].rstrip().replace("/", " / ").rsplit(None, 1)[-1:]
    after = folded[match.end() : match.end() + 3].lstrip(" .,/")
    return (
        bool(before and (before[0] in BEFORE_MONTH or before[0][0].isdigit() or before[0] == "/"))
        or after[:1].isdigit()
        or ORDINAL.match(folded, match.end()) is not None
    )


def _with_chained_units(found: list[Quantity], folded: str) -> list[Quantity]:
    """In "2 x 3 cm" the unit is that of both."""
    for at in range(len(found) - 2, -1, -1):
        this, following = found[at], found[at + 1]
        between = folded[this.span[1] : following.span[0]]
        if folded[this.span[0] - 1 : this.span[0]] == "/":
            # The end of a date: "on 2/3 and 1.4 cm".
            continue
        if this.unit is None and following.unit in PHYSICAL and CHAIN.fullmatch(between):
            found[at] = this._replace(unit=following.unit)
    return found


def _fraction(number: str) -> float:
    whole, _, part = number.rpartition(" ")
    above, below = part.split("/")
    return float(whole or 0) + int(above) / int(below)


@functools.cache
def _words(language: Language) -> dict[str, tuple[float, bool]]:
    return {
        word: (float(value), table == "words")
        for table in ("words", "loose")
        for value, forms in NUMBERS[language][table].items()
        for word in forms
    }


@functools.cache
def _months(language: Language) -> dict[str, int]:
    return {form: number for number, forms in enumerate(NUMBERS["months"][language], 1) for form in forms}


@functools.cache
def _named(language: Language) -> frozenset[str]:
    return frozenset(_words(language).keys() | _months(language).keys())
