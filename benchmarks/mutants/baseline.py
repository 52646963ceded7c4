"""The tests without a fault: what each takes, which fail anyway, and what each file reaches."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from child import Job
from reach import lines_of_statement
from runner import run_all


@dataclass
class Baseline:
    """What is known of test files that ran without a fault; kept for a run that goes on later."""

    digest: str = ""  # of the tree without its test files
    tests: dict[str, str] = field(default_factory=dict)  # the digest of each test file
    took: dict[str, float] = field(default_factory=dict)  # processor seconds by test
    broken: list[str] = field(default_factory=list)  # these are left out
    # Test file -> file -> lines; a test file that starts processes reaches more than that.
    reached: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    starts_processes: list[str] = field(default_factory=list)

    def cost(self, file: str) -> float:
        return sum(self.took[name] for name in self.took if _file_of(name) == file)

    def forget(self, files: Iterable[str]) -> None:
        for file in files:
            self.took = {name: took for name, took in self.took.items() if _file_of(name) != file}
            self.broken = [name for name in self.broken if _file_of(name) != file]
            self.starts_processes = [name for name in self.starts_processes if name != file]
            del self.reached[file]

    def order(self, tests: list[str], text: str, file: str, line: int) -> list[str]:
        """The tests to try for a fault in `line` of `file`, whose text is given: the cheap first.

        First the files whose tests reach the line; then those that start processes, which may
        reach it where nobody looks. Where no file reaches it, all of them.
        """
        lines = set(lines_of_statement(text, line))
        reach = {test for test in tests if lines & set(self.reached[test].get(file, []))}
        chosen = {*reach, *(set(tests) & set(self.starts_processes))} if reach else set(tests)
        return sorted(chosen, key=lambda test: (test not in reach, self.cost(test)))


def measure_baseline(tests: list[str], sources: list[str], slots: list[Path], kept: Path) -> Baseline:
    """Run the test files that `kept` does not know yet, and write to it after each.

    What was measured of other code counts no longer: lines and times may have moved. Where test
    files alone have changed, only those are measured again.
    """
    tree = slots[0] / "tree"
    digest = digest_of(tree)
    known = Baseline(**json.loads(kept.read_text())) if kept.exists() else Baseline()
    if known.digest != digest:
        known = Baseline(digest)
    digests = {test: hashlib.sha256((tree / test).read_bytes()).hexdigest() for test in tests}
    known.forget(test for test in tests if test in known.reached and known.tests[test] != digests[test])
    jobs = [Job([test], stop=False, trace=sources) for test in tests if test not in known.reached]
    for job, result in run_all(jobs, slots, {}):
        test = job.tests[0]
        print(
            f"without a fault: {result.outcome} {test} ({result.seconds:.0f} s)",
            file=sys.stderr,
            flush=True,
        )
        if result.outcome not in ("passed", "failed") or (result.outcome == "failed" and not result.failed):
            tail = "\n".join(result.output.splitlines()[-30:])
            sys.exit(f"mutants: {test} does not run without a fault either:\n{tail}")
        known.took |= result.took
        known.broken += result.failed
        known.tests[test] = digests[test]
        known.reached[test] = {file: lines for file, lines in result.reached.items() if lines}
        known.starts_processes += [test] if result.starts_processes else []
        kept.write_text(json.dumps(asdict(known)))
    for name in known.broken:
        print(f"left out, since it fails without a fault: {name}", file=sys.stderr, flush=True)
    return known


def _file_of(test: str) -> str:
    return test.split("::")[0]


def digest_of(tree: Path) -> str:
    """Of the code and of what tests share; the test files have digests of their own."""
    digest = hashlib.sha256()
    for path in sorted(set(tree.rglob("*.py")) - set(tree.rglob("test_*.py"))):
        digest.update(f"{path.relative_to(tree)}\n".encode() + path.read_bytes())
    return digest.hexdigest()
