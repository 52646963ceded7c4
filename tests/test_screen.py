"""What a terminal shows fits it; what a pipe gets is a line for each thing."""

from __future__ import annotations

import importlib
import os
import pty
import re
import sys
from pathlib import Path

import forked
import pytest
from loopback import point_clients

from hubkit.cli import main
from hubkit.screen import fold

LINE = "failed   model: lab/base: http://127.0.0.1:35287 does not answer (check the network and --some-option)"


@pytest.mark.parametrize(
    ("line", "width", "indent", "expected"),
    [
        (LINE, 0, 9, LINE),
        (LINE, 200, 9, LINE),
        (
            LINE,
            60,
            9,
            "failed   model: lab/base: http://127.0.0.1:35287 does not\n"
            "         answer (check the network and --some-option)",
        ),
        ("dataset  http://127.0.0.1:35287/a", 20, 9, "dataset\n         http://127.0.0.1:35287/a"),
        ("a-long-name-with-hyphens that-goes-on", 30, 2, "a-long-name-with-hyphens\n  that-goes-on"),
    ],
)
def test_lines_are_folded_between_words(line: str, width: int, indent: int, expected: str) -> None:
    assert fold(line, width, indent) == expected


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_shows_no_line_that_is_wider(width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hubkit doctor` where there is nothing: its lines are the longest."""
    # What doctor imports takes seconds. Here that is paid once, and the process that has the terminal is forked.
    importlib.import_module("peft")
    (tmp_path / "hubkit.toml").write_text('[hub]\nnamespace = "lab"\nendpoint = "http://127.0.0.1:9"\n')
    point_clients(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hubkit", "doctor"])
    for name, value in {"COLUMNS": str(width), "NO_COLOR": "1", "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    parent, child = pty.openpty()
    # By the number, which the other process has as well: the terminal ends when nobody has it open any more.
    process = forked.start(main, Path(f"/proc/self/fd/{child}"))
    os.close(child)
    said = b""
    while True:
        try:
            part = os.read(parent, 4096)
        except OSError:  # Linux ends a terminal so
            break
        if not part:
            break
        said += part
    os.close(parent)
    assert forked.exit_code(process) == 1, said.decode()
    lines = said.decode().replace("\r", "").splitlines()
    assert any(line.startswith(" " * 9) for line in lines), lines
    assert [line for line in lines if len(line) > width and not re.search(r"\S{60}", line)] == []
