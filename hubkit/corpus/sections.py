"""The sections of a report, by the rules of MIMIC-CXR's own section parser (see headers.py for the source)."""

from __future__ import annotations

import re
from typing import NamedTuple

from hubkit.corpus.headers import CONCLUSION_AT, CONCLUSION_UNDER, NO_CONCLUSION, section_name
from hubkit.tables import SECTIONS

HEADER = re.compile(r"\n ([A-Z ()/,-]+):\s")
"""A header: a line that starts with a space, capitals, a colon and white space."""

BLANK_LINE = "\n \n"
"""Body lines start with one space, and so does the empty line between two paragraphs."""

LONG_REPORT = 20_000
"""Characters above which a report is counted as long: no radiologist writes that much."""

_CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_PARAGRAPHS = re.compile(r"\n[ \t]*\n")


class Section(NamedTuple):
    """A named part of a report: characters `start` to `stop`, its header left out."""

    name: str
    start: int
    stop: int


class Report(NamedTuple):
    """A report and its sections.

    Attributes:
        indication: why the study was made (INDICATION, else HISTORY).
        comparison: with which earlier studies it is compared.
        findings: FINDINGS.
        impression: IMPRESSION.
        last_paragraph: the conclusion where there is neither findings nor impression.
        report: the whole text, decoded.
        reasons: what is odd about it, as short names that `hubkit read` counts.
    """

    indication: str | None
    comparison: str | None
    findings: str | None
    impression: str | None
    last_paragraph: str | None
    report: str
    reasons: tuple[str, ...] = ()


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Decode a report as UTF-8, else Latin-1, a space in place of each control character; say what was odd about it."""
    reasons = []
    try:
        raw = data.decode("utf-8")
    except UnicodeDecodeError:
        raw = data.decode("latin-1")
        reasons.append("latin1")
    raw = raw.removeprefix("\ufeff").replace("\r\n", "\n")
    text = raw.translate(_CONTROLS)
    if text != raw:
        reasons.append("control_characters")
    if len(text) > LONG_REPORT:
        reasons.append("long_report")
    return text, tuple(reasons)


def split_sections(text: str) -> list[Section]:
    """Cut a report at its headers.

    What comes before the first header is the `preamble`; a text without headers is one section, `full report`. Empty
    findings and impressions are left out. With neither findings nor impression, what follows the first blank line of
    the last section is a section of its own, `last_paragraph`.
    """
    header = HEADER.search(text)
    if header is None:
        return _with_last_paragraph(text, [Section("full report", 0, len(text))])
    sections = [Section("preamble", 0, header.start())]
    while header is not None:
        start = header.end()
        following = HEADER.search(text, max(text.find("\n", start), start))
        stop = len(text) if following is None else following.start()
        sections.append(Section(section_name(header[1]), start, stop))
        header = following
    return _with_last_paragraph(
        text, [part for part in sections if part.name not in ("impression", "findings") or _has_text(text, part)]
    )


def parse_report(study_id: int, data: bytes) -> Report:
    """Read one report of MIMIC-CXR: the last section of each name, the exceptions of headers.py included.

    Sections come without line wraps, a line per paragraph. A report that gives no section keeps its text in `report`
    and says why in `reasons`.
    """
    text, reasons = decode(data)
    parts = {part.name: part for part in split_sections(text)}
    if "history" in parts:
        parts.setdefault("indication", parts["history"])
    parts = _exceptional(study_id, text, parts)
    texts = {name: unwrap(text[part.start : part.stop]) for name, part in parts.items() if name in SECTIONS}
    texts = {name: value for name, value in texts.items() if value}
    if not text.strip():
        reasons += ("empty_report",)
    elif not texts.keys() & {"findings", "impression", "last_paragraph"}:
        reasons += ("no_conclusion" if texts else "no_section",)
    return Report(**{name: texts.get(name) for name in SECTIONS}, report=text, reasons=reasons)


def unwrap(text: str) -> str:
    """Take the line wraps and the surrounding space out of `text`; paragraphs become lines."""
    return "\n".join(" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split(text) if paragraph.strip())


def _exceptional(study_id: int, text: str, parts: dict[str, Section]) -> dict[str, Section]:
    """Put the conclusion of one of the exceptions under `last_paragraph`, and take it away from where it stands."""
    if study_id in CONCLUSION_UNDER and CONCLUSION_UNDER[study_id] in parts:
        conclusion = parts[CONCLUSION_UNDER[study_id]]
    elif study_id in CONCLUSION_AT:
        span = CONCLUSION_AT[study_id]
        conclusion = Section("last_paragraph", min(span.start, len(text)), min(span.stop, len(text)))
    elif study_id in NO_CONCLUSION:
        conclusion = Section("last_paragraph", 0, 0)
    else:
        return parts
    kept = {
        name: part
        for name, part in parts.items()
        if name in ("indication", "comparison") and (part.stop <= conclusion.start or part.start >= conclusion.stop)
    }
    return {**kept, "last_paragraph": conclusion} if conclusion.stop else kept


def _with_last_paragraph(text: str, sections: list[Section]) -> list[Section]:
    if any(part.name in ("impression", "findings") for part in sections):
        return sections
    *before, last = sections
    blank = text.find(BLANK_LINE, last.start, last.stop)
    if blank < 0 or not text[blank : last.stop].strip():
        return sections
    paragraph = Section("last_paragraph", blank + len(BLANK_LINE), last.stop)
    return [*before, last._replace(stop=blank), paragraph]


def _has_text(text: str, part: Section) -> bool:
    return not text[part.start : part.stop].isspace() and part.start < part.stop
