"""Which differences are sure: a word that was not understood may say what seems lost or added."""

from __future__ import annotations

import re
from collections.abc import Callable

from hubkit.checks.flags import Flag
from hubkit.checks.sides import Side
from hubkit.clinical.lexicon import Language

DENYING = re.compile(
    r"(?:desprov|dispens|isent|imped|evit|falh|carec|carent|poup|priv|desist|nega)[a-z]+"
    r"|(?:des|in|im|ir)[a-z]+(?:vel|veis)|(?:un|non)[a-z]+|(?:fail|lack|free|spar|clear|miss|absen)[a-z]*|[a-z]+less"
)
"""Words that may hold a negation. Nearly all that do are in the lexicon, so that other unknown words
give no reason to doubt a lost one. Doubts ("uncertainty_dropped") are there likewise."""

DOUBTING = re.compile(
    r"(?:acredit|afast|avent|cogit|descart|discut|duvid|eventua|exclu|hipotes|imagin|incert|indefin"
    r"|interrog|parec|poss[ai]|prefer|presum|prova|question|remot|suger|sugest|supo|supu|suspei|talvez)[a-z]*"
)
"""Words of a translation that may hold a doubt: they begin like those of the lexicon, in other forms. Not
"consider" and "aparente", which affirm as often."""

SIDED = {"en": re.compile(r"[lr][a-z]{1,4}"), "pt": re.compile(r"[a-z]{1,4}[de]")}
"""By language, an abbreviation that may name a side."""

SIDES = frozenset({"left", "right", "both"})

POSSIBLE = "possible"

SIGNED = re.compile(r"\(-\)|(?:^|[,;:/] ?)- ?(?![\d-])|: ?0\b")
"""A minus sign or nought that denies: "(-) effusion", "effusion: -". Which finding it denies is not read."""

FULL = frozenset(
    {"the", "is", "are", "was", "were", "has", "have", "been", "be", "there", "can", "cannot", "may", "could"}
)
"""Words that full sentences have, and terse items leave out."""

ABBREVIATED = 4
"""Letters of the longest word that passes for an abbreviation."""

LONGEST_ITEM = 16
"""Words and marks of the longest terse item; telegraphic ones have about six."""


def sure(flags: list[Flag], source: Side, translation: Side) -> list[Flag]:
    """Make a warning of each loss or addition that a word which was not understood may answer.

    Such words answer one another first: "waxes and wanes" and "oscila". Only where the side that
    seems to say less has more of them is one of them left for what the other says. In a terse item
    ("CT out, sm resid ptx") nobody can tell which answers which: one of them is enough there.
    """
    if not any(flag.severity == "error" for flag in flags):
        return flags
    named = {flag.name for flag in flags}
    if "negation_added" in named and any(SIGNED.search(sentence.text) for sentence in source.sentences):
        flags = _warned(flags, lambda flag: flag.name == "negation_added")
    said, told = source.unread(translation), translation.unread(source)
    if (said or told) and _terse(source):
        # A loss asks for an abbreviation of the source as well: in full words losses are mostly real.
        short = any(len(word) <= ABBREVIATED for word in said)
        open_ends = [end for end, some in (("_added", said), ("_lost", told and short)) if some]
        flags = _warned(flags, lambda flag: _ends(flag, open_ends))
    if _may_name_side(source, said, "en") or _may_name_side(translation, told, "pt"):
        flags = _warned(flags, lambda flag: flag.name == "laterality")
    if "uncertainty_dropped" in named and _may_doubt(translation):
        flags = _warned(flags, lambda flag: flag.name == "uncertainty_dropped")
    if told:
        flags = _warned(flags, _qualifies)
    if len(said) == len(told):
        return flags
    more = "_added" if len(said) > len(told) else "_lost"
    words = said if more == "_added" else told
    may_deny = any(DENYING.fullmatch(word) for word in words)
    return _warned(flags, lambda flag: _open(flag, more, may_deny))


def _warned(flags: list[Flag], unsure: Callable[[Flag], bool]) -> list[Flag]:
    return [flag._replace(severity="warning") if unsure(flag) else flag for flag in flags]


def _terse(side: Side) -> bool:
    """Whether a side is an item of a list or a dictated fragment: short, and without a verb or article."""
    words = [word for sentence in side.sentences for word in sentence.words]
    return len(words) <= LONGEST_ITEM and FULL.isdisjoint(words)


def _ends(flag: Flag, open_ends: list[str]) -> bool:
    return flag.name.endswith(tuple(open_ends)) and not flag.name.startswith("negation_")


def _may_name_side(side: Side, words: list[str], language: Language) -> bool:
    """Whether a side that names none has an unknown abbreviation that may: "LSCV", "VSCE"."""
    return SIDES.isdisjoint(side.names) and any(SIDED[language].fullmatch(word) for word in words)


def _may_doubt(side: Side) -> bool:
    """Whether a word that is read neither as a doubt nor as a denial begins like a doubt."""
    for sentence in side.sentences:
        read = {
            at
            for term in sentence.terms
            if POSSIBLE in term.meaning.names or "negation" in term.meaning.kinds
            for at in range(term.first, term.last)
        }
        if any(at not in read and DOUBTING.fullmatch(word) for at, word in enumerate(sentence.words)):
            return True
    return False


def _qualifies(flag: Flag) -> bool:
    """Whether what is lost only qualifies a finding: it may stand in any word that was not understood."""
    return flag.name.endswith("_lost") and flag.name != "finding_lost"


def _open(flag: Flag, more: str, may_deny: bool) -> bool:
    """Whether an unknown word of the other side may answer what is lost or added."""
    name = flag.name
    if name.startswith("negation_"):
        return may_deny and name == ("negation_added" if more == "_added" else "negation_dropped")
    # A grade or trend that changed, with nothing in the source that it replaces, was added.
    return name.endswith(more) or (more == "_added" and name.endswith("_changed") and flag.source_span is None)
