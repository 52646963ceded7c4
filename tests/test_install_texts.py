"""No text makes an installer look hubkit up by name: whoever owns that name would run code with a reader's corpus."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from invented_release import build_release, release_config

from hubkit.config import template
from hubkit.distribution import install_hint
from hubkit.packaging.package import package

CHECKOUT = Path(__file__).parents[1]

INSTALL = f"hubkit-release @ https://host.example/hubkit_release-0.2.0-py3-none-any.whl#sha256={'0' * 64}"

NAME = r"hubkit(?:[-_.]+release)?"
EXTRAS = r"\[[^\]\n]*\]"
PINNED = r"(?!\s*@\s*(?:https://\S+#sha256=|git\+https://\S+@[0-9a-f<]))"
VERSION = r"\s*(?:[<>=!~]=?|===)\s*[\w.*]"

INSTALLERS = re.compile(
    r"(?<![\w-])(?:pip[\d.]*|pipx|uvx?|poetry|pdm|rye|conda|mamba|micromamba|pixi)(?![\w-])[ \t]+[^\n`;|&()]*"
)
"""A command of an installer, to where it ends in a shell or in Markdown."""

ARGUMENT = re.compile(rf"""(?<=[\s"'=]){NAME}(?:{EXTRAS})?(?=$|[\s"'<>=!~,@]){PINNED}""")

ANYWHERE = re.compile(
    rf"(?<![\w./-]){NAME}{EXTRAS}{PINNED}"  # with an extra, which stands nowhere but in a requirement
    rf"|(?<![\w./-]){NAME}{VERSION}"
    rf"|(?<![\w./-]){NAME}\s*@\s(?!\s*(?:https://\S+#sha256=|git\+https://\S+@[0-9a-f<]))"
    rf"""|dependencies["']?\s*[=:]\s*\[[^\]]*["']{NAME}["']"""
)

ALONE = re.compile(rf"""^\s*(?:-\s+)?["']?{NAME}["']?,?\s*(?:[#;].*)?$""", re.MULTILINE)
"""A line of a list of requirements."""


def fetched(text: str, alone: bool = True) -> list[str]:
    """The places of a text that would make an installer look hubkit up by name.

    Args:
        alone: whether the bare name on a line counts, as it does wherever a line can be a requirement.
    """
    found = [command[0] for command in INSTALLERS.finditer(text) if ARGUMENT.search(command[0])]
    found += [match[0] for match in ANYWHERE.finditer(text)]
    return found + ([match[0] for match in ALONE.finditer(text)] if alone else [])


def literals(source: str) -> Iterator[str]:
    """The texts of a Python file, and the words of each of its lists and calls as one command line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.List | ast.Tuple | ast.Call):
            parts = node.args if isinstance(node, ast.Call) else node.elts
            yield " ".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def texts() -> Iterator[tuple[str, str, bool]]:
    """Name, text, and whether a bare name on a line counts."""
    folders = (
        "docs",
        "dataset_card",
        "model_card",
        "loading_script",
        "bertscore_ptbr",
        "hubkit",
        "benchmarks",
        "demo_models",
    )
    files = [path for folder in folders for path in (CHECKOUT / folder).rglob("*") if path.is_file()]
    files += [path for path in CHECKOUT.iterdir() if path.is_file() and path.name != "pyproject.toml"]
    for path in [*files, CHECKOUT / ".ci" / "run"]:
        name = path.relative_to(CHECKOUT).as_posix()
        try:
            content = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if "__pycache__" in name or path.name.startswith(".git"):
            continue
        if path.suffix == ".py":
            yield from ((name, text, "\n" in text) for text in literals(content))
        else:
            yield name, content, True


def test_no_text_of_the_project_does() -> None:
    seen = list(texts())
    assert {name for name, _, _ in seen} >= {
        *("README.md", "docs/cluster.md", "dataset_card/README.md.jinja", "bertscore_ptbr/requirements.txt"),
        *("Makefile", "constraints.txt", ".ci/run", "hubkit/cli/__init__.py"),
    }
    assert [(name, found) for name, text, alone in seen if (found := fetched(text, alone))] == []


def test_nor_does_what_the_project_requires() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    project = settings["project"]
    assert project["name"] == "hubkit-release"
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    required = [*settings["build-system"]["requires"], *project["dependencies"], *extras]
    assert [line for line in required if re.match(rf"{NAME}(?![\w-])", line)] == []


@pytest.mark.parametrize(("mode", "install"), [("gated", INSTALL), ("sealed", INSTALL), ("sealed", None)])
def test_nor_does_what_is_published(tmp_path: Path, mode: str, install: str | None) -> None:
    custody = {"mode": mode, "adapter_custody": "gated"}
    config = release_config(tmp_path / "corpus", custody=custody, release={"install": install})
    workspace = build_release(tmp_path, studies=8)
    package(config, workspace)
    seen = [path for path in workspace.dist.rglob("*") if path.suffix in (".md", ".txt", ".py", ".json", ".yaml")]
    assert {path.name for path in seen} >= {"README.md", "requirements.txt", "mimic_cxr_ptbr.py"}
    assert [(path.name, found) for path in seen if (found := fetched(path.read_text(encoding="utf-8")))] == []
    card = (workspace.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    command = f'pip install "{INSTALL.replace(" @", "[reader] @")}"'
    assert (command in card, "your copy of hubkit" in card) == (
        mode == "sealed" and install is not None,
        mode == "sealed" and install is None,
    )


def test_nor_does_the_configuration_that_init_writes() -> None:
    assert fetched(template({})) == []


@pytest.mark.parametrize("extra", ["release", "reader"])
@pytest.mark.parametrize("install", [None, INSTALL, INSTALL.partition(" @ ")[2]])
def test_nor_does_the_hint_of_a_message(install: str | None, extra: str) -> None:
    hint = install_hint(extra, install)
    assert fetched(hint) == []
    assert ("hubkit_release-0.2.0" in hint) == (install is not None)


@pytest.mark.parametrize(
    "text",
    [
        'pip install "hubkit[release]"',
        "pip install hubkit",
        "run `python -m pip install -U hubkit-release==0.2.0` first",
        "!pip install -q hubkit_release",
        "uv add hubkit-release",
        "uv pip install --upgrade 'hubkit[reader]>=0.2'",
        "uvx hubkit init",
        "pipx run hubkit",
        "conda install -c conda-forge hubkit",
        "Every package of hubkit[release] is there",
        "torch>=2\nhubkit-release\n",
        "hubkit>=0.2",
        "  - hubkit_release  # the toolkit",
        '# dependencies = ["torch", "hubkit"]',
        "pip install hubkit-release @ git+https://host.example/hubkit@main",
        'pip install "hubkit-release[reader] @ https://host.example/hubkit_release-0.2.0-py3-none-any.whl"',
        "hubkit-release @ https://host.example/hubkit_release-0.2.0-py3-none-any.whl",
    ],
)
def test_what_would_be_fetched_is_seen(text: str) -> None:
    assert fetched(text) != []


def test_a_command_in_a_list_is_seen() -> None:
    source = 'run([python, "-m", "pip", "install", "--quiet", "hubkit"])'
    assert [text for text in literals(source) if fetched(text, alone=False)] == ["-m pip install --quiet hubkit"]


@pytest.mark.parametrize(
    "text",
    [
        'in your copy of hubkit: pip install ".[release]"',
        '`pip install ".[ray]"` in your copy of hubkit',
        "# hubkit",
        "hubkit/\n  cli/",
        "hubkit release --demo",
        "pip install evaluate datasets; hubkit init",
        f"pip install 'hubkit-release[reader] @ git+https://host.example/hubkit@{'0' * 40}'",
        INSTALL,
        "pip install ./hubkit_release-0.2.0-py3-none-any.whl",
        "The distribution is called `hubkit-release`.",
    ],
)
def test_what_would_not_is_left_alone(text: str) -> None:
    assert fetched(text) == []
