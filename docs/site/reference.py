"""The reference pages, made from the code: `python docs/site/reference.py PAGE` prints one.

Every table here has a row for each command, setting, check or column that the code has. What the code
does not say of a column stands in `columns.toml`, and examples of checks in `checks.tsv`; a test holds
both to the code.
"""

from __future__ import annotations

import ast
import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click
import error_reference
import file_reference

from hubkit.checks.compare import Change, dimensions
from hubkit.checks.flags import portuguese
from hubkit.cli import COMMANDS, SECTIONS, cli
from hubkit.config import ReleaseConfig, Table
from hubkit.config.values import Runtime
from hubkit.verification.checks import CHECKS

HERE = Path(__file__).parent
VERIFICATION = HERE.parents[1] / "hubkit" / "verification"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown; cells may hold any mark."""
    lines = [list(heads), ["---" for _ in heads], *[[_cell(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    # A bar inside of code is none of the table's, and would be shown with its escape.
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else part.replace("|", "\\|") for part in parts) or " "


# Commands


def commands() -> str:
    """Every command with its arguments and options."""
    parts = [
        "# Command line",
        "`hubkit COMMAND --help` prints the same. Every option can also be set in the environment, as "
        "`HUBKIT_COMMAND_OPTION`: `HUBKIT_RELEASE_WORKSPACE=/data/work` stands for "
        "`hubkit release --workspace /data/work`.",
        "## Complete with the tab key",
        "The shell completes commands, options, the stages after `--from` and `--until`, and the tables of "
        "`hubkit settings`. Put the line of your shell into its start file:",
        table(
            ("shell", "file", "line"),
            [
                ("bash", "`~/.bashrc`", '`eval "$(_HUBKIT_COMPLETE=bash_source hubkit)"`'),
                ("zsh", "`~/.zshrc`", '`eval "$(_HUBKIT_COMPLETE=zsh_source hubkit)"`'),
                (
                    "fish",
                    "`~/.config/fish/completions/hubkit.fish`",
                    "`_HUBKIT_COMPLETE=fish_source hubkit | source`",
                ),
            ],
        ),
        "## hubkit",
        *_options(cli),
    ]
    placed = [name for names in SECTIONS.values() for name in names]
    sections = {**SECTIONS, "Others": tuple(name for name in COMMANDS if name not in placed)}
    for title, names in sections.items():
        parts += [f"## {title}"] if names else []
        for name in names:
            found = cli.get_command(click.Context(cli), name)
            assert found is not None
            parts += _command(f"hubkit {name}", found, 3)
    return "\n\n".join(parts) + "\n"


def _command(path: str, command: click.Command, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{path}`"
    yield _prose(command.help or command.get_short_help_str())
    usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=path)))
    yield f"```\n{path} {usage}\n```"
    yield from _options(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from _command(f"{path} {name}", found, level + 1)


def _prose(text: str) -> str:
    """A help text; what click keeps in its lines (after a \\b) becomes a block of code."""
    parts = [part for part in text.replace("\b\n", "\b").split("\n\n") if part.strip()]
    shown = []
    for part in parts:
        kept = part.lstrip().startswith("\b")
        lines = part.replace("\b", "").strip("\n").splitlines()
        shown.append("\n".join(["```", *lines, "```"]) if kept else " ".join(" ".join(lines).split()))
    return "\n\n".join(shown)


def _options(command: click.Command) -> Iterator[str]:
    rows = [_option(parameter) for parameter in command.params]
    if rows:
        yield table(("option", "what it does", "default"), rows)


def _option(parameter: click.Parameter) -> tuple[str, str, str]:
    kind = parameter.make_metavar(click.Context(click.Command("hubkit")))
    if not isinstance(parameter, click.Option):
        default = (
            "" if parameter.required or not isinstance(parameter.default, str | int | Path) else str(parameter.default)
        )
        return f"`{kind}`", "argument" + (", several" if parameter.nargs == -1 else ""), _code(default)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {kind}"
    default = parameter.default
    shown = default if isinstance(default, str | int | float | Path) and not isinstance(default, bool) else ""
    note = " Required." if parameter.required else " May be repeated." if parameter.multiple else ""
    return f"`{names}{value}`", (parameter.help or "") + note, _code(str(shown))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


# Settings


def settings() -> str:
    """Every setting of hubkit.toml, the tables inside tables too."""
    parts = [
        "# Settings",
        "All settings of `hubkit.toml`. `hubkit settings` prints them as TOML, `hubkit init` writes a file of them. A "
        "setting with **no** under *runs again* says how the work is done: changing it makes no stage run again.",
    ]
    for name, field in ReleaseConfig.model_fields.items():
        parts += [f"## [{name}]", _prose(str(type(field.default).__doc__).partition(": ")[2].capitalize())]
        parts.append(
            table(("setting", "type", "default", "what it does", "runs again"), _rows(type(field.default), ""))
        )
    return "\n\n".join(parts) + "\n"


def setting_names(model: type[Table], prefix: str) -> Iterator[tuple[str, Any]]:
    """Each setting of a table with its field; a table inside it is followed by its own settings."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        yield key, field
        for inner in _tables(field.annotation):
            yield from setting_names(inner, f"{key}.")


def _tables(annotation: Any) -> list[type[Table]]:
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Table)]


