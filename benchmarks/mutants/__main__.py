"""How many small faults the tests notice, by area: a sample by seed, each fault alone, in a copy of the tree."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from baseline import measure_baseline
from child import PRELOAD, Job, preload
from faults import Mutant, mutants
from results import Row, cut_to_rows, name_of_fault, name_of_row, read_rows, report, row
from runner import IDLE, SLACK, copy_tree, run_all

HERE = Path(__file__).resolve().parent
UNNOTICED = ("survived", "timed out")
Area = dict[str, list[str]]


def main() -> None:
    options = _options()
    areas: dict[str, Area] = tomllib.loads(options.areas.read_text())
    if unknown := set(options.area or areas) - set(areas):
        sys.exit(f"mutants: no area {', '.join(sorted(unknown))}; there are {', '.join(areas)}")
    every = {name: _files(area, name, options.tree) for name, area in areas.items()}
    # Lines of all areas are noted: a run that goes on with another area needs them.
    sources = sorted({source for area in every.values() for source in area["sources"]})
    areas = {name: every[name] for name in options.area or every}
    faults = {name: faults_of(area["sources"], options.tree) for name, area in areas.items()}
    chosen = sample(faults, options.tree, options.sample, options.seed)
    reasons = equivalent(options.equivalent)
    # An entry may belong to an area that this run leaves out.
    for stale in sorted(set(reasons) - {_key(mutant) for mutant in faults_of(sources, options.tree)}):
        _say(f"{options.equivalent.name}: no fault is like this any more: {' | '.join(stale)}")
    if options.list:
        for area, mutant in chosen:
            print(f"{area}: {_where(mutant)}\n{_diff(mutant)}")
        return
    rows = [] if options.again else kept_rows(options.out / "results.jsonl", chosen, options.resume)
    if options.again:
        names = {name_of_row(row) for row in read_rows(options.again) if row["outcome"] in UNNOTICED}
        chosen = [each for each in chosen if name_of_fault(*each) in names]
    done = {name_of_row(row) for row in rows}
    missing = [each for each in chosen if name_of_fault(*each) not in done]
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as home,
        (options.out / "results.jsonl").open("a" if options.resume else "w") as log,
    ):
        # Tests look at what another user of the machine can read of a folder in it.
        Path(home).chmod(0o755)
        slots = [Path(home) / str(number) for number in range(options.workers)]
        for slot in slots if missing else []:
            copy_tree(options.tree, slot / "tree")
        preload(options.preload if missing else "")
        for row in measure(missing, areas, sources, reasons, slots, options):
            rows.append(row)
            log.write(json.dumps(row, ensure_ascii=False) + "\n")
            log.flush()
            seconds = f"{row['seconds']:.0f} s, {row['by']}"
            _say(f"{len(rows)}/{len(chosen)} {row['outcome']} {row['where']} ({seconds})")
    text = report(rows, time.monotonic() - began)
    (options.out / "report.md").write_text(text)
    print(text)


def kept_rows(path: Path, chosen: list[tuple[str, Mutant]], resume: bool) -> list[Row]:
    """What a run that was stopped has found about the faults of this sample."""
    names = {name_of_fault(*each) for each in chosen}
    return [row for row in cut_to_rows(path) if name_of_row(row) in names] if resume else []


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
    sources: list[str],
    reasons: dict[tuple[str, ...], str],
    slots: list[Path],
    options: argparse.Namespace,
) -> Iterator[Row]:
    """First the tests as they are; then each fault with the tests of its area, until one fails."""
    for area, mutant in chosen:
        if _key(mutant) in reasons:
            yield row(area, mutant, "equivalent", 0, reasons[_key(mutant)])
    faults = [(area, mutant) for area, mutant in chosen if _key(mutant) not in reasons]
    if not faults:
        return
    tests = sorted({test for area, _ in faults for test in areas[area]["tests"]})
    known = measure_baseline(tests, sources, slots, options.out / "baseline.json")
    # Read before the first fault is put into a file of this copy.
    files = {mutant.file for _, mutant in faults}
    texts = {file: (slots[0] / "tree" / file).read_text(encoding="utf-8") for file in files}
    jobs: dict[int, tuple[str, Mutant]] = {}

    def queue() -> Iterator[Job]:
        for area, mutant in faults:
            text = texts[mutant.file]
            order = known.order(areas[area]["tests"], text, mutant.file, mutant.line)
            job = Job(order, mutant.file, mutant.apply(text) or "", deselect=known.broken)
            jobs[id(job)] = area, mutant
            yield job

    for job, result in run_all(queue(), slots, known.took, options.slack, options.idle):
        area, mutant = jobs[id(job)]
        by = (result.failed or [result.last])[0] if result.outcome != "passed" else "nothing"
        yield row(area, mutant, result.outcome, result.seconds, by)


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


def _where(mutant: Mutant) -> str:
    return f"{mutant.file}:{mutant.line} {mutant.function}"


def _diff(mutant: Mutant) -> str:
    return f"    - {mutant.before}\n    + {mutant.after}"


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
    parser.add_argument("--resume", action="store_true", help="go on with the results and times that are in --out")
    parser.add_argument("--again", type=Path, help="only those that were not noticed in this results.jsonl")
    parser.add_argument(
        "--slack",
        type=float,
        default=SLACK,
        help="processor seconds beyond 5 times a test's own time",
    )
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds after which a test that only waits ends")
    parser.add_argument("--preload", default=PRELOAD, help="libraries to import once, before the runs")
    options = parser.parse_args()
    options.tree = options.tree.resolve()
    return options


if __name__ == "__main__":
    main()
