"""The command line is light, every command has help, and a mistake is one line with its exit code."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from hubkit import __version__
from hubkit.cli import COMMANDS, SECTIONS, cli, main
from hubkit.cli._options import config_option
from hubkit.config import ReleaseConfig
from hubkit.stages import STAGES

HEAVY = "torch transformers datasets evaluate pyarrow huggingface_hub numpy pandas trl peft matplotlib starlette"


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    code = (
        "import importlib, sys; from hubkit.cli import COMMANDS;"
        "[importlib.import_module(f'hubkit.cli.{name}') for name in COMMANDS];"
        f"print(*[name for name in '{HEAVY}'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.split("\n\n")[1].strip()) > 20


@pytest.mark.parametrize(
    ("arguments", "exit_code", "line"),
    [
        (["release", "--config", "none.toml"], 2, "hubkit: none.toml: no such file (write one with: hubkit init)"),
        (["release", "--config", "typo.toml"], 2, "hubkit: typo.toml: unknown key corpus.roott"),
        (["release", "--config", "right.toml", "--until", "sing"], 2, "hubkit: there is no stage sing (stages: read,"),
        (["release", "--config", "right.toml", "--until", "read"], 1, "missing"),
        (
            ["release", "--config", "key.toml", "--dry-run"],
            2,
            "hubkit: [finetuning.trainer] nonsense: SFTConfig has no",
        ),
        (["release", "--config", "sweep.toml", "--dry-run"], 2, "hubkit: [finetuning.sweep] model: cannot be swept"),
        (["finetune", "--config", "right.toml", "--launch", "--processes", "3"], 2, "3 processes cannot share 16"),
        (["finetune", "--config", "right.toml", "--processes", "2"], 2, "hubkit: --processes: starts no process by"),
        (["init", "right.toml"], 2, "hubkit: right.toml: exists already (for a list of the settings: hubkit settings;"),
        (["release", "--config", "right.toml", "--workspace", "right.toml/work"], 1, "--workspace"),
        (["sing"], 2, "No such command 'sing'"),
        (["transalte"], 2, "No such command 'transalte'. Did you mean 'translate'?"),
        (["settings", "translate"], 2, "there is no table translate (tables: release, corpus, translation,"),
        (
            ["withdraw", "--config", "right.toml", "--confirm", "release-0.9.0"],
            2,
            "--confirm is release-0.9.0, but the tag is release-1.0.0; for another version: --tag release-0.9.0",
        ),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    exit_code: int,
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("typo.toml").write_text("[corpus]\nroott = 'x'\n")
    Path("right.toml").write_text("[corpus]\nroot = 'missing'\n")
    Path("key.toml").write_text("[finetuning.trainer]\nnonsense = 1\n")
    Path("sweep.toml").write_text("[finetuning.sweep]\nmodel = ['x']\n")
    monkeypatch.setattr(sys, "argv", ["hubkit", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == exit_code
    said = capsys.readouterr().err
    assert line in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("package", "extra"), [("ray", "ray"), ("datatrove.executor", "release"), ("torch", "release")]
)
def test_a_package_that_is_missing_is_named_with_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], package: str, extra: str
) -> None:
    @click.command()
    def command() -> None:
        raise ModuleNotFoundError(name=package)

    monkeypatch.setattr(cli, "get_command", lambda context, name: command)
    monkeypatch.setattr(sys, "argv", ["hubkit", "read"])
    with pytest.raises(SystemExit) as left:
        main()
    hint = f'in your copy of hubkit: pip install ".[{extra}]"'
    assert left.value.code == 2
    assert capsys.readouterr().err == f"hubkit: the package {package} is missing ({hint})\n"


def test_what_brings_it_comes_from_the_configured_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @click.command()
    @config_option
    def command(config: ReleaseConfig) -> None:
        raise ModuleNotFoundError(name="torch")

    address = f"git+https://host.example/hubkit@{'0' * 40}"
    (tmp_path / "hubkit.toml").write_text(f'[release]\ninstall = "{address}"\n')
    monkeypatch.setattr(cli, "get_command", lambda context, name: command)
    monkeypatch.setattr(sys, "argv", ["hubkit", "read", f"--config={tmp_path / 'hubkit.toml'}"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err.endswith(f'(pip install "hubkit-release[release] @ {address}")\n')


def test_the_help_groups_every_command_and_cuts_nothing() -> None:
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert sorted(name for names in SECTIONS.values() for name in names) == COMMANDS
    places = [shown.index(f"\n{title}:\n") for title in SECTIONS]
    assert places == sorted(places)
    assert "..." not in shown.partition("Options:")[2]
    assert "Others" not in shown
    rows = [line for line in shown.splitlines() if re.match(r"  \w+ {2,}\S", line)]
    assert sorted(line.split()[0] for line in rows if line.split()[0] in COMMANDS) == COMMANDS
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["hubkit", "release", "--from", ""], [stage.name for stage in STAGES]),
        (["hubkit", "release", "--until", "p"], ["package", "push"]),
        (["hubkit", "trans"], ["translate"]),
        (["hubkit", "release", "--fr"], ["--from"]),
        (["hubkit", "settings", "h"], ["hub"]),
    ],
)
def test_a_shell_completes(words: list[str], completed: list[str]) -> None:
    complete = BashComplete(cli, {}, "hubkit", "_HUBKIT_COMPLETE")
    assert [item.value for item in complete.get_completions(words[1:-1], words[-1])] == completed


def test_a_dry_run_says_what_would_run_and_does_nothing(tmp_path: Path) -> None:
    arguments = ["release", "--demo", "--dry-run", "--workspace", str(tmp_path / "work")]
    shown = CliRunner().invoke(cli, arguments)
    assert [line.split()[:2] for line in shown.output.splitlines()][:2] == [["read", "run"], ["translate", "run"]]
    assert list((tmp_path / "work").iterdir()) == []


def test_the_line_for_completion_can_be_copied() -> None:
    """At 80 columns a wrapped line would be two commands."""
    shown = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    assert '  eval "$(_HUBKIT_COMPLETE=bash_source hubkit)"\n' in shown


def test_the_version_alone_is_one_line() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"hubkit, version {__version__}\n"


@pytest.mark.parametrize("words", [["--version", "--verbose"], ["--verbose", "--version"]])
def test_a_report_of_a_fault_gets_versions_and_no_path_or_token(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "a1B2" * 8)
    shown = CliRunner().invoke(cli, words).output
    lines = dict(re.split(r"\s{2,}| (?=[^ ]+$)", line, maxsplit=1) for line in shown.splitlines()[1:])
    assert lines["python"].endswith(platform.python_version())
    assert lines["torch"] == version("torch")
    assert lines["platform"].startswith(platform.system())
    assert lines["installed from"] == "a checkout"
    assert {"click", "transformers", "huggingface-hub", "peft"} <= lines.keys()
    assert "a1B2" not in shown
    assert not re.search(r"(^|\s)/|[A-Z]:\\\\", shown)
    assert platform.node() not in shown


@pytest.mark.parametrize("words", [["--verbose"], ["--verbose", "status"]])
def test_verbose_is_for_the_version_alone(words: list[str]) -> None:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert done.output.endswith("\nError: --verbose works only with --version: hubkit --version --verbose\n")


def test_the_help_of_release_names_every_stage_and_the_push() -> None:
    shown = " ".join(CliRunner().invoke(cli, ["release", "--help"]).output.split())
    names = re.search(r"Run the stages ([a-z, ]+) and ([a-z]+)\.", shown)
    assert names is not None
    assert [*names[1].split(", "), names[2]] == [stage.name for stage in STAGES]
    assert "publishes on the Hub: `--until package` stops before it" in shown


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_no_word_at_all_shows_the_help(words: list[str]) -> None:
    assert "Its stages, in order:" in CliRunner().invoke(cli, words).output
