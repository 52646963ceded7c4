"""receipt.json: what the last push brought to the Hub, and whether that version was withdrawn since."""

from __future__ import annotations

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.workspace import Workspace


class PushedRepo(Model):
    """A repo of the release.

    Attributes:
        id, type: as the Hub has them; the type is dataset, model or space.
        url: its address; a receipt of 0.1.0 has none.
        tag, commit: of this version.
        files: SHA-256 by path.
    """

    id: str
    type: str
    url: str | None = None
    tag: str
    commit: str
    files: dict[str, str]


class PinnedFile(Model):
    """A file that a card tells people to run."""

    path: str
    repo: str
    sha256: str


class Pins(Model):
    """What the receipt repeats of the cards: the commits by part of the release, and the files of code."""

    commits: dict[str, str]
    code: list[PinnedFile]


class Receipt(Model):
    """The last push.

    Attributes:
        endpoint: the Hub.
        version: of the release.
        collection: the slug of the collection, where one was asked for.
        ungranted_probe_waived: why no account without a grant tried the gate, where none did.
        repos: by part of the release: dataset, adapter, metric.
        pins: a receipt of 0.1.0 has none.
        withdrawn: the day on which the version was withdrawn.
    """

    endpoint: str
    version: str | None = None
    collection: str | None = None
    ungranted_probe_waived: str | None = None
    repos: dict[str, PushedRepo]
    pins: Pins | None = None
    withdrawn: str | None = None

    @property
    def tag(self) -> str:
        """The tag of the release, which all repos share."""
        return self.repos["dataset"].tag


def read_receipt(workspace: Workspace) -> Receipt | None:
    """The receipt of the last push; None where nothing was pushed.

    Raises:
        HubkitError: it is not whole, incomplete, or of another format.
    """
    if not workspace.receipt.exists():
        return None
    return read_model(Receipt, "receipt", workspace.receipt, "hubkit push")


def write_receipt(workspace: Workspace, receipt: Receipt) -> None:
    """Write what `read_receipt` reads."""
    write_model("receipt", workspace.receipt, receipt)
