from __future__ import annotations

import csv
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import hubkit.checks
from hubkit.checks.files import check_file, write_checked
from hubkit.cli import cli
from hubkit.errors import HubkitError, UsageError

ROWS = [
    {"n": 1, "source": "No effusion.", "translation": "Sem derrame."},
    {"n": 2, "source": "No effusion.", "translation": "Há derrame."},
    {"n": 3, "source": "Clear lungs.", "translation": None},
]

STATUS = ["ok", "flagged", "flagged"]


def write(path, rows, rename=None):
    rows = [{(rename or {}).get(name, name): value for name, value in row.items()} for row in rows]
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with open(path, newline="", encoding="utf-8") as file:
            return [{**row, "flags": row["flags"].split()} for row in csv.DictReader(file)]
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_rows_come_back_with_status_and_flags(tmp_path, ending):
    path = write(tmp_path / f"pairs{ending}", ROWS)
    result = CliRunner().invoke(cli, ["check", str(path)])
    assert result.exit_code == 1, result.output
    assert "2 of 3 pairs flagged" in result.output
    rows = read(tmp_path / f"pairs.checked{ending}")
    assert [row["status"] for row in rows] == STATUS
    assert [row["flags"] for row in rows] == [[], ["negation_dropped"], ["empty"]]
    assert [str(row["n"]) for row in rows] == ["1", "2", "3"]


def test_nothing_flagged_is_exit_0_and_columns_can_be_named(tmp_path):
    path = write(tmp_path / "pairs.jsonl", ROWS[:1], {"source": "en", "translation": "pt"})
    output = tmp_path / "out.csv"
    arguments = ["check", str(path), "--source", "en", "--translation", "pt", "--output", str(output)]
    assert CliRunner().invoke(cli, arguments).exit_code == 0
    assert read(output) == [{"n": "1", "en": "No effusion.", "pt": "Sem derrame.", "status": "ok", "flags": []}]


def test_json_prints_one_object_a_row_and_writes_nothing(tmp_path):
    path = write(tmp_path / "pairs.csv", ROWS)
    result = CliRunner().invoke(cli, ["check", str(path), "--json"])
    assert result.exit_code == 1
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == STATUS
    assert list(tmp_path.iterdir()) == [path]


def test_earlier_flags_are_replaced(tmp_path):
    path = write(tmp_path / "pairs.parquet", [{**ROWS[0], "status": "flagged", "flags": ["loop"]}])
    assert check_file(path).table.to_pylist() == [{**ROWS[0], "status": "ok", "flags": []}]


@pytest.mark.parametrize(
    "added",
    [
        {"status": "draft", "flags": []},
        {"status": "ok"},
        {"flags": ["mine"]},
        {"status": None, "flags": []},
    ],
)
def test_columns_of_another_meaning_are_not_overwritten(tmp_path, added):
    path = write(tmp_path / "pairs.jsonl", [{**ROWS[0], **added}])
    with pytest.raises(UsageError, match=f"has a column '{next(iter(added))}'"):
        check_file(path)


OK = {"source": "No effusion.", "translation": "Sem derrame."}


@pytest.mark.parametrize(
    ("notes", "row"),
    [
        ([1, "secret"], 2),
        (["secret", "words", None, 1, "secret"], 4),
        ([1.5, {"secret": 1}], 2),
        ([None, 2**64], 2),
        ([-(2**70)], 1),
        ([[1, 2], [1, "secret"]], 2),
        ([{"a": 1}, {"a": {}}], 2),
        ([None, {}], 2),
        ([[{"secret": {}}]], 1),
    ],
)
def test_what_parquet_does_not_take_is_named_by_column_and_row(tmp_path, notes, row):
    path = write(tmp_path / "pairs.jsonl", [{**OK, "note": note} for note in notes])
    with pytest.raises(
        HubkitError, match=f"row {row} has a value in column 'note' that Parquet cannot store"
    ) as raised:
        write_checked(check_file(path), tmp_path / "out.parquet")
    assert not any(word in str(raised.value) for word in ("secret", str(2**64), str(2**70)))
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_the_first_row_lacks_is_a_column_of_parquet(tmp_path):
    path = write(tmp_path / "pairs.jsonl", [OK, {**OK, "note": {"a": 1}}])
    write_checked(check_file(path), tmp_path / "out.parquet")
    assert [row["note"] for row in read(tmp_path / "out.parquet")] == [None, {"a": 1}]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, ""),
        ("a, b", "a, b"),
        (1.5, "1.5"),
        (True, "true"),
        ({"a": [1, None], "b": "ção"}, '{"a": [1, null], "b": "ção"}'),
        ([1.0, float("nan")], "[1.0, null]"),
        (b"\xff\x00", "ff00"),
    ],
)
def test_values_as_fields_of_csv(tmp_path, value, field):
    path = tmp_path / "pairs.parquet"
    pq.write_table(pa.Table.from_pylist([{**OK, "value": value}]), path)
    for ending in (".csv", ".tsv"):
        write_checked(check_file(path), tmp_path / f"out{ending}")
        with open(tmp_path / f"out{ending}", newline="", encoding="utf-8") as file:
            assert [row["value"] for row in csv.DictReader(file, delimiter={".csv": ",", ".tsv": "\t"}[ending])] == [
                field
            ]


