"""Corrections and flagged rows: what later stages read, what is refused, and what runs again."""

from __future__ import annotations

import contextlib
import gc
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.provisional import urls

from hubkit.artifacts.revision import read_revision
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import HubkitError
from hubkit.models.samples import read_samples
from hubkit.revision import revised_references
from hubkit.stages import STAGES
from hubkit.tables import CHECKS, STUDIES, TRANSLATIONS
from hubkit.translation.correction_files import _write_xlsx, read_rows, write_rows
from hubkit.translation.corrections import COLUMNS, read_corrections, text_digest
from hubkit.translation.limits import check_share
from hubkit.translation.revise import revise
from hubkit.workspace import Workspace, write_table

SECTIONS = [
    # study, split, source, translation, status, flags
    (1, "train", "No effusion.", "Sem derrame.", "ok", []),
    (2, "train", "Left effusion.", "Derrame à direita.", "flagged", ["laterality"]),
    (3, "validate", "No pneumothorax.", "Sem pneumotórax.", "ok", []),
    (4, "test", "Right effusion.", "Derrame à esquerda.", "flagged", ["laterality"]),
    (5, "test", "Lungs are clear.", "Pulmões limpos.", "ok", []),
    (6, "test", "Heart is normal.", "Coração normal.", "ok", []),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "work")
    studies = [
        {"subject_id": 100 + study, "study_id": study, "split": split, "findings": source, "images": []}
        for study, split, source, *_ in SECTIONS
    ]
    rows = [
        {"study_id": study, "section": "findings", "source": source, "translation": text, "status": status,
         "flags": flags, "finish_reason": "stop", "reused": False}
        for study, _, source, text, status, flags in SECTIONS
    ]  # fmt: skip
    checks = [
        {"study_id": row["study_id"], "section": "findings", "check": name, "severity": "error"}
        for row in rows
        for name in row["flags"]
    ]
    write_table(workspace.studies, pa.Table.from_pylist(studies, schema=STUDIES))
    write_table(workspace.machine_translations, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    write_table(workspace.machine_checks, pa.Table.from_pylist(checks, schema=CHECKS))
    return workspace


def configure(flagged: str = "leave_out", corrections: Path | None = None, **table: Any) -> ReleaseConfig:
    named = {"corrections": str(corrections)} if corrections else {}
    return parse_config({"corpus": {"kind": "demo"}, "translation": {"flagged": flagged, **named, **table}})


def texts(path: Path) -> dict[int, str | None]:
    return {row["study_id"]: row["translation"] for row in pq.read_table(path).to_pylist()}


def correction(workspace: Workspace, study: int, **cells: Any) -> dict[str, Any]:
    row = next(row for row in pq.read_table(workspace.machine_translations).to_pylist() if row["study_id"] == study)
    about = {"study_id": study, "section": "findings", "source_sha": text_digest(row)}
    return {**about, "translation": "", "by": "a reader", "date": "2026-01-31", "note": "", **cells}


MACHINE = {study: text for study, _, _, text, *_ in SECTIONS}


@pytest.mark.parametrize(
    ("flagged", "left_out"),
    [("leave_out", {2, 4}), ("publish", set()), ("stop", set())],
)
def test_what_becomes_of_flagged_rows(workspace: Workspace, flagged: str, left_out: set[int]) -> None:
    revise(configure(flagged, max_flagged=0.5), workspace)
    assert texts(workspace.translations) == {
        study: None if study in left_out else text for study, text in MACHINE.items()
    }
    statuses = {
        row["study_id"]: (row["status"], row["flags"]) for row in pq.read_table(workspace.translations).to_pylist()
    }
    assert statuses[2] == ("flagged", ["laterality"]), "the flag stays"
    kept = {sample.study_id for sample in read_samples(workspace, "train", "findings_impression").kept}
    assert kept == {1, 2} - left_out, "flagged texts leave training"
    # Of the test split reports are generated whatever its references are, and scored without those left out.
    assert texts(workspace.training_translations) == {**MACHINE, 2: None if 2 in left_out else MACHINE[2]}
    references = revised_references(workspace, "findings_impression")
    assert references == ({4: None} if left_out else {})


def test_where_nothing_changes_the_bytes_stay(workspace: Workspace) -> None:
    revise(configure("publish"), workspace)
    machine = workspace.machine_translations.read_bytes()
    assert workspace.translations.read_bytes() == workspace.training_translations.read_bytes() == machine
    assert workspace.checks.read_bytes() == workspace.machine_checks.read_bytes()


@pytest.mark.parametrize(("most", "stops"), [(0.34, False), (0.33, True), (0.0, True)])
def test_stop_names_counts_that_do_not_contradict_themselves(workspace: Workspace, most: float, stops: bool) -> None:
    config = configure("stop", max_flagged=most)
    said = r"2 of 6 translations are flagged or failed; at most [01] may be\n +2  later"
    with pytest.raises(HubkitError, match=said) if stops else contextlib.nullcontext():
        revise(config, workspace)


@pytest.mark.parametrize(("flagged", "stops"), [(0, False), (2, False), (3, True), (100, True)])
def test_the_share_that_may_be_flagged(tmp_path: Path, flagged: int, stops: bool) -> None:
    rows = [
        {"study_id": number, "section": "findings", "status": "flagged" if number < flagged else "ok"}
        for number in range(100)
    ]
    table = pa.Table.from_pylist(rows, schema=TRANSLATIONS)
    found = [("laterality", "error"), ("laterality", "error"), ("anatomy_lost", "warning")]
    checks = pa.Table.from_pylist(
        [
            {"study_id": number, "section": "findings", "check": name, "severity": severity}
            for number in range(flagged)
            for name, severity in found
        ],
        schema=CHECKS,
    )
    if stops:
        with pytest.raises(HubkitError, match=f"{flagged}  laterality") as caught:
            check_share(table["status"], table.take, checks, 0.02, tmp_path / "flagged.parquet")
        assert "anatomy_lost" not in str(caught.value)
        assert pq.read_table(tmp_path / "flagged.parquet").num_rows == flagged
    else:
        check_share(table["status"], table.take, checks, 0.02, tmp_path / "flagged.parquet")


@pytest.mark.parametrize(
    ("study", "cells", "text", "status"),
    [
        (2, {"decision": "replace", "translation": "Derrame à esquerda."}, "Derrame à esquerda.", "ok"),
        (2, {"decision": "replace", "translation": "Sem derrame."}, None, "flagged"),
        (2, {"decision": "accept", "translation": "Sem derrame."}, "Sem derrame.", "ok"),
        (2, {"decision": "accept"}, "Derrame à direita.", "ok"),
        (1, {"decision": "leave_out"}, None, "flagged"),
        (2, {"decision": "accept", "source_sha": "0" * 64}, None, "flagged"),
    ],
    ids=["right", "still flagged", "accepted", "machine's accepted", "left out", "stale"],
)
def test_a_correction_is_applied_and_checked(
    workspace: Workspace, tmp_path: Path, study: int, cells: dict[str, str], text: str | None, status: str
) -> None:
    path = tmp_path / "corrections.csv"
    write_rows(path, [correction(workspace, study, **cells)], COLUMNS)
    revise(configure(corrections=path), workspace)
    (row,) = [row for row in pq.read_table(workspace.translations).to_pylist() if row["study_id"] == study]
    assert (row["translation"], row["status"]) == (text, status)
    assert texts(workspace.machine_translations) == MACHINE, "the machine's rows are never written over"
    stale = "source_sha" in cells
    assert (read_revision(workspace).corrected, read_revision(workspace).stale) == (int(not stale), int(stale))
    assert ("left_out" in row["flags"]) == (cells["decision"] == "leave_out")


@pytest.mark.parametrize(
    ("studies", "again"),
    [([2], ["revise", "finetune", "generate", "score", "audit", "package"]), ([4], ["revise", "score", "package"])],
    ids=["train", "test"],
)
def test_only_what_a_correction_changes_runs_again(
    workspace: Workspace, tmp_path: Path, studies: list[int], again: list[str]
) -> None:
    path = tmp_path / "corrections.csv"
    write_rows(path, [], COLUMNS)
    config = configure(corrections=path)
    for made in (workspace.images, workspace.adapter, workspace.scores, workspace.memorisation.parent):
        made.mkdir(parents=True)
    for made in (
        workspace.selection,
        workspace.decoding,
        *map(workspace.generations, ("zero_shot", "few_shot", "lora")),
    ):
        made.parent.mkdir(parents=True, exist_ok=True)
        made.write_text("{}")
    for name in ("translate", "finetune", "generate", "score"):
        workspace.manifest(name).parent.mkdir(parents=True, exist_ok=True)
        workspace.manifest(name).write_text("{}")

    def keys() -> dict[str, str]:
        revise(config, workspace)
        return {stage.name: stage.key(config, workspace) for stage in STAGES[1:8]}

    before = keys()
    right = [correction(workspace, study, decision="accept") for study in studies]
    write_rows(path, right, COLUMNS)
    after = keys()
    assert [name for name in after if after[name] != before[name]] == again


BAD = [
    ({"by": ""}, "line 2: by is empty"),
    ({"decision": ""}, "line 2: decision is empty"),
    ({"decision": "maybe"}, "decision is none of accept, replace, leave_out"),
    ({"decision": "replace"}, "replace needs a translation"),
    ({"decision": "leave_out", "translation": "x"}, "leave_out takes no translation"),
    ({"study_id": "abc"}, "study_id is not a whole number"),
    ({"study_id": 99}, "study 99 has no section findings"),
    ({"section": "history"}, "has no section history"),
    ({"date": "tomorrow"}, "1 correction cannot be used:\n  line 2: date is not a day, written as"),
    ({"date": "31/02/2026"}, "date is not a day"),
    ({"source_sha": "abc"}, "source_sha is not as it was exported"),
]


@pytest.mark.parametrize(("cells", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_rows_are_refused_by_line(
    workspace: Workspace, tmp_path: Path, cells: dict[str, Any], message: str
) -> None:
    path = tmp_path / "corrections.csv"
    write_rows(path, [correction(workspace, 2, **{"decision": "accept", **cells})], COLUMNS)
    with pytest.raises(HubkitError, match=message):
        revise(configure(corrections=path), workspace)
    assert not workspace.translations.exists()


def test_two_decisions_about_one_section_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "corrections.jsonl"
    write_rows(path, [correction(workspace, 2, decision="accept")] * 2, COLUMNS)
    with pytest.raises(HubkitError, match="line 2: decides about the same section as line 1"):
        revise(configure(corrections=path), workspace)


HEADER = "study_id;section;source_sha;translation;decision;by;date;note"


@pytest.mark.parametrize(
    ("content", "translation"),
    [
        ((HEADER + '\r\n7;findings;{sha};Sem à "ç".;replace;Ana;31/01/2026;\r\n').encode("cp1252"), 'Sem à "ç".'),
        (("\ufeff" + HEADER + "\n7;findings;{sha};'=A1;replace;Ana;2026-01-31;\n").encode(), "=A1"),
        (
            ("sep=,\r\n" + HEADER.replace(";", ",") + '\r\n7.0,findings,{sha},"a;b",replace,Ana,2026-01-31,').encode(),
            None,
        ),
        ((HEADER.replace(";", "\t") + "\n7\tfindings\t{sha}\tx\treplace\tAna\t2026-01-31\t\n").encode("utf-16"), "x"),
    ],
    ids=["Excel in Brazil", "BOM and a formula", "sep= and a float", "UTF-16 with tabs"],
)
def test_csv_as_spreadsheets_write_it(tmp_path: Path, content: bytes, translation: str | None) -> None:
    path, sha = tmp_path / "c.csv", "a" * 64
    encoded = [sha.encode(), "{sha}".encode("utf-16-le"), sha.encode("utf-16-le")]
    path.write_bytes(content.replace(b"{sha}", encoded[0]).replace(encoded[1], encoded[2]))
    if translation is None:
        with pytest.raises(HubkitError, match="study_id is not a whole number"):
            read_corrections(read_rows(path), path)
    else:
        (found,) = read_corrections(read_rows(path), path)
        assert (found.study_id, found.translation, found.date) == (7, translation, "2026-01-31")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet", ".xlsx"])
def test_every_format_gives_back_what_was_written_for_its_owner_alone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"c{suffix}"
    cells = ["=SUM(A1)", "-2 mm", "+", "@x", "'=x", "''-y", 'ç; "q", à\nsecond line', "007"]
    rows = [
        {"study_id": 50_000_000 + at, "section": "findings", "source_sha": "a" * 64, "translation": text,
         "decision": "accept", "by": "Ana", "date": "2026-01-31", "note": text}
        for at, text in enumerate(cells)
    ]  # fmt: skip
    write_rows(path, rows, COLUMNS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = read_corrections(read_rows(path), path)
    assert [(row.study_id, row.translation, row.note) for row in found] == [
        (row["study_id"], row["translation"], row["note"]) for row in rows
    ]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))) | urls(), min_size=1, max_size=5))
