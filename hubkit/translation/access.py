"""Before a credentialed corpus is translated: a PhysioNet access check on record, and not an old one."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from hubkit.errors import HubkitError

DAYS = 90
"""How long a check holds."""

MEND = "check the access with: hubkit physionet"


def require_access(record: Path, today: datetime.date | None = None) -> None:
    """Demand the record of an access check that was granted at most 90 days ago.

    Args:
        record: workspace.access_check, JSON with `checked` (a date or a time in ISO 8601) and `granted`.
        today: the day to count from; None is today in UTC.

    Raises:
        HubkitError: there is no such record, it says no, or it is too old or from the future.
    """
    try:
        values = json.loads(record.read_text(encoding="utf-8"))
        checked = datetime.date.fromisoformat(values["checked"][:10])
        granted = values["granted"]
    except FileNotFoundError:
        raise HubkitError("a credentialed corpus, and no PhysioNet access check", where=record, mend=MEND) from None
    except (ValueError, KeyError, TypeError):
        raise HubkitError("is no record of a PhysioNet access check", where=record, mend=MEND) from None
    if granted is not True:
        raise HubkitError("PhysioNet did not grant access when it was checked", where=record, mend=MEND)
    age = ((today or datetime.datetime.now(datetime.UTC).date()) - checked).days
    if not 0 <= age <= DAYS:
        raise HubkitError(
            f"the PhysioNet access check is of {checked}, it may be {DAYS} days old", where=record, mend=MEND
        )
