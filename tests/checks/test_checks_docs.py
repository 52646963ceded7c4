from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hubkit.checks import check
from hubkit.checks.compare import dimensions
from hubkit.checks.flags import IN_PORTUGUESE, portuguese

WITHOUT_EXAMPLE = {"not_checked"}
"""A fault of the checks themselves: no pair is known that they cannot read."""

REFERENCE = Path(__file__).parents[2] / "docs" / "site" / "reference.py"


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    if str(REFERENCE.parent) not in sys.path:
        sys.path.append(str(REFERENCE.parent))  # it imports its neighbours
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ROWS = _reference().check_rows()
"""Name, severity, source, right, wrong and Portuguese name of each check, as the site lists them."""


@pytest.mark.parametrize(
    ("name", "severity", "source", "right", "wrong"), [row[:5] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_the_examples_of_the_reference_are_as_it_says(name, severity, source, right, wrong, request):
    if name == "unknown_word":
        request.getfixturevalue("small_words")
    assert [flag for flag in check(source, right) if flag.severity == "error"] == []
    found = {(flag.name, flag.severity) for flag in check(source, wrong)}
    assert (name, "warning" if severity.startswith("warning") else "error") in found


def test_the_reference_has_every_check():
    package = Path(check.__code__.co_filename).parent
    sources = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    named = set(re.findall(r'Flag\(\s*f?"(\w+)"', sources))
    told = {row[0]: row[2:] for row in ROWS}
    assert len(told) == len(ROWS)
    # Grades and trends are lost and added too, and each has an example of that.
    changes = {f"{name}_{change}" for name in ("severity", "comparison") for change in ("lost", "added")}
    compared = {
        f"{name}_{row.shown}": [*row.example, portuguese(f"{name}_{row.shown}")] for name, row in dimensions().items()
    }
    assert (
        sorted(told.keys() - compared - changes) == sorted(named - changes - WITHOUT_EXAMPLE) == sorted(IN_PORTUGUESE)
    )
    assert {name: told[name] for name in compared} == compared
    assert changes <= told.keys()


def test_the_reference_lists_every_flag_of_a_dimension():
    page = _reference().checks()
    flags = {
        f"`{name}_{change}`: {severity}"
        for name, dimension in dimensions().items()
        for change, severity in dimension.severities.items()
    }
    assert {"`zone_changed`: error", "`age_lost`: error", "`severity_added`: warning"} <= flags
    assert {flag for flag in flags if f"| {flag} |" not in page} == set()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("severity_added", "grau: valor acrescentado"),
        ("zone_changed", "zona ou lobo: valor alterado"),
        ("laterality", "lado trocado ou omitido"),
    ],
)
def test_flags_have_names_in_portuguese(name, expected):
    assert portuguese(name) == expected
