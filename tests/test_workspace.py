"""What is in a workspace is whole: files appear at once or not at all, and one run works in it at a time."""

from __future__ import annotations

import ctypes
import errno
import inspect
import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubkit.digests import file_digest
from hubkit.disk import FullDiskError
from hubkit.errors import HubkitError
from hubkit.workspace import (
    Workspace,
    atomic,
    read_table,
    sync_all,
    sync_folder,
    write_json,
    write_table,
    write_tables,
    write_text,
)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.txt"
    with pytest.raises(KeyError), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert list(path.parent.iterdir()) == []
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert [file.read_text() for file in path.parent.iterdir()] == ["whole"]


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.write_text("before")
    with pytest.raises(KeyError), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]
    with atomic(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
        assert temporary.parent == path.parent, "a rename is atomic within one file system"
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600, "nobody else reads what is not whole"
    assert path.read_text() == "after"


@pytest.mark.parametrize(("umask", "mode"), [(0, 0o600), (0o022, 0o600), (0o027, 0o600), (0o177, 0o600)])
def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, disk_calls: list[tuple[str, Path]], umask: int, mode: int
) -> None:
    before = os.umask(umask)
    try:
        with atomic(tmp_path / "table.txt") as temporary:
            temporary.write_text("whole")
    finally:
        os.umask(before)
    assert disk_calls == [
        ("fsync", temporary),
        ("rename", tmp_path / "table.txt"),
        ("fsync", tmp_path),
    ]
    assert stat.S_IMODE((tmp_path / "table.txt").stat().st_mode) == mode


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    complaint = r"^/dev/shm/full: cannot be written: the disk is full: [\d.]+ GB free"
    with (
        pytest.raises(FullDiskError, match=complaint) as caught,
        atomic(Path("/dev/shm/full")) as temporary,
    ):
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 100_000)
    assert "free space there" in (caught.value.hint or "")


def test_other_failures_to_write_are_told_apart_from_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "table.txt"
    path.mkdir()
    (path / "kept").write_text("x")
    with (
        pytest.raises(HubkitError, match=r"table.txt: cannot be written: Is a dir") as caught,
        atomic(path),
    ):
        pass
    assert not isinstance(caught.value, FullDiskError)
    assert "fix the permissions" in (caught.value.hint or "")


def test_the_files_of_a_folder_are_on_the_disk_before_their_names(
    tmp_path: Path, disk_calls: list[tuple[str, Path]]
) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a", "b", "below/c"):
        (tmp_path / name).write_text(name)
    sync_folder(tmp_path)
    assert sorted(disk_calls[:-1]) == [("fsync", tmp_path / "a"), ("fsync", tmp_path / "b")]
    assert disk_calls[-1] == ("fsync", tmp_path)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_writing_leaves_no_file_open(tmp_path: Path) -> None:
    """A stage writes thousands of files, and a process may hold 1,024 open."""
    before = open_files()
    for name in ("a", "b"):
        write_text(tmp_path / name, name)
    sync_all(tmp_path)
    assert open_files() == before


class CLibrary:
    """A C library whose syncfs, where it has one, ends with an error number."""

    def __init__(self, syncfs: bool, number: int = 0) -> None:
        self.calls = list[str]()
        if syncfs:
            self.syncfs = lambda handle: self.end(os.readlink(f"/proc/self/fd/{handle}"), number)

    def end(self, path: str, number: int) -> int:
        self.calls.append(path)
        ctypes.set_errno(number)
        return -1 if number else 0


@pytest.mark.parametrize("syncfs", [True, False])
def test_a_file_system_is_synced_by_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syncfs: bool) -> None:
    library = CLibrary(syncfs)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: library)
    monkeypatch.setattr(os, "sync", lambda: library.calls.append("all"))
    sync_all(tmp_path)
    assert library.calls == ([str(tmp_path)] if syncfs else ["all"])


def test_what_cannot_be_synced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def library(_: None, use_errno: bool = False) -> CLibrary:
        # Without use_errno, ctypes knows no number.
        return CLibrary(True, errno.EIO if use_errno else 0)

    monkeypatch.setattr(ctypes, "CDLL", library)
    with pytest.raises(OSError, match="Input/output") as caught:
        sync_all(tmp_path)
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path))


def test_text_and_json_are_written_as_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "deep" / "er" / "text", "coração\n")
    assert (tmp_path / "deep" / "er" / "text").read_bytes() == "coração\n".encode()
    write_json(tmp_path / "value.json", {"b": "coração", "a": [1]})
    expected = '{\n  "b": "coração",\n  "a": [\n    1\n  ]\n}\n'
    assert (tmp_path / "value.json").read_bytes() == expected.encode()


def test_only_a_running_stage_has_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="running stage"):
        _ = Workspace(tmp_path).partial
    running = Workspace(tmp_path).running("score", "a" * 64)
    assert not (tmp_path / "partial").exists(), "the folder is made when it is used"
    running.forget_partial()
    Workspace(tmp_path).forget_partial()


def test_a_workspace_is_busy_while_a_run_holds_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert not workspace.busy()
    with workspace.lock():
        assert workspace.busy()
    assert not workspace.busy()


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        Workspace(tmp_path).lock(),
        pytest.raises(HubkitError, match="another hubkit works"),
        Workspace(tmp_path).lock(),
    ):
        pass


def test_a_workspace_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs" / "first")
    assert stat.S_IMODE(workspace.root.stat().st_mode) == 0o700


