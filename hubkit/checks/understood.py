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
are no reason to doubt a lost one. Doubts ("uncertainty_dropped") are there likewise."""


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
    more = "_added" if len(said) > len(told) else "_lost"
    words = said if more == "_added" else told
    may_deny = any(DENYING.fullmatch(word) for word in words)
    return [flag._replace(severity="warning") if _open(flag, more, may_deny) else flag for flag in flags]


def _open(flag: Flag, more: str, may_deny: bool) -> bool:
    """Whether an unknown word of the other side may answer what is lost or added."""
    name = flag.name
    if name.startswith("negation_"):
        return may_deny and name == ("negation_added" if more == "_added" else "negation_dropped")
    # A grade or trend that changed, with nothing in the source that it replaces, was added.
    return name.endswith(more) or (more == "_added" and name.endswith("_changed") and flag.source_span is None)
