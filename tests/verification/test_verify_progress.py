"""A verification says how many of its checks are done, also while a process makes them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from hubkit import progress
from hubkit.artifacts.verification import Verification
from hubkit.verification import findings
from hubkit.verification.findings import NOT_RUN, PASSED, Findings


def test_checks_are_counted_while_a_process_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    monkeypatch.setattr(findings, "SECONDS_BETWEEN_LOOKS", 0.02)
    found, answer = Findings(tmp_path / "report.json", Verification(counts={})), tmp_path / "answer.json"
    found.plan("granted", ["one", "two", "three"])
    found.plan("stranger", ["refused"])
    made = [{"check": check, "result": PASSED, "detail": "as it should be"} for check in ("two", "three")]
    with found.shown():
        found.record("granted", "one", PASSED, "first")
        with found.watched(answer):
            time.sleep(0.15)
            for count in (1, 2):
                answer.write_text(json.dumps({"checks": made[:count]}))
                time.sleep(0.25)
        for check in ("two", "three"):
            found.record("granted", check, PASSED, "as it should be")
        # A check that is given up twice, with another reason, counts once.
        for reason in ("no token", "still no token"):
            found.record("stranger", "refused", NOT_RUN, reason)
        time.sleep(0.15)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  verify: checks: ")]
    counts = [int(line.split()[2]) for line in lines]
    assert sorted(set(counts)) == [1, 2, 3, 4]
    assert counts == sorted(counts)
    assert all(" of 4" in line for line in lines)
