"""The notebooks hold no output, are saved as Jupyter saves them, and import what their readers have."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from notebook_files import FOLDER, NOTEBOOKS, cells

import hubkit
from hubkit.config import parse_config

RESEARCHER, MAINTAINER = FOLDER / "researcher.ipynb", FOLDER / "maintainer.ipynb"

STOCK = {"datasets", "evaluate", "huggingface_hub", "peft", "PIL", "torch", "transformers"}
"""What the researcher's notebook may import: the libraries that the cards' code imports as well."""

MAINTAINERS = {"hubkit", "matplotlib", "pandas", "pyarrow"}
"""What the maintainer's may import: hubkit, and libraries that `[release]` installs."""

WIDTH = 100
"""Columns of a line of code, as of a line of prose (test_english.py)."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_is_one_for_each_kind_of_reader() -> None:
    assert NOTEBOOKS == [MAINTAINER, RESEARCHER]


@each_notebook
def test_no_output_is_stored(path: Path) -> None:
    """An output may be text of a corpus."""
    code = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert code
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@each_notebook
def test_a_notebook_is_as_jupyter_writes_it(path: Path) -> None:
    """Whoever saves it after an edit changes the lines of that edit and no others."""
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    # No version of Python, and nothing of whoever ran it last.
    assert content["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert [cell["id"] for cell in content["cells"] if cell["metadata"]] == []
    names = [cell["id"] for cell in content["cells"]]
    assert len(set(names)) == len(names)


@each_notebook
def test_cells_are_plain_python_of_short_lines(path: Path) -> None:
    """Without IPython's own commands: the cells run as a program too."""
    for name, text in cells(path, "code").items():
        compile(text, name, "exec")
        assert [line for line in text.splitlines() if len(line) > WIDTH] == [], name


def imports(path: Path) -> set[tuple[str, str]]:
    """Module and name of each import; the name is empty where the module itself is imported."""
    found = set()
    for text in cells(path, "code").values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {(alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {(str(node.module), alias.name) for alias in node.names}
    return found


@pytest.mark.parametrize(("path", "allowed"), [(RESEARCHER, STOCK), (MAINTAINER, MAINTAINERS)])
def test_imports_are_those_that_the_reader_has(path: Path, allowed: set[str]) -> None:
    modules = {module.split(".")[0] for module, _ in imports(path)}
    assert modules - set(sys.stdlib_module_names) == allowed


def test_of_hubkit_only_public_names_are_used() -> None:
    used = {(module, name) for module, name in imports(MAINTAINER) if module.split(".")[0] == "hubkit"}
    assert used == {("hubkit", name) for name in ("check", "labels", "load_config")}
    assert {name for _, name in used} <= set(hubkit.__all__)


def test_what_the_researcher_installs_is_what_the_notebook_imports() -> None:
    title = cells(RESEARCHER, "markdown")["title"]
    words = shlex.split(" ".join(re.findall(r"^pip install (.+)$", title, re.M)))
    names = {word.partition(">=")[0] for word in words}
    installed = {{"pillow": "PIL"}.get(name, name) for name in names}
    # accelerate places the base on a GPU, bitsandbytes reads it in 4 bits, the metric's card asks for
    # sentencepiece, and datasets brings huggingface_hub.
    assert installed == STOCK - {"huggingface_hub"} | {"accelerate", "bitsandbytes", "jupyterlab", "sentencepiece"}


def test_the_repos_are_named_as_a_release_names_them_by_default() -> None:
    config = parse_config({"hub": {"namespace": "lab"}})
    found: dict[str, str] = {}
    exec(cells(RESEARCHER, "code")["settings"], found)
    named = (found["DATASET"], found["ADAPTER"], found["METRIC"], found["REVISION"])
    assert named == (
        config.hub.repo("dataset"),
        config.hub.repo("adapter"),
        config.hub.repo("metric"),
        config.release.tag,
    )


@each_notebook
def test_the_reader_is_warned_that_outputs_hold_text(path: Path) -> None:
    title = " ".join(cells(path, "markdown")["title"].split())
    assert "*Clear Outputs of All Cells*" in title
    assert "hold text of the" in title or "holds text of the" in title
