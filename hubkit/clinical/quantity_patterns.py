"""How numbers, times and units are written: numbers.toml, and the patterns that are built of it."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubkit.clinical.lexicon import Language

BASES = {
    "mm": ("length", 1.0),
    "cm": ("length", 10.0),
    "m": ("length", 1000.0),
    "ml": ("volume", 1.0),
    "l": ("volume", 1000.0),
}

CUSTOMARY = {"foot": ("m", 0.3048), "inch": ("cm", 2.54)}
"""Units that a translation may convert, and what one of them is in another."""

PHYSICAL = frozenset({*BASES, "mg", "kg", "%", "french"})
"""Units that a translation must keep; the others are often implied."""

DURATIONS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0, "year": 360.0}
"""Units of time in days: a month has 30 and a year 12 months, as people count."""

IDIOMS: dict[tuple[str | None, float], float] = {("week", 1.0): 8.0, ("week", 2.0): 15.0}
"""What Brazilians also call a week and two, in days: "oito dias", "quinze dias"."""

NUMBERS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("numbers.toml").read_text(encoding="utf-8"))

CLOCK = re.compile(
    r"(?<![\w.,/:])(?:"
    r"(?P<hour>\d{1,2})(?:[:h]|\.(?=\d\d ?[ap]\.?m))(?P<minute>[0-5]\d)(?:min)?"
    r"(?:\s?h(?:rs|ours|oras)?\b)?(?:\s?[ap]\.?\s?m\b\.?)?"
    r"|(?P<only>\d{1,2})\s?[ap]\.?\s?m\b\.?|(?:(?<=\bas )|(?<=\bdas ))(?P<full>\d{1,2})\s?h(?:oras?)?\b"
    r"|(?P<military>0\d[0-5]\d\b"
    r"|(?:(?<=\bat )|(?<=@ )|(?<=\brn ))(?:1\d|2[0-3])[0-5]\d\b(?!\s?(?:ml|cc|mg)\b)"
    r"|[0-2]\d[0-5]\d(?=\s?(?:h|hrs|hours|horas)\b))(?:\s?(?:h|hrs|hours|horas)\b)?)"
)

HALF = re.compile(r"([ap])\.?\s?m\b")

LATE = re.compile(r"\s*(?:horas? )?(?:da tarde|da noite|in the (?:afternoon|evening))")

BOUND = 24
"""Characters before a number in which its bound is looked for."""

DIGIT, DIGITS = re.compile(r"\d"), re.compile(r"\d+")

WORD = re.compile(r"[a-z0-9]+")

CHAIN = re.compile(r"\s*(?:-*>|→|x|by|por|×|to|a|and|e|-|or|ou|\+|para|ate|versus|vs\.?)\s*")

ENUMERATOR = re.compile(r"(?:^|\n|(?<=[.!?:;]))\s*\d{1,2}[.)](?=\s)")

PATIENT = re.compile(
    r"(?:\d{1,3}M|[4-9]\dF|1\d\dF"
    r"|(?<![^\n])\d{1,2}F(?= (?!cath|tube|drain|pig|sheath|chest|french|dual|double|picc|port|line|foley|swan)))(?!\w)"
)
"""Age and sex, as in 72M; 14F is the size of a catheter, but for a line that begins with "5F fell"."""

LISTED: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"\d{1,2}(?:,\d{1,2})+"),
    "pt": re.compile(r"\d{1,2}(?:,\d{1,2}){2,}"),
}
"""Numbers that commas part, where such words as RIBS has stand before them; a Portuguese comma may be decimal."""

RIBS = re.compile(r"\b(?:ribs?|fxs?|fractures?|costelas?|arcos|fraturas?)\b[^.;\n]*$")
"""What stands before ribs that commas part: "ribs 3,4,5"."""

SIDED = re.compile(
    r"(?:#|\b[ctdls]|\b[ctdls]\d{1,2}-"
    r"|\b(?:ribs?|costelas?|arcos?(?: costa(?:l|is))?)\b(?:[\s\d,-]|fxs?|fractures?|and\b|e\b|a\b|to\b)*)$"
)
"""What stands before a number that a side may follow: "T4-T6 L", "ribs 5-7 L" and "drain #2 L" are not litres."""

SIDED_PART = re.compile(r" (?:ribs?|lat|post|ant|displ|costa(?:l|is)|fxs?|chest tubes?|cts)\b")
"""What stands after a side that a number precedes: "4 L rib fractures"."""

THIRDS = re.compile(
    r"\b(?:mid|middle|upper|lower|prox(?:imal)?|dist(?:al)?|medial|lat(?:eral)?|inner|outer) [12]/3"
    r"|\b[12]/3 (?:medi[oa]s?|superior(?:es)?|inferior(?:es)?)"
    r"|\b[12]/3 (?:proxima(?:l|is)|dista(?:l|is)|media(?:l|is)|latera(?:l|is))"
)
"""Thirds of a bone or lung, which may be a word in the other language: "mid 1/3", "terço médio"."""

SECONDARY = re.compile(
    r"(?<![\d./-])(?<!\bon )(?<!since )(?<!from )(?<!dated )(?<!image )(?<!view )(?<!film )(?<!drain )(?<!tube )"
    r"2/2(?= (?!views?\b|images?\b|films?\b)[a-z])"
)
"""How reports write "secondary to": "collapse 2/2 mucus plug". A date, and one of two, are something else."""

NUMBERED = re.compile(r"\d[.)]\s|/3|2/2")
"""One of these stands in whatever ENUMERATOR, THIRDS and SECONDARY find."""

ORDINAL = re.compile(
    r" (?:the )?(?:first|second|third|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|[a-z]+teen|twentie|thirtie)th"
    r"|(?:twenty|thirty)-[a-z]+)\b"
)
"""The day after a month, in words: "March thirteenth"."""

DEIDENTIFIED = re.compile(r"_{2,}|(?<![A-Za-z])[Xx]{3,}(?![A-Za-z])")


def at_digits(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of a pattern that begins with the first digit of a number; nothing else is tried."""
    end = 0
    for digits in DIGITS.finditer(text):
        match = pattern.match(text, digits.start()) if digits.start() >= end else None
        if match:
            yield match
            end = match.end()


