"""The Portuguese report: headers, order, and what a report without sections falls back to."""

from __future__ import annotations

import pytest

from hubkit.reports import assemble_report, reference, sections_of

WHOLE = {
    "impression": "Derrame pequeno.",
    "findings": "Coração normal.",
    "indication": "Dispneia.",
    "comparison": "Nenhuma.",
}


@pytest.mark.parametrize(
    ("sections", "kind", "text"),
    [
        (WHOLE, "findings_impression", "ACHADOS: Coração normal.\n\nIMPRESSÃO: Derrame pequeno."),
        (
            WHOLE,
            "report",
            "INDICAÇÃO: Dispneia.\n\nCOMPARAÇÃO: Nenhuma.\n\nACHADOS: Coração normal.\n\nIMPRESSÃO: Derrame pequeno.",
        ),
        ({"findings": "Normal."}, "findings_impression", "ACHADOS: Normal."),
        ({"last_paragraph": "Sem alterações."}, "findings_impression", "Sem alterações."),
        (
            {"indication": "Tosse.", "last_paragraph": "Sem alterações."},
            "report",
            "INDICAÇÃO: Tosse.\n\nSem alterações.",
        ),
        ({"findings": "Normal.", "last_paragraph": "Normal."}, "findings_impression", "ACHADOS: Normal."),
        ({"indication": "Tosse."}, "findings_impression", ""),
        ({}, "report", ""),
    ],
)
def test_reference(sections: dict[str, str], kind, text: str) -> None:
    assert reference(sections, kind) == text
    assert kind != "report" or assemble_report(sections) == text


def test_a_study_with_a_failed_section_is_left_out() -> None:
    rows = [
        {"study_id": 1, "section": "findings", "translation": " Normal. ", "status": "ok"},
        {"study_id": 1, "section": "impression", "translation": "Normal.", "status": "flagged"},
        {"study_id": 2, "section": "findings", "translation": "Normal.", "status": "ok"},
        {"study_id": 2, "section": "impression", "translation": None, "status": "failed"},
        {"study_id": 3, "section": "findings", "translation": "", "status": "ok"},
    ]
    assert sections_of(rows) == {1: {"findings": "Normal.", "impression": "Normal."}}
