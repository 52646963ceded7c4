"""The section parser: a table of reports, the exceptions, and what must hold for any text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.corpus.headers import CONCLUSION_AT, CONCLUSION_UNDER, NO_CONCLUSION, section_name
from hubkit.corpus.sections import HEADER, parse_report, split_sections, unwrap
from hubkit.sources.text import decode

STUDY = 50000001
"""A study that is none of the exceptions."""

FIELDS = ("indication", "comparison", "findings", "impression", "last_paragraph")


def lines(*wanted: str) -> str:
    return "\n".join(wanted) + "\n"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("IMPRESSION", "impression"),
        ("CONCLUSION", "impression"),
        ("FINDINGS AND IMPRESSION", "impression"),
        ("FINDINGS/IMPRESSION", "impression"),
        ("IMPRESSON", "impression"),
        ("PRELIMINARY IMPRESSION", "impression"),
        ("CHEST, TWO VIEWS", "findings"),
        ("PA AND LATERAL VIEWS OF THE CHEST", "findings"),
        ("PORTABLE FILM", "findings"),
        ("AP VIEW", "findings"),
        ("OTHER FINDINGS", "findings"),
        ("REASON FOR EXAM", "indication"),
        ("NDICATION", "indication"),
        ("PFI", "history"),
        ("PAST HISTORY", "history"),
        ("COMPARISONS", "comparison"),
        ("COMPARISON STUDY", "comparison"),
        ("WETREAD", "wet read"),
        ("RECOMMENDATION(S)", "recommendations"),
        ("ADDENDUM TO THE ABOVE", "addendum"),
        ("PROCEDURE", "procedure"),
    ],
)
def test_headers_are_named(header: str, name: str) -> None:
    assert section_name(header) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            lines(
                "  FINAL REPORT", " HISTORY:  Cough.", " ", " FINDINGS:  Clear", " lungs.", " ", " IMPRESSION:  Well."
            ),
            {"indication": "Cough.", "findings": "Clear lungs.", "impression": "Well."},
        ),
        (
            lines("  FINAL REPORT", " CLINICAL HISTORY:  Cough.", " INDICATION:  Pain.", " CONCLUSION: Well."),
            {"indication": "Pain.", "impression": "Well."},
        ),
        # The last section of a name counts.
        (lines("", " IMPRESSION:  First.", " ", " IMPRESSION:  Second."), {"impression": "Second."}),
        # An empty one does not.
        (
            lines("", " FINDINGS:  Clear.", " CHEST, PA AND LAT:  ", " ", " COMPARISON: None."),
            {"findings": "Clear.", "comparison": "None."},
        ),
        # A header right under a header that ends its line is not seen: it is text of the section above.
        (lines("", " FINDINGS:", " IMPRESSION:  Well."), {"findings": "IMPRESSION: Well."}),
        # With neither, what follows the first blank line of the last section.
        (
            lines(
                "  FINAL REPORT", " INDICATION:  Cough.", " ", " The lungs are", " clear.", " ", " No rib is broken."
            ),
            {"indication": "Cough.", "last_paragraph": "The lungs are clear.\nNo rib is broken."},
        ),
        (lines(" Title", " ", " All is well."), {"last_paragraph": "All is well."}),
        # Without the space before the header there is one section.
        (lines("x", "FINDINGS: Clear.", " ", " All is well."), {"last_paragraph": "All is well."}),
        (lines("x", "   FINDINGS: Clear."), {"findings": "Clear."}),
        # Lower case, digits and a missing blank after the colon make no header.
        (lines("", " Findings: a.", " FINDINGS2: b.", " FINDINGS:c"), {}),
        # An addendum stands above.
        (
            lines(" ADDENDUM:  Told at ___.", "_" * 79, "  FINAL REPORT", " FINDINGS:  Clear.", " IMPRESSION:  Well."),
            {"findings": "Clear.", "impression": "Well."},
        ),
        (lines("", " COMPARISON:  All is well, as before."), {"comparison": "All is well, as before."}),
    ],
)
def test_reports_are_cut(text: str, expected: dict[str, str]) -> None:
    report = parse_report(STUDY, text.encode())
    assert {name: getattr(report, name) for name in FIELDS} == {name: expected.get(name) for name in FIELDS}
    assert report.report == text


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"", ("empty_report",)),
        (b" \n \n", ("empty_report",)),
        (b"One line.", ("no_section",)),
        (b"x\n COMPARISON: None.\n", ("no_conclusion",)),
        (b"x\n FINDINGS: Clear.\n", ()),
        (b"x\n FINDINGS: Clear\x00\x07 lungs.\n", ("control_characters",)),
        ("x\n FINDINGS: 5 µm.\n".encode("latin-1"), ("latin1",)),
        ("\ufeffx\n FINDINGS: 5 µm.\r\n".encode(), ()),
        (b"x\n FINDINGS: " + b"Clear. " * 5000, ("long_report",)),
    ],
)
def test_what_is_odd_is_said(data: bytes, reasons: tuple[str, ...]) -> None:
    assert parse_report(STUDY, data).reasons == reasons


def test_ten_megabytes_are_read_in_time() -> None:
    data = b"x\n FINDINGS: " + b"A" * 5_000_000 + b"\n " + b"B C " * 1_250_000 + b"\n IMPRESSION: Well.\n"
    report = parse_report(STUDY, data)
    assert report.impression == "Well."
    assert report.reasons == ("long_report",)


def test_the_exceptions_are_54_studies() -> None:
    assert len(CONCLUSION_UNDER.keys() | CONCLUSION_AT.keys() | NO_CONCLUSION) == 54
    assert (len(CONCLUSION_UNDER), len(CONCLUSION_AT), len(NO_CONCLUSION)) == (23, 23, 8)


def test_a_conclusion_under_another_header() -> None:
    text = lines("", " INDICATION:  Cough.", " COMPARISON: None.", " RECOMMENDATION(S):  Nothing to do.")
    report = parse_report(50913680, text.encode())
    assert (report.indication, report.comparison, report.last_paragraph) == ("Cough.", "None.", "Nothing to do.")
    report = parse_report(57936451, text.encode())
    assert (report.indication, report.comparison, report.last_paragraph) == (None, "None.", "Cough.")


def test_a_conclusion_known_by_its_place() -> None:
    before = lines("", " INDICATION:  Cough.").ljust(59)
    report = parse_report(50196495, (before + "All is well." + " " * 328 + "Signed.").encode())
    assert (report.indication, report.impression, report.last_paragraph) == (None, None, "All is well.")
    assert parse_report(50196495, b"short").last_paragraph is None


def test_a_report_that_has_no_conclusion() -> None:
    report = parse_report(58235663, lines("", " INDICATION:  Cough.", " ", " See the next study.").encode())
    assert (report.last_paragraph, report.reasons) == (None, ("no_conclusion",))


PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["\n", " ", "\n \n", "\n FINDINGS: ", "\n IMPRESSION:\n", "\n PA AND LATERAL:  ", "\n WET READ: ", "___"]
    ),
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_sections_lie_inside_the_text_and_lose_nothing(text: str) -> None:
    parts = split_sections(text)
    position = 0
    for part in parts:
        assert position <= part.start <= part.stop <= len(text)
        position = part.stop
    gaps = [
        text[a:b] for a, b in zip([0, *(p.stop for p in parts)], [*(p.start for p in parts), len(text)], strict=True)
    ]
    for gap in gaps:
        # Between sections there are headers, empty findings and impressions, and blank lines: no word of the text.
        assert not re.sub(r"[A-Z ()/,-]+:", "", gap).strip()
    assert "".join(gaps).count(":") <= len(HEADER.findall(text))


@given(st.binary(max_size=400), st.sampled_from([STUDY, *CONCLUSION_UNDER, *CONCLUSION_AT, *NO_CONCLUSION]))
def test_any_bytes_are_read(data: bytes, study_id: int) -> None:
    report = parse_report(study_id, data)
    assert not set(report.report) & {chr(code) for code in range(32)} - {"\n", "\t"}
    for name in FIELDS:
        value = getattr(report, name)
        assert value is None or (value.strip() == value and value)


@given(st.text())
def test_unwrapping_keeps_every_word(text: str) -> None:
    assert unwrap(text).split() == text.split()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_utf8_is_kept(text: str) -> None:
    assert decode(text.encode())[0] == text.removeprefix("\ufeff")
