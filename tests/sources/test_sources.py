"""The reports of every kind of corpus serve whoever needs them: the stage read, the leak guard and custody."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from invented_release import build_release, release_config
from openi_archive import write_archive

from hubkit.config import parse_config
from hubkit.corpus.read import read
from hubkit.custody.sealed import find_corpus
from hubkit.errors import HubkitError
from hubkit.leakguard.guard import leaks
from hubkit.leakguard.known_corpus import read_corpus
from hubkit.sources.openi import find_openi
from hubkit.workspace import Workspace, read_table

PROBE = "A blue probe crosses\n      the third left costal arch &amp; ends."
TEST_STUDY = 3  # its number is drawn into the test split; the two others train
FINDINGS = {TEST_STUDY: "Clear lungs.", 1234: PROBE, 12: "Heart of normal size."}


@pytest.fixture(params=["archive", "folder with the archive", "folder of files"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    home = tmp_path / "openi"
    home.mkdir()
    archive = write_archive(home / "NLMCXR_reports.tgz", FINDINGS)
    if request.param == "archive":
        return archive
    if request.param == "folder of files":
        import tarfile

        with tarfile.open(archive) as opened:
            opened.extractall(home, filter="data")
        archive.unlink()
    return home


def test_open_i_lists_and_reads_its_reports(root: Path) -> None:
    source = find_openi(root)
    names = source.listing().names
    assert sorted(names) == [(TEST_STUDY, TEST_STUDY), (12, 12), (1234, 1234)]
    wanted = [names[1234, 1234], names[TEST_STUDY, TEST_STUDY]]
    probe, clear = source.texts(wanted)
    assert "costal arch & ends." in probe
    assert clear == "None.\n\nCough\n\nClear lungs.\n\n"
    assert [b"CXR1234" in data for data in source.read(wanted)] == [True, False]


def test_the_guard_knows_the_reports_of_open_i(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = build_release(tmp_path / "release")
    known = read_corpus(release_config(root, corpus={"kind": "openi", "root": str(root)}), workspace)
    assert capsys.readouterr().err == ""
    assert {TEST_STUDY, 12, 1234} <= known.ids
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "README.md").write_text("Plain.\nA blue probe crosses the third left costal arch.\n")
    assert [(leak.file, leak.line) for leak in leaks(dist, known)] == [("README.md", 2)]


def test_custody_makes_keys_of_open_i(root: Path, tmp_path: Path) -> None:
    corpus = find_corpus(root, cache=False)
    assert corpus.groups() == ["p12", "p3"]
    assert corpus.studies("p12") == [12, 1234]
    running = hashlib.sha256()
    source = find_openi(root)
    names = source.listing().names
    for study in (12, 1234):
        (data,) = source.read([names[study, study]])
        running.update(study.to_bytes(8, "big") + len(data).to_bytes(8, "big") + data)
    assert corpus.digest("p12") == running.digest()
    other = write_archive(tmp_path / "other.tgz", FINDINGS | {12: "Another text."})
    assert find_corpus(other, cache=False, kind="openi").digest("p12") != corpus.digest("p12")


def test_the_stage_reads_open_i(root: Path, tmp_path: Path) -> None:
    settings = {"kind": "openi", "root": str(root), "subset": "all", "max_images": 0, "workers": 1}
    workspace = Workspace(tmp_path / "work")
    (workspace.root / "partial").mkdir()
    read(parse_config({"corpus": settings}), workspace.running("read", "key"))
    rows = {row["study_id"]: row for row in read_table(workspace.studies).to_pylist()}
    assert rows[1234]["findings"] == "A blue probe crosses the third left costal arch & ends."
    assert (rows[TEST_STUDY]["indication"], rows[TEST_STUDY]["impression"]) == ("Cough", None)
    assert rows[TEST_STUDY]["report"] == "COMPARISON: None.\n\nINDICATION: Cough\n\nFINDINGS: Clear lungs."


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "is not a complete archive"),
        (lambda path: path.write_bytes(b"PK"), "is not a complete archive"),
        (lambda path: path.unlink(), "the corpus is missing"),
        (lambda path: write_archive(path, {1: "<b>"}), r"1\.xml is not valid XML: line"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path: Path, spoil, message: str) -> None:
    path = write_archive(tmp_path / "NLMCXR_reports.tgz", FINDINGS)
    spoil(path)
    with pytest.raises(HubkitError, match=message):
        find_openi(path).listing()
