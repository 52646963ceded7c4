"""docs/hardware.md says what the code counts."""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]

sys.path.insert(0, str(CHECKOUT / "benchmarks"))
try:
    import hardware
finally:
    sys.path.remove(str(CHECKOUT / "benchmarks"))

GUIDE = (CHECKOUT / "docs/hardware.md").read_text(encoding="utf-8")


def test_the_guide_has_the_requests_in_flight_that_are_counted() -> None:
    assert hardware.table() in GUIDE


def test_the_guide_has_the_memory_and_hours_that_doctor_counts(tmp_path: Path) -> None:
    assert hardware.preset_table(hardware.write_models(tmp_path)) in GUIDE
