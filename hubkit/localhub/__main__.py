"""`python -m hubkit.localhub ROOT PORT OWNER`: what `serve` starts."""

from __future__ import annotations

import sys
from pathlib import Path

from hubkit.localhub.server import run_for_parent

if __name__ == "__main__":
    folder, number, name = sys.argv[1:]
    sys.exit(run_for_parent(Path(folder), int(number), name))
