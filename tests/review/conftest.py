"""Where the tests of reviews find the workspace of the stage score."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))  # scoring_workspace
