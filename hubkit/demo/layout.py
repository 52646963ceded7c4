"""Lays out a demo report as a MIMIC-CXR text file: headers, wrapping, addenda, preambles."""

from __future__ import annotations

import random
import textwrap

from hubkit.demo.grammar import Report

WIDTH = 79  # as MIMIC-CXR wraps its reports
RULE = "_" * 78
BLANK = " "
"""An empty line of a report's body holds one space, as every line of it begins with one."""

TITLE = " " * 33 + "FINAL REPORT"

HEADERS = {
    "indication": ("INDICATION", "INDICATION", "INDICATION", "Indication"),
    "comparison": ("COMPARISON", "COMPARISON", "COMPARISONS"),
    "findings": ("FINDINGS", "FINDINGS", "FINDINGS", "CHEST, TWO VIEWS"),
    "impression": ("IMPRESSION", "IMPRESSION", "IMPRESSION", "CONCLUSION"),
}

EXAMINATION = {
    True: ("EXAMINATION:  Chest (portable AP)", "EXAM:  Portable chest radiograph."),
    False: ("EXAMINATION:  CHEST (PA AND LAT)", "EXAM:  Chest radiographs, PA and lateral."),
}


def lay_out(report: Report, rng: random.Random, portable: bool) -> str:
    """Write the English report as a text file of the corpus.

    Body lines begin with one space, headers stand after exactly one, and paragraphs are set apart by a line of one
    space. Some reports have a wet read or an addendum above a line of underscores; those with neither findings nor
    impression have their text after the first blank line of the last section, some of them without any header.
    """
    sections = {section.name: section.source for section in report.sections}
    last = sections.pop("last_paragraph", None)
    named = [_section(rng.choice(HEADERS[name]).upper(), text, rng) for name, text in sections.items()]
    blocks = [_wrap(rng.choice(EXAMINATION[portable]))] if named and rng.random() < 0.5 else []
    # The last header's text ends at the first blank line, and what follows is the last paragraph.
    paragraph = [_wrap(last)] if last else []
    untitled = [] if named else [_wrap("CHEST RADIOGRAPH ___")]
    body = f"\n{BLANK}\n".join([*untitled, *blocks, *named, *paragraph])
    return f"{_above(rng)}{TITLE}\n{body}\n"


def _section(header: str, text: str, rng: random.Random) -> str:
    style = rng.random()
    if style < 0.6:
        return _wrap(text, f"{header}:  ")
    if style < 0.8:
        return _wrap(text, f"{header}: ")
    return (
        f" {header}: \n{BLANK}\n{_wrap(text)}" if header in ("FINDINGS", "IMPRESSION") else f" {header}:\n{_wrap(text)}"
    )


def _wrap(text: str, header: str = "") -> str:
    return textwrap.fill(header + text, WIDTH, initial_indent=" ", subsequent_indent=" ", break_on_hyphens=False)


def _above(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.06:
        addendum = _wrap("These findings were discussed with Dr. ___ by telephone at ___.", "ADDENDUM:  ")
        return f"{' ' * 33}FINAL ADDENDUM\n{addendum}\n{BLANK}\n{RULE}\n"
    if kind < 0.1:
        read = _wrap("___ ___ ___ 9:48 PM", "WET READ: ")
        return f"{read}\n  Lines as described below.\n WET READ VERSION #1 \n {RULE}\n"
    return ""
