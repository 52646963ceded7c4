"""hubkit_release.json in each repo: what a release says of itself to programs."""

from __future__ import annotations

from pathlib import Path

from hubkit.artifacts.model import Model, write_model

RECORD = "hubkit_release.json"
"""Its name in each repo."""


class RecordedEncoder(Model):
    """The encoder of a setup of BERTScore."""

    model: str
    layer: int | None
    revision: str | None


class RecordedScoring(Model):
    """How the reports were scored; `setups` are encoders by name."""

    dtype: str
    idf: bool
    setups: dict[str, RecordedEncoder]


class ReleaseRecord(Model):
    """What a reader needs, in addition to the repos, to compute the tables again.

    Attributes:
        hubkit: its version.
        version, tag: of the release.
        repos: by part of the release.
        custody: gated or sealed.
        scoring: see there.
    """

    hubkit: str
    version: str
    tag: str
    repos: dict[str, str]
    custody: str
    scoring: RecordedScoring


def write_record(folder: Path, record: ReleaseRecord) -> None:
    """Write the record into the folder of a repo. Whoever reads it has no hubkit."""
    write_model("record", folder / RECORD, record)
