"""PhysioNet's word that this machine's user may see a credentialed corpus: asked for before text is used or leaves."""

from __future__ import annotations

import datetime
import json
import re
from typing import NamedTuple

from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

OFFICIAL = "https://physionet.org"

DAYS_VALID = 90

HINT = "run: hubkit fetch --check"

EXT = re.compile(r"(?<![A-Za-z])(?:ext|EXT)(?![A-Za-z])|Ext(?![a-z])")
"""The word "Ext" in a name, between marks or between words that begin with a capital."""


class AccessCheck(NamedTuple):
    """A download of a credentialed file that succeeded: as whom, of which project, how many days ago (UTC)."""

    user: str
    project: str
    age: int


def lacks_ext(name: str) -> bool:
    """Whether a name uses MIMIC without "Ext", which PhysioNet asks for in names of what is derived from MIMIC."""
    return "mimic" in name.lower() and EXT.search(name) is None


def require_access(workspace: Workspace, today: datetime.date | None = None) -> AccessCheck:
    """Return the access check that `hubkit fetch --check` recorded in the workspace.

    Args:
        today: the day to count from; None is today in UTC.

    Raises:
        HubkitError: there is no record, it is damaged, not PhysioNet's, of a day to come, or over 90 days old.
    """
    path = workspace.access_check
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        day = datetime.date.fromisoformat(record["date"])
        user, project, url = str(record["user"]), str(record["project"]), record["url"]
    except FileNotFoundError:
        raise HubkitError("there is no PhysioNet access check on record", where=path, hint=HINT) from None
    except (KeyError, TypeError, ValueError):
        raise HubkitError("is no record of an access check", where=path, hint=HINT) from None
    age = ((today or datetime.datetime.now(datetime.UTC).date()) - day).days
    if url != OFFICIAL:
        raise HubkitError("the access check was not made at PhysioNet", where=path, hint=HINT)
    if age < 0:
        raise HubkitError(
            f"the access check is of {day}, which is to come", where=path, hint=f"set the clock, then {HINT}"
        )
    if age > DAYS_VALID:
        raise HubkitError(f"the access check is {age} days old, {DAYS_VALID} are allowed", where=path, hint=HINT)
    return AccessCheck(user, project, age)
