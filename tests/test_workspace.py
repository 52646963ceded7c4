"""What is in a workspace is whole: files appear at once or not at all, and one run works in it at a time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from hubkit.errors import HubkitError
from hubkit.workspace import Workspace, atomic, file_digest, read_table, write_table


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.txt"
    with pytest.raises(KeyError), atomic(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert list(path.parent.iterdir()) == []
    with atomic(path) as temporary:
        temporary.write_text("whole")
    assert [file.read_text() for file in path.parent.iterdir()] == ["whole"]


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    with pytest.raises(HubkitError, match=r"full: cannot be written"), atomic(Path("/dev/shm/full")) as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 100_000)


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with (
        Workspace(tmp_path).lock(),
        pytest.raises(HubkitError, match="another hubkit works"),
        Workspace(tmp_path).lock(),
    ):
        pass


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


def test_the_digest_of_a_folder_follows_names_and_contents(tmp_path: Path) -> None:
    seen = [file_digest(tmp_path / "none")]
    (tmp_path / "folder").mkdir()
    seen.append(file_digest(tmp_path / "folder"))
    for name, text in [("a", "1"), ("a", "2"), ("b", "2")]:
        (tmp_path / "folder" / name).write_text(text)
        seen.append(file_digest(tmp_path / "folder"))
    assert len(set(seen)) == len(seen)


def test_checkpoints_of_other_inputs_go_away(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (workspace.running("translate", "a" * 64).partial / "part-0").write_text("old")
    (workspace.running("finetune", "c" * 64).partial / "part-0").write_text("other stage")
    assert not any(workspace.running("translate", "b" * 64).partial.iterdir())
    assert not (tmp_path / "partial" / ("translate-" + "a" * 16)).exists()
    assert any(workspace.running("finetune", "c" * 64).partial.iterdir())
