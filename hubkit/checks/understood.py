"""Which differences are sure: a word that was not understood may say what seems lost or added."""

from __future__ import annotations

import re

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side

DENYING = re.compile(
    r"(?:desprov|dispens|isent|imped|evit|falh|carec|carent|poup|priv|desist|nega)[a-z]+"
    r"|(?:des|in|im|ir)[a-z]+(?:vel|veis)|(?:un|non)[a-z]+|(?:fail|lack|free|spar|clear|miss|absen)[a-z]*|[a-z]+less"
)
"""Words that may hold a negation. Nearly all that do are in the lexicon, so that other unknown words
are no reason to doubt a lost one."""

HEDGES = "uncertainty_dropped"
"""The lexicon holds nearly all doubts of Portuguese too; an unknown word is hardly one more."""


def sure(flags: list[Flag], source: Side, translation: Side) -> list[Flag]:
    """Make a warning of each loss or addition that a word which was not understood may answer.

    Such words answer one another first: "waxes and wanes" and "oscila". Only where the side that
    seems to say less has more of them is one of them left for what the other says.
    """
    if not any(flag.severity == "error" for flag in flags):
        return flags
    said, told = source.unread(translation), translation.unread(source)
    if len(said) == len(told):
        return flags
    suffixes, words = (("_lost", "_dropped"), told) if len(told) > len(said) else (("_added",), said)
    may_deny = any(DENYING.fullmatch(word) for word in words)
    return [
        flag._replace(severity="warning")
        if flag.name.endswith(suffixes) and flag.name != HEDGES and (may_deny or not flag.name.startswith("negation_"))
        else flag
        for flag in flags
    ]
