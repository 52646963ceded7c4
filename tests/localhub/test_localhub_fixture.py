"""The pytest fixture that other projects have a Hub by: the example of the guide, as they would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
GUIDE = (CHECKOUT / "docs/localhub.md").read_text(encoding="utf-8")
PLUGIN = "hubkit.pytest_plugin"

SHARED = """
import os
seen = []

def test_one(hubkit_hub):
    seen.append(hubkit_hub.url)

def test_two(hubkit_hub):
    assert {"function": 0, "session": 1}[os.environ["SCOPE"]] == (hubkit_hub.url in seen)
"""

WITHOUT = """
def test_it(hubkit_hub):
    pass
"""

CONFTEST = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "uvicorn" else find_spec(name, package)
"""


def run_pytest(folder: Path, test: str, *options: str, **own: str) -> subprocess.CompletedProcess[str]:
    """Run a test of another project, in a folder of its own."""
    (folder / "test_theirs.py").write_text(test, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        PLUGIN,
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        *options,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTEST_"))}
    # The plugin is named above: an installed hubkit would bring it a second time.
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    environment = {**kept, "PYTHONPATH": str(CHECKOUT), "HF_HOME": str(folder / "home"), **own}
    return subprocess.run([*command, "."], cwd=folder, env=environment, capture_output=True, text=True)


def test_the_example_of_the_guide_passes(tmp_path: Path) -> None:
    section = GUIDE[GUIDE.index("### Test your own code against it") :]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert example is not None
    found = run_pytest(tmp_path, example[1])
    assert found.returncode == 0, found.stdout
    assert "1 passed" in found.stdout
    assert not (tmp_path / "home").exists() or not list((tmp_path / "home").glob("hub/models--*"))


@pytest.mark.parametrize("scope", ["function", "session"])
def test_tests_share_a_hub_where_they_are_to(tmp_path: Path, scope: str) -> None:
    found = run_pytest(tmp_path, SHARED, "-o", f"hubkit_hub_scope={scope}", SCOPE=scope)
    assert "2 passed" in found.stdout, found.stdout


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    found = run_pytest(tmp_path, WITHOUT)
    assert 'the fixture hubkit_hub needs uvicorn (in your copy of hubkit: pip install ".[hub]")' in found.stdout


def test_pytest_finds_the_plugin_and_it_imports_nothing() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"hubkit": PLUGIN}
    code = f"import sys, pytest; before = set(sys.modules); import {PLUGIN}; print(sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert eval(found.stdout) == ["hubkit", PLUGIN]


def test_the_hub_needs_no_more_than_its_extra() -> None:
    """Without torch, and without what others of its dependencies bring along."""
    code = (
        "import sys, hubkit.localhub.app, hubkit.localhub.server, uvicorn;"
        "print({'torch', 'transformers', 'datasets', 'numpy', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"
