"""Rows of results: kept as they come, read again by a run that goes on, and counted by area."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from faults import Mutant

# How a run of the tests with a fault ended -> what the table calls it. "endless" used up its
# processor time; "timed out" waited by the clock, which a busy machine could bring about: it does
# not count as noticed.
OUTCOMES = {"failed": "killed", "endless": "endless", "timed out": "timed out"}
OUTCOMES |= {"passed": "survived", "equivalent": "equivalent"}
NOTICED = ("killed", "endless")
Row = dict[str, Any]


def row(area: str, mutant: Mutant, outcome: str, seconds: float, by: str) -> Row:
    return {
        "area": area,
        "outcome": OUTCOMES[outcome],
        "where": f"{mutant.file}:{mutant.line} {mutant.function}",
        "operator": mutant.operator,
        "before": mutant.before,
        "after": mutant.after,
        "nth": mutant.nth,
        "seconds": round(seconds, 1),
        "by": by,
    }


def name_of_row(row: Row) -> tuple[str, ...]:
    """What tells its fault from all others, whatever lines were added to the file since."""
    file, _, function = row["where"].partition(" ")
    file = file.rpartition(":")[0]
    return row["area"], file, function, row["before"], row["after"], str(row["nth"])


def name_of_fault(area: str, mutant: Mutant) -> tuple[str, ...]:
    names = (area, mutant.file, mutant.function, mutant.before, mutant.after)
    return *names, str(mutant.nth)


def read_rows(path: Path) -> list[Row]:
    """The rows of a run, also of one that was stopped in the middle of a line."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def cut_to_rows(path: Path) -> list[Row]:
    """The rows of a run that goes on: a line that was not written to its end is cut off."""
    if path.exists():
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.rfind(b"\n") + 1])
    return read_rows(path)


def report(rows: list[Row], seconds: float) -> str:
    """The table by area, and the survivors with their lines."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row["area"]][row["outcome"]] += 1
        counts["all"][row["outcome"]] += 1
    counts["all"] = counts.pop("all", Counter())
    columns = [*NOTICED, "timed out", "survived", "equivalent"]
    lines = [f"| area | mutants | {' | '.join(columns)} | noticed | 95 % interval |"]
    lines.append(f"|---|{'--:|' * 8}")
    for area, count in counts.items():
        noticed = sum(count[outcome] for outcome in NOTICED)
        total = count.total() - count["equivalent"]
        low, high = wilson(noticed, total)
        cells = [count.total(), *(count[outcome] for outcome in columns)]
        share = f"{noticed / total:.0%}" if total else ""
        interval = f"{low:.0%} to {high:.0%}"
        lines.append(f"| {area} | {' | '.join(map(str, cells))} | {share} | {interval} |")
    ran = [row for row in rows if row["outcome"] != "equivalent"]
    used = sum(row["seconds"] for row in ran)
    lines += ["", f"{seconds / 60:.0f} minutes by the clock; {used / 60:.0f} of processor time,"]
    lines += [f"{used / max(1, len(ran)):.1f} s a mutant. Noticed: killed or endless, of those that"]
    lines += ["are not equivalent; the interval is Wilson's.", ""]
    for outcome in ("survived", "timed out"):
        found = [row for row in rows if row["outcome"] == outcome]
        lines += [f"{outcome.capitalize()}:", ""] if found else []
        for row in sorted(found, key=lambda row: (row["area"], row["where"])):
            lines += [f"{row['area']}: {row['where']}"]
            lines += [f"    - {row['before']}", f"    + {row['after']}", ""]
    return "\n".join(lines)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share: it stays between 0 and 1, and is sound for few and for all."""
    if not total:
        return 0.0, 1.0
    share, width = hits / total, z * z / total
    centre = (share + width / 2) / (1 + width)
    half = z * math.sqrt(share * (1 - share) / total + width / (4 * total)) / (1 + width)
    return max(0.0, centre - half), min(1.0, centre + half)
