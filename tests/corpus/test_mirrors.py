"""MIMIC-CXR as people have it: one CSV, headers that lost their blank, other encodings and line ends."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus_trees import Study, config, studies, write_corpus, write_images, write_tables, write_texts

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig, parse_config
from hubkit.corpus.read import read
from hubkit.corpus.sections import Rule, parse_report, recognise
from hubkit.corpus.summary import selection_lines
from hubkit.errors import HubkitError, UsageError
from hubkit.packaging.dataset import spans
from hubkit.release import run_one
from hubkit.workspace import Workspace, read_table

Make = Callable[[Path], Path | None]

FIELDS = ("indication", "comparison", "findings", "impression", "last_paragraph")

FLUSH = "EXAMINATION: Chest.\n\nINDICATION:  Cough.\n\nFINDINGS:\nClear\nlungs.\n\nIMPRESSION: Well.\n"
SMALL = " Title\n \n Clinical history: Cough.\n Findings: Clear.\n Impression: Well.\n"
ADDENDUM = f"  FINAL\n ADDENDUM:  Told by\n telephone.\n{'_' * 70}\n  REPORT\n FINDINGS: Clear.\n IMPRESSION: Well."


@pytest.mark.parametrize(
    ("text", "rule", "expected", "reasons"),
    [
        (FLUSH, "official", {"last_paragraph": None}, ("no_section",)),
        (
            FLUSH,
            "flush_left",
            {"indication": "Cough.", "findings": "Clear lungs.", "impression": "Well."},
            ("not_by_the_official_rule",),
        ),
        ("FINDINGS: Clear.", "flush_left", {"findings": "Clear."}, ("not_by_the_official_rule",)),
        ("INDICATION: Ill.\n\nGood.", "flush_left", {"indication": "Ill.", "last_paragraph": "Good."}, None),
        # What has its blanks is read as ever.
        ("x\n FINDINGS: Clear.\n IMPRESSION: Well.", "flush_left", {"findings": "Clear.", "impression": "Well."}, ()),
        # Inside a line, and in small letters, there is none.
        ("x\nthe FINDINGS: Clear.", "flush_left", {}, None),
        (SMALL, "flush_left", {"last_paragraph": "Clinical history: Cough. Findings: Clear. Impression: Well."}, None),
        (SMALL, "official", {}, ("mixed_case_headers",)),
        (SMALL, "any", {"indication": "Cough.", "findings": "Clear.", "impression": "Well."}, None),
        # A word with a colon is no header in small letters unless it is a known one.
        (" \n FINDINGS: a\n Note: b\n", "any", {"findings": "a Note: b"}, ()),
        (ADDENDUM, "official", {"findings": "Clear.", "impression": "Well."}, ("addendum",)),
        (
            ADDENDUM,
            "any",
            {"findings": "Clear.", "impression": "Well.\nADDENDUM: Told by telephone."},
            ("not_by_the_official_rule",),
        ),
    ],
)  # fmt: skip
def test_headers_are_found_by_rule(
    text: str, rule: Rule, expected: dict[str, str], reasons: tuple[str, ...] | None
) -> None:
    report = parse_report(50000001, text.encode(), rule)
    if reasons is not None:
        assert report.reasons == reasons
    if expected or reasons != ("mixed_case_headers",):
        wanted = {name: expected.get(name) for name in FIELDS} if "last_paragraph" not in expected else expected
        assert {name: getattr(report, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("data", "text", "reasons"),
    [
        ("x\n FINDINGS: 2–4 mm “node”.\n".encode("cp1252"), "x\n FINDINGS: 2–4 mm “node”.\n", ("latin1",)),
        (b"x\n FINDINGS: 2\x81mm \xb5.\n", "x\n FINDINGS: 2 mm µ.\n", ("latin1", "control_characters")),
        (b"x\r FINDINGS: Clear\r lungs.\r", "x\n FINDINGS: Clear\n lungs.\n", ()),
        (b"x\r\n FINDINGS: Clear\n lungs.\r", "x\n FINDINGS: Clear\n lungs.\n", ()),
    ],
)
def test_bytes_become_the_text_they_stand_for(data: bytes, text: str, reasons: tuple[str, ...]) -> None:
    report = parse_report(50000001, data)
    assert (report.report, report.reasons) == (text, reasons)
    assert report.findings == " ".join(text.split(":")[1].split())


@pytest.mark.parametrize(("lost", "rule"), [(0, "official"), (4, "official"), (5, "flush_left"), (100, "flush_left")])
def test_a_mirror_is_known_by_its_share(lost: int, rule: str) -> None:
    whole = b"x\n FINDINGS: Clear.\n IMPRESSION: Well.\n"
    assert recognise([FLUSH.encode()] * lost + [whole] * (100 - lost)) == (rule, lost / 100)


def _mirror(root: Path) -> None:
    write_corpus(root, [study._replace(text=_stripped(study)) for study in studies()])


def _whole_csv(root: Path, name: str = "reports.csv", study: str = "study_id", report: str = "report") -> Path:
    """A CSV of whole reports beside tables and images."""
    listed = studies()
    write_tables(root, listed)
    write_images(root, listed)
    rows = [[f"s{one.study_id}", one.text] for one in listed]
    return _write(root / name, [[study, report], *rows])


def _sectioned_csv(root: Path) -> Path:
    """A CSV as MIMIC's own code makes it, in the folder of tables and images."""
    listed = studies()
    write_tables(root, listed)
    write_images(root, listed)
    header = ["study", "impression", "findings", "last_paragraph", "comparison"]
    rows = [
        [f"s{one.study_id}", "Nothing broken.", f"Study number {n}\n shows clear lungs.", "", "None."]
        for n, one in enumerate(listed)
    ]
    return _write(root / "mimic_cxr_sectioned.csv.gz", [header, *rows])