def _rows(model: type[Table], prefix: str) -> Iterator[tuple[str, ...]]:
    defaults = ReleaseConfig().model_dump(mode="json", by_alias=True)
    table_name = next(name for name, field in ReleaseConfig.model_fields.items() if type(field.default) is model)
    for key, field in setting_names(model, prefix):
        value: Any = defaults[table_name]
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        inner = _tables(field.annotation)
        again = "no" if any(mark is Runtime for mark in _marks(field)) else "yes"
        meaning = field.description or (inner[0].__doc__ if inner else "") or SUBSET.get(key, "")
        example = f" Example: `{_toml(field.examples[0])}`." if value is None and field.examples else ""
        shown = "a table, see below" if inner and isinstance(value, dict) else _toml(value)
        yield (
            f"`{key}`",
            _type(field.annotation),
            f"`{shown}`" if shown != "a table, see below" else shown,
            meaning + example,
            again,
        )


SUBSET = {f"subset.{split}": f"Studies taken of the official {split} split." for split in ("train", "validate", "test")}


def _marks(field: Any) -> Iterator[Any]:
    yield from field.metadata
    for part in get_args(field.annotation):
        yield from getattr(part, "__metadata__", ())


def _toml(value: Any) -> str:
    from hubkit.config.file import _toml as written

    return "none" if value is None else written(value)


def _type(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "none"
    if origin is Literal:
        return ", ".join(f'`"{part}"`' for part in parts)
    if origin in (Union, UnionType):
        return " or ".join(_type(part) for part in parts)
    if hasattr(annotation, "__metadata__"):
        return _type(parts[0])
    if origin is tuple:
        return f"list of {_type(parts[0])}"
    if origin is dict:
        return "table"
    words = {
        "str": "text",
        "int": "integer",
        "float": "number",
        "bool": "true or false",
        "Path": "path",
        "date": "date",
    }
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return "table"
    return words.get(getattr(annotation, "__name__", ""), str(annotation))


# Clinical checks


def check_rows() -> list[list[str]]:
    """Name, severity, source, right and wrong translation and Portuguese name of every clinical check."""
    with open(HERE / "checks.tsv", encoding="utf-8", newline="") as file:
        rows = [[*row, portuguese(row[0])] for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    listed = {row[0] for row in rows}
    for name, dimension in dimensions().items():
        flag = f"{name}_{dimension.shown}"
        if flag not in listed:
            severity = dimension.severities[dimension.shown]
            rows.append([flag, severity, *dimension.example, portuguese(flag)])
    return rows


CHANGES: tuple[Change, ...] = ("changed", "lost", "added")


def dimension_rows() -> list[list[str]]:
    """Each dimension with its flags and their severities, in the order of `CHANGES`; a change may have no flag."""
    rows = []
    for name, dimension in dimensions().items():
        severities = dimension.severities
        flags = [f"`{name}_{change}`: {severities[change]}" if change in severities else "" for change in CHANGES]
        rows.append([f"`{name}`", *flags])
    return rows


def checks() -> str:
    """Every clinical check, with a right and a wrong example, and every flag of each dimension."""
    return (
        "# Clinical checks\n\n"
        "`hubkit translate` and `hubkit check` put a source and its translation through these rules. An error makes a "
        "pair `flagged`; a warning stands next to it and flags nothing. The [guide](../checks.md) says how they read. "
        "A pair that they cannot read is flagged `not_checked`.\n\n"
        + table(
            ("flag", "severity", "source", "right", "wrong", "in Portuguese"),
            ([f"`{row[0]}`", row[1], *(_plain(cell) for cell in row[2:5]), row[5]] for row in check_rows()),
        )
        + "\n## Flags by dimension\n\n"
        "The table above shows one flag of each dimension. These are all of them. Where a cell is empty, that change "
        "is not flagged.\n\n" + table(("dimension", "another value", "no value", "a value too many"), dimension_rows())
    )


def _plain(text: str) -> str:
    return text.replace("*", "\\*").replace("<", "&lt;")


# Verification checks


def verification() -> str:
    """Every check of `hubkit verify`, by who makes it."""
    readers = {"granted": "granted reader", "versions": "each set of versions", "refused": "refused readers"}
    rows = [("`pinned_code`", "hubkit", _docstring("pinned.py", "check_pinned_code"))]
    rows.append(("`unsealed`", "hubkit", _docstring("verify.py", "_open")))
    for name, check in CHECKS.items():
        who = "; ".join(words for reader, words in readers.items() if reader in check.readers)
        rows.append((f"`{name}`", who, _docstring(f"downstream/{check.module}.py", name) + _notes(check)))
    return (
        "# Verification checks\n\n`hubkit verify` checks a release like this ([guide](../verify.md)). A check that "
        "cannot be made is `not run`, and says what it needs.\n\n" + table(("check", "who", "what has to hold"), rows)
    )


def _notes(check: Any) -> str:
    notes = [
        "Of a sealed release alone." if check.sealed else "",
        "Runs code of the release: offline and without a token." if check.foreign else "",
        "Runs code of a card as pasted." if check.snippet else "",
    ]
    return "".join(f" {note}" for note in notes if note)


def _docstring(module: str, function: str) -> str:
    """The first paragraph of a function's docstring; the module runs in a process without hubkit, so it is read."""
    source = (VERIFICATION / module).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return (ast.get_docstring(node) or "").partition("\n\n")[0]
    raise LookupError(f"{module} has no function {function}")


PAGES: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings": settings,
    "checks": checks,
    "verification": verification,
    "files": lambda: file_reference.page(table),
    "errors": lambda: error_reference.page(table),
}

if __name__ == "__main__":
    chosen = PAGES.get(" ".join(sys.argv[1:]))
    if chosen is None:
        sys.exit(f"usage: python docs/site/reference.py {' | '.join(PAGES)}")
    sys.stdout.write(chosen())
