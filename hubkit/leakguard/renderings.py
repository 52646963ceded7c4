"""How a public text may be read: as it is written, as it is shown, and put together from its pieces.

A report that is split over tags, comments, string literals or numbered lines reads as one all the same.
"""

from __future__ import annotations

import re
from array import array
from typing import NamedTuple

from hubkit.leakguard.ngrams import SEPARATOR, words_and_separators

GLUE = "\x01"
"""Stands for a line break between two halves of a word."""

INLINE = (
    "a|abbr|b|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|tspan|u|var|wbr"
)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
UNSEEN = re.compile(
    rf"<!--.*?-->|</?(?:{INLINE})(?:\s[^<>]*)?/?>"  # what HTML shows nothing of inside a word
    r"|[*_~`]+|\[|\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\]]*\])?"  # emphasis and links of Markdown
    r"|[\"']\s*+(?:\+\s*+)?(?:\\\s*+)?[brfuBRFU]*+[\"']"  # between two string literals that are one
    r"|(?<=\w)-\n\s*|\\\n\s*",  # a word divided at the end of a line
    re.DOTALL,
)

MARKUP_BELOW = 4 << 20
"""Characters above which a text is read as it is written and in no other way: the vocabulary of a tokenizer."""


class Reading(NamedTuple):
    """The words of a text in order, as they are compared, and the number of the line that each stands in."""

    words: list[str]
    lines: array[int]


def readings(text: str) -> list[Reading]:
    """The words of a text, in each way that gives others than the ways before."""
    versions = [text]
    if len(text) < MARKUP_BELOW:
        joined = TAG.sub(_gap, _lines_kept(UNSEEN.sub(_glue, text.replace(GLUE, " "))))
        versions += [TAG.sub(_gap, text), joined]
    found = [_read(version) for version in dict.fromkeys(versions)]
    unnumbered = [at for at, word in enumerate(found[-1].words) if not word.isdigit()]
    if len(text) < MARKUP_BELOW and len(unnumbered) < len(found[-1].words):
        last = found[-1]
        found.append(Reading([last.words[at] for at in unnumbered], array("L", (last.lines[at] for at in unnumbered))))
    return found


def _read(text: str) -> Reading:
    found, lines, line = [], array("L"), 0
    for word in words_and_separators(text.replace(SEPARATOR, " ").replace("\n", f" {SEPARATOR} ")):
        if word == SEPARATOR:
            line += 1
        else:
            found.append(word)
            lines.append(line)
    return Reading(found, lines)


def _lines_kept(text: str) -> str:
    """Where a line was joined to the one before, a line break after it: line numbers stay what they were."""
    if GLUE not in text:
        return text
    return "\n".join(part.replace(GLUE, "") + "\n" * part.count(GLUE) for part in text.split("\n"))


def _gap(tag: re.Match[str]) -> str:
    return " " + "\n" * tag[0].count("\n")


def _glue(unseen: re.Match[str]) -> str:
    return GLUE * unseen[0].count("\n")
