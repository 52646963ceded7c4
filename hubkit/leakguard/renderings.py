"""How a public text may be read: as it is written, as it is shown, and put together from its pieces.

A report that is split over tags, comments, string literals, numbered lines, columns or rows of a table reads as one
all the same.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from hubkit.leakguard.columns import Cell, by_key, columns
from hubkit.leakguard.ngrams import RUN, SEPARATOR, words_and_separators

GLUE = "\x01"
"""Stands for a line break between two halves of a word."""

INLINE = (
    "a|abbr|b|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|tspan|u|var|wbr"
)
TAG = re.compile(r"</?[A-Za-z][^<>]*>")
CELL_END = re.compile(r"</t[dh]>")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
UNSEEN = re.compile(
    rf"</?(?:{INLINE})(?:\s[^<>]*)?/?>"  # what HTML shows nothing of inside a word
    r"|[*_~`]+|\[|\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\]]*\])?"  # emphasis and links of Markdown
    r"|[\"']\s*+(?:\+\s*+)?(?:\\\s*+)?[brfuBRFU]*+[\"']"  # between two string literals that are one
    r"|(?<=\w)-\n\s*|\\\n\s*"  # a word divided at the end of a line
)
LATEX = re.compile(
    r"\\[\\,;:! ]"  # spaces, and the end of a line
    # Accents, commands and their braces, and where a word may be divided.
    r"|(?P<glue>\\-|\\[`'^\"~=.]|\\(?:[cuvHkrbdt](?=[{ ])|[A-Za-z]{2,24}\*?(?=[{ ]))[ ]?|[{}])"
    r"|(?P<letter>\\[ij](?![A-Za-z]))"  # the letters that take an accent without their dot
)

STRIDES = (2, 3, 4, 5)
"""Words from one to the next where each has as many tags, as in `Uma/DET sonda/NOUN`."""

DISTINCT = 3
"""Words of a run that differ and are not numbers, in a reading by columns or steps: a column of zeros is a table."""

MARKUP_BELOW = 4 << 20
"""Characters above which a text is read as it is written and in no other way: the vocabulary of a tokenizer."""


class Reading(NamedTuple):
    """The words of a text in order, as they are compared, and the number of the line that each stands in.

    Attributes:
        rearranged: the words do not stand in this order in the text.
    """

    words: list[str]
    lines: array[int]
    rearranged: bool = False

    def tells(self, word: int) -> bool:
        """Whether the run that begins at `word` can be a sentence: what was put together by columns may be numbers."""
        run = self.words[word : word + RUN]
        return not self.rearranged or len({part for part in run if not part.isdigit()}) >= DISTINCT


def readings(text: str) -> list[Reading]:
    """The words of a text in their order, in each way that gives others than the ways before."""
    if len(text) >= MARKUP_BELOW:
        return [_read(_by_line(text))]
    versions = [text, TAG.sub(_gap, text), TAG.sub(_gap, joined(text))]
    if "\\" in text:
        versions.insert(2, LATEX.sub(_latex, text))
    found = [_read(_by_line(version)) for version in dict.fromkeys(versions)]
    shown = found[-1]
    unnumbered = [at for at, word in enumerate(shown.words) if not word.isdigit()]
    return found + [_chosen(shown, unnumbered)] * (len(unnumbered) < len(shown.words))


def rearranged(text: str, shown: Reading) -> Iterator[Reading]:
    """The words of a text by columns, keys and steps; `shown` are those without markup and numbers."""
    if len(text) >= MARKUP_BELOW:
        return
    for stride in STRIDES:
        steps = [at for first in range(stride) for at in range(first, len(shown.words), stride)]
        yield _chosen(shown, steps)._replace(rearranged=True)
    for cells in (*columns(TAG.sub(_gap, CELL_END.sub(" | ", text))), by_key(text)):
        yield _read(cells)._replace(rearranged=True)


def joined(text: str) -> str:
    """A text without the marks that nobody sees inside a word; its lines keep their numbers."""
    text = text.replace(GLUE, " ")
    # A comment that does not end would be sought to the end of the text, from each of its beginnings.
    end = text.rfind("-->") + 3
    text = COMMENT.sub(_glue, text[:end]) + text[end:] if end > 2 else text
    return _lines_kept(UNSEEN.sub(_glue, text))


def _by_line(text: str) -> list[Cell]:
    return list(enumerate(text.split("\n")))


def _read(cells: list[Cell]) -> Reading:
    found, lines, at = [], array("L"), 0
    text = f" {SEPARATOR} ".join(cell.replace(SEPARATOR, " ") for _, cell in cells)
    for word in words_and_separators(text):
        if word == SEPARATOR:
            at += 1
        else:
            found.append(word)
            lines.append(cells[at][0])
    return Reading(found, lines)


def _chosen(reading: Reading, places: list[int]) -> Reading:
    return Reading([reading.words[at] for at in places], array("L", (reading.lines[at] for at in places)))


def _lines_kept(text: str) -> str:
    """Where a line was joined to the one before, a line break after it: line numbers stay what they were."""
    if GLUE not in text:
        return text
    return "\n".join(part.replace(GLUE, "") + "\n" * part.count(GLUE) for part in text.split("\n"))


def _gap(tag: re.Match[str]) -> str:
    return " " + "\n" * tag[0].count("\n")


def _glue(unseen: re.Match[str]) -> str:
    return GLUE * unseen[0].count("\n")


def _latex(found: re.Match[str]) -> str:
    return found["letter"][1] if found["letter"] else "" if found["glue"] else " "
