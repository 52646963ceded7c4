"""Every command of the README is run: here, in an empty folder with an empty home, or by .ci/run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import keep_downloads_in, point_clients

from hubkit.cli import main

CHECKOUT = Path(__file__).parent.parent

RUN_BY_CI = ("make demo", "make test")

RUN_BY_THE_WHEEL = ('pip install ".[release]"',)

HERE = {
    "hubkit init": (0, "hubkit doctor"),
    "hubkit doctor": (1, "hubkit fetch"),
    "hubkit fetch --check": (1, "PHYSIONET_USERNAME"),
    "hubkit fetch": (1, "PHYSIONET_USERNAME"),
    "hubkit release --dry-run": (0, "read       run   not done yet"),
    "hubkit release": (1, "mimic-cxr"),
    "hubkit report": (0, "report.html (holds text of the corpus: keep it here)"),
    "hubkit status": (0, "read       not done yet"),
    "hubkit score --table md": (1, "summary.json: is missing"),
    "hubkit check pairs.csv": (1, "negation_dropped"),
    "hubkit push --dry-run": (1, "hubkit"),
    "hubkit access list": (1, "hubkit"),
}
"""Exit code, and what is said, where there is nothing yet; what is said names what is missing and what helps."""

SERVED = "hubkit hub serve --root hub --owner NAMESPACE"


def commands() -> list[str]:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_no_command_is_left_out() -> None:
    assert set(commands()) == {*RUN_BY_CI, *RUN_BY_THE_WHEEL, *HERE, SERVED}


def test_ci_and_the_makefile_have_theirs() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
    assert [command for command in RUN_BY_CI if command not in script] == []
    assert "[release]" in (CHECKOUT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "pairs.csv").write_text(
        "source,translation\nNo pleural effusion.,Há derrame pleural.\nThe heart is normal.,O coração é normal.\n"
    )
    return folder


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUBKIT_", "PHYSIONET_"))}
    # A port where nothing listens: these commands must not reach for the real Hub.
    return {**kept, "HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(home / "hf")}


@pytest.fixture
def newcomer(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process in an empty folder, with an empty home and without a Hub."""
    monkeypatch.chdir(home)
    for name in os.environ.keys() - environment(home).keys():
        monkeypatch.delenv(name)
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    point_clients(monkeypatch, os.environ["HF_ENDPOINT"])
    keep_downloads_in(monkeypatch, home / "hf")
    umask = os.umask(0o022)
    yield home
    os.umask(umask)


@pytest.mark.parametrize("command", [command for command in HERE if command != "hubkit init"])
def test_a_command_says_what_is_there_or_missing(
    newcomer: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if not (newcomer / "hubkit.toml").exists():
        assert run_here("hubkit init", monkeypatch) == 0
    exit_code, said = HERE[command]
    assert run_here(command, monkeypatch) == exit_code
    assert said in "".join(capfd.readouterr())


def run_here(command: str, patched: pytest.MonkeyPatch) -> int:
    """The exit code of a command that runs in this process; its own errors are no exceptions."""
    patched.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_command_is_a_program(home: Path) -> None:
    (home / "hubkit.toml").unlink(missing_ok=True)
    program = [sys.executable, "-m", "hubkit", "init"]
    done = subprocess.run(program, cwd=home, env=environment(home), capture_output=True, text=True)
    exit_code, said = HERE["hubkit init"]
    assert (done.returncode, done.stderr) == (exit_code, "")
    assert said in done.stdout


def test_the_hub_is_served(home: Path) -> None:
    program = [sys.executable, "-m", *SERVED.split(), "--port", "0"]
    with subprocess.Popen(program, cwd=home, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "http://127.0.0.1:" in "".join(process.stdout.readline() for _ in range(3))
        finally:
            process.terminate()
