"""What the tests of several packages start from."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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
