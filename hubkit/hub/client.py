"""Speaking to a Hub: one client that asks again where a Hub stumbles, and errors that say what helps.

`connect` returns a client whose calls are retried. A function marked `retried` is retried as a whole:
it looks at the Hub before it changes anything, so that it can be run again after a lost answer.
"""

from __future__ import annotations

import datetime
import errno
import functools
import importlib
import importlib.util
import inspect
import json
import os
import random
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from hubkit.endpoint import check_encrypted, current_endpoint
from hubkit.errors import HubkitError
from hubkit.tokens import hub_token

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

ATTEMPTS = 8
"""With waits that double from a quarter of a second: 16 to 32 s in all, by chance."""

LISTINGS = 2
"""Attempts at a list: the client asks for each page six times by itself."""

LONGEST_WAIT = 20.0
SECONDS_WITHOUT_ANSWER = 60.0
"""Seconds between attempts at most, and until an attempt counts as lost: a commit of 20,000 files takes 20 s."""

LONGEST_WINDOW = 3600
"""Seconds: the Hub counts requests in windows of five minutes, and commits by the hour."""

_RATE_LIMIT = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*([0-9]+)")
"""What is left of the window, where nothing may be asked for any more in it."""

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

STUMBLES = {408, 412, 429, 500, 502, 503, 504}
"""Statuses after which asking again can help; 412 is a commit whose parent is no longer the newest."""

_HINTS = {
    401: "the token is unknown or has expired: set HF_TOKEN, or unset it and `hf auth login`, then run this again",
    402: "the account's storage or plan is used up: free some, then run this again",
    403: "the token may not do this: make one with write access to the namespace, check the namespace and the clock",
    404: "check the namespace and the repo's name in [hub]",
    413: "the account's storage is used up, or a file is larger than the Hub takes",
    507: "the Hub's storage is full: free some, then run this again",
}


_SAYINGS = {
    "storage limit": _HINTS[402],
    "public gated repositories": "enable access to public gated repositories in the token's settings on the Hub",
    "locked by doi": "a repo with a DOI is renamed, hidden or deleted by the Hub's support alone: write to them",
    "rejectionreason": "shorten the reason: the Hub takes 200 characters",
}
"""What helps by what the Hub says, in small letters: 403 alone may be a token, a full account or a DOI."""


class Stumble(Exception):
    """An answer that says nothing about what was asked, such as 502, or that does not show yet what was done.

    Args:
        what: what happened, for people.
        seconds: how long the Hub asks to wait; None where it does not say.
    """

    def __init__(self, what: str, seconds: float | None = None):
        super().__init__(what)
        self.seconds = seconds


class RetryingApi:
    """An `HfApi` each of whose calls is run again while the Hub stumbles; what it refuses is a HubkitError.

    Only for calls that can be made twice. Those that cannot belong into a function marked `retried`.

    Attributes:
        plain: the client whose calls are tried once.
    """

    def __init__(self, plain: HfApi):
        self.plain = plain

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.plain, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            def once() -> Any:
                answer = member(*args, **kwargs)
                return list(answer) if isinstance(answer, Iterator) else answer

            return steadily(once, str(kwargs.get("repo_id") or (args[0] if args else self.plain.endpoint)))

        return call


def retrying(api: HfApi) -> HfApi:
    """The client whose calls are retried; for type checkers it is the client that it was made of."""
    return cast("HfApi", RetryingApi(api))


