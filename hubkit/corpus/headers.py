"""How section headers of MIMIC-CXR reports are named, and the studies whose conclusion stands elsewhere.

The facts (spellings, substrings and their order, the 54 studies) are those of the corpus's own section parser,
`txt/section_parser.py` in https://github.com/MIT-LCP/mimic-code (MIT licence, Alistair Johnson and others).
"""

from __future__ import annotations

import re
from typing import NamedTuple

SPELLINGS: dict[str, tuple[str, ...]] = {
    "preamble": ("preamble",),
    "impression": (
        *("impression", "conclusion", "findings and impression", "findings/impression", "findings/ impression"),
        *("impresson", "imprression", "imoression", "impressoin", "imprssion", "impresion", "imperssion"),
        *("mpression", "impession"),
    ),
    "findings": (
        *("findings", "finding", "chest, two views", "reference findings"),
        *("findins", "findindgs", "findgings", "findngs", "findnings", "finidngs"),
    ),
    "indication": (
        *("indication", "reason for examination", "reason for exam", "clinical indication"),
        *("idication", "ndication"),
    ),
    "history": ("history", "clinical history", "clinical information", "patient history", "pfi"),
    "comparison": (
        *("comparison", "comparisons", "reference exam", "comparison exam", "comparison film"),
        *("comparision", "comparsion", "comparrison", "comparisions"),
    ),
    "examination": ("examination", "exam", "type of examination"),
    "technique": ("technique",),
    "notification": ("notification",),
    "recommendations": ("recommendations", "recommendation(s)", "recommendation"),
    "addendum": ("addendum",),
    "wet read": ("wet read", "wetread"),
    "date": ("date",),
    "comment": ("comment",),
}
"""Known spellings of each header. The original maps "ndication" to impression, a slip that is corrected here."""

SUBSTRINGS = ("impression", "findings", "history", "comparison", "addendum")
"""A header of no known spelling takes the first of these names that it contains."""

VIEWS = re.compile(
    "chest|portable|pa and lat|lateral and pa|ap and lateral|lateral and ap|frontal and|two views|frontal view|pa view"
    "|ap view|one view|lateral view|bone window|frontal upright|frontal semi-upright|ribs"
)
"""A header that names views, and nothing above, opens the findings."""

_NAMES = {spelling: name for name, spellings in SPELLINGS.items() for spelling in spellings}


def is_known(header: str) -> bool:
    """Whether `header`, in letters of any size, is a known spelling of one."""
    return header.lower().strip() in _NAMES


def section_name(header: str) -> str:
    """The name of the section that `header` (without its colon) opens; a header of no known kind names itself."""
    header = header.lower().strip()
    if header in _NAMES:
        return _NAMES[header]
    for name in SUBSTRINGS:
        if name in header:
            return name
    return "findings" if VIEWS.search(header) else header


class Span(NamedTuple):
    """Characters `start` to `stop` of a report."""

    start: int
    stop: int


CONCLUSION_UNDER: dict[int, str] = {
    **dict.fromkeys((50913680, 59768032, 59067458, 59087630, 58157373, 56482935, 58375018), "recommendations"),
    **dict.fromkeys((57936451, 50058765, 51966317, 55124749, 54365831, 54654948), "indication"),
    **dict.fromkeys((59363654, 53356173, 50743547, 59215320, 55157853), "examination"),
    **dict.fromkeys((59279892, 53202765, 50808053), "technique"),
    56451190: "note",
    51491012: "history",
}
"""Studies whose conclusion stands under a header of another kind: 23 of the 54 exceptions."""

CONCLUSION_AT: dict[int, Span] = {
    50196495: Span(59, 399),
    50525523: Span(201, 349),
    51410602: Span(47, 320),
    52119491: Span(179, 454),
    52648681: Span(292, 631),
    52674888: Span(145, 296),
    53182247: Span(59, 412),
    53488209: Span(149, 475),
    53514462: Span(73, 377),
    54875119: Span(234, 988),
    54986978: Span(59, 306),
    55258338: Span(192, 568),
    56412866: Span(522, 822),
    56579911: Span(59, 218),
    56760320: Span(219, 457),
    57150433: Span(61, 394),
    57564132: Span(233, 554),
    59003148: Span(262, 505),
    59330497: Span(140, 655),
    59505494: Span(59, 450),
    59562049: Span(158, 348),
    59889364: Span(172, 453),
    59982525: Span(313, 717),
}
"""Studies whose conclusion has no header and is known by its place alone: 23 of the exceptions."""

NO_CONCLUSION = frozenset({50798377, 52035334, 53071062, 53607029, 54168089, 54231141, 56724958, 58235663})
"""Studies whose report has no conclusion at all: 8 of the exceptions."""
