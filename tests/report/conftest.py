from __future__ import annotations

import sys
from pathlib import Path

from loopback import hub, own_home, rehearsal

sys.path.insert(0, str(Path(__file__).parents[1] / "scoring"))  # scoring_workspace

__all__ = ["hub", "own_home", "rehearsal"]
