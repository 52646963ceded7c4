"""How long a Hub is waited for, and what is not worth waiting for."""

from __future__ import annotations

import errno
import os
import re
import ssl
from typing import NamedTuple

import httpx
import pytest

from hubkit.errors import HubkitError
from hubkit.hub import client
from hubkit.hub.client import LISTINGS, Stumble, be_patient, connect, steadily

LIMIT = "HF_XET_CLIENT_RETRY_MAX_DURATION"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long `steadily` would have slept, of the longest wait that it drew from."""
    found: list[float] = []
    monkeypatch.setattr(client, "LONGEST_WAIT", 20.0)
    monkeypatch.setattr(client.time, "sleep", found.append)
    return found


def test_waits_double_up_to_a_limit_and_are_not_all_alike(waits: list[float]) -> None:
    def stumble() -> None:
        raise Stumble("not yet")

    for _ in range(20):
        with pytest.raises(HubkitError, match=r"^a/b: not yet \(9 attempts\)"):
            steadily(stumble, "a/b", 9)
    # None after the last attempt.
    longest = [0.25, 0.5, 1, 2, 4, 8, 16, 20]
    assert len(waits) == 20 * len(longest)
    for place, most in enumerate(longest):
        drawn = waits[place :: len(longest)]
        assert most / 2 <= min(drawn) < max(drawn) <= most


@pytest.mark.parametrize(("attempts", "expected"), [(1, []), (2, [56]), (4, [56, 56, 56])])
def test_what_the_hub_asks_to_wait_is_waited_between_attempts(
    waits: list[float], attempts: int, expected: list[float]
) -> None:
    def limited() -> None:
        raise Stumble("the Hub answered 429", 56)

    with pytest.raises(HubkitError, match=rf"answered 429 \({attempts} attempts\)"):
        steadily(limited, "a/b", attempts)
    assert waits == expected


def test_a_step_is_run_as_often_as_it_may_be(waits: list[float]) -> None:
    tries: list[int] = []

    def stumble() -> str:
        tries.append(1)
        if len(tries) < LISTINGS:
            raise Stumble("not yet")
        return "done"

    assert steadily(stumble, "a/b", LISTINGS) == "done"
    tries.clear()
    with pytest.raises(HubkitError, match=rf"\({LISTINGS - 1} attempts\)"):
        steadily(stumble, "a/b", LISTINGS - 1)


class Response(NamedTuple):
    status_code: int


class Refused(OSError):
    """As huggingface_hub 0.x raises the Hub's refusals: an OSError with a response."""

    def __init__(self, status: int):
        super().__init__(f"{status} Client Error")
        self.response = Response(status)


@pytest.mark.parametrize(
    ("status", "attempts", "message"),
    [(404, 1, r"the Hub refused \(404\)"), (503, 8, r"did not answer: 503 Client Error \(8 attempts\)")],
)
def test_a_refusal_that_an_older_client_raises(waits: list[float], status: int, attempts: int, message: str) -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise Refused(status)

    with pytest.raises(HubkitError, match=message):
        steadily(ask, "a/b")
    assert len(asked) == attempts


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EDQUOT, "full"), True),
        (OSError(errno.EROFS, "read-only"), True),
        (PermissionError(errno.EACCES, "denied", "card.md"), True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
        (httpx.ReadTimeout("slow"), False),
    ],
)
def test_what_is_wrong_here_is_not_waited_for(waits: list[float], error: Exception, final: bool) -> None:
    def ask() -> None:
        raise error

    message = "cannot be read or written" if final else "the Hub did not answer"
    with pytest.raises(HubkitError, match=message):
        steadily(ask, "a/b")
    assert (waits == []) is final


def test_a_certificate_is_seen_below_other_errors(waits: list[float]) -> None:
    def ask() -> None:
        refused = ssl.SSLCertVerificationError("certificate verify failed")
        refused.verify_message = "certificate has expired"
        try:
            raise refused
        except ssl.SSLError:
            # Raised while the other was handled, and not from it.
            raise httpx.ConnectError("handshake failed")  # noqa: B904

    with pytest.raises(HubkitError, match="not accepted: certificate has expired"):
        steadily(ask, "a/b")
    assert waits == []


def test_transfers_do_not_wait_forever_unless_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT, "0s")
    monkeypatch.delenv(LIMIT)
    be_patient()
    assert os.environ[LIMIT] == "60s"
    monkeypatch.setenv(LIMIT, "5s")
    connect()
    assert os.environ[LIMIT] == "5s"


def test_the_hubs_words_are_passed_on(waits: list[float]) -> None:
    for said, hint in (("Storage Limit reached", "storage or plan is used up"), ("Not yours", "write access")):
        error = Refused(403)
        error.server_message = f"  {said}\n for you "  # type: ignore[attr-defined]
        with pytest.raises(HubkitError, match=rf"refused \(403\): {said} for you \(.*{hint}"):
            raise client.refused(error, "a/b")


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"RateLimit": '"api";r=0;t=55'}, 56),
        (429, {"RateLimit": '"resolvers"; r = 0; t = 299'}, 300),
        (429, {"RateLimit": '"api";r=12;t=55'}, None),
        (429, {"RateLimit": '"api";r=12;t=55', "Retry-After": "7"}, 8),
        (429, {"Retry-After": "999999"}, client.LONGEST_WINDOW),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        (429, {}, None),
        (200, {"RateLimit": '"api";r=0;t=55'}, None),
    ],
)
def test_how_long_the_hub_asks_to_wait(status: int, headers: dict[str, str], seconds: int | None) -> None:
    assert client.seconds_to_wait(httpx.Response(status, headers=headers)) == seconds


def test_a_wait_that_the_hub_asks_for_is_told(waits: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []

    def limited() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise Stumble("the probe was answered 429", 56)
        return "done"

    assert steadily(limited, "a/b") == "done"
    assert waits == [56]
    told = capsys.readouterr().err
    assert re.fullmatch(r"  a/b: the probe was answered 429, and asks to wait until \d\d:\d\d:\d\d\n", told)
