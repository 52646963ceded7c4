"""What a release says of itself to programs, in each of its repos: its parts, their tag, and how it was scored."""

from __future__ import annotations

from hubkit import __version__
from hubkit.artifacts.release_record import RecordedEncoder, RecordedScoring, ReleaseRecord
from hubkit.config import Encoder, ReleaseConfig
from hubkit.models.folders import public_name


def release_record(config: ReleaseConfig) -> ReleaseRecord:
    """The record of a release, as each of its repos has it."""
    scoring = config.scoring
    setups = {"bertimbau": _encoder(scoring.bertimbau), "xlm-roberta": _encoder(scoring.xlm_roberta)}
    return ReleaseRecord(
        hubkit=__version__,
        version=config.release.version,
        tag=config.release.tag,
        repos={str(part): repo for part, repo in config.repos().items()},
        custody=config.custody.mode,
        scoring=RecordedScoring(dtype=scoring.dtype, idf=scoring.idf, setups=setups),
    )


def _encoder(encoder: Encoder) -> RecordedEncoder:
    name = public_name(encoder.model, encoder.model_id)
    return RecordedEncoder(model=name, layer=encoder.layer, revision=encoder.revision)
