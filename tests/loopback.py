"""Fixtures of the tests that speak to a Hub on loopback; a conftest.py imports those it needs."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from hubkit.hub import client, identity
from hubkit.localhub import Cast, LocalHub
from hubkit.localhub.server import run_for_parent


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    # The tests of a module share a Hub, and ask it more often than an account may in five minutes.
    with forked_hub(tmp_path_factory.mktemp("hub"), Cast(window=None)) as running:
        yield running


@contextlib.contextmanager
def forked_hub(root: Path, cast: Cast | None = None, port: int = 0) -> Iterator[LocalHub]:
    """A Hub in a process of its own, as `serve` starts it, but forked from this one.

    A new Python takes half a second of processor time to import the server, for each module of
    tests; here that is paid once. Tests that are about starting and ending a Hub call `serve`.
    """
    cast = cast or Cast()
    # What the server needs is imported before the fork.
    import uvicorn  # noqa: F401

    import hubkit.localhub.app  # noqa: F401

    its_input, end = os.pipe()
    announced, its_output = os.pipe()
    pid = os.fork()
    if not pid:
        _be_the_hub(root, cast, port, its_input, its_output)
    os.close(its_input)
    os.close(its_output)
    try:
        with os.fdopen(announced, encoding="utf-8") as lines:
            said = json.loads(lines.readline())
        yield LocalHub(said["url"], root.absolute(), cast.owner, said["tokens"], pid)
    finally:
        # It ends with its standard input.
        os.close(end)
        ended = os.pidfd_open(pid)
        if not select.select([ended], [], [], 10)[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(ended)
        os.waitpid(pid, 0)


def _be_the_hub(root: Path, cast: Cast, port: int, its_input: int, its_output: int) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(its_input, 0)
        os.dup2(its_output, 1)
        # Above all the ends of other Hubs' pipes: one that stays open here keeps its Hub running.
        # The numbers stay taken: objects of the tests' process, deleted here later, close theirs.
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in map(int, os.listdir("/proc/self/fd")):
            if number > 2 and number != nothing:
                os.dup2(nothing, number)
        sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
        code = run_for_parent(root, port, cast)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


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


def keep_downloads_in(patched: pytest.MonkeyPatch, home: Path) -> None:
    """Let the Hub's clients of this process keep what they download, and look for a token, there."""
    from huggingface_hub import constants

    patched.setenv("HF_HOME", str(home))
    places = {"HF_HOME": ".", "HF_HUB_CACHE": "hub", "HF_XET_CACHE": "xet", "HF_TOKEN_PATH": "token"}
    for name, folder in places.items():
        patched.setattr(constants, name, str(home / folder))


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No client of a test sees the cache or the token of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    keep_downloads_in(monkeypatch, home)
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