def retried(
    where: str, attempts: int | None = None
) -> Callable[[Callable[Arguments, Value]], Callable[Arguments, Value]]:
    """Mark a function as one step, which is run again as a whole while the Hub stumbles.

    With a retrying client as its argument `api`, the function gets the plain one and is run until the Hub
    answers. With a plain client it is a part of a larger step, and runs once. Without `api` it is retried.

    Args:
        where: what the step is about, for errors, made from its arguments: "{target.repo}".
    """

    def decorate(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def step(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
            bound = signature.bind(*args, **kwargs)
            if "api" in bound.arguments:
                if not isinstance(bound.arguments["api"], RetryingApi):
                    return function(*args, **kwargs)
                bound.arguments["api"] = bound.arguments["api"].plain
            once = functools.partial(function, *bound.args, **bound.kwargs)
            return steadily(once, where.format(**bound.arguments), attempts)

        return step

    return decorate


def connect() -> HfApi:
    """A retrying client of the Hub at HF_ENDPOINT, with the environment's token or that of the Hub's token store.

    Raises:
        HubkitError: there is no token, or HF_HUB_OFFLINE is set.
    """
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import disable_progress_bars

    check_encrypted(current_endpoint(), "HF_ENDPOINT")
    if constants.HF_HUB_OFFLINE:
        # The client would refuse each request, which would count as a Hub that stumbles.
        what = "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, so no Hub is asked"
        raise HubkitError(what, where=current_endpoint(), hint="unset it for what needs the Hub")
    token = hub_token()
    if token is None:
        raise HubkitError("there is no token", where=current_endpoint(), hint="set HF_TOKEN, or run: hf auth login")
    be_patient()
    # hubkit says itself what it pushes; a dozen bars of the client would be drawn over that.
    disable_progress_bars()
    return retrying(HfApi(endpoint=current_endpoint(), token=token))


def be_patient() -> None:
    """Give every client of this process a limit on how long it waits: by default some wait forever."""
    os.environ.setdefault("HF_XET_CLIENT_RETRY_MAX_DURATION", f"{SECONDS_WITHOUT_ANSWER:.0f}s")
    try:
        from huggingface_hub import set_client_factory
        from huggingface_hub.utils._http import default_client_factory
    except ImportError:  # huggingface_hub 0.x, with which hubkit reads and does not push, has nothing to set
        return

    def factory() -> Any:
        client = default_client_factory()
        client.timeout = SECONDS_WITHOUT_ANSWER
        hooks = client.event_hooks
        client.event_hooks = {"request": [*hooks["request"], _encrypt], "response": [*hooks["response"], _stay]}
        return client

    set_client_factory(factory)


def _encrypt(request: Any) -> None:
    """Refuse to send a token over plain http, also to an address that the Hub names, such as that of an upload.

    Raises:
        UsageError: it would go beyond loopback.
    """
    if "authorization" in request.headers:
        check_encrypted(f"{request.url.scheme}://{request.url.netloc.decode('ascii')}", current_endpoint())


def _stay(response: Any) -> None:
    """Refuse to send a body after a redirect to another host; files are fetched from wherever the Hub says.

    Raises:
        HubkitError: the Hub asks for that.
    """
    request = response.request
    if response.has_redirect_location and request.method not in ("GET", "HEAD"):
        there = request.url.join(response.headers["location"])
        if (there.scheme, there.host, there.port) != (request.url.scheme, request.url.host, request.url.port):
            raise HubkitError(
                f"sends a {request.method} on to {there.scheme}://{there.host}, which was not followed",
                where=f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
                hint="check the network, and name the Hub itself in [hub] endpoint",
            )


def steadily(step: Callable[[], Value], where: str, attempts: int | None = None) -> Value:
    """Run `step` until the Hub answers it; it must be one that can be run again after an answer was lost.

    Args:
        where: what the step is about, for the error.

    Raises:
        HubkitError: the Hub refused, or went on stumbling; or a file of this machine cannot be read or written.
    """
    from huggingface_hub.errors import HfHubHTTPError

    # A client that expects JSON meets a gateway's page of HTML before it looks at the status.
    silences: tuple[type[Exception], ...] = (OSError, json.JSONDecodeError, *transport_errors())
    attempts = attempts or ATTEMPTS
    for attempt in range(attempts):
        asked: float | None = None
        try:
            return step()
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status not in STUMBLES:
                raise refused(error, where) from None
            said, asked = f"the Hub answered {status}", seconds_to_wait(error.response)
        except Stumble as error:
            said, asked = str(error), error.seconds
        except silences as error:
            # huggingface_hub 0.x raises some refusals as errors of requests, which are OSErrors.
            response = getattr(error, "response", None)
            if response is not None and response.status_code not in STUMBLES:
                raise refused(error, where) from None
            _check_own(error, where)
            said = f"the Hub did not answer: {error}" if str(error) else "the Hub did not answer"
        if attempt + 1 == attempts:
            break
        if asked is not None:
            until = datetime.datetime.now() + datetime.timedelta(seconds=asked)
            print(f"  {where}: {said}, and asks to wait until {until:%H:%M:%S}", file=sys.stderr)
            time.sleep(asked)
        else:
            time.sleep(min(LONGEST_WAIT, 0.25 * 2**attempt) * random.uniform(0.5, 1))
    hint = "check the network and HF_ENDPOINT, then run the same command again: it continues"
    raise HubkitError(f"{said} ({attempts} attempts)", where=where, hint=hint)


def seconds_to_wait(response: Any) -> float | None:
    """How long a Hub asks to wait that has had too many requests: `RateLimit: "api";r=0;t=55`, or Retry-After."""
    if response is None or response.status_code != 429:
        return None
    limited = _RATE_LIMIT.search(response.headers.get("RateLimit", ""))
    later = response.headers.get("Retry-After", "")
    seconds = limited[1] if limited else later if later.isdecimal() else None
    # A second more: the header counts whole ones.
    return None if seconds is None else min(int(seconds) + 1, LONGEST_WINDOW)


def refused(error: Exception, where: str) -> HubkitError:
    """The HubkitError for a Hub's refusal."""
    response = getattr(error, "response", None)
    status = response.status_code if response is not None else 0
    return refusal(status, getattr(error, "server_message", None) or "", where)


def refusal(status: int | None, said: str, where: str) -> HubkitError:
    """The HubkitError for a refusal with a status, or with words alone."""
    said = " ".join(said.split())
    what = "the Hub refused" if status is None else f"the Hub refused ({status})"
    otherwise = _HINTS.get(status or 0, "see what the Hub says, then run this again")
    hint = next((hint for words, hint in _SAYINGS.items() if words in said.lower()), otherwise)
    return HubkitError(f"{what}: {said}" if said else what, where=where, hint=hint)


def _check_own(error: Exception, where: str) -> None:
    """Tell what is wrong on this machine from a Hub's silence: asking again does not help.

    Raises:
        HubkitError: a file cannot be read or written, or the Hub's certificate is not valid here and now.
    """
    cause: BaseException | None = error
    seen: list[BaseException] = []
    while cause is not None and cause not in seen:  # an error that is raised again has what it caused as its context
        seen.append(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise HubkitError(
                f"the Hub's certificate is not accepted: {cause.verify_message}",
                where=where,
                hint="see whether this machine's clock is right and its certificates are up to date",
            ) from None
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and (error.filename is not None or error.errno in DISK):
        what = f"cannot be read or written: {error.strerror}"
        raise HubkitError(what, where=error.filename or where, hint="fix that, then run this again") from None


def transport_errors() -> tuple[type[Exception], ...]:
    """What the HTTP libraries of huggingface_hub 1.x and 2.x raise when there is no answer."""
    found = [name for name in ("httpx", "httpx2") if importlib.util.find_spec(name)]
    return tuple(importlib.import_module(name).TransportError for name in found)
