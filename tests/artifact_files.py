"""Which model or schema each file of a workspace has, and which files have none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hubkit.artifacts.access_record import AccessRecord
from hubkit.artifacts.extremes import Extremes
from hubkit.artifacts.generation_part import GenerationPart
from hubkit.artifacts.manifest import Manifest
from hubkit.artifacts.memorisation import Memorisation
from hubkit.artifacts.model import Model, to_json
from hubkit.artifacts.receipt import Receipt
from hubkit.artifacts.recipe import Decoding, Recipe
from hubkit.artifacts.release_record import ReleaseRecord
from hubkit.artifacts.revision import Revision
from hubkit.artifacts.scores import Summary
from hubkit.artifacts.selection import Selection
from hubkit.artifacts.thoughts import Thoughts
from hubkit.artifacts.training import Training
from hubkit.artifacts.training_log import LogEntry
from hubkit.artifacts.translator import Translator
from hubkit.artifacts.verification import Verification
from hubkit.digests import read_index
from hubkit.formats import FORMATS, Kind
from hubkit.packaging.dataset import default_schema
from hubkit.tables import CHECKS, GENERATIONS, OTHER_STUDIES, SCORES, SPANS, STUDIES, TRANSLATIONS

MODELS: dict[str, tuple[Kind, type[Model]]] = {
    "physionet-access.json": ("access_check", AccessRecord),
    "receipt.json": ("receipt", Receipt),
    "verification.json": ("verification", Verification),
    "manifests/*.json": ("manifest", Manifest),
    "studies/selection.json": ("selection", Selection),
    "translations/thoughts.json": ("thoughts", Thoughts),
    "translations/translator.json": ("translator", Translator),
    "revised/revision.json": ("revision", Revision),
    "adapter/training.json": ("training", Training),
    "adapter/hubkit_generation.json": ("recipe", Recipe),
    "generations/decoding.json": ("recipe", Decoding),
    "scores/summary.json": ("summary", Summary),
    "scores/extremes.json": ("extremes", Extremes),
    "audit/memorisation.json": ("memorisation", Memorisation),
    "hubkit_release.json": ("record", ReleaseRecord),
    "partial/generate-*/*/*.json": ("generation_part", GenerationPart),
}
"""By the end of a file's path."""

LINES = {"adapter/log_history.jsonl": LogEntry}

SCHEMAS = {
    "studies/studies.parquet": (STUDIES,),
    "translations/translations.parquet": (TRANSLATIONS,),
    "revised/translations.parquet": (TRANSLATIONS,),
    "training/translations.parquet": (TRANSLATIONS,),
    "translations/checks.parquet": (CHECKS,),
    "revised/checks.parquet": (CHECKS,),
    "generations/*.parquet": (GENERATIONS,),
    "scores/*.parquet": (SCORES,),
    "data/default/*.parquet": (default_schema(True), default_schema(False)),
    "data/spans/*.parquet": (SPANS,),
    "loader/other_studies.parquet": (OTHER_STUDIES,),
}

FOREIGN = (
    *("adapter/adapter_config.json", "adapter/tokenizer*.json", "adapter/processor_config.json"),
    *("adapter/preprocessor_config.json", "adapter/special_tokens_map.json", "adapter/added_tokens.json"),
    "dataset/croissant.json",
)
"""Files in a format of peft, transformers or Croissant, which those libraries read."""

PROSE = {".md", ".txt", ".cff", ".png", ".svg", ".jpg", ".html", ".py", ".jinja", ".yaml", ".safetensors", ".log", ""}
"""Suffixes of files for people, of code, and of formats that say themselves what they are."""


def without_model(files: Iterator[Path], root: Path) -> list[str]:
    """Files below `root` that no model or schema describes as they are, each with what is wrong."""
    found = []
    for path in files:
        name = path.relative_to(root)
        fault = None if _matches(name, FOREIGN) or path.suffix in PROSE else _fault(path, name)
        if fault:
            found.append(f"{name}: {fault}")
    return sorted(found)


def _fault(path: Path, name: PurePath) -> str | None:
    if models := _matches(name, MODELS):
        kind, model = MODELS[models[0]]
        return _json_fault(json.loads(path.read_text(encoding="utf-8")), model, kind)
    if lines := _matches(name, LINES):
        entries = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        faults = (_json_fault(entry, LINES[lines[0]], None) for entry in entries)
        return next((fault for fault in faults if fault), None)
    if schemas := _matches(name, SCHEMAS):
        schema: pa.Schema = pq.read_schema(path).remove_metadata()
        return None if any(schema.equals(known) for known in SCHEMAS[schemas[0]]) else f"has the columns {schema.names}"
    if path.suffix == ".sha256":
        lines_there = len(path.read_text(encoding="utf-8").splitlines())
        return None if len(read_index(path.with_suffix(""))) == lines_there else "has a line that is not of an index"
    return "has no model"


def _json_fault(values: dict[str, Any], model: type[Model], kind: Kind | None) -> str | None:
    """What is wrong with the values of a file; a key that the model lacks is lost when it is read."""
    number = values.pop("format", None)
    if kind is not None and number not in (None, FORMATS[kind]):
        return f"has format {number}"
    written = json.loads(json.dumps(to_json(model.model_validate(values))))
    return None if written == values else f"is not what {model.__name__} writes: {sorted(values)}"


def _matches(name: PurePath, patterns: Any) -> list[str]:
    return [pattern for pattern in patterns if name.match(pattern)]
