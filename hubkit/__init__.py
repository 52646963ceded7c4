"""hubkit takes a credentialed radiology corpus to a reproducible, gated release on the Hugging Face Hub.

The names below are public and stay; every other module may change. They are imported when they are used.

- `open_sealed(dataset)` and `Sealed()` open a sealed release with your own copy of the corpus.
- `check(source, translation)` returns what is wrong with a translation, as flags.
- `labels(text)` returns the 14 CheXpert labels of a report.
- `load_config(path)` reads a hubkit.toml.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubkit.checks import check
    from hubkit.clinical.labels import chexpert_labels as labels
    from hubkit.config import load_config
    from hubkit.custody.sealed import Sealed, open_sealed

__version__ = "0.1.0"

__all__ = ["Sealed", "check", "labels", "load_config", "open_sealed"]

_HOMES = {
    "Sealed": "hubkit.custody.sealed:Sealed",
    "check": "hubkit.checks:check",
    "labels": "hubkit.clinical.labels:chexpert_labels",
    "load_config": "hubkit.config:load_config",
    "open_sealed": "hubkit.custody.sealed:open_sealed",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hubkit' has no attribute {name!r}")
    module, _, member = _HOMES[name].partition(":")
    return getattr(importlib.import_module(module), member)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
