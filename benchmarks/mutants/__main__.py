"""How many small faults the tests notice, by area: a sample by seed, each fault alone, in a copy of the tree."""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from faults import Mutant, mutants
from runner import PRELOAD, SLACK, Job, Result, copy_tree, preload, run_all

HERE = Path(__file__).resolve().parent
OUTCOMES = {"failed": "killed", "passed": "survived", "timed out": "timed out"}
Area = dict[str, list[str]]


def main() -> None:
    options = _options()
    areas: dict[str, Area] = tomllib.loads(options.areas.read_text())
    if unknown := set(options.area or areas) - set(areas):
        sys.exit(f"mutants: no area {', '.join(sorted(unknown))}; there are {', '.join(areas)}")
    areas = {name: _files(areas[name], name, options.tree) for name in options.area or areas}
    faults = {name: faults_of(area["sources"], options.tree) for name, area in areas.items()}
    chosen = sample(faults, options.tree, options.sample, options.seed)
    reasons = equivalent(options.equivalent)
    if not options.area:
        for stale in sorted(set(reasons) - {_key(mutant) for found in faults.values() for mutant in found}):
            _say(f"{options.equivalent.name}: no fault is like this any more: {' | '.join(stale)}")
    if options.list:
        for area, mutant in chosen:
            print(f"{area}: {_where(mutant)}\n{_diff(mutant)}")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as home, (options.out / "results.jsonl").open("w") as log:
        slots = [Path(home) / str(number) for number in range(options.workers)]
        for slot in slots:
            copy_tree(options.tree, slot / "tree")
        preload(options.preload)
        began = time.monotonic()
        for row in measure(chosen, areas, reasons, slots, options.slack):
            rows.append(row)
            log.write(json.dumps(row, ensure_ascii=False) + "\n")
            log.flush()
            _say(f"{len(rows)}/{len(chosen)} {row['outcome']} {row['where']} ({row['seconds']:.0f} s, {row['by']})")
        text = report(rows, time.monotonic() - began)
        (options.out / "report.md").write_text(text)
        print(text)


def faults_of(files: list[str], tree: Path) -> list[Mutant]:
    return [mutant for file in files for mutant in mutants((tree / file).read_text(encoding="utf-8"), file)]


def sample(faults: dict[str, list[Mutant]], tree: Path, size: int, seed: int) -> list[tuple[str, Mutant]]:
    """The same share of each area, the areas in turn, so that a run that was cut short has something of each.

    A fault's rank depends on its own lines alone: edits elsewhere, and moved files, leave the sample as it is.
    """
    ranked = []
    for place, (name, found) in enumerate(faults.items()):
        share = size // len(faults) + (place < size % len(faults))
        drawn = sorted(found, key=lambda mutant: _rank(mutant, seed))
        valid = (mutant for mutant in drawn if mutant.apply((tree / mutant.file).read_text(encoding="utf-8")))
        ranked += [(number, name, mutant) for number, mutant in enumerate(islice(valid, share))]
    return [(name, mutant) for _, name, mutant in sorted(ranked, key=lambda entry: entry[0])]


def measure(
    chosen: list[tuple[str, Mutant]],
    areas: dict[str, Area],
    reasons: dict[tuple[str, ...], str],
    slots: list[Path],
    slack: float = SLACK,
) -> Iterator[dict[str, Any]]:
    """First the tests as they are, for their times; then each fault with the tests of its area, until one fails."""
    took, broken = timings(sorted({test for area, _ in chosen for test in areas[area]["tests"]}), slots)
    cost: defaultdict[str, float] = defaultdict(float)
    for name, seconds in took.items():
        cost[name.split("::")[0]] += seconds
    tree = slots[0] / "tree"
    jobs: dict[int, tuple[str, Mutant]] = {}

    def queue() -> Iterator[Job]:
        for area, mutant in chosen:
            if _key(mutant) in reasons:
                continue
            module = mutant.file.removesuffix(".py").replace("/", ".")
            # First the tests that import the module themselves, then the others, the quick ones before the slow ones.
            order = sorted(areas[area]["tests"], key=lambda test: (not _names(tree / test, module), cost[test]))
            source = mutant.apply((tree / mutant.file).read_text(encoding="utf-8"))
            job = Job(order, mutant.file, source or "", deselect=broken)
            jobs[id(job)] = area, mutant
            yield job

    for area, mutant in chosen:
        if _key(mutant) in reasons:
            yield _row(area, mutant, "equivalent", 0, reasons[_key(mutant)])
    for job, result in run_all(queue(), slots, took, slack):
        area, mutant = jobs[id(job)]
        by = (result.failed or [result.last])[0] if result.outcome != "passed" else "nothing"
        yield _row(area, mutant, OUTCOMES[result.outcome], result.seconds, by)


