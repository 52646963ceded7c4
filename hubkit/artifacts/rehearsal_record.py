"""rehearsal.json: how a Hub answered what its documents leave open. It has no name and no token."""

from __future__ import annotations

from pathlib import Path

from hubkit.artifacts.model import Model, write_model


class Answered(Model):
    """A question, and how the Hub answered it."""

    question: str
    answer: str


class RehearsalRecord(Model):
    """What a rehearsal found.

    Attributes:
        hubkit: its version.
        hub: the official Hub, loopback or other.
        stopped_at: the step at which the Hub stopped it; None where it ended well.
        answers: by the short name of the question.
    """

    hubkit: str
    hub: str
    stopped_at: str | None
    answers: dict[str, Answered]


def write_rehearsal(path: Path, record: RehearsalRecord) -> None:
    """Write the record. People read it, and no program of hubkit does."""
    write_model("rehearsal", path, record)
