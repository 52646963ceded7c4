from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkit.checks.hunspell import VARIABLE, word_list

SMALL = Path(__file__).with_name("words") / "small.dic"


@pytest.fixture
def small_words(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let the checks read a dictionary of a few words."""
    monkeypatch.setenv(VARIABLE, str(SMALL))
    word_list.cache_clear()
    yield SMALL
    word_list.cache_clear()


@pytest.fixture
def no_words(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, "")
    word_list.cache_clear()
    yield
    word_list.cache_clear()
