"""A full disk is one line: where, what is free, what is needed, and that the same command continues."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from safetensors import SafetensorError

from hubkit import release
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config
from hubkit.disk import FullDiskError, full_disk, is_full
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.room import SMALL, image_bytes, stage_bytes
from hubkit.stages import Stage
from hubkit.workspace import Workspace, atomic

FULL = OSError(errno.ENOSPC, "No space left on device")


def caused_by(cause: BaseException) -> Exception:
    error = RuntimeError("cannot save")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (FULL, True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (pa.ArrowIOError("error writing bytes to file. Detail: [errno 28] No space left on device"), True),
        (SafetensorError("I/O error: No space left on device (os error 28)"), True),
        (caused_by(FULL), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (ValueError("28 rows"), False),
        (OSError(errno.EFBIG, "File too large"), False),
    ],
)
def test_what_counts_as_a_full_disk(tmp_path: Path, error: Exception, full: bool) -> None:
    assert is_full(error) == full
    with (
        pytest.raises(FullDiskError if full else type(error)),
        full_disk(tmp_path, lambda: "much"),
    ):
        raise error


@pytest.mark.parametrize("where", ["inside", "elsewhere"])
def test_what_is_needed_is_said_of_the_folder_that_needs_it(tmp_path: Path, where: str) -> None:
    file = tmp_path / ("work/part.bin" if where == "inside" else "cache/model.bin")
    with pytest.raises(FullDiskError) as caught, full_disk(tmp_path / "work", lambda: "translate needs about 0.2 GB"):
        raise OSError(errno.ENOSPC, "No space left on device", str(file))
    assert caught.value.where == str(file)
    assert ("translate needs about 0.2 GB" in caught.value.what) == (where == "inside")
    assert caught.value.what.startswith("cannot be written: the disk is full: ")
    assert caught.value.hint == "free space there and run the same command again: it continues where it stopped"


def by_a_library(config: ReleaseConfig, workspace: Workspace) -> None:
    raise FULL


def by_hubkit(config: ReleaseConfig, workspace: Workspace) -> None:
    with atomic(workspace.root / "full") as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_text("x" * 100_000)


@pytest.mark.parametrize("raised", ["by_a_library", "by_hubkit"])
def test_a_stage_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str) -> None:
    stage = Stage("translate", f"{__name__}:{raised}", (), lambda work: [], lambda work: [])
    monkeypatch.setattr(release, "STAGES", [stage])
    with pytest.raises(HubkitError, match=r"GB free, translate needs about 0\.1 GB in all") as caught:
        run_one("translate", ReleaseConfig(), Workspace(tmp_path))
    assert caught.value.where == str(tmp_path / ("full" if raised == "by_hubkit" else ""))
    assert "\n" not in str(caught.value)


def test_what_a_stage_writes_is_counted_beforehand(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    config = parse_config({"corpus": {"subset": {"train": 6, "validate": 2, "test": 2}, "image_size": 100}})
    assert image_bytes(20, config) == 70_000
    assert stage_bytes("read", config, workspace) == SMALL + 10 * 8_000 + 70_000
    assert stage_bytes("score", config, workspace) == SMALL + 10 * 8_000
    whole = parse_config({"corpus": {"subset": "all", "max_images": 1, "image_size": 100}})
    assert stage_bytes("read", whole, workspace) == SMALL + 227_835 * (8_000 + 3_500)
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/adapter_model.safetensors").write_bytes(b"x" * 1000)
    assert stage_bytes("package", config, workspace) == SMALL + 10 * 8_000 + 2_000


@pytest.mark.parametrize(("name", "where"), [(None, None), ("/somewhere/file", "/somewhere/file")])
def test_a_command_says_where_a_disk_is_full_only_where_it_knows(
    monkeypatch: pytest.MonkeyPatch, name: str | None, where: str | None
) -> None:
    def full(*arguments: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr("hubkit.config.template", full)
    error = CliRunner().invoke(cli, ["settings"]).exception
    assert isinstance(error, HubkitError)
    assert (error.where, "GB free" in error.what) == (where, where is not None)
