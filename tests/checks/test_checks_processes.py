"""What is read and flagged does not depend on the process: Python orders sets of words differently in each."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

READ = """
import random, sys
from pathlib import Path
from hubkit.checks import check
from hubkit.clinical.labels import labels
from hubkit.error_profile.profile import profile
rows = [line.split("\\t") for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()[1:]]
shuffled = [row[3] for row in rows]
random.Random(0).shuffle(shuffled)
for (_, _, source, translation, *_), other in zip(rows, shuffled):
    print(check(source, other), labels(other, "pt"), profile(translation, other))
"""
"""Every report with another's translation: they differ in all that a check looks at."""


def test_every_process_reads_and_flags_the_same() -> None:
    path = TESTS / "checks" / "wide" / "reports.tsv"
    printed = [
        subprocess.run(
            [sys.executable, "-c", READ, str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "2")
    ]
    assert len(printed[0].splitlines()) > 200
    assert len({hashlib.sha256(text).hexdigest() for text in printed}) == 1
