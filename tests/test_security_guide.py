"""docs/security.md names tests that exist, and what `make` installs is pinned as it says."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).parents[1]
GUIDE = (CHECKOUT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_threat_has_a_test_that_exists() -> None:
    table = GUIDE.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for file, name in named:
            source = (CHECKOUT / file).read_text(encoding="utf-8")
            assert not name or f"def {name}(" in source, (file, name)


def test_what_make_installs_is_pinned_where_it_is_built_too() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    pinned = re.search(r"^PINNED := (.*)$", makefile, flags=re.MULTILINE)
    assert pinned is not None
    for name in ("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"):
        assert f'{name}="$(CURDIR)/constraints.txt"' in pinned[1]
    installs = [line.strip() for line in makefile.splitlines() if re.search(r"pip\"? install", line)]
    assert installs[0].startswith("INSTALL := $(PINNED) ")
    ours = [
        line.strip()
        for line in makefile.splitlines()
        if "[release" in line and not line.lstrip().startswith(("#", "@"))
    ]
    ours = [line for line in ours if "install" in line.lower()]
    assert len(ours) == 3
    assert [line for line in ours if not line.startswith(("$(PINNED) ", "$(INSTALL) "))] == []


def test_what_builds_the_wheel_is_pinned_to_the_last_package() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    required = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    # An editable install needs editables as well, which hatchling asks for when it builds one.
    wanted, seen = [*required, "editables"], set()
    while wanted:
        requirement = Requirement(wanted.pop())
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        if name != "editables":
            wanted += importlib.metadata.requires(name) or []
    assert seen - pinned == set()
