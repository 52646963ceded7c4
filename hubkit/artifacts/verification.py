"""verification.json: which checks of a release passed, failed or were not run, for each reader."""

from __future__ import annotations

from pathlib import Path

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.workspace import Workspace


class CheckResult(Model):
    """How a check ended: passed, failed, or not run."""

    check: str
    result: str
    detail: str


class ReaderReport(Model):
    """The checks of one reader.

    Attributes:
        reader: granted, stranger, ungranted, hubkit, or a set of versions.
        checks: in the order in which they are made.
        python, endpoint, versions: with what its process ran; a reader whose process did not start has none.
    """

    reader: str
    checks: list[CheckResult]
    python: str | None = None
    endpoint: str | None = None
    versions: dict[str, str] = {}  # noqa: RUF012 - the model is frozen


class VerifiedRepo(Model):
    """A repo of the release: its id, and the commit that was read."""

    id: str
    commit: str


class Verification(Model):
    """What a verification found.

    Attributes:
        release: the tag; None where no release was reached.
        repos: by part of the release.
        named: the repos as they were named, where no release was reached.
        endpoint: the Hub.
        counts: how many checks ended in each way.
        readers: see there.
        ended: why the verification ended early, where it did.
    """

    release: str | None = None
    repos: dict[str, VerifiedRepo] = {}  # noqa: RUF012
    named: list[str] | None = None
    endpoint: str | None = None
    counts: dict[str, int]
    readers: list[ReaderReport] = []  # noqa: RUF012
    ended: str | None = None


def read_verification(workspace: Workspace) -> Verification:
    """What the stage verify wrote.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Verification, "verification", workspace.verification, "hubkit verify")


def write_verification(path: Path, verification: Verification) -> None:
    """Write what `read_verification` reads."""
    write_model("verification", path, verification)
