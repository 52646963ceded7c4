"""A server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp's, `transformers serve`."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.models.thinking import thinking_budget
from hubkit.tokens import environment_token
from hubkit.translation.engines.base import Answer, Engine, Request
from hubkit.translation.engines.completion import NoAnswer, read_reply
from hubkit.translation.engines.private_http import Client, Reply
from hubkit.translation.engines.server import Server

KEY_VARIABLE = "HUBKIT_TRANSLATION_KEY"
"""The environment variable with the server's key, where it wants one."""

RETRIED = frozenset({400, 408, 409, 425, 429})
"""Statuses below 500 that may pass: servers answer 400 when they are out of memory or loading as well."""

UNANSWERABLE = frozenset({413, 422})
"""Statuses of a request that is too long, or that the server cannot work on: it fails alone, and at once."""

ATTEMPTS = 5


class OpenAIEngine(Engine):
    """Asks a server, `translation.concurrency` requests at a time.

    Args:
        translation: `base_url` of a server that runs, or `serve`, the command line of one to start and stop.
        task: fills {task} in that command line.
        pause: seconds before the first repetition; each further one doubles it.

    Raises:
        UsageError: neither is set.
        HubkitError: the server did not start.
    """

    def __init__(self, translation: Translation, task: int = 0, pause: float = 0.5):
        self.translation, self.pause = translation, pause
        self.thinking_tokens = thinking_budget(translation.thinking_tokens, translation.model, translation.model_id)
        self.markers = self.thinking_tokens > 0
        self.server = None if translation.serve is None else Server(translation.serve, translation.base_url, task)
        url = self.server.url if self.server else translation.base_url
        if url is None:
            raise UsageError("the engine openai has no server", hint="set [translation] base_url or serve")
        key = environment_token(KEY_VARIABLE)
        self.client = Client(url, translation.allowed_hosts, translation.timeout, key)
        if self.server is not None:
            self.server.start(self.client)

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        pool = ThreadPoolExecutor(self.translation.concurrency)
        try:
            places = {pool.submit(self._ask, request): place for place, request in enumerate(requests)}
            for future in as_completed(places):
                yield places[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()

    def _ask(self, request: Request) -> Answer:
        trouble = ""
        for attempt in range(ATTEMPTS):
            wait = self.pause * 2**attempt
            try:
                body = self._body(request)
                reply = self.client.request("POST", "/chat/completions", body)
                trouble = f"HTTP {reply.status}"
                if reply.status == 200:
                    return read_reply(reply.value, request.max_new_tokens)
                if reply.status == 422 and "skip_special_tokens" in body:
                    # `transformers serve` names unknown keys so; vLLM and SGLang, which know it, say 400.
                    self.markers = False
                    continue
                if reply.status in UNANSWERABLE:
                    break
                _refuse(reply)
                wait = max(wait, min(reply.retry_after, 60.0))
            except (OSError, http.client.HTTPException, NoAnswer) as error:
                trouble = type(error).__name__
            if attempt + 1 < ATTEMPTS:
                time.sleep(wait)
                if self.server is not None:
                    self.server.revive(self.client)
        return Answer(None, 0, "error", trouble)

    def _body(self, request: Request) -> dict[str, Any]:
        body = {
            "model": self.translation.model,
            "messages": request.messages,
            "max_tokens": request.max_new_tokens + self.thinking_tokens,
            "temperature": 0.0,
            "stream": False,
        }
        # vLLM and SGLang leave out the markers of a thought otherwise, and not the thought.
        return {**body, "skip_special_tokens": False} if self.markers else body


def _refuse(reply: Reply) -> None:
    # The server's own words may repeat the request, that is the report: only the status is told.
    if reply.status not in RETRIED and reply.status < 500:
        raise HubkitError(
            f"the server refuses requests: HTTP {reply.status}",
            where="[translation] base_url",
            hint=f"check model, base_url and {KEY_VARIABLE}",
        )
