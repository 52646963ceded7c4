"""The measure of the tests: which faults it puts in, what it leaves alone, and a whole run on a small project."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "benchmarks/mutants"


sys.path.insert(0, str(TOOL))
try:
    from faults import mutants
finally:
    sys.path.remove(str(TOOL))


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("y = a < b", {"y = a <= b", "y = a >= b"}),
        ("y = (a) == (b)", {"y = (a) != (b)"}),
        ("y = é is not b", {"y = é is b"}),
        ("y = a and b or c", {"y = a or b or c", "y = a and b and c"}),
        ("y = not a", {"y = a"}),
        ("y = x[1:]", {"y = x[2:]", "y = x[0:]"}),
        ("y = 0.0", {"y = 1.0"}),
        ("y = True", {"y = False"}),
        ("y = a + b", {"y = a - b"}),
        ("y += 2", {"y -= 2", "y += 3", "y += 1"}),
        ("y = path / name", set()),
        ("y = total / len(x)", {"y = total * len(x)"}),
        ("act(a, b)", {"pass", "act(b, a)"}),
        ("if a:\n    b()", {"if True:", "if False:", "pass"}),
        ("y = [a for a in b if a]", {"y = [a for a in b if True]"}),
        ("y = {'key': x['other']}", {"y = {'keyX': x['other']}", "y = {'key': x['otherX']}"}),
        ("y = x.split(',')", {"y = x.split('X')"}),
        ("def f() -> list[int]:\n    return x", {"return []"}),
        ("def f() -> bool:\n    return x", {"return not (x)"}),
        ("def f() -> Path:\n    return x", {"return None"}),
        ("@guarded\ndef f(): pass", {""}),
    ],
)
def test_faults(source: str, changed: set[str]) -> None:
    found = mutants(source + "\n", "module.py")
    assert {mutant.after for mutant in found} == changed
    assert all(mutant.apply(source + "\n") for mutant in found)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 < 2."""',
        "def f(a: int | None = None) -> dict[str, 'x']: ...",
        "raise HubkitError('text', where=str(1 + 2), hint='hint')",
        "print('text', 1)",
        "log.warning('text', 1)",
        "y = f'{a + 1}'",
        "y = 'A whole sentence is a message.'",
        "LONGEST_WAIT = 5",
        "y = zip(a, strict=True)",
        "if TYPE_CHECKING:\n    y = 1",
        "@functools.cache\ndef f(): ...",
        "assert a < b",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert mutants(source + "\n", "module.py") == []


def test_a_fault_keeps_its_name_when_lines_are_added() -> None:
    source = "def f(a):\n    return [a < 1, a < 1]\n"

    def names(text: str) -> set[tuple[str, str, str, int]]:
        return {(m.function, m.before, m.after, m.nth) for m in mutants(text, "module.py")}

    assert names(source) == names("import os\n\n" + source)
    assert len(names(source)) == len(mutants(source, "module.py"))


@pytest.mark.long
def test_a_run_kills_spares_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--randomly-seed=1")
    (tmp_path / "area").mkdir()
    (tmp_path / "area/__init__.py").write_text("")
    code = "import time\n\ndef wait(n):\n    while n > 0:\n        n -= 1\n        time.sleep(0.01)\n    return n\n"
    (tmp_path / "area/code.py").write_text(code)
    (tmp_path / "test_code.py").write_text(
        "from area.code import wait\n\n"
        "def test_wait():\n    assert wait(3) == 0\n\n"
        "def test_broken():\n    assert False\n"
    )
    (tmp_path / "areas.toml").write_text('[small]\nsources = ["area/code.py"]\ntests = ["test_*.py"]\n')
    (tmp_path / "equivalent.toml").write_text(
        '[[mutant]]\nfunction = "wait"\nbefore = "time.sleep(0.01)"\nafter = "time.sleep(1.01)"\nreason = "slower"\n'
    )
    (tmp_path / ".gitignore").write_text("out/\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    options = ["--tree", ".", "--areas", "areas.toml", "--equivalent", "equivalent.toml", "--out", "out"]
    options += ["--preload", "", "--slack", "5", "--sample", "100"]
    run = subprocess.run(
        [sys.executable, str(TOOL), *options], cwd=tmp_path, capture_output=True, text=True, timeout=90
    )
    assert run.returncode == 0, run.stderr
    assert "left out, since it fails without a fault: test_code.py::test_broken" in run.stderr
    rows = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    outcomes = {(row["before"], row["after"]): row["outcome"] for row in rows}
    assert outcomes[("while n > 0:", "while n >= 0:")] == "killed"
    assert outcomes[("n -= 1", "n += 1")] == "timed out"
    assert outcomes[("time.sleep(0.01)", "pass")] == "survived"
    assert outcomes[("time.sleep(0.01)", "time.sleep(1.01)")] == "equivalent"
    assert (tmp_path / "area/code.py").read_text() == code
    assert "    + pass" in (tmp_path / "out/report.md").read_text()


def test_every_pattern_of_an_area_matches_a_file() -> None:
    areas = tomllib.loads((TOOL / "areas.toml").read_text(encoding="utf-8"))
    patterns = [pattern.removeprefix("!") for area in areas.values() for pattern in area["sources"] + area["tests"]]
    assert [pattern for pattern in patterns if not any(TOOL.parents[1].glob(pattern))] == []
