"""The sections of a report, by the rules of MIMIC-CXR's own section parser (see headers.py for the source).

Two more rules read reports that lost the layout on which these rest: see `Rule`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from hubkit.corpus.headers import CONCLUSION_AT, CONCLUSION_UNDER, NO_CONCLUSION, is_known, section_name
from hubkit.sources.text import decode
from hubkit.tables import SECTIONS

Rule = Literal["official", "flush_left", "any"]
"""How headers are found.

- official: as MIMIC-CXR's own parser finds them.
- flush_left: so, and without the blank before a header, which mirrors strip; on the first line too.
- any: so, and after any blanks; a known header in small letters too; an addendum ends the conclusion.
"""

HEADER = re.compile(r"\n ([A-Z ()/,-]+):\s")
"""A header: a line that starts with a space, capitals, a colon and white space."""

_HEADERS: dict[Rule, re.Pattern[str]] = {
    "official": HEADER,
    "flush_left": re.compile(r"(?:\A|\n) ?([A-Z ()/,-]+):\s"),
    "any": re.compile(r"(?:\A|\n)[ \t]*([A-Z(][A-Za-z ()/,-]{0,60}):\s"),
}

_BLANK_LINES: dict[Rule, re.Pattern[str]] = {
    # Body lines start with one space, and so does the empty line between two paragraphs.
    "official": re.compile(r"\n \n"),
    "flush_left": re.compile(r"\n ?\n"),
    "any": re.compile(r"\n[ \t]*\n"),
}

_RULED_OFF = re.compile(r"\n[ \t]*_{20,}[ \t]*\n")
"""The line of underscores between an addendum and the report below it."""

MIRROR_SHARE = 0.05
"""The share of reports without the blank before headers from which a corpus counts as a mirror that lost it.

