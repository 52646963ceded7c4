"""What a message tells people to type exists: every command and every flag that hubkit names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hubkit.cli import COMMANDS, cli
from hubkit.stages import STAGES

PACKAGE = Path(__file__).parents[1] / "hubkit"

BELONGS_TO = {
    "checks/files.py": ["check"],
    "cli/__init__.py": [""],
    "cli/hub.py": ["hub token"],
    "cli/init.py": ["init"],
    "cli/review.py": ["review make"],
    "comparison/": ["compare"],
    "custody/unseal.py": ["unseal"],
    "leakguard/guard.py": ["access reject", "withdraw"],
    "packaging/physionet.py": ["physionet"],
    "release.py": ["release"],
    "review/collect.py": ["review collect"],
    "review/result_files.py": ["review collect"],
    "review/": ["review make"],
    "terms/reader_access.py": ["review confirm"],
    "verification/": ["verify"],
}
"""The commands that reach a module, where its messages name a flag without naming the command.

The messages of any other module may be those of every stage.
"""

STAGE_COMMANDS = ["release", *(stage.name for stage in STAGES)]

OTHERS = re.compile(r"\b(?:hf|pip|accelerate|tensorboard|trackio|timedatectl|vllm|apt-get|squeue) [^;,()]*")
"""Commands of other programs, with their flags."""


def messages() -> Iterator[tuple[str, str]]:
    """Module and text of what stands in a call of an error, in a hint, or in what a command prints."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if module.startswith("localhub/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).split(".")[-1]
                if name.endswith(("Error", "Surprise", "failed", "warning", "echo", "print", "Finding", "_refuse")):
                    yield from ((module, text) for part in [*node.args, *node.keywords] for text in texts(part))
            elif isinstance(node, ast.Assign) and re.search(r"\b(hint|HINT|mend|MEND)", ast.unparse(node.targets[0])):
                yield from ((module, text) for text in texts(node.value))


def texts(node: ast.AST) -> Iterator[str]:
    """The texts in an expression; a value that is filled in stands as a mark that is neither command nor flag."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


@pytest.fixture(scope="module")
def named() -> list[tuple[str, str]]:
    """The messages that name a command or a flag. No other worker of the suite has to parse hubkit for them."""
    return sorted(
        {(module, text) for module, text in messages() if "hubkit " in text or re.search(r"(?<!\S)--\w", text)}
    )


def command(name: str) -> click.Command | None:
    found: click.Command | None = cli
    for word in name.split():
        found = found.get_command(click.Context(cli), word) if isinstance(found, click.Group) else None
    return found


def flags(name: str) -> set[str]:
    found = command(name)
    assert found is not None, f"there is no command {name}"
    return {flag for option in found.params for flag in option.opts} | {"--help"}


def wrong(module: str, text: str) -> list[str]:
    """What a message names and does not exist."""
    # Where hubkit may not be on the PATH, its name is filled in.
    text = re.sub(rf"\0 (?=(?:{'|'.join(COMMANDS)})\b)", "hubkit ", OTHERS.sub("", text))
    faults = []
    for said in re.finditer(r"hubkit ((?:--)?[a-z]\w*)((?: +[^\s;:,()`]+)*)", text):
        first, rest = said[1], said[2].split()
        if first.startswith("--"):
            own = {flag for option in cli.params for flag in option.opts} | {"--help"}
            faults += [f"hubkit {word}" for word in (first, *rest) if word.startswith("--") and word not in own]
            text = text.replace(said[0], " ")
            continue
        if first not in COMMANDS:
            # A sentence about hubkit: "hubkit reads", "another hubkit works".
            if rest and any(word.startswith("--") for word in rest):
                faults.append(f"hubkit {first}")
                text = text.replace(said[0], " ")
            continue
        name = f"{first} {rest[0]}" if rest and isinstance(command(first), click.Group) else first
        faults += [f"{name} {word}" for word in rest if word.startswith("--") and word not in flags(name)]
        text = text.replace(said[0], " ")
    homes = next((names for place, names in BELONGS_TO.items() if module.startswith(place)), [])
    for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text):
        where = [Path(module).stem] if module.startswith("cli/") and not homes else homes
        places = [name for name in where if command(name) is not None] or STAGE_COMMANDS
        faults += [f"{name} {flag}" for name in places if flag not in flags(name)]
    return faults


def test_there_are_messages(named: list[tuple[str, str]]) -> None:
    assert len(named) > 40
    assert any("hubkit release --from" in text for _, text in named)


def test_commands_and_flags_exist(named: list[tuple[str, str]]) -> None:
    faults = [(module, text, faults) for module, text in named if (faults := wrong(module, text))]
    assert faults == []


@pytest.mark.parametrize(
    ("module", "text", "expected"),
    [
        ("translation/translate.py", "run again with: hubkit translate --from translate", ["translate --from"]),
        ("release.py", "run again with --from translate", []),
        ("cli/push.py", "give --dry-run", []),
        ("x.py", "choose another with --workspace", []),
        ("x.py", "run: hubkit releas --from read", ["hubkit releas"]),
        ("x.py", "hubkit reads and does not push", []),
        ("packaging/physionet.py", "choose another with --outputs", ["physionet --outputs"]),
        ("x.py", "see: hubkit access list", []),
        ("x.py", "run: hf auth login --token x", []),
        ("x.py", "run: hubkit fetch --check", []),
    ],
)
def test_what_is_wrong_is_seen(module: str, text: str, expected: list[str]) -> None:
    assert wrong(module, text) == expected
