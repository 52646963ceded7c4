"""The training of the demo's models gives the same bytes each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hubkit.digests import file_digest


@pytest.mark.long
def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    for out in ("first", "again"):
        command = [
            sys.executable,
            "-m",
            "demo_models.train",
            str(tmp_path / out),
            "--only",
            "bertimbau",
            "--steps",
            "2",
        ]
        subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "first" / "bertimbau" / "model.safetensors").is_file()
    assert file_digest(tmp_path / "first") == file_digest(tmp_path / "again")