def is_patient(text: str, start: int, end: int) -> bool:
    """Whether a number with a letter is an age and a sex."""
    match = PATIENT.match(text, start)
    return match is not None and match.end() == end


@functools.cache
def units() -> dict[str, str]:
    return {form: unit for unit, forms in NUMBERS["units"].items() for form in forms}


@functools.cache
def number_pattern() -> re.Pattern[str]:
    forms = "|".join(re.escape(form) for form in sorted(units(), key=len, reverse=True))
    measured = "|".join(map(re.escape, _physical_forms()))
    return re.compile(
        r"(?<!\d)(?<!\d[.,])(?P<number>(?:\d{1,3}(?: \d{3})+|(?:\d )?(?<!/)[1-9]/[2-9])"
        rf"(?=\s?(?:{measured})(?![a-z0-9]))|\d+(?:[.,]\d+)*)(?:[\s-]{{0,2}}(?P<unit>{forms})(?![a-z0-9]))?"
    )


def _physical_forms() -> list[str]:
    """Units of length and volume, after which a number may have spaces or be a fraction: "1 200 mL", "1/2 cm"."""
    return sorted((form for unit in BASES for form in NUMBERS["units"][unit]), key=len, reverse=True)


@functools.cache
def unit_pattern() -> re.Pattern[str]:
    """A unit that is spelled out, after a number that is: "six millimeters", "duas semanas"."""
    forms = "|".join(
        re.escape(form) for form in sorted(units(), key=len, reverse=True) if len(form) > 3 or form == "mes"
    )
    return re.compile(rf"[\s-]({forms})(?![a-z0-9])")


@functools.cache
def bounds(language: Language) -> dict[str, re.Pattern[str]]:
    return {name: re.compile(rf"(?<![a-z])(?:{forms})\s*$") for name, forms in NUMBERS["bounds"][language].items()}


def in_days(unit: str | None, value: float) -> float | None:
    """How many days a number of units of time are; None where the unit is none of time."""
    return round(value * DURATIONS[unit], 6) if unit in DURATIONS else None
