"""`hubkit compare`: figures of two translations, the sheet for a reader, and what is refused."""

from __future__ import annotations

import csv
import json
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from sacrebleu.metrics import CHRF

from hubkit.cli import cli
from hubkit.comparison.compare import compare
from hubkit.comparison.show import SHEET
from hubkit.comparison.sides import COLUMNS, read_sides
from hubkit.config import parse_config
from hubkit.demo.config import MODELS
from hubkit.demo.grammar import sample_report
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.tables import STUDIES, TRANSLATIONS
from hubkit.translation.correction_files import read_rows
from hubkit.translation.corrections import apply, read_corrections
from hubkit.workspace import Workspace, write_table

Rows = list[dict[str, Any]]

PAIRS = [
    # section, source, A, B, flags of A, flags of B
    ("findings", "The lungs are clear.", "Os pulmões estão limpos.", "Os pulmões estão limpos.", [], []),
    ("findings", "No pleural effusion.", "Sem derrame pleural.", "Não há derrame pleural.", ["length"], ["length"]),
    ("findings", "Left effusion.", "Derrame à esquerda.", "Derrame à direita.", [], ["laterality"]),
    ("findings", "No pneumothorax.", "Sem pneumotórax.", "Pneumotórax.", [], ["negation_dropped"]),
    ("impression", "Large nodule on the right.", "Nódulo grande à direita.", "Nódulo pequeno à esquerda.",
     [], ["laterality", "grade_changed"]),
    ("impression", "Mild edema.", "Edema leve.", "", [], ["empty"]),
    ("indication", "=1+1 Cough.", "=1+1 Tosse.", "@Tosse.", ["damaged"], []),
]  # fmt: skip
"""Translations of one study each; the last begins as a formula does."""


def rows_of(side: str) -> Rows:
    found = []
    for study, (section, source, a, b, flags_a, flags_b) in enumerate(PAIRS, 1):
        text, flags = (a, flags_a) if side == "a" else (b, flags_b)
        found.append({"study_id": study, "section": section, "source": source, "translation": text, "flags": flags,
                      "model": f"engine-{side}", "status": "flagged" if flags else "ok", "reused": False})  # fmt: skip
    return found


def write(path: Path, rows: Rows) -> Path:
    write_table(path, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    return path


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """A is a workspace, B a file whose rows lie in another order."""
    workspace = Workspace(tmp_path / "a")
    write(workspace.machine_translations, rows_of("a"))
    return workspace.root, write(tmp_path / "b.parquet", rows_of("b")[::-1])


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def test_figures_by_section_dimension_and_check(sides: tuple[Path, Path]) -> None:
    found = json.loads(run(*sides, "--json").stdout)
    counted = ("rows", "same_text", "same_statements", "differing", "without_text")
    assert {row["section"]: [row[name] for name in counted] for row in found["sections"]} == {
        "indication": [1, 0, 1, 0, 0],
        "findings": [4, 1, 1, 2, 0],
        "impression": [2, 0, 0, 1, 1],
        "all": [7, 1, 2, 3, 1],
    }
    assert [row["section"] for row in found["sections"]] == ["indication", "findings", "impression", "all"]
    assert {row["dimension"]: row["findings"] for row in found["dimensions"] if row["rows"]} == {
        "only in B": {"pneumothorax": 1},
        "side": {"effusion": 1, "nodule": 1},
        "severity": {"nodule": 1},
    }
    assert {row["check"]: (row["only_a"], row["only_b"], row["both"]) for row in found["checks"]} == {
        "laterality": (0, 2, 0),
        "damaged": (1, 0, 0),
        "empty": (0, 1, 0),
        "grade_changed": (0, 1, 0),
        "negation_dropped": (0, 1, 0),
        "length": (0, 0, 1),
    }
    assert found["checks"][0]["check"] == "laterality"
    assert (found["a"]["models"], found["a"]["flagged"], found["b"]["flagged"]) == (["engine-a"], 2, 5)


def test_chrf_is_sacrebleus_of_b_against_a(sides: tuple[Path, Path]) -> None:
    found = json.loads(run(*sides, "--json").stdout)
    metric = CHRF(word_order=2)
    for row in found["sections"]:
        pairs = [(b, a) for section, _, a, b, *_ in PAIRS if b and row["section"] in (section, "all")]
        expected = metric.corpus_score([b for b, _ in pairs], [[a for _, a in pairs]]).score
        assert row["chrf"] == pytest.approx(expected)
    assert found["chrf_signature"] == str(metric.get_signature())


def test_what_differs_clinically_goes_first_to_readers(sides: tuple[Path, Path], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    result = run(*sides, "--csv", sheet)
    assert result.stdout.splitlines()[-1] == f"6 rows written to {sheet} (holds text of the corpus)"
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))
    assert tuple(rows[0]) == SHEET
    assert [(row["study_id"], row["differs"], row["flags"], row["other_flags"]) for row in rows] == [
        ("5", "side: nodule; severity: nodule", "", "laterality, grade_changed"),
        ("3", "side: effusion", "", "laterality"),
        ("4", "only in B: pneumothorax", "", "negation_dropped"),
        ("6", "", "", "empty"),
        ("7", "", "damaged", ""),
        ("2", "", "length", "length"),
    ]
    assert (rows[4]["source"], rows[4]["machine"], rows[4]["other"]) == ("'=1+1 Cough.", "'=1+1 Tosse.", "'@Tosse.")


