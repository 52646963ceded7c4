"""What the cards say of how a release was made: models, training, versions and times."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import NamedTuple

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.training_log import read_log
from hubkit.artifacts.translator import read_translator
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.models.folders import public_name
from hubkit.workspace import Workspace, read_table

UNKNOWN_PRECISION = "unknown, as the server was started"


class TranslatingModel(NamedTuple):
    """A model that translated: its name, its revision, and the digest of the prompt."""

    model: str
    revision: str | None
    prompt: str | None


class Curve(NamedTuple):
    """One line of the training's log."""

    step: int
    train_loss: float | None
    eval_loss: float | None
    eval_entropy: float | None
    eval_accuracy: float | None


def translator(workspace: Workspace) -> list[TranslatingModel]:
    """The models that translated, with revision and digest of the prompt."""
    rows = read_table(workspace.translations, ["model", "revision", "prompt"]).group_by(["model", "revision", "prompt"])
    # A workspace of 0.1.0 has the path of a folder there.
    found = [TranslatingModel(public_name(row.pop("model")), **row) for row in rows.aggregate([]).to_pylist()]
    return sorted(found, key=json.dumps)


def translation_precision(config: ReleaseConfig, workspace: Workspace) -> str:
    """The precision of the translator's weights, as its software reports it; several where it was run again.

    A workspace of before has the setting alone, which is that of hubkit's own engine and says nothing of a server's.
    """
    known = read_translator(workspace).precisions
    if known == [None] and config.translation.engine == "transformers":
        return config.translation.quantization
    return ", then ".join(precision or UNKNOWN_PRECISION for precision in known)


def curves(workspace: Workspace) -> list[Curve]:
    """The evaluations logged in training, each with the training loss last seen before it."""
    found, train_loss = list[Curve](), None
    for entry in read_log(workspace.adapter):
        train_loss = train_loss if entry.loss is None else entry.loss
        if entry.eval_loss is not None:
            measured = (entry.eval_loss, entry.eval_entropy, entry.eval_mean_token_accuracy)
            found.append(Curve(entry.step, train_loss, *measured))
    return found


def versions(workspace: Workspace) -> dict[str, str]:
    """Package versions that the stages ran with, from their manifests."""
    found: dict[str, str] = {}
    for stage in ("translate", "finetune", "generate", "score"):
        manifest = read_manifest(workspace, stage)
        found |= manifest.versions if manifest else {}
    return found


def ended(workspace: Workspace) -> dict[str, datetime]:
    """When each stage ended, in whole seconds, from the manifests; an older hubkit recorded no times."""
    found = {}
    for stage in ("translate", "finetune", "generate", "score"):
        manifest = read_manifest(workspace, stage)
        if manifest and manifest.started and manifest.seconds is not None:
            end = datetime.fromisoformat(manifest.started) + timedelta(seconds=manifest.seconds)
            found[stage] = end.replace(microsecond=0)
    return found


def digests(workspace: Workspace) -> dict[str, str]:
    """SHA-256 of the files that the figures of the cards come from, by their names."""
    weights, scores = workspace.adapter / "adapter_model.safetensors", workspace.scores / "scores.parquet"
    return {path.name: file_digest(path) for path in (workspace.studies, workspace.translations, weights, scores)}
