"""Who translates: a model in this process, or a server that speaks the OpenAI protocol."""

from __future__ import annotations

import importlib

from hubkit.config import Translation
from hubkit.translation.engines.base import Answer, Engine, Request

__all__ = ["ENGINES", "Answer", "Engine", "Request", "open_engine"]

ENGINES = {
    "transformers": "hubkit.translation.engines.transformers:TransformersEngine",
    "openai": "hubkit.translation.engines.openai:OpenAIEngine",
}


def open_engine(translation: Translation, task: int = 0) -> Engine:
    """Load the configured engine; `task` is the number of this task among those that translate at the same time."""
    module, _, name = ENGINES[translation.engine].partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)(translation, task)
    return engine
