"""A server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp's, `transformers serve`."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from hubkit.artifacts.translator import Served
from hubkit.errors import HubkitError
from hubkit.translation.engines.base import Answer, Engine, Key, Request, ServerTable
from hubkit.translation.engines.chat_template import no_system_role
from hubkit.translation.engines.completion import NO_BODY, NoAnswer, read_reply
from hubkit.translation.engines.private_http import Client
from hubkit.translation.engines.refusals import TOO_LONG, Refusal, error_of, refusal_of, status_of
from hubkit.translation.engines.served import ask_server, known_commit
from hubkit.translation.engines.server import Server
from hubkit.translation.prompt import LANGUAGES

RETRIED = frozenset({400, 408, 409, 425, 429})
"""Statuses below 500 that may pass: servers answer 400 when they are out of memory or loading as well."""

UNANSWERABLE = frozenset({413, 422})
"""Statuses of a request that is too large, or that the server cannot work on: it fails alone, and at once."""

ATTEMPTS = 5
"""With waits that double: short enough that a server that is gone is noticed before the whole corpus has failed."""

USELESS_ATTEMPTS = 2
"""Attempts where the reply is a completion with a part that cannot be used: servers repeat that, but for accidents."""

USELESS_REQUESTS = 4
"""So many requests without one usable reply show a server whose replies cannot be used at all."""

CHARACTERS_PER_TOKEN = 4
"""A little more than in reports: what is too long by this count is too long."""

QUESTION_SECONDS = 10.0
"""How long the server may take to say what it serves."""


AHEAD = 2
"""Requests that are taken, for each one that the server gets: a thread that has its answer finds the next request at
once, also while the answer before is checked or a part is written."""


class OpenAIEngine(Engine):
    """Asks a server, so many requests at a time.

    Args:
        model: what the server calls its model.
        client: speaks with the server.
        server: the server where hubkit starts and stops it.
        concurrency: requests that it gets at the same time.
        thinking_tokens: tokens of a thought, on top of those of an answer.
        template: of the requests, as [translation] template says it.
        pause: seconds before the first repetition; each further one doubles it.

    Raises:
        UsageError: the model takes no turn of the system.
        HubkitError: the server did not start, nothing listens where it should be, it refuses requests, or no reply of
            it can be used.
    """

    streams = True

    def __init__(
        self,
        model: str,
        client: Client,
        server: Server | None,
        concurrency: int,
        thinking_tokens: int,
        template: str,
        pause: float = 0.5,
    ):
        self.model, self.client, self.server, self.concurrency = model, client, server, concurrency
        self.thinking_tokens, self.template, self.pause = thinking_tokens, template, pause
        self.markers = thinking_tokens > 0
        self.limit_key = "max_tokens"
        self._usable = self._useless = 0
        self._reached = server is not None
        self._served: Served | None = None
        self._lock = threading.Lock()
        self._asker = client.within(QUESTION_SECONDS)
        if server is not None:
            server.start(client)

    @property
    def served(self) -> Served:
        """What the server says of itself. It is asked once, when this is first needed and it is reachable."""
        with self._lock:
            if self._served is None:
                command = self.server.command if self.server else ()
                self._served = ask_server(self._asker, self.model, command)
            return self._served or Served()

    @property
    def revision(self) -> str | None:
        return known_commit(self.served.revision)

    def answer(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        numbered = enumerate(requests)
        return self.stream(lambda: next(numbered, None))

    def stream(self, take: Callable[[], tuple[Key, Request] | None]) -> Generator[tuple[Key, Answer]]:
        self._require_server()
        pool = ThreadPoolExecutor(self.concurrency)
        ready: SimpleQueue[Future[Answer]] = SimpleQueue()
        asked: dict[Future[Answer], Key] = {}
        try:
            while True:
                while len(asked) < AHEAD * self.concurrency and (item := take()) is not None:
                    future = pool.submit(self._ask, item[1])
                    asked[future] = item[0]
                    future.add_done_callback(ready.put)
                if not asked:
                    return
                future = ready.get()
                yield asked.pop(future), future.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        if self.server is not None:
            self.server.stop()

    def _require_server(self) -> None:
        """Stop where nothing listens when the first request is due.

        Each request is repeated, which is for a server that was there and went away: with a wrong address, all of a
        chunk would wait for that.
        """
        if self._reached:
            return
        try:
            self._asker.reach()
        except OSError as error:
            raise HubkitError(
                f"no server listens there: {type(error).__name__}",
                where=self.client.url,
                hint="start the server, or set base_url to where it is",
            ) from None
        self._reached = True

    def _ask(self, request: Request) -> Answer:
        trouble, useless = "", 0
        for attempt in range(ATTEMPTS):
            wait = self.pause * 2**attempt
            try:
                body = self._body(request)
                reply = self.client.request("POST", "/chat/completions", body)
                status, trouble = reply.status, f"HTTP {reply.status}"
                error = error_of(reply.value) if status == 200 else None
                if error is not None:
                    status = status_of(error)
                    trouble = f"HTTP 200 with an error of status {status}"
                if status == 200:
                    return self._read(reply.value, request)
                if status == 422 and "skip_special_tokens" in body:
                    # `transformers serve` names unknown keys so; vLLM and SGLang, which know it, say 400.
                    self.markers = False
                    continue
                refusal = refusal_of(reply.value)
                if refusal is Refusal.OLD_LIMIT and "max_tokens" in body:
                    self.limit_key = "max_completion_tokens"
                    continue
                if status == 413 or refusal is Refusal.TOO_LONG or (status == 400 and self._too_long(body)):
                    trouble = TOO_LONG
                    break
                if refusal is Refusal.NO_SYSTEM_ROLE and self.template == "system":
                    raise no_system_role(self.model)
                if status in UNANSWERABLE:
                    break
                _refuse(status, self.client.table)
                wait = max(wait, min(reply.retry_after, 60.0))
            except NoAnswer as fault:
                trouble = str(fault)
                if fault.lasting:
                    break
                useless += 1
                if fault.field != NO_BODY and useless >= USELESS_ATTEMPTS:
                    break
            except (OSError, http.client.HTTPException) as error:
                trouble = type(error).__name__
            if attempt + 1 < ATTEMPTS:
                time.sleep(wait)
                if self.server is not None:
                    self.server.revive(self.client)
        if useless:
            self._give_up(trouble)
        return Answer(None, 0, "error", trouble)

    def _read(self, value: Any, request: Request) -> Answer:
        answer = read_reply(value, request.max_new_tokens)
        self._usable += 1
        return answer

    def _give_up(self, trouble: str) -> None:
        """Stop where no reply so far could be used: the others would be the same."""
        with self._lock:
            self._useless += 1
            if not self._usable and self._useless >= USELESS_REQUESTS:
                raise HubkitError(
                    f"no reply of the server can be used: {trouble.removeprefix('unusable reply: ')}",
                    where=self.server.program if self.server else self.client.url,
                    hint="the server has to answer /chat/completions as OpenAI's protocol says; see docs/engines.md",
                )

    def _too_long(self, body: dict[str, Any]) -> bool:
        """Whether a request that was refused without a reason is longer than the context that the server names."""
        context = self.served.context
        characters = sum(len(str(message["content"])) for message in body["messages"])
        limit = body.get("max_tokens") or body["max_completion_tokens"]
        return context is not None and characters / CHARACTERS_PER_TOKEN + limit > context

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": request.messages,
            self.limit_key: request.max_new_tokens + self.thinking_tokens,
            "temperature": 0.0,
            "stream": False,
        }
        if self.template == "translategemma":
            # llama.cpp takes the languages from here; vLLM and SGLang from the message.
            content = request.messages[-1]["content"][0]
            body["chat_template_kwargs"] = {name: content[name] for name in LANGUAGES}
        # vLLM and SGLang leave out the markers of a thought otherwise, and not the thought.
        return {**body, "skip_special_tokens": False} if self.markers else body


def _refuse(status: int, table: ServerTable) -> None:
    # The server's own words may repeat the request, that is the report: only the status is told.
    if status not in RETRIED and status < 500:
        raise HubkitError(
            f"the server refuses requests: HTTP {status}",
            where=f"{table.name} base_url",
            hint=f"check model, base_url and {table.key_variable}",
        )
