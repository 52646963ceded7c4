"""The stage read, on tiny corpora: what comes out of every shape that MIMIC-CXR comes in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import corpus_trees as trees
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from hubkit import workspace as workspace_module
from hubkit.cli import cli
from hubkit.config import Release, ReleaseConfig
from hubkit.corpus.read import fingerprint, read
from hubkit.digests import append_index, entry_of, index_of, read_index
from hubkit.errors import HubkitError, UsageError
from hubkit.release import plan, run_one
from hubkit.tables import STUDIES
from hubkit.workspace import Workspace


def run_read(config: ReleaseConfig, work: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    workspace = Workspace(work)
    run_one("read", config, workspace)
    table = pq.read_table(workspace.studies)
    assert table.schema.equals(STUDIES)
    return table.to_pylist(), json.loads(workspace.selection.read_text())


def test_a_tree_with_its_images(tmp_path: Path) -> None:
    listed = trees.studies()
    trees.write_corpus(tmp_path / "corpus", listed)
    rows, selection = run_read(trees.config(tmp_path / "corpus"), tmp_path / "work")
    assert [row["study_id"] for row in rows] == sorted(study.study_id for study in listed)
    first, study = rows[-1], listed[0]
    assert first["subject_id"] == study.subject_id
    assert first["split"] == "train"
    assert first["indication"] == "___ year old man who fell off a ladder. // Rib fracture?"
    assert first["comparison"] == "None."
    assert first["findings"] == "Study number 0 shows clear lungs. The heart is small."
    assert first["impression"] == "Nothing broken."
    assert first["last_paragraph"] is None
    assert first["report"] == study.text
    assert first["labels"]["Atelectasis"] == 1
    assert first["labels"]["Fracture"] == -1
    assert first["labels"]["Edema"] is None
    assert [image["view"] for image in first["images"]] == ["PA", "LATERAL"]
    assert (tmp_path / "corpus" / first["images"][0]["path"]).is_file()
    with Image.open(tmp_path / "work/studies/images" / f"{first['images'][0]['dicom_id']}.jpg") as image:
        assert (image.size, image.mode) == ((32, 32), "RGB")
    assert selection["sizes"] == {"train": 4, "validate": 4, "test": 4}
    assert selection["images"] == {"text_only": False, "prepared": 24, "broken": [], "missing": []}


@pytest.mark.parametrize("prefix", ["", "mimic-cxr-reports/"])
@pytest.mark.parametrize("gz", [True, False])
def test_a_zip_file_gives_what_the_tree_gives(tmp_path: Path, prefix: str, gz: bool) -> None:
    listed = trees.studies()
    trees.write_corpus(tmp_path / "tree", listed)
    trees.write_zip(tmp_path / "mimic-cxr/2.1.0/mimic-cxr-reports.zip", listed, prefix)
    jpg = tmp_path / "mimic-cxr-jpg/2.1.0"
    trees.write_tables(jpg, listed, gz)
    trees.write_images(jpg, listed)
    expected, _ = run_read(trees.config(tmp_path / "tree"), tmp_path / "one")
    for number, config in enumerate(
        (
            trees.config(tmp_path / "mimic-cxr/2.1.0"),
            trees.config(tmp_path / "mimic-cxr/2.1.0", images=str(jpg)),
            trees.config(tmp_path / "mimic-cxr/2.1.0/mimic-cxr-reports.zip", images=str(jpg)),
        )
    ):
        assert run_read(config, tmp_path / f"work{number}")[0] == expected


def test_several_processes_write_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees.write_zip(tmp_path / "corpus/mimic-cxr-reports.zip", trees.studies(30))
    trees.write_tables(tmp_path / "corpus", trees.studies(30))
    monkeypatch.setattr("hubkit.corpus.read.CHUNK", 7)
    for workers in (1, 2):
        run_read(trees.config(tmp_path / "corpus", workers=workers), tmp_path / str(workers))
    one, two = ((tmp_path / name / "studies/studies.parquet").read_bytes() for name in "12")
    assert one == two


def test_text_only(tmp_path: Path) -> None:
    trees.write_texts(tmp_path / "corpus", trees.studies())
    trees.write_tables(tmp_path / "corpus", trees.studies())
    rows, selection = run_read(trees.config(tmp_path / "corpus"), tmp_path / "work")
    assert all(row["images"] == [] for row in rows)
    assert selection["images"]["text_only"]
    with pytest.raises(HubkitError, match="none of the images"):
        run_read(trees.config(tmp_path / "corpus", images=str(tmp_path / "corpus")), tmp_path / "other")


@pytest.mark.parametrize(
    ("views", "taken"),
    [
        (("LATERAL", "AP", "PA"), [2, 0]),
        (("PA", "PA", "LL"), [0, 2]),
        (("", "AP", "AP"), [1, 2]),
        (("", "LL"), [1, 0]),
        (("SWIMMERS", ""), [0, 1]),
        (("PA",), [0]),
    ],
)
def test_one_frontal_and_one_lateral_view_are_preferred(
    tmp_path: Path, views: tuple[str, ...], taken: list[int]
) -> None:
    listed = [study._replace(views=views) for study in trees.studies(3)]
    trees.write_corpus(tmp_path / "corpus", listed)
    rows, _ = run_read(trees.config(tmp_path / "corpus"), tmp_path / "work")
    for row in rows:
        assert [image["dicom_id"] for image in row["images"]] == [trees.dicom_id(row["study_id"], n) for n in taken]


def test_missing_and_broken_images_are_listed_and_the_study_goes_on(tmp_path: Path) -> None:
    listed = trees.studies(3)
    trees.write_corpus(tmp_path / "corpus", listed)
    gone, torn, empty = (trees.image_path(tmp_path / "corpus", study, 0) for study in listed)
    gone.unlink()
    torn.write_bytes(trees.jpeg_bytes()[:300])
    empty.write_bytes(b"")
    rows, selection = run_read(trees.config(tmp_path / "corpus"), tmp_path / "work")
    assert [[image["view"] for image in row["images"]] for row in rows] == [["LATERAL"]] * 3
    assert [Path(path).name for path in selection["images"]["missing"]] == [gone.name]
    assert sorted(Path(path).name for path in selection["images"]["broken"]) == sorted([torn.name, empty.name])


def test_images_fit_by_stretching_or_padding(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies(3))
    for fit, corner in (("stretch", 60), ("pad", 0)):
        rows, _ = run_read(trees.config(tmp_path / "corpus", fit=fit), tmp_path / fit)
        with Image.open(tmp_path / fit / "studies/images" / f"{rows[0]['images'][0]['dicom_id']}.jpg") as image:
            assert abs(image.getpixel((0, 16))[0] - corner) < 4
            assert abs(image.getpixel((16, 16))[0] - 60) < 4


def test_the_fingerprint_follows_the_corpus(tmp_path: Path) -> None:
    listed = trees.studies()
    trees.write_corpus(tmp_path / "corpus", listed)
    config, workspace = trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work")
    before = fingerprint(config)
    assert fingerprint(config) == before
    run_one("read", config, workspace)
    assert plan(config, workspace, last="read")[0].action == "skip"
    (tmp_path / "corpus" / trees.name_of(listed[0])).write_text(" FINDINGS: another report.\n")
    assert fingerprint(config) != before
    assert plan(config, workspace, last="read")[0].reason == "inputs changed"


def test_a_subset_says_what_else_there_is_of_its_subjects(tmp_path: Path) -> None:
    listed = trees.studies()
    again = listed[0]._replace(study_id=59_999_999)
    trees.write_corpus(tmp_path / "corpus", [*listed, again])
    subset = {"train": 4, "validate": 1, "test": 1}
    rows, selection = run_read(trees.config(tmp_path / "corpus", subset=subset), tmp_path / "work")
    first = {row["study_id"] for row in rows if row["subject_id"] == again.subject_id}
    assert len(first) == 1
    assert {*selection["catalogue"]["other_studies"], *first} == {again.study_id, listed[0].study_id}


def test_a_subset_larger_than_a_split_is_refused(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    with pytest.raises(UsageError, match="split validate has 4 studies to choose from, fewer than 5"):
        run_read(trees.config(tmp_path / "corpus", subset={"train": 1, "validate": 5, "test": 1}), tmp_path / "work")


@pytest.mark.parametrize("by", ["this version", "an older one"])
def test_a_read_that_was_killed_keeps_the_images_it_made(tmp_path: Path, by: str) -> None:
    """What the index lacks may be torn by a power cut and is made again; an older hubkit had no index."""
    listed = trees.studies(3)
    trees.write_corpus(tmp_path / "corpus", listed)
    config, root = trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work")
    inside = root.running("read", "key")
    made, torn = (inside.partial / "images" / f"{trees.dicom_id(listed[0].study_id, at)}.jpg" for at in (0, 1))
    made.parent.mkdir()
    made.write_bytes(b"made before the kill")
    if by == "this version":
        append_index(made.parent, {made.name: entry_of(made)})
        torn.write_bytes(b"torn")
    read(config, inside)
    assert (root.images / made.name).read_bytes() == b"made before the kill"
    assert (root.images / torn.name).read_bytes().startswith(b"\xff\xd8")
    assert len(list(root.images.iterdir())) == 6
    assert read_index(root.images) == {path.name: entry_of(path) for path in root.images.iterdir()}
    assert not index_of(made.parent).exists()


def test_images_are_on_the_disk_before_the_index_has_them(
    tmp_path: Path, disk_calls: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies(3))
    synced: list[tuple[int, int]] = []
    sync = workspace_module.sync_all

    def recorded(folder: Path) -> None:
        sync(folder)
        synced.append((len(list(folder.iterdir())), len(read_index(folder))))

    monkeypatch.setattr("hubkit.corpus.images.sync_all", recorded)
    monkeypatch.setattr("hubkit.corpus.images.BATCH", 4)
    root = Workspace(tmp_path / "work")
    read(trees.config(tmp_path / "corpus", workers=1), root.running("read", "key"))
    assert [indexed for _, indexed in synced] == [0, 4]
    assert all(written >= wanted for (written, _), wanted in zip(synced, (4, 6), strict=True))
    assert [call for call, path in disk_calls if path.suffix == ".jpg"] == []


def test_a_large_tree_is_known_by_its_upper_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.corpus.fingerprint.MAX_FILES", 10)
    listed = trees.studies()
    trees.write_corpus(tmp_path / "corpus", listed)
    config = trees.config(tmp_path / "corpus")
    before = fingerprint(config)
    (tmp_path / "corpus" / trees.name_of(listed[0])).write_text("edited")
    assert fingerprint(config) == before
    trees.write_texts(tmp_path / "corpus", [listed[0]._replace(subject_id=10999999, study_id=59999999)])
    assert fingerprint(config) != before


def test_the_command_prints_what_it_found(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    trees.image_path(tmp_path / "corpus", trees.studies()[0], 0).unlink()
    (tmp_path / "hubkit.toml").write_text('[corpus]\nroot = "corpus"\nsubset = "all"\nimage_size = 32\n')
    arguments = ["read", "--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    printed = CliRunner().invoke(cli, arguments, catch_exceptions=False).output.splitlines()
    assert printed[0] == "read: starts (not done yet)"
    assert re.fullmatch(r"read: 12 studies, 23 images in \d\.\d s", printed[1])
    assert printed[3].split() == ["4", "4", "4"]
    assert printed[4].split() == ["Atelectasis", "1", "/", "1", "0", "/", "0", "0", "/", "0"]
    assert printed[-1] == "images: 23 prepared, 1 missing, 0 broken"
    assert CliRunner().invoke(cli, arguments).output.startswith("read: up to date\n")


def test_the_seed_of_the_release_decides_what_is_taken(tmp_path: Path) -> None:
    trees.write_texts(tmp_path / "corpus", trees.studies(30))
    trees.write_tables(tmp_path / "corpus", trees.studies(30))
    taken = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        config = trees.config(tmp_path / "corpus", subset={"train": 5, "validate": 2, "test": 4})
        config = config.model_copy(update={"release": Release(seed=seed)})
        rows, selection = run_read(config, tmp_path / name)
        taken[name] = [row["study_id"] for row in rows]
        assert selection["seed"] == seed
        assert selection["sizes"] == {"train": 5, "validate": 2, "test": 4}
    assert taken["a"] == taken["b"]
    assert taken["a"] != taken["c"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda root: None, True),
        (lambda root: os.utime(next(root.rglob("s*.txt")), ns=(1, 1)), False),
        (lambda root: next(root.rglob("s*.txt")).rename(root / "files" / "elsewhere.txt"), False),
        (lambda root: next(root.rglob("*.jpg")).unlink(), False),
        (lambda root: next(root.rglob("*.jpg")).write_bytes(b"another image"), False),
        (lambda root: next(root.glob("*split*")).write_bytes(next(root.glob("*split*")).read_bytes() + b"\n"), False),
    ],
    ids=["nothing", "time of a report", "a report moved", "an image gone", "an image changed", "a table"],
)
def test_what_the_fingerprint_follows(tmp_path: Path, change: Callable[[Path], object], same: bool) -> None:
    trees.write_corpus(tmp_path, trees.studies(3))
    before = fingerprint(trees.config(tmp_path))
    change(tmp_path)
    assert (fingerprint(trees.config(tmp_path)) == before) == same


def test_a_zip_that_changes_and_keeps_its_size_has_another_fingerprint(tmp_path: Path) -> None:
    trees.write_zip(tmp_path / "mimic-cxr-reports.zip", trees.studies(3))
    trees.write_tables(tmp_path, trees.studies(3))
    before = fingerprint(trees.config(tmp_path))
    os.utime(tmp_path / "mimic-cxr-reports.zip", ns=(1, 1))
    assert fingerprint(trees.config(tmp_path)) != before
