"""Fixtures of the tests that speak to a Hub on loopback; a conftest.py imports those it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkit.hub import client, identity
from hubkit.localhub import Cast, LocalHub, serve


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    # The tests of a module share a Hub, and ask it more often than an account may in five minutes.
    with serve(tmp_path_factory.mktemp("hub"), cast=Cast(window=None)) as running:
        yield running


def point_clients(patched: pytest.MonkeyPatch, url: str) -> None:
    """Point the Hub's clients of this process at the Hub at `url`: they took an address when they were imported."""
    import transformers.utils.hub
    from huggingface_hub import constants, hf_api

    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    patched.setattr(constants, "ENDPOINT", url)
    patched.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + template[template.index("/{repo_id}") :])
    patched.setattr(hf_api.api, "endpoint", url)
    # Made when it is first asked for, by whichever test that was, and kept.
    patched.setattr(transformers.utils.hub, "_hf_api", None)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No client of a test sees the cache or the token of whoever runs it."""
    from huggingface_hub import constants

    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HF_HOME", str(home))
    for name, folder in {"HF_HOME": ".", "HF_HUB_CACHE": "hub", "HF_XET_CACHE": "xet"}.items():
        monkeypatch.setattr(constants, name, str(home / folder))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture(autouse=True)
def rehearsal(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the maintainer's, on the Hub on loopback."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["owner"])
    monkeypatch.setenv("HUBKIT_GRANTED_TOKEN", hub.tokens["granted"])
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(identity, "_KNOWN", {})
