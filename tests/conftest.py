"""What the tests of several packages start from."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="hubkit-tests-")
os.environ["HF_HOME"] = _HOME.name
# As `hubkit` itself does: two test processes with their children share two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="session")
def vision_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Gemma 3 vision-language model with random weights, 32-pixel images and a vocabulary of words."""
    from tiny_vision import build_vision_model

    return build_vision_model(tmp_path_factory.mktemp("vision"))


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What is asked of the disk, in order: ("fsync", file or folder), ("rename", new name), ("chmod", file)."""
    calls: list[tuple[str, str]] = []
    fsync, replace, rename, chmod = os.fsync, os.replace, os.rename, os.chmod

    def record_fsync(handle: int) -> None:
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}")).name))
        fsync(handle)

    def record_move(move: Callable[..., None]) -> Callable[..., None]:
        def recorded(source: Any, target: Any, **options: Any) -> None:
            calls.append(("rename", Path(target).name))
            move(source, target, **options)

        return recorded

    def record_chmod(path: Any, mode: int, **options: Any) -> None:
        calls.append(("chmod", Path(path).name))
        chmod(path, mode, **options)

    # pathlib looks these up in `os` when it is called.
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_move(replace))
    monkeypatch.setattr(os, "rename", record_move(rename))
    monkeypatch.setattr(os, "chmod", record_chmod)
    return calls
