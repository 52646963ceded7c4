"""Two runs at once: the second is told who holds the folder and what to do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from hubkit.errors import HubkitError
from hubkit.locks import only_one


def hold(path: Path) -> None:
    with only_one(path, "works in this workspace", "use --workspace"):
        pass


def test_the_second_is_told_what_to_do(tmp_path: Path) -> None:
    with (
        only_one(tmp_path / ".lock", "works in this workspace", "use --workspace"),
        pytest.raises(HubkitError) as caught,
    ):
        hold(tmp_path / ".lock")
    assert re.fullmatch(
        rf"another hubkit works in this workspace \(process {os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC\)",
        caught.value.what,
    )
    assert caught.value.where == str(tmp_path)
    stop = f"or stop it with: kill -INT {os.getpid()} (it can be continued)"
    assert caught.value.hint == f"wait until it ends, {stop}; use --workspace"
    hold(tmp_path / ".lock")


@pytest.mark.parametrize(
    ("signature", "who", "stop"),
    [
        (b"", "", ""),
        (b"not json", "", ""),
        (b'{"pid": "x", "host": "h", "since": "s"}', "", ""),
        (b'{"pid": 7, "host": "node7.example", "since": "2026-01-01 10:00 UTC"}', " (process 7 on node7.example", ""),
    ],
)
def test_who_holds_it_is_said_as_far_as_it_is_known(tmp_path: Path, signature: bytes, who: str, stop: str) -> None:
    path = tmp_path / ".lock"
    with only_one(path, "works in this workspace", "use --workspace"):
        path.write_bytes(signature)
        with pytest.raises(HubkitError) as caught:
            hold(path)
    assert caught.value.what.startswith(f"another hubkit works in this workspace{who}")
    assert caught.value.hint == f"wait until it ends{stop}; use --workspace"


def test_a_lock_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HubkitError, match="cannot be written"):
        hold(tmp_path / ".lock")
    assert (tmp_path / "elsewhere").read_text() == "kept"