def test_nan_is_null_in_json(tmp_path):
    path = tmp_path / "pairs.parquet"
    pq.write_table(pa.Table.from_pylist([{**OK, "p": float("nan"), "q": [float("inf"), 2.0]}]), path)
    printed = CliRunner().invoke(cli, ["check", str(path), "--json"]).stdout
    assert json.loads(printed, parse_constant=pytest.fail) == {
        **OK,
        "p": None,
        "q": [None, 2.0],
        "status": "ok",
        "flags": [],
    }


@pytest.mark.parametrize("output", ["pairs.jsonl/out.csv", "n" * 300 + ".csv", "folder.csv"])
def test_an_output_that_cannot_be_made_is_an_error(tmp_path, output):
    path = write(tmp_path / "pairs.jsonl", [OK])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(HubkitError, match="cannot be written: "):
        write_checked(check_file(path), tmp_path / output)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "folder.csv", path]


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("pairs.txt", b"", UsageError, "not one of"),
        ("pairs.jsonl", b'{"source": "Clear."}\n', UsageError, "no column 'translation'"),
        ("pairs.jsonl", b"Secret words.\n", HubkitError, "no JSON object in line 1"),
        ("pairs.jsonl", b"\n[1]\n", HubkitError, "no JSON object in line 2"),
        (
            "pairs.jsonl",
            b'{"source": ["Secret"], "translation": ""}\n',
            UsageError,
            "no text in column 'source' of row 1",
        ),
        (
            "pairs.jsonl",
            b'{"source": "Secret.", "translation": "x"}\n\n{"source": "Clear."}\n',
            UsageError,
            "no 'translation' in row 2",
        ),
        ("pairs.jsonl", b'{"source": "Secret \\ud800", "translation": ""}', HubkitError, "surrogate pair in line 1"),
        ("pairs.jsonl", b'{"source": "Secret", "n": ' + b"9" * 5000 + b"}", HubkitError, "no JSON object in line 1"),
        ("pairs.jsonl", b"", UsageError, "no column 'source'"),
        ("pairs.csv", b"", UsageError, "no column 'source'"),
        ("pairs.tsv", b"", UsageError, "no column 'source'"),
        ("pairs.csv", b"en,pt\n", UsageError, "no column 'source'"),
        ("pairs.csv", b"source,source,translation\n", UsageError, "two columns 'source'"),
        ("pairs.csv", b"source,translation\nSecret, words,x\n", HubkitError, "more fields in row 1"),
        ("pairs.csv", b"source,translation\nClear.,x\nSecret wor", HubkitError, "fewer fields in row 2"),
        ("pairs.csv", b"source,translation,n\nSecret,x\n", HubkitError, "fewer fields in row 1"),
        ("pairs.tsv", b"source,translation\nSecret,x\n", UsageError, "no column 'source'"),
        ("pairs.csv", "source,translation\n".encode("utf-16"), HubkitError, "iconv -f utf-16"),
        ("pairs.csv", b"source,translation\n\xe9,\n", HubkitError, "not UTF-8"),
        ("pairs.parquet", b"PAR1", HubkitError, "not a whole Parquet file"),
        ("pairs.xlsx", b"PK\x03\x04Secret", HubkitError, "not a whole .xlsx file"),
        ("pairs.csv", b"sep=;\nsource,translation\nSecret,x\n", UsageError, "no column 'source'"),
    ],
)
def test_what_cannot_be_checked_is_said_without_its_text(tmp_path, name, content, error, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error, match=says) as raised:
        check_file(path)
    assert "Secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bom.csv", b"\xef\xbb\xbfsource,translation\nNo effusion.,Sem derrame.\n"),
        ("semicolons.csv", b"source;translation\nNo effusion.;Sem derrame.\n"),
        ("pairs.tsv", b"source\ttranslation\nNo effusion.\tSem derrame.\n"),
        ("tabs.CSV", b"source\ttranslation\nNo effusion.\tSem derrame.\n"),
        ("mac.csv", b"source,translation\rNo effusion.,Sem derrame.\r"),
        ("excel.csv", b"\xef\xbb\xbfsep=;\r\nsource;translation\r\nNo effusion.;Sem derrame.\r\n"),
        ("pipes.csv", b'"sep=|"\nsource|translation\nNo effusion.|Sem derrame.\n'),
        ("quoted.csv", b'source,translation\r\n"No effusion.\r\nNo edema.","Sem derrame.\r\nSem edema."\r\n'),
        ("separator.jsonl", '{"source": "No\u2028effusion.", "translation": "Sem derrame."}'.encode()),
        ("long.csv", b"source,translation\n" + b"No effusion. " * 20000 + b"," + b"Sem derrame. " * 20000 + b"\n"),
    ],
)
def test_other_peoples_files_are_read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    checked = check_file(path)
    assert [row["status"] for row in checked.rows] == ["ok"] if name != "long.csv" else checked.flagged == 1


