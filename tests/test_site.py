"""The site: its reference has everything that the code has, its links lead somewhere, its commands exist.

`make docs` builds it, strictly; these tests need no mkdocs.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.config.values import Table
from hubkit.verification.checks import CHECKS

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
GUIDES = [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


sys.path.insert(0, str(DOCS / "site"))
error_reference: Any = importlib.import_module("error_reference")
file_reference: Any = importlib.import_module("file_reference")
reference: Any = importlib.import_module("reference")


def first_cells(page: str) -> list[str]:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")]
    return [row for row in rows if row.startswith("`")]


def every_command(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")


COMMANDS = dict(every_command(cli, "hubkit"))


def test_every_command_and_option_has_its_row() -> None:
    page = reference.commands()
    headings = re.findall(r"^#+ `(hubkit [^`]+)`$", page, flags=re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)
    parts = re.split(r"^#+ `(hubkit [^`]+)`$", page, flags=re.MULTILINE)
    texts = dict(zip(parts[1::2], parts[2::2], strict=True))
    missing = [
        (path, option)
        for path, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if not any(option in cell for cell in first_cells(texts[path]))
    ]
    assert missing == []


def test_every_option_says_what_it_does() -> None:
    silent = [
        (path, parameter.name)
        for path, command in COMMANDS.items()
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert silent == []


def keys(model: type[Table], values: dict[str, Any], prefix: str) -> Iterator[str]:
    """The settings of a table by their names in hubkit.toml, from what pydantic writes of the defaults."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield f"{prefix}{key}"
        inner = values.get(key)
        kinds = [
            kind for kind in (field.annotation, *getattr(field.annotation, "__args__", ())) if isinstance(kind, type)
        ]
        for kind in kinds:
            if issubclass(kind, Table):
                yield from keys(kind, inner if isinstance(inner, dict) else {}, f"{prefix}{key}.")


def test_every_setting_has_its_row() -> None:
    page = reference.settings()
    parts = re.split(r"^## \[(\w+)\]$", page, flags=re.MULTILINE)
    tables = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert list(tables) == list(ReleaseConfig.model_fields)
    for name, field in ReleaseConfig.model_fields.items():
        table = type(field.default)
        expected = list(keys(table, field.default.model_dump(mode="json", by_alias=True), ""))
        assert [cell.strip("`") for cell in first_cells(tables[name])] == expected


@pytest.mark.parametrize(
    "row",
    [
        "| `seed` | integer | `42` | Decides every random choice: selection, few-shot examples, training, bootstrap. "
        "| yes |",
        "| `checkpoint` | integer | `1024` | Units between checkpoints: what a kill can cost. | no |",
        "| `bertimbau.layer` | integer | `12` | The layer whose states are compared, counted from 1. | yes |",
        "| `physionet_consent.when` | date | `none` | The day, as YYYY-MM-DD. | yes |",
        '| `mode` | `"gated"`, `"sealed"` | `"gated"` | gated: the Hub asks; sealed: only those who hold the corpus '
        "can open the text. | yes |",
    ],
)
def test_a_setting_has_type_default_and_meaning(row: str) -> None:
    assert row in reference.settings().splitlines()


def test_no_cell_of_the_settings_is_empty() -> None:
    rows = [line for line in reference.settings().splitlines() if line.startswith("| `")]
    assert [row for row in rows if any(not cell.strip() for cell in row.strip("|").split("|"))] == []


def test_every_verification_check_has_its_row() -> None:
    assert [cell.strip("`") for cell in first_cells(reference.verification())] == ["pinned_code", "unsealed", *CHECKS]


def test_every_column_has_its_meaning() -> None:
    meanings = file_reference.meanings()
    assert list(meanings) == [*file_reference.SCHEMAS, *file_reference.DOCUMENTS]
    page = reference.PAGES["files"]()
    for name, (path, schema) in file_reference.SCHEMAS.items():
        assert [column for column in meanings[name] if column != "rows"] == schema.names, path
        assert f"### `{path}`" in page


def test_every_key_has_its_meaning() -> None:
    meanings = file_reference.meanings()
    page = reference.PAGES["files"]()
    for name, document in file_reference.DOCUMENTS.items():
        assert [key for key in meanings[name] if key != "rows"] == list(file_reference.keys(document)), name
        assert f"### `{document.path}`" in page


@pytest.mark.parametrize(
    "row",
    [
        "| `scoring.setups.*.layer` | integer or null | The layer whose states are compared, counted from 1. |",
        "| `selection.tried[].auc` | number or null | How well losses tell training from validation studies; null "
        "where there are too few. |",
        "| `few_shot_study_ids` | list of integer | The studies that few-shot generation shows as examples. |",
    ],
)
def test_a_key_has_type_and_meaning(row: str) -> None:
    assert row in reference.PAGES["files"]().splitlines()