def _write(path: Path, rows: list[list[str | bytes | None]]) -> Path:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    data = buffer.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _stripped(study: Study) -> str:
    """A report as a mirror has it: each line without the blanks around it."""
    assert isinstance(study.text, str)
    return "\n".join(line.strip() for line in study.text.strip().splitlines())


def _read(settings: ReleaseConfig, root: Path) -> Workspace:
    workspace = Workspace(root)
    read(settings, workspace.running("read", "key"))
    return workspace


@pytest.fixture
def original(tmp_path: Path) -> list[dict[str, object]]:
    """The studies as they are read from the files of PhysioNet."""
    write_corpus(tmp_path / "original", studies())
    return read_table(_read(config(tmp_path / "original"), tmp_path / "of-original").studies).to_pylist()


def test_a_mirror_gives_the_sections_of_the_original(tmp_path: Path, original: list[dict[str, object]]) -> None:
    _mirror(tmp_path / "mirror")
    workspace = _read(config(tmp_path / "mirror"), tmp_path / "work")
    rows = read_table(workspace.studies).to_pylist()
    assert [{name: row[name] for name in FIELDS} for row in rows] == [
        {name: row[name] for name in FIELDS} for row in original
    ]
    found = read_selection(workspace)
    assert (found.headers, found.reports) == ("flush_left", {"not_by_the_official_rule": 12})
    assert any("not MIMIC-CXR's own rule" in line for line in selection_lines(workspace))


def test_the_official_rule_can_be_kept(tmp_path: Path) -> None:
    _mirror(tmp_path / "mirror")
    workspace = _read(config(tmp_path / "mirror", headers="official"), tmp_path / "work")
    assert read_selection(workspace).reports == {"no_section": 12}
    assert read_selection(workspace).headers is None


@pytest.mark.parametrize("header", [("study_id", "report"), ("Study_ID", "Text"), ("study", "report_text")])
def test_a_csv_of_whole_reports(tmp_path: Path, original: list[dict[str, object]], header: tuple[str, str]) -> None:
    path = _whole_csv(tmp_path / "mirror", "all.csv", *header)
    workspace = _read(config(path), tmp_path / "work")
    assert read_table(workspace.studies).to_pylist() == original
    assert read_selection(workspace).headers is None


def test_the_sectioned_csv(tmp_path: Path, original: list[dict[str, object]]) -> None:
    _sectioned_csv(tmp_path / "mirror")
    workspace = _read(config(tmp_path / "mirror"), tmp_path / "work")
    rows = read_table(workspace.studies).to_pylist()
    assert [row["images"] for row in rows] == [row["images"] for row in original]
    assert {row["impression"] for row in rows} == {"Nothing broken."}
    assert {row["indication"] for row in rows} == {None}
    assert rows[0]["report"] == f"COMPARISON: None.\n\nFINDINGS: {rows[0]['findings']}\n\nIMPRESSION: Nothing broken."
    assert read_selection(workspace).headers == "sectioned"
    # Nobody has a report of which these sections are a part.
    assert sum(len(table) for _, table in spans(workspace)) == 0


def test_files_of_reports_come_before_the_sectioned_csv(tmp_path: Path) -> None:
    _sectioned_csv(tmp_path / "both")
    write_texts(tmp_path / "both", studies())
    workspace = _read(config(tmp_path / "both"), tmp_path / "work")
    assert read_selection(workspace).headers is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["study_id", "remark"], ["50000001", "x"]], "has no column of reports or of sections"),
        ([["number", "report"], ["50000001", "x"]], "has no column study_id"),
        ([["study_id", "report"], ["50000001", "x"], ["s50000001", "y"]], "holds the report of study 50000001 twice"),
        ([["study_id", "report"], ["one", "x"]], "none is named as a report|no report"),
        ([], "is not CSV that can be read"),
    ],
)
def test_a_csv_that_does_not_do(tmp_path: Path, rows: list[list[str | bytes | None]], message: str) -> None:
    write_tables(tmp_path, studies())
    path = _write(tmp_path / "reports.csv", rows)
    with pytest.raises(HubkitError, match=message):
        _read(config(path), tmp_path / "work")


@pytest.mark.parametrize(("make", "read_first"), [(_mirror, True), (_whole_csv, False), (_sectioned_csv, False)])
def test_nobody_could_open_a_sealed_release_of_it(tmp_path: Path, make: Make, read_first: bool) -> None:
    path = make(tmp_path / "mirror") or tmp_path / "mirror"
    settings = {"corpus": {"root": str(path), "subset": "all", "workers": 1}, "custody": {"mode": "sealed"}}
    config, workspace = parse_config(settings), Workspace(tmp_path / "work")
    if read_first:
        # Only `read` sees how headers are written; the model is not loaded for it.
        run_one("read", config, workspace)
    with pytest.raises(UsageError, match="not as PhysioNet hands them out"):
        run_one("translate" if read_first else "read", config, workspace)
