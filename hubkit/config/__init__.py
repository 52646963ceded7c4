"""The configuration of a release: hubkit.toml -> checked, frozen models. Every default lives here, once."""

from hubkit.config.file import load_config, parse_config, template, write_config
from hubkit.config.tables import (
    ARTIFACTS,
    Artifact,
    Audit,
    Consent,
    Corpus,
    Custody,
    Encoder,
    Finetuning,
    Generation,
    Hub,
    Packaging,
    Release,
    ReleaseConfig,
    Scoring,
    Subset,
    Translation,
)
from hubkit.config.values import Quantization, Runtime, Table

__all__ = [
    "ARTIFACTS",
    "Artifact",
    "Audit",
    "Consent",
    "Corpus",
    "Custody",
    "Encoder",
    "Finetuning",
    "Generation",
    "Hub",
    "Packaging",
    "Quantization",
    "Release",
    "ReleaseConfig",
    "Runtime",
    "Scoring",
    "Subset",
    "Table",
    "Translation",
    "load_config",
    "parse_config",
    "template",
    "write_config",
]
