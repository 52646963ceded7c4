"""`python -m hubkit.localhub ROOT PORT CAST`, the cast in JSON: what `serve` starts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from hubkit.localhub.server import Cast, run_for_parent

if __name__ == "__main__":
    folder, number, cast = sys.argv[1:]
    sys.exit(run_for_parent(Path(folder), int(number), Cast(**json.loads(cast))))
