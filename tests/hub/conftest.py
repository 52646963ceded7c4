from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from huggingface_hub import HfApi
from interposed import Interposed, interpose
from loopback import hub, own_home, rehearsal

from hubkit.localhub import LocalHub

__all__ = ["hub", "own_home", "rehearsal"]


@pytest.fixture
def front(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Interposed]:
    """A proxy through which this process reaches the Hub; what clients wait between attempts is cut short."""
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.01)))
    with interpose(hub.url) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.url)
        yield proxy


@pytest.fixture
def direct(hub: LocalHub) -> HfApi:
    """The owner at the Hub itself, past any proxy."""
    return HfApi(endpoint=hub.url, token=hub.tokens["owner"])
