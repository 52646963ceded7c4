"""The record that PhysioNet lets this user see a credentialed corpus: needed before its text is used or leaves."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from hubkit.artifacts.access_record import read_access_record
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

OFFICIAL = "https://physionet.org"

DAYS_VALID = 90
"""How long a check counts: access can be withdrawn, and people leave projects."""

HINT = "run: hubkit fetch --check"


class AccessCheck(NamedTuple):
    """A download of a credentialed file that succeeded: as whom, of which project, how many days ago (UTC)."""

    user: str
    project: str
    age: int


def require_access(workspace: Workspace, today: datetime.date | None = None) -> AccessCheck:
    """Return the access check that `hubkit fetch --check` recorded in the workspace.

    Args:
        today: the day to count from; None is today in UTC.

    Raises:
        HubkitError: there is no record, it is damaged, not PhysioNet's, of a day to come, or over 90 days old.
    """
    path = workspace.access_check
    if not path.exists():
        raise HubkitError("there is no PhysioNet access check on record", where=path, hint=HINT)
    record = read_access_record(workspace)
    if record is None:
        raise HubkitError("is not a valid record of an access check", where=path, hint=HINT)
    age = ((today or datetime.datetime.now(datetime.UTC).date()) - record.date).days
    if record.url != OFFICIAL:
        raise HubkitError(
            f"the access check was made at {record.url}, and one at {OFFICIAL} is needed",
            where=path,
            hint=f"take [corpus] physionet out of hubkit.toml, then {HINT}",
        )
    if age < 0:
        raise HubkitError(
            f"the access check is dated {record.date}, in the future", where=path, hint=f"set the clock, then {HINT}"
        )
    if age > DAYS_VALID:
        raise HubkitError(f"the access check is {age} days old, {DAYS_VALID} are allowed", where=path, hint=HINT)
    return AccessCheck(record.user, record.project, age)