Of 1,000 reports of one such mirror it is 0.39; single reports of other layouts, a few in a thousand, change no rule.
"""

COUNTED = ("findings", "impression", "indication", "history", "comparison")
"""The sections of which a header in small letters is counted."""

LONG_REPORT = 20_000
"""Characters above which a report is counted as long: no radiologist writes that much."""

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


def split_sections(text: str, rule: Rule = "official") -> list[Section]:
    """Cut a report at its headers.

    What comes before the first header is the `preamble`; a text without headers is one section, `full report`. Empty
    findings and impressions are left out. With neither findings nor impression, what follows the first blank line of
    the last section is a section of its own, `last_paragraph`.
    """
    header = _next_header(text, 0, rule)
    if header is None:
        return _with_last_paragraph(text, [Section("full report", 0, len(text))], rule)
    sections = [Section("preamble", 0, header.start())]
    while header is not None:
        start = header.end()
        following = _next_header(text, max(text.find("\n", start), start), rule)
        stop = len(text) if following is None else following.start()
        sections.append(Section(section_name(header[1]), start, stop))
        header = following
    kept = [part for part in sections if part.name not in ("impression", "findings") or _has_text(text, part)]
    return _with_last_paragraph(text, kept, rule)


def parse_report(study_id: int, data: bytes, rule: Rule = "official") -> Report:
    """Read one report of MIMIC-CXR: the last section of each name, the exceptions of headers.py included.

    Sections come without line wraps, a line per paragraph. A report that gives no section keeps its text in `report`
    and says why in `reasons`.
    """
    text, reasons = decode(data)
    if len(text) > LONG_REPORT:
        reasons += ("long_report",)
    texts = _sections(study_id, text, rule)
    if rule != "official" and texts != _sections(study_id, text, "official"):
        reasons += ("not_by_the_official_rule",)
    if rule != "any":
        reasons += tuple(_unread(text))
    if not text.strip():
        reasons += ("empty_report",)
    elif not texts.keys() & {"findings", "impression", "last_paragraph"}:
        reasons += ("no_conclusion" if texts else "no_section",)
    return Report(**{name: texts.get(name) for name in SECTIONS}, report=text, reasons=reasons)


def sectioned_report(sections: Mapping[str, str]) -> Report:
    """A report of which only the sections are known: its text is put together from them."""
    texts = {name: value for name, text in sections.items() if (value := unwrap(text))}
    whole = "\n\n".join(f"{name.replace('_', ' ').upper()}: {text}" for name, text in texts.items())
    reasons = ("no_section",) if not texts else ()
    if texts and not texts.keys() & {"findings", "impression", "last_paragraph"}:
        reasons = ("no_conclusion",)
    return Report(**{name: texts.get(name) for name in SECTIONS}, report=whole, reasons=reasons)


def recognise(reports: Iterable[bytes]) -> tuple[Rule, float]:
    """The rule that a corpus needs, and the share of these of its reports that need it.

    The blank before headers is missing where a share of the reports gives no section by the official rule, and does
    without the blank: no report of MIMIC-CXR itself is so.
    """
    texts = [decode(data)[0] for data in reports]
    lost = sum(not _sections(0, text, "official") and bool(_sections(0, text, "flush_left")) for text in texts)
    share = lost / max(len(texts), 1)
    return ("flush_left" if share >= MIRROR_SHARE else "official"), share


def _sections(study_id: int, text: str, rule: Rule) -> dict[str, str]:
    """The text of each section that is kept, by name."""
    parts = {part.name: part for part in split_sections(text, rule)}
    if "history" in parts:
        parts.setdefault("indication", parts["history"])
    addendum = parts.get("addendum") if rule == "any" else None
    parts = _exceptional(study_id, text, parts, rule)
    texts = {name: unwrap(text[part.start : part.stop]) for name, part in parts.items() if name in SECTIONS}
    texts = {name: value for name, value in texts.items() if value}
    if addendum is not None and (added := unwrap(_RULED_OFF.split(text[addendum.start : addendum.stop])[0])):
        end = next((name for name in ("impression", "findings") if name in texts), "last_paragraph")
        texts[end] = "\n".join([*([texts[end]] if end in texts else []), f"ADDENDUM: {added}"])
    return texts


def _unread(text: str) -> Iterator[str]:
    """What the rule `any` would read of a report and the others do not."""
    headers = [match[1] for match in _HEADERS["any"].finditer(text)]
    if any(not header.isupper() and section_name(header) in COUNTED for header in headers if is_known(header)):
        yield "mixed_case_headers"
    if any(section_name(header) == "addendum" for header in headers if header.isupper()):
        yield "addendum"


def _next_header(text: str, at: int, rule: Rule) -> re.Match[str] | None:
    found = _HEADERS[rule].search(text, at)
    while found is not None and not found[1].isupper() and not is_known(found[1]):
        found = _HEADERS[rule].search(text, found.end() - 1)
    return found


def unwrap(text: str) -> str:
    """Take the line wraps and the surrounding space out of `text`; paragraphs become lines."""
    return "\n".join(" ".join(paragraph.split()) for paragraph in _PARAGRAPHS.split(text) if paragraph.strip())


def _exceptional(study_id: int, text: str, parts: dict[str, Section], rule: Rule) -> dict[str, Section]:
    """Put the conclusion of one of the exceptions under `last_paragraph`, and take it away from where it stands."""
    if study_id in CONCLUSION_UNDER and CONCLUSION_UNDER[study_id] in parts:
        conclusion = parts[CONCLUSION_UNDER[study_id]]
    elif study_id in CONCLUSION_AT and rule != "flush_left":
        # A text that lost blanks has its conclusion at another place.
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


def _with_last_paragraph(text: str, sections: list[Section], rule: Rule) -> list[Section]:
    if any(part.name in ("impression", "findings") for part in sections):
        return sections
    *before, last = sections
    blank = _BLANK_LINES[rule].search(text, last.start, last.stop)
    if blank is None or not text[blank.start() : last.stop].strip():
        return sections
    paragraph = Section("last_paragraph", blank.end(), last.stop)
    return [*before, last._replace(stop=blank.start()), paragraph]


def _has_text(text: str, part: Section) -> bool:
    return not text[part.start : part.stop].isspace() and part.start < part.stop
