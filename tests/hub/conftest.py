from __future__ import annotations

import pytest
from loopback import hub, own_home

from hubkit.hub import client
from hubkit.localhub import LocalHub

__all__ = ["hub", "own_home"]


@pytest.fixture(autouse=True)
def rehearsal(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the maintainer's, on the Hub on loopback."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["owner"])
    monkeypatch.setenv("HUBKIT_GRANTED_TOKEN", hub.tokens["granted"])
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.05)
