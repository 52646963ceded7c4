"""The configuration of a release: hubkit.toml -> checked, frozen models. Every default lives here, once."""

from hubkit.config.adapter import Finetuning, Generation
from hubkit.config.corpus import Corpus, Subset
from hubkit.config.evaluation import Audit, Encoder, Scoring
from hubkit.config.file import load_config, parse_config, template, write_config
from hubkit.config.publication import ARTIFACTS, Artifact, Consent, Custody, Hub, Packaging, Release
from hubkit.config.sensitivity import BackTranslation, Sensitivity
from hubkit.config.tables import ReleaseConfig
from hubkit.config.translation import Translation
from hubkit.config.values import Quantization, Runtime, Table

__all__ = [
    "ARTIFACTS",
    "Artifact",
    "Audit",
    "BackTranslation",
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
    "Sensitivity",
    "Subset",
    "Table",
    "Translation",
    "load_config",
    "parse_config",
    "template",
    "write_config",
]
