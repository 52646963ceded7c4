"""A digest follows content; with an index, size and time of change tell which content has to be read again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from hubkit import digests, release
from hubkit.config import ReleaseConfig
from hubkit.digests import Entry, append_index, changing, entry_of, file_digest, index_of, read_index, unchanged
from hubkit.release import plan, record
from hubkit.stages import Stage
from hubkit.workspace import Workspace

OLD_NS = 10**18
"""A time of change long ago."""


def of_0_1_0(folder: Path) -> str:
    """The digest of a folder as manifests hold it since the first version."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    listed = [(file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Names whose order differs between texts and paths, a link, and an index."""
    folder = tmp_path / "images"
    for name in ("a/z", "a-b", "a.jpg", "ab/c/d", "ä b.jpg", "Z"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
        os.utime(folder / name, ns=(OLD_NS, OLD_NS))
    (folder / "link").symlink_to(folder / "Z")
    (folder / "again").symlink_to(folder / "ab")
    return folder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the content of each file is read."""
    counts: Counter[str] = Counter()
    content = digests._content_digest

    def counted(path: str | Path) -> str:
        counts[Path(path).name] += 1
        return content(path)

    monkeypatch.setattr(digests, "_content_digest", counted)
    return counts


def indexed(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    append_index(folder, {path.relative_to(folder).as_posix(): entry_of(path) for path in files})


def test_the_digest_is_that_of_every_earlier_version(folder: Path) -> None:
    before = of_0_1_0(folder)
    assert file_digest(folder) == before
    indexed(folder)
    assert file_digest(folder) == before


@pytest.mark.parametrize(
    ("content", "changed", "reread"),
    [("a-b", 0, False), ("a-b", 1, True), ("A-B", 1, True), ("longer", 0, True)],
    ids=["as it was", "touched", "other text", "other size"],
)
def test_what_the_index_knows_is_not_read(
    folder: Path, read: Counter[str], content: str, changed: int, reread: bool
) -> None:
    indexed(folder)
    (folder / "a-b").write_text(content)
    os.utime(folder / "a-b", ns=(OLD_NS + changed, OLD_NS + changed))
    expected = of_0_1_0(folder)
    read.clear()
    assert file_digest(folder) == expected
    assert read == ({"a-b": 1} if reread else {})


def test_a_torn_index_costs_a_reading_and_no_more(folder: Path, read: Counter[str]) -> None:
    expected = of_0_1_0(folder)
    indexed(folder)
    text = index_of(folder).read_bytes()
    read.clear()
    for kept in range(0, len(text), 7):
        index_of(folder).write_bytes(text[:kept])
        assert file_digest(folder) == expected
    assert read["Z"] > 0
    append_index(folder, {"Z": Entry("0" * 64, 1, 1)})
    assert read_index(folder)["Z"] == Entry("0" * 64, 1, 1), "the last line of a name counts"


def test_a_large_folder_of_before_gets_an_index(
    folder: Path, read: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file_digest(folder)
    assert not index_of(folder).exists()
    monkeypatch.setattr(digests, "MANY", 3)
    (folder / "new").write_text("changed a moment ago")
    os.utime(folder / "new", ns=(time.time_ns(), time.time_ns()))
    file_digest(folder)
    read.clear()
    assert file_digest(folder) == of_0_1_0(folder)
    assert read == {"new": 1}
    assert index_of(folder).stat().st_mode & 0o077 == 0


def test_a_path_is_digested_once_while_nothing_changes(folder: Path, read: Counter[str]) -> None:
    path = folder / "Z"
    with unchanged():
        before = file_digest(path)
        assert (file_digest(path), read["Z"]) == (before, 1)
        with changing():
            path.write_text("B")
            assert file_digest(path) != before
            path.write_text("C")
        assert file_digest(path) == hashlib.sha256(b"C").hexdigest()
        assert read["Z"] == 3
    path.write_text("D")
    assert file_digest(path) == hashlib.sha256(b"D").hexdigest()


def test_a_plan_reads_every_file_once(tmp_path: Path, read: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, config = Workspace(tmp_path), ReleaseConfig()

    def writes(name: str) -> Path:
        return workspace.root / name

    stages = [
        Stage("one", "-:-", (), lambda work: [], lambda work: [writes("one"), writes("images")]),
        Stage("two", "-:-", (), lambda work: [writes("one"), writes("images")], lambda work: [writes("two")]),
        Stage("three", "-:-", (), lambda work: [writes("one"), writes("two")], lambda work: [writes("three")]),
    ]
    monkeypatch.setattr(release, "STAGES", stages)
    writes("images").mkdir()
    for name in ("one", "two", "three", "images/a.jpg"):
        writes(name).write_text(name)
    for stage in stages:
        record(stage, config, workspace, stage.key(config, workspace), 0.0)
    read.clear()
    assert [step.action for step in plan(config, workspace)] == ["skip"] * 3
    assert read == dict.fromkeys(("one", "two", "three", "a.jpg"), 1)
