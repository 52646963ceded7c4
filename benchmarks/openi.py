"""Read all Open-i reports from the archive that HUBKIT_OPENI names, and print what hubkit counts in them.

    HUBKIT_OPENI=NLMCXR_reports.tgz python benchmarks/openi.py

Known of the archive: 3,955 reports, 28 of them with neither findings nor impression. No text is printed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubkit.config import parse_config
from hubkit.corpus.summary import selection_lines
from hubkit.release import run_one
from hubkit.tables import SECTIONS
from hubkit.workspace import Workspace

REPORTS, WITHOUT_CONCLUSION = 3955, 28


def main() -> int:
    """Read the archive; return 0 where the counts are the known ones."""
    archive = os.environ.get("HUBKIT_OPENI")
    if not archive:
        print("set HUBKIT_OPENI to the path of NLMCXR_reports.tgz", file=sys.stderr)
        return 2
    config = parse_config({"corpus": {"kind": "openi", "root": archive, "subset": "all"}})
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        started = time.monotonic()
        run_one("read", config, workspace)
        print(f"{time.monotonic() - started:.1f} s")
        print(*selection_lines(workspace.selection), sep="\n")
        table = pq.read_table(workspace.studies)
        reasons = json.loads(workspace.selection.read_text())["reports"]
    for section in SECTIONS:
        print(f"{section:<16} {len(table) - table[section].null_count:>6}")
    empty = pc.and_(pc.is_null(table["findings"]), pc.is_null(table["impression"]))
    without = pc.sum(empty).as_py()
    print(f"reports {len(table)}, with neither findings nor impression {without}, counted as odd {reasons}")
    return 0 if (len(table), without) == (REPORTS, WITHOUT_CONCLUSION) else 1


if __name__ == "__main__":
    sys.exit(main())
