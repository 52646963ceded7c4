"""What a release says of itself to programs, in each of its repos: its parts, their tag, and how it was scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubkit import __version__
from hubkit.config import ReleaseConfig
from hubkit.models.folders import public_name
from hubkit.workspace import write_json

RECORD = "hubkit_release.json"
"""Its name in each repo."""


def write_record(folder: Path, config: ReleaseConfig) -> None:
    """Write the record of a release into the folder of one of its repos."""
    write_json(folder / RECORD, record(config))


def record(config: ReleaseConfig) -> dict[str, Any]:
    """The record as JSON values: what a reader needs, beside the repos, to compute the tables again."""
    setups = {"bertimbau": config.scoring.bertimbau, "xlm-roberta": config.scoring.xlm_roberta}
    return {
        "format": 1,
        "hubkit": __version__,
        "version": config.release.version,
        "tag": config.release.tag,
        "repos": config.repos(),
        "custody": config.custody.mode,
        "scoring": {
            "dtype": config.scoring.dtype,
            "idf": config.scoring.idf,
            "setups": {
                setup: {
                    "model": public_name(encoder.model, encoder.model_id),
                    "layer": encoder.layer,
                    "revision": encoder.revision,
                }
                for setup, encoder in setups.items()
            },
        },
    }
