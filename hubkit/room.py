"""How much each stage writes, counted beforehand: for `hubkit doctor`, and for the error when a disk is full."""

from __future__ import annotations

from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace

BYTES_PER_PIXEL = 0.35
"""Of a prepared JPEG of a radiograph, on the safe side."""

BYTES_PER_STUDY = 8_000
"""Of a study in a table, uncompressed: report, sections, translations or three generations, with their columns."""

TRAINING = 2 * 2**30
"""Bytes of adapter, two checkpoints with optimiser states, and what is copied of them, at rank 16 of a 4B base."""

SMALL = 50_000_000
"""Bytes of manifests, logs, plots and cards, on the safe side."""

CLEAN_ENVIRONMENT = 400_000_000
"""Bytes of an environment in which `verify` installs another version of the libraries."""


def stage_bytes(stage: str, config: ReleaseConfig, workspace: Workspace) -> int:
    """About how many bytes `stage` writes to the disk of the workspace."""
    studies = studies_of(config)
    tables = studies * BYTES_PER_STUDY
    made = sum(map(_size, (workspace.adapter, workspace.translations, workspace.scores, workspace.studies)))
    return SMALL + {
        "read": tables + image_bytes(studies * config.corpus.max_images, config),
        "finetune": TRAINING,
        "package": tables + 2 * made,
        "push": 0,
        "verify": 2 * _size(workspace.dist) + len(config.hub.verify_with) * CLEAN_ENVIRONMENT,
    }.get(stage, tables)


def image_bytes(count: int, config: ReleaseConfig) -> int:
    """Bytes of `count` prepared images."""
    return int(count * config.corpus.image_size**2 * BYTES_PER_PIXEL)


def studies_of(config: ReleaseConfig) -> int:
    """The studies of the subset; of a whole corpus those of MIMIC-CXR, the largest."""
    subset = config.corpus.subset
    return 227_835 if subset == "all" else sum(subset.sizes().values())


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else 0
