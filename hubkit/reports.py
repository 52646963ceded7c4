"""A report in Portuguese, put together from its translated sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

HEADERS = {
    "indication": "INDICAÇÃO",
    "comparison": "COMPARAÇÃO",
    "findings": "ACHADOS",
    "impression": "IMPRESSÃO",
}
"""Portuguese headers of the sections, in the order in which a report has them."""

Reference = Literal["findings_impression", "report"]


def assemble_report(sections: Mapping[str, str]) -> str:
    """Put translated sections under Portuguese headers, one paragraph each; a `last_paragraph` comes without header.

    Args:
        sections: Portuguese text by section name; sections that a report lacks are left out.

    Returns:
        The report, or "" where there is no section.
    """
    return _under_headers(sections, ("indication", "comparison", "findings", "impression"))


def reference(sections: Mapping[str, str], kind: Reference) -> str:
    """Return the text that a model is trained towards and scored against.

    Args:
        sections: as in `assemble_report`.
        kind: "findings_impression" for ACHADOS and IMPRESSÃO (`last_paragraph` where a report has neither), "report"
            for the whole report.
    """
    if kind == "report":
        return assemble_report(sections)
    return _under_headers(sections, ("findings", "impression"))


def sections_of(translations: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, str]]:
    """Group rows of translations.parquet into Portuguese sections by study_id.

    A study with a section that failed, or that was flagged and left out, is left out as a whole: half a report
    cannot be a reference.
    """
    studies: dict[int, dict[str, str]] = {}
    failed = set()
    for row in translations:
        if row["status"] == "failed" or not (row["translation"] or "").strip():
            failed.add(row["study_id"])
        else:
            studies.setdefault(row["study_id"], {})[row["section"]] = row["translation"].strip()
    return {study: sections for study, sections in studies.items() if study not in failed}


def _under_headers(sections: Mapping[str, str], wanted: tuple[str, ...]) -> str:
    paragraphs = [f"{HEADERS[name]}: {sections[name]}" for name in wanted if sections.get(name)]
    if "last_paragraph" in sections and not (sections.get("findings") or sections.get("impression")):
        paragraphs.append(sections["last_paragraph"])
    return "\n\n".join(paragraphs)
