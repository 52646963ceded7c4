from __future__ import annotations

from pathlib import Path

import pytest
from sealed_folder import keyring, write_corpus, write_sealed

from hubkit.custody.sealed import Keyring


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees the digests or the corpus of whoever runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("MIMIC_CXR_ROOT", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def keys(corpus: Path) -> Keyring:
    return keyring(corpus)


@pytest.fixture(scope="session")
def release(keys: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed release that no test changes."""
    return write_sealed(tmp_path_factory.mktemp("sealed") / "mimic-cxr-ptbr", keys)
