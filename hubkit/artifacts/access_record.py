"""physionet-access.json: that PhysioNet let this user download a credentialed file."""

from __future__ import annotations

import datetime

from hubkit.artifacts.model import Model, read_whole, to_json
from hubkit.workspace import Workspace, write_json


class AccessRecord(Model):
    """A download that succeeded.

    Attributes:
        date: the day, in UTC.
        user: the account.
        project: with its version, such as mimic-cxr/2.1.0.
        url: where it was made.
    """

    date: datetime.date
    user: str
    project: str
    url: str


def read_access_record(workspace: Workspace) -> AccessRecord | None:
    """The last access check; None where its file is not whole or lacks a value.

    Raises:
        HubkitError: the file has another format.
    """
    return read_whole(AccessRecord, "access_check", workspace.access_check)


def write_access_record(workspace: Workspace, record: AccessRecord) -> None:
    """Write what `read_access_record` reads. The file has no number, which stands for format 1, as in every version."""
    write_json(workspace.access_check, to_json(record))
