"""Rules over an English source and its Portuguese translation: `check` returns what they find wrong.

BERTScore hardly sees a dropped negation or a flipped side; these rules see little else. docs/checks.md has every check
with a right and a wrong example.
"""

from __future__ import annotations

from hubkit.checks.abbreviations import misread
from hubkit.checks.align import align
from hubkit.checks.clinical import check_sentences
from hubkit.checks.damage import check_damage
from hubkit.checks.flags import Flag
from hubkit.checks.form import check_additions, check_endings, check_language, check_length, check_loops
from hubkit.checks.numbers import check_numbers, check_tokens
from hubkit.checks.terms import wrong_senses
from hubkit.checks.unknown_words import check_words
from hubkit.clinical.sentences import sentences
from hubkit.clinical.text import canonical

__all__ = ["Flag", "check", "check_or_flag"]

LONGEST = 30_000
"""Characters; no report has as many, and what has is not read."""


def check(source: str, translation: str) -> list[Flag]:
    """Return what is wrong with a translation, in the order of the checks; a check may speak more than once.

    Both texts are read in canonical form (see `hubkit.clinical.text`); spans are those of the texts as given.

    Args:
        source: English text: a sentence, a section or a report.
        translation: its Brazilian Portuguese.
    """
    read, other = canonical(source), canonical(translation)
    return [
        Flag(flag.name, flag.severity, read.original(flag.source_span), other.original(flag.translation_span))
        for flag in dict.fromkeys(_flags(read.text, other.text))  # two ways may lead to one flag
    ]


def check_or_flag(source: str, translation: str) -> list[Flag]:
    """As `check`, for one pair among many: one that the checks cannot read is flagged `not_checked`.

    It must not end the run of all others, nor pass unseen. What was raised may quote the text, and
    is not repeated.
    """
    try:
        return check(source, translation)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return [Flag("not_checked", "error", None, None)]


def _flags(source: str, translation: str) -> list[Flag]:
    if not source.strip():
        return [Flag("sentence_added", "error", None, (0, len(translation)))] if translation.strip() else []
    if not translation.strip():
        return [Flag("empty", "error", (0, len(source)), None)]
    if max(len(source), len(translation)) > LONGEST:
        return [Flag("length", "error", (0, len(source)), (0, len(translation)))]
    said, told = sentences(source, "en"), sentences(translation, "pt")
    flags = [
        *check_length(source.rstrip(), translation.rstrip(), told),
        *check_damage(source, translation),
        *check_endings(told),
        *check_additions(source, translation),
        *check_loops(said, told),
        *check_language(said, told, translation),
        *check_words(said, told),
        *wrong_senses(said, told),
        *misread(said, told),
        *check_tokens(source, translation),
        *check_numbers(source, translation),
    ]
    return [*flags, *check_sentences(align(said, told))]
