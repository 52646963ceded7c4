"""The demo where a disk is full, and where another one runs."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkit.cli import cli
from hubkit.errors import HubkitError
from hubkit.locks import only_one


@pytest.fixture(autouse=True)
def own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo sets variables of its process; they go with the test."""
    for name in ("HF_HOME", "HF_TOKEN", "HF_ENDPOINT", "HUBKIT_GRANTED_TOKEN", "HUBKIT_UNGRANTED_TOKEN"):
        monkeypatch.setenv(name, os.environ.get(name, ""))


def release_demo(workspace: Path) -> HubkitError:
    result = CliRunner().invoke(cli, ["release", "--demo", "--workspace", str(workspace)])
    assert isinstance(result.exception, HubkitError)
    return result.exception


def test_a_full_disk_is_named_by_its_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(root: Path) -> None:
        # As Pillow raises it: without a file's name.
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hubkit.demo.corpus.write_corpus", full)
    # A demo begins before any of the Hub's clients is imported; here another test may have imported them.
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants", raising=False)
    error = release_demo(tmp_path / "work")
    assert error.where == str(tmp_path / "work")
    assert "the disk is full" in error.what
    assert error.what.endswith("the demo needs about 0.3 GB in all")


def test_a_second_demo_is_told_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with only_one(tmp_path / "work" / ".demo.lock", "", ""):
        error = release_demo(tmp_path / "work")
    assert error.what.startswith("another hubkit runs the demo in this workspace")
    assert str(error.hint).endswith("another demo needs a workspace of its own: --workspace")
