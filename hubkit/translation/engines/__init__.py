"""Who translates: a model in this process, or a server that speaks the OpenAI protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.config import Translation
from hubkit.errors import UsageError
from hubkit.models.folders import public_name
from hubkit.models.thinking import thinking_budget
from hubkit.tokens import environment_token
from hubkit.translation.engines.base import TRANSLATOR, Answer, Engine, Request, ServerTable
from hubkit.translation.prompt import Prompt

if TYPE_CHECKING:
    from hubkit.translation.engines.private_http import Client
    from hubkit.translation.engines.server import Server

__all__ = ["TRANSLATOR", "Answer", "Engine", "Request", "ServerTable", "check_server", "open_engine"]


def open_engine(settings: Translation, task: int = 0, table: ServerTable = TRANSLATOR, **options: Any) -> Engine:
    """Load the configured engine with what it uses of the settings.

    Args:
        settings: the table [translation] of the configuration, or what another model takes for it.
        task: the number of this task among those that translate at the same time.
        table: where the server is set; its variable has the server's key.
        options: of the engine's class, which no setting decides.

    Raises:
        UsageError: the engine openai has no server.
        HubkitError: the model cannot be loaded, or the server did not start.
    """
    thinking = thinking_budget(settings.thinking_tokens, settings.model, settings.model_id)
    if settings.engine == "openai":
        from hubkit.translation.engines.openai import OpenAIEngine

        client, server = _connection(settings, task, table)
        return OpenAIEngine(
            settings.model, client, server, settings.concurrency, thinking, settings.template, **options
        )
    from hubkit.translation.engines.paged_cache import CacheLimits
    from hubkit.translation.engines.transformers import ModelSource, TransformersEngine

    name = public_name(settings.model, settings.model_id)
    source = ModelSource(settings.model, name, settings.revision, settings.quantization, settings.device, task)
    limits = CacheLimits.of(settings)
    return TransformersEngine(source, Prompt.of(settings), thinking, settings.batch_tokens, limits, **options)


def check_server(settings: Translation, table: ServerTable) -> None:
    """Check what is set of a server, without starting or asking it.

    Raises:
        UsageError: the engine openai has no server, or hubkit cannot know where it listens, or its key cannot be sent.
    """
    if settings.engine == "openai":
        _connection(settings, 0, table)


def _connection(settings: Translation, task: int, table: ServerTable) -> tuple[Client, Server | None]:
    """What speaks with the server, and the server where hubkit starts it."""
    from hubkit.translation.engines.private_http import Client
    from hubkit.translation.engines.server import Server

    server = None
    if settings.serve is not None:
        server = Server(settings.serve, settings.base_url, task, table, settings.serve_environment)
    url = server.url if server else settings.base_url
    if url is None:
        raise UsageError("the engine openai has no server", hint=f"set {table.name} base_url or serve")
    key = environment_token(table.key_variable)
    return Client(url, settings.allowed_hosts, settings.timeout, key, table), server
