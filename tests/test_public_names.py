"""`import hubkit` is light, and its names are those that cards and guides print."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hubkit
from hubkit import check, labels
from hubkit.tables import CHEXPERT_LABELS

ROOT = Path(__file__).parents[1]

LOADED = """
import json, sys
import hubkit
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))))
"""


def test_importing_hubkit_loads_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    outside = subprocess.run(
        [sys.executable, "-c", LOADED.replace("import hubkit\n", "")], capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) - set(json.loads(outside.stdout)) == {"hubkit"}


@pytest.mark.parametrize("name", hubkit.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(hubkit, name).__doc__
    assert name in dir(hubkit)
    assert name in str(hubkit.__doc__)


def test_type_checkers_see_what_is_loaded() -> None:
    tree = ast.parse(Path(str(hubkit.__file__)).read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    homes = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == hubkit._HOMES
    assert sorted(homes) == hubkit.__all__
    assert (ROOT / "hubkit" / "py.typed").is_file()


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'hubkit' has no attribute 'seal'"):
        hubkit.seal  # noqa: B018


def test_the_older_path_of_sealed_is_an_alias() -> None:
    from hubkit.custody import sealed as feature

    assert (feature.Sealed, feature.open_sealed) == (hubkit.Sealed, hubkit.open_sealed)


def test_check_and_labels() -> None:
    assert [flag.name for flag in check("No pneumothorax.", "Pneumotórax.")][:1] == ["negation_dropped"]
    assert check("No pneumothorax.", "Sem pneumotórax.") == []
    found = labels("Sem derrame pleural. Possível pneumonia.")
    assert list(found) == list(CHEXPERT_LABELS)
    assert {name: value for name, value in found.items() if value is not None} == {
        "Pleural Effusion": 0,
        "Pneumonia": -1,
    }
    assert labels("Right pneumothorax.", "en")["Pneumothorax"] == 1


PRINTED = ["docs/**/*.md", "README.md", "dataset_card/*.jinja", "model_card/*.jinja", "bertscore_ptbr/*.jinja"]
FOR_MAINTAINERS = {"extending.md"}
"""A page of those who change hubkit. Its examples are run, so that a module that moves is noticed."""

SERVERS = {"hubkit.localhub"}
"""For tests that start the Hub on loopback: no card prints it."""


def test_cards_and_guides_print_public_names_only() -> None:
    printed = [path for pattern in PRINTED for path in ROOT.glob(pattern) if path.name not in FOR_MAINTAINERS]
    imports = {
        (path.name, module, name.strip())
        for path in printed
        for module, names in re.findall(
            r"^from (hubkit[\w.]*) import (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        for name in names.split(",")
    }
    assert {module for _, module, _ in imports} >= {"hubkit"}
    assert {"start", "decisions"} <= {path.parent.name for path in printed}
    internal = {(file, module) for file, module, _ in imports if module not in {"hubkit", *SERVERS}}
    assert internal == set()
    assert {name for _, module, name in imports if module == "hubkit"} <= set(hubkit.__all__)


def test_the_type_check_is_strict() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    assert settings["strict"] is True
