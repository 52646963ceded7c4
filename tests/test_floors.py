"""No stage ends well over nothing: below its floor it stops, and names the likely cause."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.corpus.read import read
from hubkit.doctor import corpus as doctor
from hubkit.doctor.examine import examine
from hubkit.errors import HubkitError
from hubkit.floors import require, require_reports, require_splits
from hubkit.models.samples import Samples, require_samples
from hubkit.release import run_one
from hubkit.translation.translate import translate
from hubkit.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent / "corpus"))
import corpus_trees as trees


@pytest.mark.parametrize(("have", "asked", "passes"), [(0, 0, False), (0, 4, False), (1, 3, False), (2, 4, True)])
def test_half_of_what_was_asked_for(have: int, asked: int, passes: bool) -> None:
    if passes:
        require(have, asked, "test studies have a reference")
        return
    with pytest.raises(HubkitError, match=f"only {have} of {asked} test studies have a reference"):
        require(have, asked, "test studies have a reference", "here", "because")


@pytest.mark.parametrize(
    ("sizes", "empty"),
    [
        ({"train": 1, "validate": 0, "test": 1}, None),
        ({"train": 0, "validate": 5, "test": 7}, r"train has no studies \(validate 5, test 7\)"),
        ({"train": 3, "validation": 1, "test": 0}, r"test has no studies \(train 3, validation 1\)"),
        ({}, r"train has no studies \(none has any\)"),
    ],
)
def test_the_splits_that_are_needed(sizes: dict[str, int], empty: str | None) -> None:
    if empty is None:
        require_splits(sizes, "here", "because")
        return
    with pytest.raises(HubkitError, match=f"the split {empty}"):
        require_splits(sizes, "here", "because")


@pytest.mark.parametrize(
    ("notes", "what", "hint"),
    [
        ({"listed": 2}, "there is not one report", "MIMIC-CXR-JPG has none"),
        ({"listed": 1, "unlisted": 2}, "none is of the 1 studies", "different"),
        ({"strange": 1}, "1 text files are there, and none is named as a report", "folder above files/"),
    ],
)
def test_why_there_is_no_report(notes: dict[str, int], what: str, hint: str) -> None:
    counts = {"listed": 0, "unlisted": 0, "strange": 0} | notes
    with pytest.raises(HubkitError) as caught:
        require_reports(0, Path("mimic-cxr"), **counts)
    assert what in caught.value.what
    assert hint in str(caught.value.hint)
    require_reports(1, Path("mimic-cxr"), **counts)


def without_reports(root: Path) -> ReleaseConfig:
    trees.write_tables(root, trees.studies())
    trees.write_images(root, trees.studies())
    return trees.config(root)


def of_another_corpus(root: Path) -> ReleaseConfig:
    trees.write_tables(root, trees.studies())
    others = [study._replace(study_id=study.study_id + 5_000_000) for study in trees.studies()]
    trees.write_texts(root, others)
    return trees.config(root)


def without_leading_blanks(root: Path) -> ReleaseConfig:
    stripped = [re.sub(r"(?m)^ +", "", str(study.text)) for study in trees.studies()]
    listed = [study._replace(text=text) for study, text in zip(trees.studies(), stripped, strict=True)]
    trees.write_corpus(root, listed)
    return trees.config(root, headers="official")


def with_empty_reports(root: Path) -> ReleaseConfig:
    trees.write_corpus(root, [study._replace(text=" \n") for study in trees.studies()])
    return trees.config(root)


def without_train(root: Path) -> ReleaseConfig:
    trees.write_corpus(root, [study for study in trees.studies() if study.split != "train"])
    return trees.config(root)


def subset_of_no_reports(root: Path) -> ReleaseConfig:
    without_reports(root)
    return trees.config(root, subset={"train": 2, "validate": 1, "test": 1})


CORPORA = [
    (without_reports, "there is not one report"),
    (subset_of_no_reports, "there is not one report"),
    (of_another_corpus, "12 reports are there, and none is of the 12 studies"),
    (with_empty_reports, "only 0 of 12 reports have text"),
    (without_train, "the split train has no studies"),
]


@pytest.mark.parametrize(("make", "what"), CORPORA)
def test_read_stops_over_nothing_and_doctor_says_the_same(
    tmp_path: Path, make: Callable[[Path], ReleaseConfig], what: str
) -> None:
    config = make(tmp_path / "corpus")
    workspace = Workspace(tmp_path / "work")
    with pytest.raises(HubkitError) as caught:
        run_one("read", config, workspace)
    assert what in caught.value.what
    assert caught.value.hint
    assert not workspace.manifest("read").exists()
    found = [finding for finding in examine(config, workspace) if finding.check == "corpus"]
    assert [(finding.status, finding.hint) for finding in found if what in finding.what] == [
        ("failed", caught.value.hint)
    ]


def test_reports_without_their_leading_blanks_stop_before_a_model_is_loaded(tmp_path: Path) -> None:
    config = without_leading_blanks(tmp_path / "corpus")
    workspace = Workspace(tmp_path / "work")
    run_one("read", config, workspace)
    (found,) = [finding for finding in examine(config, workspace) if "have a section" in finding.what]
    assert found.what.endswith("only 0 of 12 reports have a section that hubkit can tell")
    with pytest.raises(HubkitError, match="only 0 of 12 reports have a section that hubkit can tell") as caught:
        translate(config.model_copy(update={"corpus": config.corpus.model_copy(update={"kind": "demo"})}), workspace)
    assert caught.value.hint == found.hint
    assert "a line that begins with one blank" in str(found.hint)
    assert '[corpus] headers = "any"' in str(found.hint)


def test_reports_that_are_translated_whole_need_no_section(tmp_path: Path) -> None:
    config = without_leading_blanks(tmp_path / "corpus")
    whole = config.model_copy(update={"translation": config.translation.model_copy(update={"units": "report"})})
    run_one("read", whole, Workspace(tmp_path / "work"))
    assert not [finding for finding in doctor.corpus(whole, Workspace(tmp_path / "work")) if finding.status == "failed"]


def test_an_image_in_two_has_to_be_readable(tmp_path: Path) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies(3))
    listed = sorted((tmp_path / "corpus").rglob("*.jpg"))
    for path in listed[:4]:
        path.unlink()
    with pytest.raises(HubkitError, match="only 2 of 6 images of the selection can be read"):
        read(trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work").running("read", "key"))
    # A corpus of text alone asked for none.
    for path in listed[4:]:
        path.unlink()
    read(trees.config(tmp_path / "corpus"), Workspace(tmp_path / "work").running("read", "other"))


@pytest.mark.parametrize(("kept", "left_out", "passes"), [(0, 0, False), (0, 3, False), (1, 2, False), (2, 2, True)])
def test_a_split_needs_references(tmp_path: Path, kept: int, left_out: int, passes: bool) -> None:
    samples = Samples([None] * kept, list(range(left_out)))  # type: ignore[list-item]
    if passes:
        require_samples(samples, "test", Workspace(tmp_path))
        return
    with pytest.raises(HubkitError, match=f"only {kept} of {kept + left_out} test studies have a translated"):
        require_samples(samples, "test", Workspace(tmp_path))


def test_the_command_line(tmp_path: Path) -> None:
    without_reports(tmp_path / "corpus")
    settings = tmp_path / "hubkit.toml"
    settings.write_text('[corpus]\nroot = "corpus"\nsubset = "all"\n')
    arguments = ["read", "--config", str(settings), "--workspace", str(tmp_path / "work")]
    (tmp_path / "corpus/files").mkdir(exist_ok=True)
    told = CliRunner().invoke(cli, arguments)
    assert told.exit_code == 1
    assert "there is not one report" in str(told.exception)
    shutil.rmtree(tmp_path / "corpus/files")
