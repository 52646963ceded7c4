"""What in generated reports could identify somebody: dates, ids of the corpus, its blanks, and blanks filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hubkit.artifacts.memorisation import Identifiers
from hubkit.leakguard.identifiers import study_ids

BLANK = re.compile(r"_{3,}")
"""What MIMIC puts in the place of names, dates and ages."""

MONTH = "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro"

DATE = re.compile(
    rf"\b\d{{1,2}}[/.-]\d{{1,2}}[/.-]\d{{2,4}}\b|\b\d{{4}}-\d\d-\d\d\b|\b\d{{1,2}}º? de (?:{MONTH})\b", re.I
)

NAMED = re.compile(r"\b(?:[Dd]r|[Dd]ra|[Ss]r|[Ss]ra|[Dd]outor|[Dd]outora)\b\.? +[A-ZÀ-Ý][a-zà-ÿ]+")
"""A title with a name, where the corpus has a title with a blank."""


def identifiers(texts: Sequence[str], ids: Iterable[int]) -> Identifiers:
    """How many texts have a date, a name after a title, an id of the corpus, and a blank as MIMIC leaves it.

    Args:
        texts: generated reports.
        ids: of the corpus' studies and patients.
    """
    known = frozenset(ids)
    return Identifiers(
        texts=len(texts),
        dates=sum(bool(DATE.search(text)) for text in texts),
        names=sum(bool(NAMED.search(text)) for text in texts),
        ids=sum(any(True for _ in study_ids(text, known, frozenset())) for text in texts),
        blanks=sum(bool(BLANK.search(text)) for text in texts),
    )
