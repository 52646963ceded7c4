"""A proxy between hubkit and its Hub, which a test tells what to do with the requests that it names."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from faulty_proxy import ProxyHandler

HTML = b"<html><body>Please sign in to this network.</body></html>"


class Answer(NamedTuple):
    """A response as it goes back to the client."""

    status: int
    headers: dict[str, str]
    body: bytes


class Exchange(NamedTuple):
    """A request, and how to have the Hub answer it."""

    method: str
    path: str
    token: str | None
    body: bytes
    forward: Callable[[], Answer]


Action = Callable[[Exchange], Answer | None]
"""What happens to a request: the answer to it, or None to hang up."""


class Rule:
    """What happens to the first `times` requests that fit; `seen` lists them."""

    def __init__(self, method: str, path: str, action: Action, times: int, token: str | None, holds: bytes):
        self.methods, self.path, self.holds = method.split(), re.compile(path), holds
        self.action, self.times, self.token, self.seen = action, times, token, list[Exchange]()

    def fits(self, asked: Exchange) -> bool:
        """Whether this request is one of them; it counts as seen then."""
        fits = asked.method in self.methods and self.path.search(asked.path) is not None
        fits = fits and self.token in ("any", asked.token) and self.holds in asked.body
        if fits and len(self.seen) < self.times:
            self.seen.append(asked)
            return True
        return False


class Interposed(ThreadingHTTPServer):
    """The proxy; what no rule fits goes through as it is."""

    daemon_threads = True

    def __init__(self, upstream: str):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.rules = urlsplit(upstream).netloc, list[Rule]()
        self.url, self.lock = f"http://127.0.0.1:{self.server_address[1]}", threading.Lock()

    def on(
        self,
        method: str,
        path: str,
        action: Action,
        times: int = 1,
        token: str | None = "any",
        holds: bytes = b"",
    ) -> Rule:
        """Do `action` for the next requests that fit.

        Args:
            method: one or more, between spaces.
            path: a pattern that the path with its query has to hold.
            times: how many requests the rule is for.
            token: whose request; None is a stranger's.
            holds: what the body has to hold.
        """
        self.rules.append(Rule(method, path, action, times, token, holds))
        return self.rules[-1]


class _Handler(ProxyHandler):
    server: Interposed  # type: ignore[assignment]

    def handle_any(self) -> None:
        body = self._body()
        token = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        asked = Exchange(self.command, self.path, token, body, lambda: Answer(*self._forward(body)))
        with self.server.lock:
            rule = next((rule for rule in self.server.rules if rule.fits(asked)), None)
        answer = rule.action(asked) if rule else asked.forward()
        if answer is None:
            return self._cut()
        return self._answer(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any


def answers(status: int, code: str | None = None, body: bytes = b"{}") -> Action:
    """The Hub is not asked; this is the answer."""
    headers = {"Content-Type": "text/html" if body.startswith(b"<") else "application/json"}
    return lambda asked: Answer(status, {**headers, **({"X-Error-Code": code} if code else {})}, body)


def lost(asked: Exchange) -> None:
    """The Hub does it, and its answer is lost."""
    asked.forward()


def every_other_lost() -> Action:
    """The Hub does it, and of the answers the first is lost, the third, and so on."""
    lose = itertools.cycle([True, False])
    return lambda asked: lost(asked) if next(lose) else asked.forward()


def meanwhile(other: Callable[[], object]) -> Action:
    """Somebody else does something just before the Hub sees the request."""

    def act(asked: Exchange) -> Answer:
        other()
        return asked.forward()

    return act


def rewritten(change: Callable[[Any], Any]) -> Action:
    """The Hub's JSON, changed."""

    def act(asked: Exchange) -> Answer:
        answer = asked.forward()
        body = json.dumps(change(json.loads(answer.body))).encode()
        return Answer(answer.status, {"Content-Type": "application/json"}, body)

    return act


@contextmanager
def interpose(upstream: str) -> Iterator[Interposed]:
    with Interposed(upstream) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield proxy
        proxy.shutdown()
