from __future__ import annotations

from loopback import hub, own_home, rehearsal
from tiny_release import packaged, pushed

__all__ = ["hub", "own_home", "packaged", "pushed", "rehearsal"]
