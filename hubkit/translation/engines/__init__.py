"""Who translates: a model in this process, or a server that speaks the OpenAI protocol."""

from __future__ import annotations

from typing import Any

from hubkit.config import Translation
from hubkit.errors import UsageError
from hubkit.models.folders import public_name
from hubkit.models.thinking import thinking_budget
from hubkit.tokens import environment_token
from hubkit.translation.engines.base import Answer, Engine, Request
from hubkit.translation.prompt import Prompt

__all__ = ["Answer", "Engine", "Request", "open_engine"]


def open_engine(settings: Translation, task: int = 0, **options: Any) -> Engine:
    """Load the configured engine with what it uses of the settings.

    Args:
        settings: the table [translation] of the configuration.
        task: the number of this task among those that translate at the same time.
        options: of the engine's class, which no setting decides.

    Raises:
        UsageError: the engine openai has no server.
        HubkitError: the model cannot be loaded, or the server did not start.
    """
    thinking = thinking_budget(settings.thinking_tokens, settings.model, settings.model_id)
    if settings.engine == "openai":
        return _served(settings, task, thinking, options)
    from hubkit.translation.engines.paged_cache import CacheLimits
    from hubkit.translation.engines.transformers import ModelSource, TransformersEngine

    name = public_name(settings.model, settings.model_id)
    source = ModelSource(settings.model, name, settings.revision, settings.quantization, settings.device, task)
    limits = CacheLimits.of(settings)
    return TransformersEngine(source, Prompt.of(settings), thinking, settings.batch_tokens, limits, **options)


def _served(settings: Translation, task: int, thinking: int, options: dict[str, Any]) -> Engine:
    from hubkit.translation.engines.openai import KEY_VARIABLE, OpenAIEngine
    from hubkit.translation.engines.private_http import Client
    from hubkit.translation.engines.server import Server

    server = None if settings.serve is None else Server(settings.serve, settings.base_url, task)
    url = server.url if server else settings.base_url
    if url is None:
        raise UsageError("the engine openai has no server", hint="set [translation] base_url or serve")
    client = Client(url, settings.allowed_hosts, settings.timeout, environment_token(KEY_VARIABLE))
    return OpenAIEngine(settings.model, client, server, settings.concurrency, thinking, settings.template, **options)