def test_where_each_artifact_lies(tmp_path: Path) -> None:
    """Guides name these paths, and a workspace of an earlier version has its files there."""
    workspace = Workspace(tmp_path)
    places = dict(inspect.getmembers(Workspace, lambda member: isinstance(member, property)))
    paths = {name: getattr(workspace, name) for name in places if name != "partial"}
    paths["zero-shot"] = workspace.generations("zero-shot")
    paths["second"] = workspace.review("second")
    paths["read"] = workspace.manifest("read")
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in paths.items()} == {
        "studies": "studies/studies.parquet",
        "selection": "studies/selection.json",
        "images": "studies/images",
        "machine_translations": "translations/translations.parquet",
        "machine_checks": "translations/checks.parquet",
        "thoughts": "translations/thoughts.json",
        "translator": "translations/translator.json",
        "translations": "revised/translations.parquet",
        "training_translations": "revised/training/translations.parquet",
        "checks": "revised/checks.parquet",
        "revision": "revised/revision.json",
        "adapter": "adapter",
        "log_history": "adapter/log_history.jsonl",
        "decoding": "generations/decoding.json",
        "zero-shot": "generations/zero-shot.parquet",
        "scores": "scores",
        "summary": "scores/summary.json",
        "subgroups": "scores/subgroups.json",
        "sensitivity": "sensitivity",
        "memorisation": "audit/memorisation.json",
        "dist": "dist",
        "physionet": "physionet",
        "receipt": "receipt.json",
        "verification": "verification.json",
        "salt": "salt.txt",
        "report": "report.html",
        "access_check": "physionet-access.json",
        "extremes": "scores/extremes.json",
        "second": "review/second",
        "read": "manifests/read.json",
    }


def test_a_workspace_that_is_only_readable_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere; the answer is that of a disk which is mounted read-only.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(HubkitError, match="no write access") as caught:
        Workspace(tmp_path)
    assert "--workspace" in (caught.value.hint or "")


def test_no_workspace_inside_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HubkitError, match="--workspace"):
        Workspace(tmp_path / "file" / "work")


@pytest.mark.parametrize(("content", "complaint"), [(None, "is missing"), (b"PAR1", "not a whole Parquet file")])
def test_a_broken_table_says_what_to_do(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "studies.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HubkitError, match=complaint):
        read_table(path)


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    table = pa.table({"study_id": list(range(1000)), "report": ["effusion"] * 1000})
    for name in ("a.parquet", "b.parquet"):
        write_table(tmp_path / name, table)
    assert file_digest(tmp_path / "a.parquet") == file_digest(tmp_path / "b.parquet")
    assert read_table(tmp_path / "a.parquet").equals(table)


def test_a_table_is_written_in_groups_of_rows(tmp_path: Path) -> None:
    tables = [pa.table({"study_id": [1, 2]}), pa.table({"study_id": [3]})]
    write_tables(tmp_path / "a.parquet", tables[0].schema, iter(tables))
    assert read_table(tmp_path / "a.parquet").equals(pa.concat_tables(tables))
    written = pq.ParquetFile(tmp_path / "a.parquet").metadata
    groups = [written.row_group(number) for number in range(written.num_row_groups)]
    assert [group.num_rows for group in groups] == [2, 1]
    assert {group.column(0).compression for group in groups} == {"ZSTD"}


FOLDER = {"a": "1", "b": "2", "deep/c": ""}


def write_folder(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "same"),
    [
        (dict(reversed(FOLDER.items())), True),
        ({"a": "1", "z": "2", "deep/c": ""}, False),
        ({"a": "2", "b": "1", "deep/c": ""}, False),
        ({"a": "1", "b": "3", "deep/c": ""}, False),
        ({"a": "1", "b": "2", "c": ""}, False),
        ({"a": "1", "b": "2", "other/c": ""}, False),
        ({"a": "1", "b": "2"}, False),
        ({"a": "12", "b": "", "deep/c": ""}, False),
    ],
    ids=["order", "renamed", "swapped", "changed", "moved up", "folder renamed", "empty file gone", "text moved"],
)
def test_the_digest_of_a_folder_follows_names_and_contents(tmp_path: Path, files: dict[str, str], same: bool) -> None:
    before = file_digest(write_folder(tmp_path / "before", FOLDER))
    assert (file_digest(write_folder(tmp_path / "after", files)) == before) == same


def test_the_digest_of_a_file_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "empty").mkdir()
    digests = [file_digest(tmp_path / name) for name in ("file", "empty", "none")]
    assert digests[2] == "missing"
    assert len(set(digests)) == 3


def test_checkpoints_of_other_inputs_go_away(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (workspace.running("translate", "a" * 64).partial / "part-0").write_text("old")
    (workspace.running("finetune", "c" * 64).partial / "part-0").write_text("other stage")
    assert not any(workspace.running("translate", "b" * 64).partial.iterdir())
    assert not (tmp_path / "partial" / ("translate-" + "a" * 16)).exists()
    assert any(workspace.running("finetune", "c" * 64).partial.iterdir())


def test_a_process_that_joins_leaves_the_checkpoints_of_others_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    kept = workspace.running("finetune", "a" * 64).partial / "part-0"
    kept.write_text("of the process that began")
    assert workspace.running("finetune", "a" * 64).partial == kept.parent
    workspace.running("finetune", "b" * 64, joins=True)
    assert kept.exists()


def test_the_checkpoints_of_a_stage_go_away_when_it_is_done(tmp_path: Path) -> None:
    done, other = (Workspace(tmp_path).running(name, "a" * 64) for name in ("score", "generate"))
    for running in (done, other):
        (running.partial / "part-0").write_text("x")
    done.forget_partial()
    assert [path.name for path in (tmp_path / "partial").iterdir()] == ["generate-" + "a" * 16]
