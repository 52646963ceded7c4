from __future__ import annotations

from loopback import hub, own_home, rehearsal

__all__ = ["hub", "own_home", "rehearsal"]
