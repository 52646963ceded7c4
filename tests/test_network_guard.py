"""No test and no process that a test starts opens a connection that leads out of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ASKS = """
import socket
where = {where!r}
with socket.socket(socket.AF_INET, socket.{kind}) as asking:
    asking.settimeout(2)
    {call}
print("passed")
"""

CONNECT, SEND, LOOK_UP = "asking.connect(where)", "asking.sendto(b'x', where)", "socket.getaddrinfo(*where)"


@pytest.mark.parametrize(
    ("where", "kind", "call", "refused"),
    [
        # An address that is kept for documentation, and a name that cannot be.
        (("198.51.100.1", 443), "SOCK_STREAM", CONNECT, "connection to 198.51.100.1:443"),
        (("198.51.100.1", 443), "SOCK_DGRAM", SEND, "connection to 198.51.100.1:443"),
        (("hub.invalid", 443), "SOCK_STREAM", LOOK_UP, "look-up of hub.invalid"),
        (("198.51.100.1", 443), "SOCK_DGRAM", CONNECT, None),
        (("198.51.100.1", 443), "SOCK_STREAM", LOOK_UP, None),
        (("localhost", 443), "SOCK_STREAM", LOOK_UP, None),
    ],
)
def test_a_process_that_asks_for_the_network_is_refused_and_noted(
    tmp_path: Path, where: tuple[str, int], kind: str, call: str, refused: str | None
) -> None:
    notes = tmp_path / "notes"
    environment = {**os.environ, "HUBKIT_TESTS_CONNECTIONS": str(notes)}
    script = ASKS.format(where=where, kind=kind, call=call)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    if refused is None:
        assert (done.stdout, notes.exists()) == ("passed\n", False), done.stderr
    else:
        assert "tests stay on this machine" in done.stderr
        assert notes.read_text(encoding="utf-8").startswith(f"{refused} (tests/test_network_guard.py::")


def test_this_process_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBKIT_TESTS_CONNECTIONS", str(tmp_path / "notes"))
    with pytest.raises(OSError, match=r"198\.51\.100\.1:443 is elsewhere"):
        socket.create_connection(("198.51.100.1", 443), timeout=2)
    assert (tmp_path / "notes").exists()


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=2).close()


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "workers"])
def test_a_run_that_asked_fails(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Also where what asked has forgiven the refusal."""
    test = tmp_path / "test_asks.py"
    test.write_text(
        "import contextlib, socket\n\ndef test_asks():\n    with contextlib.suppress(OSError):\n"
        "        socket.create_connection(('198.51.100.1', 443), 1)\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    own = str(Path(__file__).parent)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join((own, environment["PYTHONPATH"]))
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:randomly", *options, str(test)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout
    assert "connection to 198.51.100.1:443" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
