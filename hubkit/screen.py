"""Lines on a terminal: folded at its width between words, and numbers with their nouns.

In a pipe or a file a line stays whole, to be searched.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import TextIO


def show(line: str, indent: int = 2, stream: TextIO | None = None) -> None:
    """Print a line; on a terminal, what does not fit goes on below, `indent` characters from the left.

    Args:
        stream: standard output unless given.
    """
    stream = stream or sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() else 0
    print(fold(line, width, indent), file=stream)


def fold(line: str, width: int, indent: int) -> str:
    """The line in pieces of at most `width` characters; 0 leaves it whole. An address is never broken."""
    if not width or len(line) <= width:
        return line
    # Words keep their hyphens together: names of repos and options are copied from here.
    return textwrap.fill(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def counted(number: int, what: str) -> str:
    """A number with its noun: "1 study", "2,000 studies"."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
