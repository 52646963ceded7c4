"""What the tests of several packages start from."""

from __future__ import annotations

import datetime
import gc
import os
import runpy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import certifi
import hypothesis
import pytest

_HOME = tempfile.TemporaryDirectory(prefix="hubkit-tests-")
os.environ["HF_HOME"] = _HOME.name
# What the checks say must not turn on which dictionaries a machine has.
os.environ["HUBKIT_HUNSPELL"] = ""
# As `hubkit` itself does: two test processes with their children share two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Models of a few thousand weights: threads would wait for one another longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Nothing is compiled here. bitsandbytes names a compiler for optimisers that the tests do not use, and PyTorch would
# import it: 1.5 s in each process that trains.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

# Nothing may tell anybody that the tests ran.
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

GUARD = Path(__file__).with_name("network_guard")
NOTES = "HUBKIT_TESTS_CONNECTIONS"
# One file for all of a run: what a worker of pytest-xdist notes has to fail the process that speaks for it.
_CONNECTIONS = Path(os.environ[NOTES] if "PYTEST_XDIST_WORKER" in os.environ else f"{_HOME.name}/connections")
os.environ[NOTES] = str(_CONNECTIONS)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(GUARD), os.environ.get("PYTHONPATH"))))
runpy.run_path(str(GUARD / "sitecustomize.py"))

_CERTIFICATES = os.environ.get("SSL_CERT_FILE")


def _trust_one_certificate() -> None:
    """Name a bundle of one certificate: nothing on loopback is encrypted but what brings its own.

    httpx reads the bundle for each client that it makes, and the usual one, of 140, takes 20 ms.
    """
    first, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    bundle = Path(_HOME.name) / "one-certificate.pem"
    bundle.write_text(first + end, encoding="utf-8")
    os.environ["SSL_CERT_FILE"] = str(bundle)


_trust_one_certificate()

# The same examples in every run of the suite; `make long` draws more, and others each time.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("long", max_examples=1000, deadline=None)
hypothesis.settings.load_profile("suite")


# What is imported and collected stays to the end: no search for garbage looks at it, now or later.
gc.disable()


def pytest_collection_finish() -> None:
    """Search for garbage from here on, in what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name connections that were refused, and the seed of the tests' order: with -q, pytest leaves out the header in
    which pytest-randomly does."""
    if refused := _refused():
        terminalreporter.section("asked of the network, and refused", red=True)
        terminalreporter.write(refused)
    seed = getattr(config.option, "randomly_seed", None)
    if seed is not None and config.option.randomly_reorganize:
        terminalreporter.write_line(f"random order, the same again with --randomly-seed={seed}")


def _refused() -> str:
    return _CONNECTIONS.read_text(encoding="utf-8") if _CONNECTIONS.exists() else ""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which anything asked for a connection that leads out of this machine."""
    if "connection to" in _refused() and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def environment_as_before() -> Iterator[None]:
    """Take back what commands write into the environment: a later test may start a process with it."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="module")
def package_index() -> Iterator[None]:
    """For a module that installs packages: it trusts again what the machine trusts, and may ask for them."""
    with mock.patch.dict(os.environ):
        del os.environ[NOTES]
        del os.environ["SSL_CERT_FILE"]
        if _CERTIFICATES is not None:
            os.environ["SSL_CERT_FILE"] = _CERTIFICATES
        yield


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> datetime.date:
    """The day that it is while the test runs, whenever that may be: no test waits for midnight or fails after it."""
    noon = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return noon.astimezone(tz) if tz else noon.replace(tzinfo=None)

    monkeypatch.setattr(datetime, "datetime", Clock)
    return noon.date()


@pytest.fixture(scope="session")
def vision_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Gemma 3 vision-language model with random weights, 32-pixel images and a vocabulary of words."""
    from tiny_vision import build_vision_model

    return build_vision_model(tmp_path_factory.mktemp("vision"))


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked of the disk, in order: ("fsync", file or folder), ("rename", new name), ("chmod", file)."""
    calls: list[tuple[str, Path]] = []
    fsync, replace, rename, chmod = os.fsync, os.replace, os.rename, os.chmod

    def record_fsync(handle: int) -> None:
        calls.append(("fsync", Path(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def record_move(move: Callable[..., None]) -> Callable[..., None]:
        def recorded(source: Any, target: Any, **options: Any) -> None:
            calls.append(("rename", Path(target)))
            move(source, target, **options)

        return recorded

    def record_chmod(path: Any, mode: int, **options: Any) -> None:
        calls.append(("chmod", Path(path)))
        chmod(path, mode, **options)

    # pathlib looks these up in `os` when it is called.
    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_move(replace))
    monkeypatch.setattr(os, "rename", record_move(rename))
    monkeypatch.setattr(os, "chmod", record_chmod)
    return calls
