"""What every request passes: its host, its token, how often it was made, how long it is; and the log."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubkit.disk import is_full
from hubkit.localhub.errors import Refusal
from hubkit.localhub.hub import Hub
from hubkit.localhub.layout import refusal_page
from hubkit.localhub.plans import ANONYMOUS, PLANS
from hubkit.localhub.ratelimits import Allowance, bucket_of, too_many
from hubkit.localhub.repos import now

HOSTS = ("127.0.0.1", "localhost")
"""The names of this Hub."""

_OPEN_TO = re.compile(r"https?://(localhost|127\.0\.0\.1)(:[0-9]+)?")
"""Pages whose scripts may read the answers: those of this machine, and no site's."""

_CROSS_ORIGIN = {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": "authorization, content-type, range, if-none-match, if-range, x-request-id",
    # What huggingface_hub and @huggingface/hub read.
    "access-control-expose-headers": "X-Repo-Commit, X-Request-Id, X-Error-Code, X-Error-Message, X-Total-Count, ETag,"
    " Link, Accept-Ranges, Content-Range, X-Linked-Size, X-Linked-ETag, X-Xet-Hash, RateLimit, RateLimit-Policy",
    "access-control-max-age": "600",
}

LARGEST_BODY, LARGEST_COMMIT = 16 * 2**20, 256 * 2**20
"""Bytes. A commit carries regular files, each of under 10 MiB; all else is short."""


async def refuse(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    # A header holds ASCII alone, and no line breaks.
    headers = {**refusal.headers, "X-Error-Message": refusal.message.encode("unicode_escape").decode()}
    if refusal.code:
        headers["X-Error-Code"] = refusal.code
    if "/api/" in request.url.path or request.url.path.endswith("/objects/batch"):
        return JSONResponse(refusal.body or {"error": refusal.message}, refusal.status, headers)
    if is_browser(request):
        shown = refusal_page(refusal)
        shown.headers.update(headers)
        return shown
    return PlainTextResponse(refusal.message, refusal.status, headers)


def is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _request_id(scope: Scope) -> str:
    """What the client calls its request, else a new id."""
    headers = Headers(scope=scope)
    return headers.get("x-request-id") or headers.get("x-amzn-trace-id") or secrets.token_hex(12)


def _cross_origin(scope: Scope) -> dict[str, str]:
    """What lets a script of a page on this machine read the answer."""
    origin = Headers(scope=scope).get("origin")
    if origin is None:
        return {}
    allowed = {"access-control-allow-origin": origin, **_CROSS_ORIGIN} if _OPEN_TO.fullmatch(origin) else {}
    return {"vary": "Origin", **allowed}


def _check_host(scope: Scope) -> None:
    """Refuse names that are not this Hub's: a web page could let its own name lead to 127.0.0.1."""
    name = Headers(scope=scope).get("host", "").partition(":")[0]
    if name.lower() not in HOSTS:
        raise Refusal(421, "This Hub has another name")


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"A body here has at most {most} bytes")


class Entrance:
    """Reads the address and the token of each request, and logs each answer before its first byte is sent."""

    def __init__(self, app: ASGIApp, hub: Hub, log: Path):
        self.app, self.hub = app, hub
        self.log = open(log, "ab", buffering=0)  # noqa: SIM115
        self.unwritten = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        raw = scope["raw_path"].decode("latin-1").partition("?")[0]
        scope["path"] = "%2F".join(unquote(part) for part in re.split("%2f", raw, flags=re.IGNORECASE))
        state = scope.setdefault("state", {})
        state["account"] = None

        allowance: Allowance | None = None

        async def logged(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = {"x-request-id": _request_id(scope), **(allowance.headers if allowance else {})}
                extra |= _cross_origin(scope)
                sent = [(name.lower().encode(), text.encode("latin-1")) for name, text in extra.items()]
                message["headers"] = [*message["headers"], *sent]
                self._write(scope, message)
            await send(message)

        try:
            _check_host(scope)
            if scope["method"] == "OPTIONS":
                return await Response(status_code=204)(scope, receive, logged)
            state["account"] = self.hub.accounts.of_header(Headers(scope=scope).get("authorization"))
            allowance = self._count(scope)
            if allowance and allowance.left < 0:
                raise too_many(allowance)
        except Refusal as refusal:
            answer = await refuse(Request(scope), refusal)
            return await answer(scope, receive, logged)
        return await self.app(scope, self._bounded(scope, receive), logged)

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """The body of a request, which is refused from the first byte that is one too many (413)."""
        if scope["path"].startswith("/lfs/"):
            return receive  # Goes to the disk, and its address says how long it is.
        committing = "/commit/" in scope["path"] and scope["state"]["account"] is not None
        most = LARGEST_COMMIT if committing else LARGEST_BODY
        announced, received = int(Headers(scope=scope).get("content-length", "0")), 0

        async def bounded() -> Message:
            nonlocal received
            if announced > most:
                raise _too_large(most)
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _too_large(most)
            return message

        return bounded

    def _count(self, scope: Scope) -> Allowance | None:
        """Count a request for its user, or for its address where nobody signs it: hub-docs, rate-limits.md."""
        bucket, account = bucket_of(scope["path"]), scope["state"]["account"]
        if bucket is None or self.hub.limits is None:
            return None
        if account is None:
            return self.hub.limits.count(scope["client"][0], bucket, ANONYMOUS.limits[bucket])
        plans = [self.hub.accounts.settings(name).plan for name in (account.name, *account.organisations)]
        # Members have the limits of their organisation's plan, each for themselves.
        return self.hub.limits.count(account.name, bucket, max(PLANS[plan].limits[bucket] for plan in plans))

    def _write(self, scope: Scope, message: Message) -> None:
        state, headers = scope["state"], Headers(raw=message["headers"])
        account, repo = state["account"], state.get("repo")
        line = {
            "time": now(),
            "user": account and account.name,
            "method": scope["method"],
            "path": scope["path"],
            "status": message["status"],
            "code": headers.get("x-error-code"),
            "bytes": 0 if scope["method"] == "HEAD" else int(headers.get("content-length", 0)),
            "repo": repo and f"{repo.kind}/{repo.id}",
            "private": repo and repo.private,
            "gated": repo and repo.gated,
        }
        self.unwritten += f"{json.dumps(line)}\n".encode()
        try:
            self.unwritten = self.unwritten[self.log.write(self.unwritten) :]
        except OSError as error:
            # Files can still be read. The lines are written once there is room.
            if not is_full(error):
                raise
