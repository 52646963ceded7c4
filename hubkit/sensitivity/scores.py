"""A score of every report: BERTScore in both setups, and its clinical errors where the error profile is on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hubkit.config import ReleaseConfig
from hubkit.digests import value_digest
from hubkit.metrics.error_counts import error_counts
from hubkit.models.folders import content_digests
from hubkit.scoring.bertscore import score_pairs
from hubkit.scoring.inputs import original
from hubkit.sensitivity.design import Cell, Design
from hubkit.study_batches import study_batches
from hubkit.tables import SECTIONS, SETUPS
from hubkit.workspace import Workspace, atomic

ERRORS = "errors per report"

LOWER_IS_BETTER = frozenset({ERRORS})

Scores = dict[str, dict[Cell, np.ndarray]]
"""By measure, as `hubkit.metrics.registry` names it, and combination: (studies,) in the order of the design."""


def score_answers(
    config: ReleaseConfig, workspace: Workspace, design: Design, answers: Mapping[Cell, list[str]]
) -> Scores:
    """Score the reports of all combinations. The F1 of a combination is kept as soon as it is computed.

    Raises:
        HubkitError: an encoder cannot be loaded as configured.
    """
    references = [sample.reference for sample in design.samples]
    against = {"bertimbau": references, "xlm-roberta": _originals(config, workspace, design)}
    scores: Scores = {}
    for setup in SETUPS:
        name = f"{setup} f1"
        scores[name] = {}
        for number, (cell, texts) in enumerate(answers.items(), start=1):
            title = f"sensitivity: {setup}, combination {number} of {len(answers)}, pairs"
            scores[name][cell] = _f1(config, workspace, setup, texts, against[setup], title)
    if config.scoring.error_profile:
        scores[ERRORS] = {
            cell: error_counts(texts, references).errors.sum(axis=(1, 2)) for cell, texts in answers.items()
        }
    return scores


def _f1(
    config: ReleaseConfig, workspace: Workspace, setup: str, texts: list[str], references: list[str], title: str
) -> np.ndarray:
    kept = _kept(config, workspace, setup, texts, references)
    if not kept.exists():
        found = score_pairs(config, setup, texts, references, references, title)
        with atomic(kept) as temporary, open(temporary, "wb") as file:
            np.save(file, np.array(found["f1"], dtype=np.float32))
    scores: np.ndarray = np.load(kept)
    return scores


def _kept(config: ReleaseConfig, workspace: Workspace, setup: str, texts: list[str], references: list[str]) -> Path:
    scoring, table = config.scoring, f"scoring.{setup.replace('-', '_')}"
    parts = {
        "encoder": scoring.encoder(setup).deciding(),
        "files": content_digests(config, (table,)),
        "idf": scoring.idf,
        "dtype": scoring.dtype,
        "pairs": [texts, references],
    }
    key = value_digest(parts)
    return workspace.sensitivity / "scores" / f"{key[:16]}.npy"


def _originals(config: ReleaseConfig, workspace: Workspace, design: Design) -> list[str]:
    """The English counterparts of the references."""
    ids = np.array([sample.study_id for sample in design.samples], np.int64)
    batches = study_batches(workspace.studies, ["study_id", *SECTIONS], ids)
    rows = {row["study_id"]: row for batch in batches for row in batch.to_pylist()}
    return [original(rows[sample.study_id], config.generation.reference) for sample in design.samples]