def test_what_neither_side_translated_is_no_difference(sides: tuple[Path, Path], tmp_path: Path) -> None:
    files = [
        write(tmp_path / f"{side}-failed.parquet", [{**row, "translation": ""} for row in rows_of(side)])
        for side in "ab"
    ]
    comparison, differences = compare(*read_sides(*files))
    assert (comparison.sections[-1].rows, differences) == (len(PAIRS), [])


def test_the_sheet_is_a_sheet_of_corrections_of_a(sides: tuple[Path, Path], tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.jsonl"
    run(*sides, "--csv", sheet)
    rows = [json.loads(line) for line in sheet.read_text(encoding="utf-8").splitlines()]
    rows[1] |= {"decision": "replace", "translation": "Derrame pleural à esquerda.", "by": "Ana", "date": "2026-01-31"}
    sheet.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    revised = apply(rows_of("a"), read_corrections(read_rows(sheet), sheet))
    assert (revised.changed, revised.stale) == ({(3, "findings")}, [])


def test_equal_pairs_are_compared_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def counted(a: str, b: str) -> list[Any]:
        seen.append((a, b))
        return []

    monkeypatch.setattr("hubkit.comparison.compare.profile", counted)
    files = [write(tmp_path / f"{side}.parquet", rows_of(side)) for side in "ab"]
    for file in files:
        table = pq.read_table(file)
        later = table.set_column(0, "study_id", pa.array(range(11, 18), pa.int64()))
        write_table(file, pa.concat_tables([table, later]))
    comparison, differences = compare(*read_sides(*files))
    assert len(seen) == len(set(seen)) == 5
    assert (comparison.sections[-1].rows, len(differences)) == (14, 12)


def test_the_table_fits_a_terminal_and_holds_no_text(sides: tuple[Path, Path]) -> None:
    lines = run(*sides).stdout.splitlines()
    assert max(len(line) for line in lines[2:]) <= 80
    assert "all                             7          1        2        3        1     59.4" in lines
    assert "side                    2  effusion 1, nodule 1" in lines
    assert "laterality                                       0         2         0" in lines
    said = "\n".join(lines)
    assert not any(word in said for _, source, a, *_ in PAIRS for word in (source, a))


@pytest.mark.parametrize("count", [1, 13])
def test_many_checks_and_long_names_are_cut(tmp_path: Path, count: int) -> None:
    flags = [f"check_{number}_" + "x" * 60 for number in range(count)]
    rows = [row | {"section": "s" * 40 + str(at)} for at, row in enumerate(rows_of("a"))]
    a = write(tmp_path / "a.parquet", rows)
    b = write(tmp_path / "b.parquet", [row | {"flags": flags} for row in rows])
    lines = run(a, b).stdout.splitlines()
    assert max(len(line) for line in lines[2:]) <= 80
    assert ("and 3 more with --json" in lines) == (count == 13)
    assert "no row states anything else" in lines


Break = Callable[[Path, Path], tuple[object, ...]]


def _without_translation(a: Path, b: Path) -> tuple[object, ...]:
    return a, Workspace(b.with_name("empty")).root


def _rewritten(change: Callable[[Rows], Rows]) -> Break:
    def broken(a: Path, b: Path) -> tuple[object, ...]:
        write(b, change(rows_of("b")))
        return a, b

    return broken


def _other_column(a: Path, b: Path) -> tuple[object, ...]:
    write_table(b, pq.read_table(b).drop_columns(["flags"]))
    return a, b


def _other_type(a: Path, b: Path) -> tuple[object, ...]:
    table = pq.read_table(b)
    write_table(b, table.set_column(0, "study_id", pa.array(["s1"] * table.num_rows)))
    return a, b


def _damaged(a: Path, b: Path) -> tuple[object, ...]:
    b.write_bytes(b.read_bytes()[:-100])
    return a, b


@pytest.mark.parametrize(
    ("broken", "code", "message"),
    [
        (lambda a, b: (a, a), 2, "is given twice"),
        (lambda a, b: (a, Workspace(a).machine_translations), 2, "is given twice"),
        (lambda a, b: (a, a / "nowhere"), 2, "does not exist"),
        (_without_translation, 1, "nothing is translated there"),
        (_damaged, 1, "is not a Parquet file of translations"),
        (lambda a, b: (a, b.with_name("notes.txt")), 1, "is not a Parquet file of translations"),
        (_other_type, 1, "is not a Parquet file of translations"),
        (_other_column, 2, "has no column flags"),
        (_rewritten(lambda rows: rows[:0]), 2, "has no rows"),
        (_rewritten(lambda rows: [rows[0] | {"source": None}, *rows[1:]]), 2, "without study, section or source"),
        (_rewritten(lambda rows: [*rows, rows[0]]), 2, "has two rows for the same section"),
        (_rewritten(lambda rows: [*rows[2:], rows[1] | {"study_id": 9}]), 2, "2 are in A alone, 1 in B alone"),
        (_rewritten(lambda rows: [rows[0] | {"section": "report"}, *rows[1:]]), 2, "not translate the same sections"),
        (_rewritten(lambda rows: [rows[0] | {"source": "Clear."}, *rows[1:]]), 2, "has other English texts"),
        (lambda a, b: (a, b, "--csv", b), 2, "is one of the two translations"),
        (lambda a, b: (a, b, "--csv", b.with_suffix(".txt")), 2, "files of this format are not supported"),
        (lambda a, b: (a, b, "--csv", b / "sheet.csv"), 1, "cannot be written"),
    ],
)
def test_what_is_refused_in_one_line(sides: tuple[Path, Path], broken: Break, code: int, message: str) -> None:
    a, b = sides
    b.with_name("notes.txt").write_text("not Parquet", encoding="utf-8")
    error = run(*broken(a, b)).exception
    assert isinstance(error, HubkitError)
    assert error.exit_code == code
    assert message in str(error)
    assert error.hint
    assert "\n" not in str(error)


def test_nothing_is_written_where_only_reading_was_asked(sides: tuple[Path, Path]) -> None:
    a, b = sides
    before = sorted(path.stat().st_mtime_ns for path in a.parent.rglob("*"))
    a.chmod(0o500)
    try:
        assert run(a, b).exit_code == 0
        assert isinstance(run(a, a / "none").exception, HubkitError)
    finally:
        a.chmod(0o700)
    assert sorted(path.stat().st_mtime_ns for path in a.parent.rglob("*")) == before


def test_two_engines_on_the_demo(tmp_path: Path) -> None:
    """The demo's translator against itself with answers that a limit cuts."""
    rng = random.Random("two engines")
    reports = [sample_report(rng)[1] for _ in range(6)]
    rows = [
        {"subject_id": number, "study_id": number, "split": "train", "images": [], "labels": {}, "report": "",
         **{section.name: section.source for section in report.sections}}
        for number, report in enumerate(reports)
    ]  # fmt: skip
    places = []
    for limit in (256, 8):
        workspace = Workspace(tmp_path / str(limit))
        write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
        table = {"model": str(MODELS["translator"]), "quantization": "fp32", "device": "cpu", "rules": False,
                 "retries": 0, "max_new_tokens": limit}  # fmt: skip
        run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
        places.append(workspace.root)
    comparison, differences = compare(*read_sides(*places))
    whole, flags = comparison.sections[-1], {check.check: check for check in comparison.checks}
    assert whole.rows == sum(len(report.sections) for report in reports)
    assert whole.same_text + len(differences) == whole.rows
    assert whole.differing > whole.rows // 4
    assert flags["truncated"].only_b == comparison.b.flagged >= len(differences) > 0
    (lost,) = (row for row in comparison.dimensions if row.dimension == "only in A")
    assert lost.rows > 0
    assert set(COLUMNS) < set(TRANSLATIONS.names)
