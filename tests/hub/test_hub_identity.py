"""Whose token it is, what it may do, and whose the second one is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from email.utils import formatdate
from typing import Any

import pytest
from interposed import Interposed, answers, rewritten
from small_dist import small_config

from hubkit.errors import HubkitError
from hubkit.hub import identity
from hubkit.hub.client import connect
from hubkit.hub.identity import check_identity, check_outsider
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.scopes import Scopes

WHOAMI = "/api/whoami-v2$"


@pytest.fixture(scope="module", autouse=True)
def organisations(hub: LocalHub) -> None:
    """The maintainer is a member of one, somebody else of another."""
    accounts = Accounts(hub.root)
    accounts.mint("stranger")
    accounts.join("hospital", "maintainer")
    accounts.join("clinic", "stranger")


def knows(role: str | None, *orgs: str) -> Callable[[Any], Any]:
    """What the Hub tells of a token; an OAuth token has no role, and none may show its organisations."""
    auth = {"auth": {"type": "access_token", "accessToken": {"role": role}}} if role else {}
    groups = {"orgs": [{"name": name} for name in orgs]} if orgs else {}
    return lambda found: {"name": found["name"], **auth, **groups}


@pytest.mark.parametrize(
    ("namespace", "role", "orgs"),
    [
        ("maintainer", "write", ()),
        ("maintainer", "fineGrained", ()),
        ("maintainer", None, ()),
        ("hospital", "write", ("hospital",)),
        ("hospital", None, ("clinic", "hospital")),
        ("hospital", "fineGrained", ()),
    ],
)
def test_a_token_that_may_do(front: Interposed, namespace: str, role: str | None, orgs: tuple[str, ...]) -> None:
    """A fine-grained token does not say where it may write: the Hub does, when it is tried."""
    front.on("GET", WHOAMI, rewritten(knows(role, *orgs)))
    check_identity(small_config("may", namespace=namespace), connect())


@pytest.mark.parametrize(
    ("namespace", "role", "orgs", "message"),
    [
        ("maintainer", "read", (), r"the token of maintainer may only read .*write access to maintainer"),
        ("hospital", "write", (), r"hospital: maintainer does not belong to it \(set it to one of: maintainer\)"),
        ("clinic", None, ("hospital",), r"clinic: maintainer does not belong to it .*one of: hospital, maintainer\)"),
        ("stranger", "write", (), r"stranger: maintainer does not belong to it"),
        ("nobody", "write", (), r"nobody: there is no such user or organisation"),
    ],
)
def test_a_token_that_may_not(
    front: Interposed, namespace: str, role: str | None, orgs: tuple[str, ...], message: str
) -> None:
    front.on("GET", WHOAMI, rewritten(knows(role, *orgs)))
    with pytest.raises(HubkitError, match=message):
        check_identity(small_config("may-not", namespace=namespace), connect())


@pytest.mark.parametrize("artifact", ["dataset", "adapter", "metric"])
def test_each_name_is_looked_at_before_the_hub_is_asked(front: Interposed, artifact: str) -> None:
    asked = front.on("GET", WHOAMI, answers(500))
    with pytest.raises(HubkitError, match=rf"^\[hub\] {artifact}: is not a valid name of a repo"):
        check_identity(small_config("names", **{artifact: "a name"}), connect())
    assert asked.seen == []


def test_a_namespace_that_the_hub_does_not_tell_of(front: Interposed) -> None:
    front.on("GET", "/api/users/nobody/overview", answers(403))
    with pytest.raises(HubkitError, match=r"the Hub refused \(403\)"):
        check_identity(small_config("untold", namespace="nobody"), connect())


@pytest.mark.parametrize(("minutes", "refused"), [(9, False), (-9, False), (11, True), (-11, True)])
def test_how_far_a_clock_may_be_off(
    front: Interposed, monkeypatch: pytest.MonkeyPatch, minutes: int, refused: bool, hub: LocalHub
) -> None:
    clock = time.time
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(identity.time, "time", lambda: clock() + 60 * minutes)
    if refused:
        with pytest.raises(HubkitError, match=f"11 minutes {'ahead of' if minutes > 0 else 'behind'} the Hub's"):
            check_identity(small_config("clock"), connect())
    else:
        check_identity(small_config("clock"), connect())


@pytest.mark.parametrize(("seconds", "refused"), [(600, False), (601, True), (-600, False), (-601, True)])
def test_ten_minutes_are_not_too_many(
    front: Interposed, monkeypatch: pytest.MonkeyPatch, seconds: int, refused: bool
) -> None:
    now = int(time.time())
    date = formatdate(now - seconds, usegmt=True)
    front.on("GET", WHOAMI, lambda asked: asked.forward()._replace(headers={"Date": date}))
    monkeypatch.setattr(identity.time, "time", lambda: now)
    with pytest.raises(HubkitError, match="clock") if refused else nullcontext():
        check_identity(small_config("tick"), connect())


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
def test_a_hub_that_does_not_tell_the_time(front: Interposed, date: dict[str, str]) -> None:
    front.on("GET", WHOAMI, lambda asked: asked.forward()._replace(headers={**date, "X-None": ""}))
    check_identity(small_config("undated"), connect())


@pytest.mark.parametrize(
    ("namespace", "orgs", "waived", "refused"),
    [
        ("maintainer", None, None, False),
        ("hospital", ("clinic",), None, False),
        ("hospital", ("clinic", "hospital"), None, True),
        ("hospital", ("hospital",), "no second account", True),
        ("outsider", None, None, True),
    ],
)
def test_whose_the_second_token_may_be(
    front: Interposed,
    hub: LocalHub,
    namespace: str,
    orgs: tuple[str, ...] | None,
    waived: str | None,
    refused: bool,
) -> None:
    """Not of a member of the organisation that owns the repos: the gate lets members through."""
    second = hub.tokens["ungranted"]
    front.on("GET", WHOAMI, rewritten(knows("read", *(orgs or ()))), token=second)
    config = small_config("second", namespace=namespace, waive_ungranted_probe=waived)
    if refused:
        message = f"HUBKIT_UNGRANTED_TOKEN: belongs to outsider, who reads the repos of {namespace} without a grant"
        with pytest.raises(HubkitError, match=message):
            check_outsider(config, connect(), second)
    else:
        check_outsider(config, connect(), second)


def test_a_stumble_says_nothing_of_the_second_token(front: Interposed, hub: LocalHub) -> None:
    second, config = hub.tokens["ungranted"], small_config("second")
    front.on("GET", WHOAMI, answers(502), token=second)
    check_outsider(config, connect(), second)
    identity._KNOWN.clear()
    front.on("GET", WHOAMI, answers(403), token=second)
    with pytest.raises(HubkitError, match=r"HUBKIT_UNGRANTED_TOKEN: the Hub refused \(403\)"):
        check_outsider(config, connect(), second)
    with pytest.raises(HubkitError, match="is unknown to the Hub, or has expired"):
        check_outsider(config, connect(), "hf_unknown")


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ({"maintainer": ["repo.content.read", "repo.write"]}, None),
        ({"maintainer": ["repo.content.read"]}, "scoped-lora, maintainer/scoped-mimic-ext, maintainer/scoped_metric"),
        ({"someone": ["repo.write"]}, "scoped-lora"),
        ({"datasets/maintainer/scoped-mimic-ext": ["repo.write"]}, "scoped-lora, maintainer/scoped_metric "),
    ],
)
def test_what_a_fine_grained_token_says_that_it_may(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, granted: dict[str, list[str]], missing: str | None
) -> None:
    scopes = Scopes(granted=granted, gated=True)
    monkeypatch.setenv("HF_TOKEN", Accounts(hub.root).mint("maintainer", scopes=scopes))
    if missing is None:
        check_identity(small_config("scoped"), connect())
    else:
        with pytest.raises(HubkitError, match=f"no write access to .*{missing}"):
            check_identity(small_config("scoped"), connect())


@pytest.mark.parametrize("gated", [True, False])
def test_a_second_token_without_the_scope_is_refused_beforehand(hub: LocalHub, gated: bool) -> None:
    """At the gate it would be answered 403 without a code, like a gate that is not shut as it should be."""
    second = Accounts(hub.root).mint("outsider", scopes=Scopes(granted={}, gated=gated))
    if gated:
        check_outsider(small_config("scope"), connect(), second)
    else:
        with pytest.raises(HubkitError, match=r"may not read gated repos.*access to public gated repositories"):
            check_outsider(small_config("scope"), connect(), second)


def test_who_it_is_is_asked_once(front: Interposed, hub: LocalHub) -> None:
    asked = front.on("GET", WHOAMI, lambda exchange: exchange.forward(), times=9)
    for _ in range(3):
        check_identity(small_config("once"), connect())
        check_outsider(small_config("once"), connect(), hub.tokens["ungranted"])
    assert [exchange.token for exchange in asked.seen] == [hub.tokens["owner"], hub.tokens["ungranted"]]
