"""Before a credentialed corpus is translated: a PhysioNet access check on record, and not an old one."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from hubkit.errors import HubkitError

DAYS = 90
"""How long a check holds."""

MEND = "run: hubkit fetch --check"


def require_access(record: Path, today: datetime.date | None = None) -> None:
    """Demand the record of an access check that is at most 90 days old; one that fails leaves no record.

    Args:
        record: workspace.access_check, as `hubkit fetch --check` writes it: JSON with `date`, a day in UTC.
        today: the day to count from; None is today in UTC.

    Raises:
        HubkitError: there is no such record, or it is too old or from the future.
    """
    try:
        checked = datetime.date.fromisoformat(json.loads(record.read_text(encoding="utf-8"))["date"])
    except FileNotFoundError:
        raise HubkitError("a credentialed corpus, and no PhysioNet access check", where=record, mend=MEND) from None
    except (ValueError, KeyError, TypeError):
        raise HubkitError("is no record of a PhysioNet access check", where=record, mend=MEND) from None
    age = ((today or datetime.datetime.now(datetime.UTC).date()) - checked).days
    if not 0 <= age <= DAYS:
        raise HubkitError(
            f"the PhysioNet access check is of {checked}, and {DAYS} days old at the most is allowed",
            where=record,
            mend=MEND,
        )
