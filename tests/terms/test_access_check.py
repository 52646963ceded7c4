"""An access check counts for 90 days, and only where PhysioNet itself was asked."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from hubkit.errors import HubkitError
from hubkit.terms.access_check import OFFICIAL, require_access
from hubkit.workspace import Workspace

TODAY = datetime.date(2026, 5, 1)
RECORD = {"date": "2026-05-01", "user": "ada", "project": "mimic-cxr/2.1.0", "url": OFFICIAL}


@pytest.mark.parametrize(("day", "age"), [("2026-05-01", 0), ("2026-01-31", 90)])
def test_a_recent_check_is_enough(tmp_path: Path, day: str, age: int) -> None:
    workspace = Workspace(tmp_path)
    workspace.access_check.write_text(json.dumps({**RECORD, "date": day}))
    assert require_access(workspace, TODAY) == ("ada", "mimic-cxr/2.1.0", age)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "there is no PhysioNet access check on record.*hubkit fetch --check"),
        ("", "is not a valid record of an access check"),
        ("[]", "is not a valid record"),
        (json.dumps({**RECORD, "date": 20260501}), "is not a valid record"),
        (json.dumps({**RECORD, "date": "yesterday"}), "is not a valid record"),
        (json.dumps({"date": "2026-05-01"}), "is not a valid record"),
        (json.dumps({**RECORD, "date": "2026-01-30"}), "91 days old, 90 are allowed"),
        (json.dumps({**RECORD, "date": "2026-05-02"}), "in the future.*set the clock"),
        (
            json.dumps({**RECORD, "url": "http://127.0.0.1:8000"}),
            "made at http://127.0.0.1:8000, and one at https://phys.*take .corpus. physionet out",
        ),
    ],
)
def test_what_is_not_enough_is_said(tmp_path: Path, record: str | None, message: str) -> None:
    workspace = Workspace(tmp_path)
    if record is not None:
        workspace.access_check.write_text(record)
    with pytest.raises(HubkitError, match=message):
        require_access(workspace, TODAY)