def timings(tests: list[str], slots: list[Path]) -> tuple[dict[str, float], list[str]]:
    """How long each test takes without a fault, and those that fail without one: they are left out."""
    took: dict[str, float] = {}
    broken: list[str] = []
    for job, result in run_all([Job([test], stop=False) for test in tests], slots, {}):
        _say(f"without a fault: {result.outcome} {job.tests[0]} ({result.seconds:.0f} s)")
        took |= result.took
        broken += result.failed
        if result.outcome == "timed out" or (result.outcome == "failed" and not result.failed):
            sys.exit(f"mutants: {job.tests[0]} does not run without a fault either:\n{_tail(result)}")
    for name in broken:
        _say(f"left out, since it fails without a fault: {name}")
    return took, broken


def report(rows: list[dict[str, Any]], seconds: float) -> str:
    """The table by area, and the survivors with their lines."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row["area"]][row["outcome"]] += 1
        counts["all"][row["outcome"]] += 1
    counts["all"] = counts.pop("all", Counter())
    lines = ["| area | mutants | killed | timed out | survived | equivalent | noticed | 95 % interval |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|")
    for area, count in counts.items():
        noticed, total = count["killed"] + count["timed out"], count.total() - count["equivalent"]
        low, high = wilson(noticed, total)
        cells = [count.total(), count["killed"], count["timed out"], count["survived"], count["equivalent"]]
        share = f"{noticed / total:.0%}" if total else ""
        lines.append(f"| {area} | {' | '.join(map(str, cells))} | {share} | {low:.0%} to {high:.0%} |")
    ran = [row for row in rows if row["outcome"] != "equivalent"]
    each = sum(row["seconds"] for row in ran) / max(1, len(ran))
    lines += ["", f"{seconds / 60:.0f} minutes in all; {each:.1f} s a mutant. Noticed: killed or timed out, of those"]
    lines += ["that are not equivalent; the interval is Wilson's.", "", "Survivors:", ""]
    for row in sorted(rows, key=lambda row: (row["area"], row["where"])):
        if row["outcome"] == "survived":
            lines += [f"{row['area']}: {row['where']}", f"    - {row['before']}", f"    + {row['after']}", ""]
    return "\n".join(lines)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share: it stays between 0 and 1, and is sound for few and for all."""
    if not total:
        return 0.0, 1.0
    share, width = hits / total, z * z / total
    centre = (share + width / 2) / (1 + width)
    half = z * math.sqrt(share * (1 - share) / total + width / (4 * total)) / (1 + width)
    return max(0.0, centre - half), min(1.0, centre + half)


def equivalent(path: Path) -> dict[tuple[str, ...], str]:
    listed = tomllib.loads(path.read_text()).get("mutant", [])
    return {(entry["function"], entry["before"], entry["after"]): entry["reason"] for entry in listed}


def _files(area: Area, name: str, tree: Path) -> Area:
    """The patterns of an area as files; a pattern for sources that matches nothing is an error in the table."""
    found = {}
    for part in ("sources", "tests"):
        files: set[str] = set()
        for pattern in area[part]:
            matches = {path.relative_to(tree).as_posix() for path in tree.glob(pattern.removeprefix("!"))}
            if not matches and part == "sources":
                sys.exit(f"mutants: {pattern} of the area {name} matches no file")
            files = files - matches if pattern.startswith("!") else files | matches
        found[part] = sorted(files)
        if not files:
            sys.exit(f"mutants: the area {name} has no {part}")
    return found


def _rank(mutant: Mutant, seed: int) -> str:
    text = "\n".join([str(seed), *_key(mutant), str(mutant.nth)])
    return hashlib.sha256(text.encode()).hexdigest()


def _key(mutant: Mutant) -> tuple[str, ...]:
    return mutant.function, mutant.before, mutant.after


def _names(test: Path, module: str) -> bool:
    package, _, name = module.rpartition(".")
    text = test.read_text(encoding="utf-8")
    return module in text or any(f"from {package} import" in line and name in line for line in text.splitlines())


def _row(area: str, mutant: Mutant, outcome: str, seconds: float, by: str) -> dict[str, Any]:
    row = {"area": area, "outcome": outcome, "where": _where(mutant), "operator": mutant.operator}
    return row | {"before": mutant.before, "after": mutant.after, "seconds": round(seconds, 1), "by": by}


def _where(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line} {mutant.function}"


def _diff(mutant: Mutant) -> str:
    return f"    - {mutant.before}\n    + {mutant.after}"


def _tail(result: Result) -> str:
    return "\n".join(result.output.splitlines()[-30:])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many faults, over all areas alike")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--area", action="append", help="only this area; may be given several times")
    parser.add_argument("--list", action="store_true", help="print the sample, run nothing")
    parser.add_argument("--out", type=Path, default=Path("work/mutants"), help="for report.md and results.jsonl")
    parser.add_argument("--tree", type=Path, default=HERE.parents[1], help="another checkout")
    parser.add_argument("--areas", type=Path, default=HERE / "areas.toml")
    parser.add_argument("--equivalent", type=Path, default=HERE / "equivalent.toml")
    parser.add_argument("--slack", type=float, default=SLACK, help="seconds beyond 5 times a test's own time")
    parser.add_argument("--preload", default=PRELOAD, help="libraries to import once, before the runs")
    options = parser.parse_args()
    options.tree = options.tree.resolve()
    return options


if __name__ == "__main__":
    main()
