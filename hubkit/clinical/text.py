"""One canonical form of a text, in which everything under `clinical` and `checks` is read.

Accents may be typed as marks of their own, lines may end in three ways, and a no-break space looks
like a space. The rules would miss words spelled so ("Não" with a combining tilde is not a negation to
them), hence a text is brought into one form first, and the spans are carried back afterwards.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from typing import NamedTuple

SPACES = re.compile(r"[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\t\v\f]")

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
"""Soft hyphens, zero-width characters and byte-order marks: they show nothing, and part words."""

SOFT_HYPHEN = "\u00ad"
"""After "Ã" it is the second byte of "í" in a text that was read in a wrong encoding, and stays."""

CLUSTER = re.compile(r"\r\n|.[\u0300-\u036f]*", re.DOTALL)
"""A line end, or a character with the accents that follow it."""

PLAIN = re.compile(r"[\n\x20-\x7e\u00a1-\u00ac\u00ae-\u00ff]*")
"""What is canonical already; nearly all reports are, and are returned as they come."""


class Canonical(NamedTuple):
    """A text in canonical form.

    Attributes:
        text: the form that the rules read.
        places: by character of it, and one past its end, the place in the original; None where
            both are the same.
    """

    text: str
    places: list[int] | None

    def original(self, span: tuple[int, int] | None) -> tuple[int, int] | None:
        """Where a span of the canonical text lies in the original."""
        if span is None or self.places is None:
            return span
        return self.places[span[0]], self.places[span[1]]


def canonical(text: str) -> Canonical:
    """Return a text in NFC, with plain spaces and line feeds and without invisible characters."""
    if PLAIN.fullmatch(text):
        return Canonical(text, None)
    pieces: list[str] = []
    places: list[int] = []
    for match in CLUSTER.finditer(text):
        piece = unicodedata.normalize("NFC", match[0])
        if not (piece == SOFT_HYPHEN and text[match.start() - 1 : match.start()] == "Ã"):
            piece = INVISIBLE.sub("", piece)
        piece = "\n" if piece in {"\r\n", "\r", "\u2028", "\u2029", "\x85"} else SPACES.sub(" ", piece)
        pieces.append(piece)
        places.extend(itertools.repeat(match.start(), len(piece)))
    return Canonical("".join(pieces), [*places, len(text)])


def canonical_text(text: str) -> str:
    """Return the canonical form alone, for what needs no spans."""
    return canonical(text).text