def test_a_spreadsheet_comes_back_as_one(tmp_path):
    workbook = openpyxl.Workbook()
    # Empty columns and rows at the end are what a sheet has where cells were touched once.
    for row in [
        ["n", "source", "translation", None],
        [1, "No effusion.", "Com derrame.", None],
        [2, "=A1", None],
        [None],
    ]:
        workbook.active.append(row)
    workbook.active.cell(4, 4).number_format = "@"
    workbook.save(tmp_path / "pairs.xlsx")
    result = CliRunner().invoke(cli, ["check", str(tmp_path / "pairs.xlsx")])
    assert (result.exit_code, "2 of 2 pairs flagged" in result.output) == (1, True)
    rows = list(openpyxl.load_workbook(tmp_path / "pairs.checked.xlsx").active.iter_rows(values_only=True))
    assert rows == [
        ("n", "source", "translation", "status", "flags"),
        ("1", "No effusion.", "Com derrame.", "flagged", "negation_dropped"),
        ("2", "=A1", None, "flagged", "empty"),
    ]


@pytest.mark.parametrize(
    ("text", "says"), [("a" * 32768, "more than 32767 characters in column 'source'"), ("a\x07", "control character")]
)
def test_what_a_spreadsheet_does_not_take_is_said(tmp_path, text, says):
    path = write(tmp_path / "pairs.jsonl", [{"source": text, "translation": "x"}])
    with pytest.raises(HubkitError, match=says):
        write_checked(check_file(path), tmp_path / "out.xlsx")
    assert list(tmp_path.iterdir()) == [path]


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    openpyxl.Workbook().save(tmp_path / "pairs.xlsx")
    monkeypatch.setattr("hubkit.spreadsheet.MOST_BYTES", 1000)
    with pytest.raises(HubkitError, match=r"not a whole \.xlsx file"):
        check_file(tmp_path / "pairs.xlsx")


def test_columns_and_delimiter_are_kept_where_no_row_is(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("n;source;translation\n", encoding="utf-8")
    assert CliRunner().invoke(cli, ["check", str(path)]).exit_code == 0
    assert (tmp_path / "pairs.checked.csv").read_text(encoding="utf-8") == "n;source;translation;status;flags\n"


def test_an_output_of_another_ending_is_refused_before_anything_is_checked(tmp_path):
    path = write(tmp_path / "pairs.csv", ROWS)
    result = CliRunner().invoke(cli, ["check", str(path), "--output", str(tmp_path / "out.ods")])
    assert (result.exit_code, isinstance(result.exception, UsageError)) in {(1, True), (2, False)}
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(HubkitError, match="cannot be read"):
        check_file(tmp_path / "none.csv")


def test_a_pair_that_cannot_be_read_is_flagged_and_the_others_are_checked(tmp_path, monkeypatch):
    real = hubkit.checks.check

    def fails_once(source, translation):
        if translation == ROWS[1]["translation"]:
            raise RecursionError(source)
        return real(source, translation)

    monkeypatch.setattr("hubkit.checks.check", fails_once)
    checked = check_file(write(tmp_path / "pairs.csv", ROWS))
    assert [row["status"] for row in checked.rows] == STATUS
    assert checked.rows[1]["flags"] == ["not_checked"]
