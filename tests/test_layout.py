"""Arrows among the packages point down, and no module imports itself by a detour: docs/architecture.md shows them."""

from __future__ import annotations

import ast
import graphlib
import re
from collections import Counter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]

LAYERS = (
    {"__main__", "pytest_plugin"},
    {"cli"},
    {"demo", "launch"},
    {"report", "dossier"},
    {"doctor"},
    {"release"},
    {"stages", "room"},
    {"verification", "audit", "review", "comparison", "sensitivity"},
    {"corpus", "translation", "finetuning", "generation", "scoring", "packaging", "hub", "localhub"},
    {"leakguard", "checks", "metrics", "models", "custody", "record", "pins", "revision"},
    {"terms", "error_profile"},
    {"own_hub"},
    {"artifacts", "clinical", "sources", "cards", "endpoint", "reports", "study_batches"},
    {
        "workspace",
        "published",
        "config",
        "tables",
        "original_study",
        "progress",
        "screen",
        "formats",
        "tokens",
        "floors",
    },
    {"privacy", "locks"},
    {"digests", "disk", "spreadsheet", "by_study", "disclosure", "variables"},
    {"distribution", "errors", "__init__"},
)
"""Packages and modules of hubkit, from the top. A room may import itself and what is below it, and no neighbour."""

NEIGHBOURS = {("record", "models"), ("terms", "models")}
"""Arrows inside a layer: the record names the base model as it may be published, and terms refuse a nameless one."""

ENTRY = re.compile(r"(hubkit(?:\.\w+)+):\w+")
"""A `module:function` string, by which a function is imported when it is used."""

Arrows = dict[str, set[str]]


def read_arrows(home: Path, entries_of_stages: bool) -> Arrows:
    """Which modules each module of `home` imports, by statement at any depth or by an entry string."""
    files = {_name(path.relative_to(home)): path for path in home.glob("hubkit/**/*.py")}
    arrows = {name: _targets(name, path, files.keys(), entries_of_stages) for name, path in files.items()}
    # The public names lead everywhere, and are imported when they are used; below them is the version alone.
    return {**arrows, "hubkit": set()}


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _targets(name: str, path: Path, known: set[str], entries_of_stages: bool) -> set[str]:
    targets = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            targets |= {target if target in known else node.module for target in inside}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            entry = ENTRY.fullmatch(node.value)
            if entry and (entries_of_stages or name != "hubkit.stages"):
                targets.add(entry[1])
    return (targets & known) - {name}


def room(module: str) -> str:
    """The package or the single module directly below hubkit."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def wrong_arrows(arrows: Arrows) -> list[str]:
    """The arrows that point up or to a neighbour."""
    layer_of = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    pairs = [(module, target) for module, targets in arrows.items() for target in targets]
    return sorted(
        f"{module} -> {target}"
        for module, target in pairs
        if room(module) != room(target)
        # The public names are imported when they are used: these arrows are those of their users.
        and module != "hubkit"
        and layer_of[room(module)] >= layer_of[room(target)]
        and (room(module), room(target)) not in NEIGHBOURS
    )


def test_arrows_point_down() -> None:
    # The entries of stages.py are the cli's arrows: a release is the list of its stages.
    assert wrong_arrows(read_arrows(CHECKOUT, entries_of_stages=False)) == []


def test_names_of_test_modules_are_used_once() -> None:
    """pytest collects none of the suite where two files in folders without __init__.py share a name."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_circle_among_modules() -> None:
    order = graphlib.TopologicalSorter(read_arrows(CHECKOUT, entries_of_stages=True))
    order.prepare()  # raises CycleError, which names the circle


def test_every_room_has_its_layer() -> None:
    rooms = {room(module) for module in read_arrows(CHECKOUT, entries_of_stages=True)}
    listed = [name for layer in LAYERS for name in layer]
    assert sorted(rooms) == sorted(listed)


@pytest.mark.parametrize(
    ("file", "line", "found"),
    [
        ("scoring/score.py", "from hubkit.generation.generate import generate", "-> hubkit.generation.generate"),
        ("scoring/score.py", "def late():\n    import hubkit.cli.score", "-> hubkit.cli.score"),
        ("scoring/score.py", "ENTRY = 'hubkit.generation.generate:generate'", "-> hubkit.generation.generate"),
        ("leakguard/guard.py", "from hubkit.corpus import read", "-> hubkit.corpus.read"),
        ("hub/push.py", "from hubkit.verification.verify import verify", "-> hubkit.verification.verify"),
        ("verification/verify.py", "from hubkit.hub.client import connect", None),
        ("stages.py", "ENTRY = 'hubkit.scoring.score:score'", None),
    ],
)
def test_what_counts_as_an_arrow(tmp_path: Path, file: str, line: str, found: str | None) -> None:
    targets = ["cli/score.py", "generation/generate.py", "corpus/read.py", "verification/verify.py", "hub/client.py"]
    for name in [*targets, "scoring/score.py"]:
        (tmp_path / "hubkit" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "hubkit" / name).touch()
    (tmp_path / "hubkit" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "hubkit" / file).write_text(line)
    wrong = wrong_arrows(read_arrows(tmp_path, entries_of_stages=False))
    assert [arrow.split(" ", 1)[1] for arrow in wrong] == ([found] if found else [])


def test_a_circle_by_an_entry_string_is_seen(tmp_path: Path) -> None:
    (tmp_path / "hubkit").mkdir()
    (tmp_path / "hubkit" / "one.py").write_text("import hubkit.two")
    (tmp_path / "hubkit" / "two.py").write_text("ENTRY = 'hubkit.one:run'")
    with pytest.raises(graphlib.CycleError, match="in a cycle"):
        graphlib.TopologicalSorter(read_arrows(tmp_path, entries_of_stages=True)).prepare()
