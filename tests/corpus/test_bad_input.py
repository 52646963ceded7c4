"""Corpora that are damaged or contradict themselves: one line that says where, and nothing half-written."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import corpus_trees as trees
import pyarrow.parquet as pq
import pytest

from hubkit.corpus.read import read
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.workspace import Workspace

SPLIT = "mimic-cxr-2.0.0-split.csv.gz"
METADATA = "mimic-cxr-2.0.0-metadata.csv.gz"
CHEXPERT = "mimic-cxr-2.0.0-chexpert.csv.gz"


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(root: Path) -> None:
        trees.write_csv(root / name, change(gzip.decompress((root / name).read_bytes()).decode()))

    return damage


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    return edit(name, lambda text: text.replace(old, new, 1))


def truncate(root: Path) -> None:
    data = (root / METADATA).read_bytes()
    (root / METADATA).write_bytes(data[: len(data) // 2])


def twice(name: str) -> Callable[[Path], None]:
    return edit(name, lambda text: text + text.splitlines()[-1] + "\n")


def no_splits(root: Path) -> None:
    (root / SPLIT).unlink()


def no_reports(root: Path) -> None:
    (root / "files").rename(root / "elsewhere")


def same_study_of_two_subjects(root: Path) -> None:
    trees.write_texts(root, [trees.studies()[0]._replace(subject_id=19999999)])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, r"metadata.csv.gz: the file is truncated or damaged"),
        (replace(SPLIT, "dicom_id", "dicom"), r"split.csv.gz: has no column dicom_id"),
        (replace(CHEXPERT, "Pleural Other", "Other"), r"chexpert.csv.gz: has no column Pleural Other"),
        (edit(SPLIT, lambda text: ""), r"split.csv.gz: is not CSV that can be read, or is empty"),
        (replace(SPLIT, "10000032", "p10000032"), r"split.csv.gz: subject_id of data row 1 does not fit 1"),
        (replace(SPLIT, "50000099", "5000009"), r"split.csv.gz: study_id of data row 3 does not fit 5"),
        (replace(METADATA, "-00000000-", "-../../etc-"), r"metadata.csv.gz: dicom_id of data row 1 does not fit"),
        (replace(SPLIT, "validate", "valid"), r"split.csv.gz: split of data row 3 does not fit train.validate.test"),
        (replace(CHEXPERT, "1.0", "2.0"), r"chexpert.csv.gz: Atelectasis of data row 1 does not fit"),
        (twice(SPLIT), r"split.csv.gz: dicom_id \S+ is listed twice"),
        (twice(METADATA), r"metadata.csv.gz: dicom_id \S+ is listed twice"),
        (twice(CHEXPERT), r"chexpert.csv.gz: study_id 50000089 is listed twice"),
        (
            replace(SPLIT, "10000032,train", "10000032,test"),
            r"split.csv.gz: study_id 50000100 has two subjects or is in two splits",
        ),
        (
            replace(SPLIT, "10300039", "10000032"),
            r"split.csv.gz: study_id 50000099 has two subjects or is in two splits",
        ),
        (
            edit(SPLIT, lambda text: text.replace("10300039", "10000032")),
            r"split.csv.gz: subject_id 10000032 is in two splits",
        ),
        (no_splits, r"there is no mimic-cxr-\*-split.csv\[.gz\] of MIMIC-CXR-JPG in this folder or next to it"),
        (no_reports, r"holds neither mimic-cxr-reports.zip nor files/"),
        (same_study_of_two_subjects, r"holds the report of study 50000100 twice"),
    ],
)
def test_damage_is_named_and_nothing_is_written(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    root = tmp_path / "mimic/corpus"
    trees.write_corpus(root, trees.studies())
    damage(root)
    with pytest.raises(HubkitError, match=message) as caught:
        run_one("read", trees.config(root), Workspace(tmp_path / "work"))
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert not (tmp_path / "work/studies").exists()


def test_a_corpus_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HubkitError, match="the corpus folder is missing"):
        run_one("read", trees.config(tmp_path / "nowhere"), Workspace(tmp_path / "work"))


def write_zip(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")


@pytest.mark.parametrize("name", ["../../files/p10/p10000032/s50000100.txt", "/etc/passwd", "files\\..\\..\\x.txt"])
def test_a_zip_entry_that_climbs_out(tmp_path: Path, name: str) -> None:
    trees.write_tables(tmp_path / "corpus", trees.studies())
    trees.write_zip(tmp_path / "corpus/mimic-cxr-reports.zip", trees.studies())
    write_zip(tmp_path / "corpus/mimic-cxr-reports.zip", name)
    with pytest.raises(HubkitError, match="climbs out of the archive"):
        run_one("read", trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work"))


def test_a_zip_file_that_breaks_off(tmp_path: Path) -> None:
    trees.write_tables(tmp_path / "corpus", trees.studies())
    path = tmp_path / "corpus/mimic-cxr-reports.zip"
    trees.write_zip(path, trees.studies())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HubkitError, match="is not a complete zip file"):
        run_one("read", trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work"))
    path.write_bytes(whole[:60] + bytes(40) + whole[100:])
    with pytest.raises(HubkitError, match=r"s\d{8}.txt is damaged") as caught:
        run_one("read", trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work"))
    assert "ladder" not in str(caught.value)
    assert not (tmp_path / "work/studies/studies.parquet").exists()


def test_what_does_not_fit_together_is_listed(tmp_path: Path) -> None:
    listed = trees.studies()
    without_text = listed[1]._replace(text=None)
    without_row = listed[0]._replace(subject_id=19999998, study_id=59999998)
    trees.write_tables(tmp_path / "corpus", [*listed[:1], without_text, *listed[2:]])
    trees.write_texts(tmp_path / "corpus", [*listed[:1], without_text, *listed[2:], without_row])
    stray = tmp_path / "corpus/files/p10/p10000032/notes.txt"
    stray.write_text("x")
    workspace = Workspace(tmp_path / "work")
    run_one("read", trees.config(tmp_path / "corpus"), workspace)
    assert json.loads(workspace.selection.read_text())["catalogue"] == {
        "studies": 11,
        "studies_without_report": [without_text.study_id],
        "reports_without_study": [59999998],
        "strange_files": ["files/p10/p10000032/notes.txt"],
        "other_studies": [],
    }
    assert without_text.study_id not in pq.read_table(workspace.studies)["study_id"].to_pylist()


def test_odd_reports_are_kept_and_counted(tmp_path: Path) -> None:
    texts = {
        0: b"",
        1: b"No header at all.",
        2: "\n FINDINGS: 5 \xb5m.\n".encode("latin-1"),
        3: b"\n FINDINGS: a\x00b\n",
    }
    listed = [study._replace(text=texts.get(number, study.text)) for number, study in enumerate(trees.studies())]
    trees.write_corpus(tmp_path / "corpus", listed)
    workspace = Workspace(tmp_path / "work")
    run_one("read", trees.config(tmp_path / "corpus"), workspace)
    reasons = json.loads(workspace.selection.read_text())["reports"]
    assert reasons == {"control_characters": 1, "empty_report": 1, "latin1": 1, "no_section": 1}
    rows = {row["study_id"]: row for row in pq.read_table(workspace.studies).to_pylist()}
    assert rows[50000099]["report"] == "No header at all."
    assert rows[50000098]["findings"] == "5 µm."


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    for name in (SPLIT, METADATA, CHEXPERT):
        edit(name, lambda text: "\ufeff" + text)(tmp_path / "corpus")
    workspace = Workspace(tmp_path / "work")
    run_one("read", trees.config(tmp_path / "corpus"), workspace)
    assert len(pq.read_table(workspace.studies)) == 12


def test_a_workspace_that_cannot_be_written(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    (tmp_path / "work").mkdir()
    (tmp_path / "work/studies").write_text("a file where a folder has to be")
    with pytest.raises(HubkitError, match="work/studies/images: cannot be written"):
        run_one("read", trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work"))


def test_every_report_that_cannot_be_read_is_named_at_once(tmp_path: Path) -> None:
    listed = trees.studies(9)
    trees.write_corpus(tmp_path / "corpus", listed)
    for study in listed[:3]:
        (tmp_path / "corpus" / trees.name_of(study)).unlink()
        (tmp_path / "corpus" / trees.name_of(study)).mkdir()
    with pytest.raises(HubkitError, match=r"3 reports cannot be read:\n") as caught:
        read(trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work").running("read", "key"))
    assert all(trees.name_of(study) in caught.value.what for study in listed[:3])
    (tmp_path / "corpus" / trees.name_of(listed[0])).rmdir()
    for study in listed[1:3]:
        (tmp_path / "corpus" / trees.name_of(study)).rmdir()
        (tmp_path / "corpus" / trees.name_of(study)).write_text(study.text or "")
    (tmp_path / "corpus" / trees.name_of(listed[0])).mkdir()
    with pytest.raises(HubkitError, match="cannot be read: Is a directory") as one:
        read(trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work").running("read", "key"))
    assert one.value.where == str(tmp_path / "corpus" / trees.name_of(listed[0]))
