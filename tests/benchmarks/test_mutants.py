"""The measure of the tests: which faults it puts in, what it leaves alone, and a whole run on a small project."""

from __future__ import annotations

import builtins
import importlib
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "benchmarks/mutants"


sys.path.insert(0, str(TOOL))
try:
    from baseline import Baseline
    from faults import mutants
    from reach import Reached, lines_of_statement
    from results import read_rows, report
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
        "y = max(a, b)",
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


CODE = """import time

def wait(n):
    while n > 0:
        n -= 1
        time.sleep(0.01)
    return n

def count(n):
    while n > 0:
        n -= 1
    return n
"""

TESTS = """import os
from area.code import count, wait

def test_wait():
    assert wait(3) == 0

def test_count():
    assert count(3) == 0

def test_broken():
    assert False

def test_what_another_user_may_enter():
    assert all(os.stat(path).st_mode & 0o005 == 0o005 for path in (os.environ["TMPDIR"], "../.."))
"""

AREAS_OF_TWO = {"small": "code.py", "large": "other.py"}

EQUIVALENT = """[[mutant]]
function = "wait"
before = "time.sleep(0.01)"
after = "time.sleep(1.01)"
reason = "slower"
"""


@pytest.mark.long
def test_a_run_kills_spares_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--randomly-seed=1")
    (tmp_path / "area").mkdir()
    (tmp_path / "area/__init__.py").write_text("")
    (tmp_path / "area/code.py").write_text(CODE)
    (tmp_path / "test_code.py").write_text(TESTS)
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n")
    areas = '[small]\nsources = ["area/code.py"]\ntests = ["test_*.py"]\n'
    (tmp_path / "areas.toml").write_text(areas)
    (tmp_path / "equivalent.toml").write_text(EQUIVALENT)
    (tmp_path / ".gitignore").write_text("out/\nagain/\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    options = ["--tree", ".", "--areas", "areas.toml", "--equivalent", "equivalent.toml"]
    options += ["--preload", "", "--slack", "5", "--idle", "10", "--sample", "100"]

    def run(*more: str) -> tuple[str, dict[tuple[str, str, str], str]]:
        command = [sys.executable, str(TOOL), *options, *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
        rows = read_rows(tmp_path / more[1] / "results.jsonl")
        return done.stderr, {(row["where"], row["before"], row["after"]): row["outcome"] for row in rows}

    told, outcomes = run("--out", "out")
    assert told.count("left out, since it fails without a fault: test_code.py::test_broken") == 1
    assert "test_what_another_user_may_enter" not in told
    wait, count = "area/code.py:{} wait", "area/code.py:{} count"
    sleep = (wait.format(6), "time.sleep(0.01)")
    assert outcomes[wait.format(4), "while n > 0:", "while n >= 0:"] == "killed"
    assert outcomes[wait.format(5), "n -= 1", "n += 1"] == "timed out"
    assert outcomes[count.format(11), "n -= 1", "n += 1"] == "endless"
    assert outcomes[*sleep, "pass"] == "survived"
    assert outcomes[*sleep, "time.sleep(1.01)"] == "equivalent"
    assert (tmp_path / "area/code.py").read_text() == CODE
    assert "    + pass" in (tmp_path / "out/report.md").read_text()

    results = tmp_path / "out/results.jsonl"
    whole = results.read_text()
    lines = whole.splitlines(keepends=True)
    results.write_text("".join(lines[:-2]) + lines[-2][:40])
    told, resumed = run("--out", "out", "--resume")
    assert resumed == outcomes
    assert "\nwithout a fault:" not in f"\n{told}", "times of the same tree are kept"
    assert len(results.read_text().splitlines()) == len(lines)

    (tmp_path / "test_code.py").write_text(TESTS.replace("wait(3) == 0", "wait(3) == 1"))
    (tmp_path / "again").mkdir()
    shutil.copy(tmp_path / "out/baseline.json", tmp_path / "again")
    told, again = run("--out", "again", "--again", "out/results.jsonl")
    unnoticed = {name for name, outcome in outcomes.items() if outcome in ("survived", "timed out")}
    assert again.keys() == unnoticed
    assert "without a fault: failed test_code.py" in told
    assert "test_other.py" not in told, "of the test files only the changed one is measured again"


@pytest.mark.parametrize("options", [[], ["--area", "small"]])
def test_an_equivalent_fault_that_exists_no_more_is_named(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "code.py").write_text("def f(n):\n    return n < 1\n")
    (tmp_path / "other.py").write_text("def g(n):\n    return n > 1\n")
    (tmp_path / "test_code.py").write_text("def test_f():\n    pass\n")
    areas = [f'[{area}]\nsources = ["{file}"]\ntests = ["test_*.py"]\n' for area, file in AREAS_OF_TWO.items()]
    (tmp_path / "areas.toml").write_text("".join(areas))
    entries = [
        ("f", "return n < 1", "return n <= 1"),
        ("g", "return n > 1", "return n >= 1"),
        ("f", "n -= 1", "n += 1"),
    ]
    listed = [
        f'[[mutant]]\nfunction = "{function}"\nbefore = "{before}"\nafter = "{after}"\nreason = "none"\n'
        for function, before, after in entries
    ]
    (tmp_path / "equivalent.toml").write_text("".join(listed))
    command = [sys.executable, str(TOOL), "--tree", ".", "--areas", "areas.toml", "--equivalent", "equivalent.toml"]
    done = subprocess.run([*command, "--list", *options], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["equivalent.toml: no fault is like this any more: f | n -= 1 | n += 1"]


@pytest.mark.parametrize(
    ("line", "lines"),
    [(1, [1]), (2, [2, 3, 4, 5]), (5, [2, 3, 4, 5]), (6, [6, 7]), (7, [6, 7]), (8, [8])],
)
def test_the_lines_of_a_statement(line: int, lines: list[int]) -> None:
    source = "a = 1\n@b(\n  1)\ndef f(\n  c=2):\n    d(c,\n      c)\nif a: e = 1\n"
    assert list(lines_of_statement(source, line)) == lines


def test_tests_that_reach_the_line_come_first_and_others_only_if_they_start_processes() -> None:
    source = "a = 1\nb = 2\nc = 3\n"
    known = Baseline(
        took={"dear::t": 9.0, "cheap::t": 1.0, "far::t": 0.1, "program::t": 0.2},
        reached={"dear": {"code.py": [1, 2]}, "cheap": {"code.py": [2]}, "far": {}, "program": {}},
        starts_processes=["program"],
    )
    tests = ["dear", "far", "program", "cheap"]
    assert known.order(tests, source, "code.py", 2) == ["cheap", "dear", "program"]
    assert known.order(tests, source, "code.py", 1) == ["dear", "program"]
    # Where nobody is seen to reach it, any of them may.
    assert known.order(tests, source, "code.py", 3) == ["far", "program", "cheap", "dear"]


def test_lines_are_noted_in_all_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = '"""Text."""\nfrom __future__ import annotations\ndef f(n):\n    if n:\n        return 1\n    return 2\n'
    (tmp_path / "measured.py").write_text(code)
    (tmp_path / "other.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(builtins, "__reached_0__", None, raising=False)
    reached = Reached(tmp_path, ["measured.py"])
    reached.start()
    measured, other = importlib.import_module("measured"), importlib.import_module("other")
    for module in (measured, other):
        monkeypatch.delitem(sys.modules, module.__name__)
    assert measured.__doc__ == "Text."
    assert other.f(0) == 2
    assert measured.f(1) == 1
    assert reached.lines == {"measured.py": {3, 4, 5}}
    thread = threading.Thread(target=measured.f, args=(0,))
    thread.start()
    thread.join()
    assert reached.lines == {"measured.py": {3, 4, 5, 6}}


def test_what_waited_by_the_clock_does_not_count_as_noticed() -> None:
    outcomes = ["killed"] * 6 + ["endless", "timed out", "survived", "equivalent"]
    rows = [
        {"area": "a", "outcome": outcome, "where": "", "before": "", "after": "", "seconds": 1} for outcome in outcomes
    ]
    line = "| a | 10 | 6 | 1 | 1 | 1 | 1 | 78% | 45% to 94% |"
    assert line in report(rows, 60).splitlines()


def test_every_pattern_of_an_area_matches_a_file() -> None:
    areas = tomllib.loads((TOOL / "areas.toml").read_text(encoding="utf-8"))
    patterns = [pattern.removeprefix("!") for area in areas.values() for pattern in area["sources"] + area["tests"]]
    assert [pattern for pattern in patterns if not any(TOOL.parents[1].glob(pattern))] == []