def test_every_config_of_the_loader_is_a_table() -> None:
    loader = (CHECKOUT / "loading_script" / "mimic_cxr_ptbr.py").read_text(encoding="utf-8")
    plain = re.search(r"^RELEASED = \(([^)]+)\)", loader, flags=re.MULTILINE)
    assert plain is not None
    assert set(re.findall(r'"(\w+)"', plain[1])) <= file_reference.SCHEMAS.keys()


def pages(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in [entry] if isinstance(entry, str) else entry.values():
            yield from [value] if isinstance(value, str) else pages(value)


def test_every_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = list(pages(settings["nav"]))
    written = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted([*written, *(f"reference/{name}.md" for name in reference.PAGES)])


def test_the_site_is_built_strictly() -> None:
    """With --quiet mkdocs counts no warning, and --strict lets every broken link pass."""
    recipe = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"mkdocs build(.*)", recipe) == [" --strict"]
    assert "make docs" in (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    heads = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), flags=re.MULTILINE
    )
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", head.lower()).strip()) for head in heads}


def page_text(target: Path) -> str | None:
    if target.parent == DOCS / "reference" and target.stem in reference.PAGES:
        return str(reference.PAGES[target.stem]())
    if target.is_dir():
        return ""
    return target.read_text(encoding="utf-8", errors="replace") if target.exists() else None


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(guide: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", guide.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        text = page_text((guide.parent / path).resolve()) if path else guide.read_text(encoding="utf-8")
        if text is None or (anchor and anchor not in anchors(text)):
            broken.append(target)
    assert broken == []


def typed(guide: Path) -> Iterator[list[str]]:
    """The commands of hubkit in a guide's blocks of code, as words."""
    language: str | None = None
    for line in guide.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if stripped.startswith("```"):
            language = stripped.removeprefix("```") if language is None else None
        elif language in ("", "sh", "bash"):
            command = stripped.removeprefix("$ ").removeprefix(".venv/bin/")
            if command.startswith("hubkit "):
                yield shlex.split(command, comments=True)[1:]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_commands_of_the_guides_exist(guide: Path) -> None:
    for words in typed(guide):
        path = "hubkit"
        command: click.Command = cli
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            path = f"{path} {words.pop(0)}"
            assert path in COMMANDS, guide
            command = COMMANDS[path]
        known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
        known |= {"-h", "--help"}
        options = [word.strip("[]").partition("=")[0] for word in words if word.strip("[]").startswith("-")]
        assert [option for option in options if option not in known] == [], (guide, path)


def test_every_error_is_listed_with_what_helps() -> None:
    found = error_reference.errors()
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((CHECKOUT / "hubkit").rglob("*.py")))
    raised = len(re.findall(r"raise (?:HubkitError|UsageError|Interrupted)\(\s*[^)\s]", code))
    assert len(found) >= raised > 300
    # A pull request that waits is an answer of the Hub, and its address is what helps.
    assert [f"{error.module}:{error.line}" for error in found if not error.hint and "merged" not in error.what] == []
    page = reference.PAGES["errors"]()
    assert page.count("\n| ") >= len({(error.what, error.where, error.hint) for error in found})
    assert "| `{path}`: **no such file** | write one with: hubkit init | 2 |" in page
    # The name of a calculated number, of a constant, and the text of a constant of another module.
    for row in (
        "| `{path}`: **has more / fewer fields in row `{number}` than in its header** | ",
        "| `{path}`: **not one of `{formats}`** | convert it, or choose another ending | 2 |",
        "| **a disk is full** | free space there and run the same command again: it continues where it stopped | 1 |",
    ):
        assert row in page
    # The Markdown of the site takes a bare {name} at the end of a cell for an attribute, and drops it.
    assert re.findall(r"(?<!`)\{[^}]*\}(?!`)", page) == []


TEMPLATES = sorted((CHECKOUT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.stem != "config"], ids=lambda path: path.stem)
def test_an_issue_template_has_what_the_host_asks_for(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form.keys() >= {"name", "description", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    names = [field["id"] for field in fields]
    assert len(set(names)) == len(names)
    assert {field["type"] for field in fields} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields)


def test_a_report_of_a_fault_asks_for_the_versions_and_for_no_corpus_text() -> None:
    text = (CHECKOUT / ".github" / "ISSUE_TEMPLATE" / "fault.yml").read_text(encoding="utf-8")
    assert "hubkit --version --verbose" in text
    assert "Put no corpus text, id, token or password here." in text