def test_whatever_is_written_as_csv_is_read_again(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.mktemp("csv") / "c.csv"
    write_rows(path, [dict.fromkeys(COLUMNS, value) for value in values], COLUMNS)
    assert [row for _, row in read_rows(path)] == [dict.fromkeys(COLUMNS, value) for value in values]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.txt", b"x", "files of this format are not supported"),
        ("c.csv", b"study_id;section\n", "has no column source_sha"),
        ("c.jsonl", b"[1]\n", "cannot be read as jsonl"),
        ("c.parquet", b"no parquet", "cannot be read as parquet"),
        ("c.xlsx", b"no archive", "cannot be read as xlsx"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(HubkitError, match=message):
        list(read_rows(path))


def test_export_fill_in_import_and_revise(workspace: Workspace, tmp_path: Path) -> None:
    toml = tmp_path / "hubkit.toml"
    toml.write_text('[corpus]\nkind = "demo"\n[translation]\ncorrections = "mine.csv"\n')
    shared = ["--config", str(toml), "--workspace", str(workspace.root)]
    sheet = tmp_path / "sheet.xlsx"

    def hubkit(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, *shared], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert "no corrections yet" in hubkit("corrections", "status")
    assert "2 sections written" in hubkit("corrections", "export", "--output", str(sheet))
    rows = [row for _, row in read_rows(sheet)]
    assert [(row["study_id"], row["source"], row["machine"], row["flags"]) for row in rows] == [
        ("2", "Left effusion.", "Derrame à direita.", "laterality"),
        ("4", "Right effusion.", "Derrame à esquerda.", "laterality"),
    ]
    rows[0] |= {"decision": "replace", "translation": "Derrame à esquerda.", "by": "Ana", "date": "31/01/2026"}
    write_rows(sheet, rows, list(rows[0]))
    assert "1 correction added, 0 replaced, 1 in" in hubkit("corrections", "import", str(sheet))
    assert stat.S_IMODE((tmp_path / "mine.csv").stat().st_mode) == 0o600
    said = hubkit("corrections", "status")
    assert "1 apply, 0 are stale" in said
    assert "1 flagged or failed sections have no correction" in said
    assert "effusion" not in said
    assert "Derrame" not in said
    hubkit("corrections", "export", "--output", str(sheet))
    assert [row["decision"] for _, row in read_rows(sheet)] == ["replace", None]


@pytest.mark.parametrize(
    ("corrections", "said"),
    [
        ("sheet.xlsx", r'the package openpyxl is missing \(in your copy of hubkit: pip install "\.\[review\]"\)'),
        ("sheet.ods", "files of this format are not supported"),
        ("sheet.csv", r"names a file that is missing \(hubkit corrections import writes it; until then"),
    ],
)
def test_a_file_that_cannot_be_read_here_stops_a_release_before_it_translates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corrections: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (tmp_path / "hubkit.toml").write_text(f'[translation]\ncorrections = "{corrections}"\n')
    options = ["--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    result = CliRunner().invoke(cli, ["release", *options])
    assert re.search(said, str(result.exception))


def test_a_correction_that_the_checks_cannot_read_is_flagged_and_ends_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: str, translation: str) -> None:
        raise RecursionError(source)

    monkeypatch.setattr("hubkit.checks.check", fail)
    path = tmp_path / "c.csv"
    cells = correction(workspace, 4, decision="replace", translation="Derrame à direita.")
    write_rows(path, [cells], COLUMNS)
    revise(configure("publish", path), workspace)
    (row,) = (row for row in pq.read_table(workspace.translations).to_pylist() if row["study_id"] == 4)
    assert (row["status"], row["flags"], row["translation"]) == ("flagged", ["not_checked"], "Derrame à direita.")


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_full_disk_is_one_line_for_a_workbook_too() -> None:
    # A device that takes no byte, in the place of the file that would be renamed.
    with pytest.raises(OSError, match="No space left") as caught:
        _write_xlsx(Path("/dev/full"), [dict.fromkeys(COLUMNS, "x")], COLUMNS)
    del caught
    # An archive that is closed here for the first time would complain past every handler.
    gc.collect()
