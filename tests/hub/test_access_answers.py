"""Grants and rejections: which repos they change, under lost answers, and what a spreadsheet sees of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi
from interposed import Interposed, answers, every_other_lost, rewritten
from small_dist import lean_config, small_config

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub import access
from hubkit.localhub import LocalHub


@pytest.fixture
def gated(direct: HfApi, request: pytest.FixtureRequest) -> ReleaseConfig:
    """A dataset and an adapter behind their gates, which nobody but `reader` asked for."""
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").replace(" ", "-")
    config = small_config("".join(mark for mark in name if mark.isalnum() or mark == "-")[:60].strip("-"))
    for repo, kind in access.gated_repos(config):
        direct.create_repo(repo, repo_type=kind)
        direct.update_repo_settings(repo, repo_type=kind, gated="manual")
    return config


def ask(hub: LocalHub, config: ReleaseConfig, *artifacts: str, token: str | None = None) -> None:
    for artifact in artifacts:
        prefix = "datasets/" if artifact == "dataset" else ""
        httpx.post(
            f"{hub.url}/{prefix}{config.hub.repo(artifact)}/ask-access",  # type: ignore[arg-type]
            json={"Country": "BR"},
            headers={"Authorization": f"Bearer {token or hub.tokens['ungranted']}"},
        )


def standing(config: ReleaseConfig, user: str = "outsider") -> list[tuple[str, str]]:
    return [(asked.kind, asked.status) for asked in access.requests(config) if asked.user == user]


def decisions(hub: LocalHub, config: ReleaseConfig) -> list[str]:
    """What was asked of the Hub to change about who may read the repos."""
    names = [repo for repo, _ in access.gated_repos(config)]
    paths = [str(line["path"]) for line in hub.log() if line["method"] == "POST" and line["status"] == 200]
    return [
        path.rpartition("/")[2] for path in paths if "access-request" in path and any(name in path for name in names)
    ]


BOTH = ["dataset", "adapter"]


@pytest.mark.parametrize(
    ("asked", "before", "changed", "steps"),
    [
        ([], None, BOTH, ["grant", "grant"]),
        (BOTH, None, BOTH, ["handle", "handle"]),
        (["adapter"], None, BOTH, ["grant", "handle"]),
        (BOTH, "accepted", [], []),
        (["dataset"], "accepted", ["adapter"], ["grant"]),
        (BOTH, "rejected", BOTH, ["handle", "handle"]),
    ],
    ids=["never asked", "pending", "one pending", "accepted", "one accepted", "rejected"],
)
def test_a_grant(
    front: Interposed,
    hub: LocalHub,
    direct: HfApi,
    gated: ReleaseConfig,
    asked: list[str],
    before: str | None,
    changed: list[str],
    steps: list[str],
) -> None:
    """Each answer of the Hub is lost: what was done is not taken for refused."""
    ask(hub, gated, *asked)
    settle(direct, gated, asked, before)
    done = decisions(hub, gated)
    front.on("POST", "/user-access-request/", every_other_lost(), times=99)
    assert access.grant(gated, "outsider") == [gated.hub.repo(artifact) for artifact in changed]  # type: ignore[arg-type]
    assert decisions(hub, gated)[len(done) :] == steps
    assert standing(gated) == [("dataset", "accepted"), ("model", "accepted")]


def settle(direct: HfApi, config: ReleaseConfig, asked: list[str], status: str | None) -> None:
    for artifact in asked if status else []:
        repo, kind = config.hub.repo(artifact), "dataset" if artifact == "dataset" else "model"  # type: ignore[arg-type]
        if status == "accepted":
            direct.accept_access_request(repo, "outsider", repo_type=kind)
        else:
            direct.reject_access_request(repo, "outsider", repo_type=kind, rejection_reason=None)


@pytest.mark.parametrize(
    ("asked", "before", "changed", "after"),
    [
        (BOTH, None, BOTH, BOTH),
        (BOTH, "accepted", BOTH, BOTH),
        (["dataset"], None, ["dataset"], ["dataset"]),
        (["adapter"], "accepted", ["adapter"], ["adapter"]),
        (BOTH, "rejected", [], BOTH),
    ],
    ids=["pending", "accepted", "one pending", "one accepted", "rejected"],
)
def test_a_rejection(
    front: Interposed,
    hub: LocalHub,
    direct: HfApi,
    gated: ReleaseConfig,
    asked: list[str],
    before: str | None,
    changed: list[str],
    after: list[str],
) -> None:
    ask(hub, gated, *asked)
    settle(direct, gated, asked, before)
    front.on("POST", "/user-access-request/", every_other_lost(), times=99)
    found = access.reject(gated, "outsider", "no certificate")
    assert found == [gated.hub.repo(artifact) for artifact in changed]  # type: ignore[arg-type]
    assert standing(gated) == [("dataset" if part == "dataset" else "model", "rejected") for part in after]
    for artifact in changed:
        kind = "datasets" if artifact == "dataset" else "models"
        listed = httpx.get(
            f"{hub.url}/api/{kind}/{gated.hub.repo(artifact)}/user-access-request/rejected",  # type: ignore[arg-type]
            headers={"Authorization": f"Bearer {hub.tokens['owner']}"},
        ).json()
        assert [(asked["user"]["user"], asked["rejectionReason"]) for asked in listed] == [
            ("outsider", "no certificate")
        ]


def test_a_decision_that_the_hub_does_not_take_is_an_error(
    front: Interposed, hub: LocalHub, gated: ReleaseConfig
) -> None:
    ask(hub, gated, "dataset")
    for status, decide in ((404, access.grant), (400, access.reject), (403, access.grant)):
        front.on("POST", "/user-access-request/", answers(status))
        with pytest.raises(HubkitError, match=rf"ext, user outsider: the Hub refused \({status}\)"):
            decide(gated, "outsider")
    assert standing(gated) == [("dataset", "pending")]


@pytest.mark.parametrize(
    ("message", "refused"), [("outsider already has access to this repo", False), ("this repo is not gated", True)]
)
def test_where_names_are_hidden_the_message_tells_what_was_granted(
    front: Interposed, gated: ReleaseConfig, message: str, refused: bool
) -> None:
    """The first answer was lost, and no list names who has access."""
    body = json.dumps({"error": message}).encode()
    front.on("POST", "/user-access-request/grant", answers(400, body=body), times=2)
    if refused:
        with pytest.raises(HubkitError, match=r"user outsider: the Hub refused \(400\)"):
            access.grant(gated, "outsider")
    else:
        assert access.grant(gated, "outsider") == [repo for repo, _ in access.gated_repos(gated)]


def test_a_hub_that_cannot_say_who_there_is(front: Interposed, gated: ReleaseConfig) -> None:
    front.on("GET", "/api/users/outsider/overview", answers(502))
    front.on("GET", "/api/users/outsider/overview", answers(403))
    with pytest.raises(HubkitError, match=r"^outsider: the Hub refused \(403\)"):
        access.grant(gated, "outsider")
    assert standing(gated) == []


def test_an_adapter_that_is_not_on_the_hub_is_not_asked_for(hub: LocalHub, direct: HfApi) -> None:
    config = lean_config("one-gate")
    repo = config.hub.repo("dataset")
    direct.create_repo(repo, repo_type="dataset")
    direct.update_repo_settings(repo, repo_type="dataset", gated="manual")
    ask(hub, config, "dataset")
    assert access.grant(config, "outsider") == [repo]
    assert access.reject(config, "outsider") == [repo]
    assert {(asked.repo, asked.user) for asked in access.requests(config)} == {(repo, "outsider"), (repo, "reader")}


PEOPLE: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"user": "ana", "fullname": '=HYPERLINK("http://example.org")', "email": "+1@example.org"},
        ["ana", '\'=HYPERLINK("http://example.org")', "'+1@example.org"],
    ),
    ({"user": "-2+3", "fullname": "@SUM(A1)", "email": "－1@example.org"}, ["'-2+3", "'@SUM(A1)", "'－1@example.org"]),
    ({"user": "bo", "fullname": "＋1;-1", "email": "bo@example.org"}, ["bo", "'＋1;'-1", "bo@example.org"]),
    ({"user": "cy", "fullname": "＠1; =1", "email": None}, ["cy", "'＠1; '=1", ""]),
    ({}, ["r4", "", ""]),
]
"""People as the Hub lists them, and their cells; a repo may hide who they are."""


def test_names_and_addresses_are_no_formulas_either(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("formulas")
    repo = config.hub.repo("dataset")
    direct.create_repo(repo, repo_type="dataset")
    direct.update_repo_settings(repo, repo_type="dataset", gated="manual")
    time = "2026-01-02T03:04:05.000Z"
    listed = [
        {"user": person, "requestId": f"r{at}", "timestamp": time, "status": "pending", "fields": {"Why": f"{at}"}}
        for at, (person, _) in enumerate(PEOPLE)
    ]
    del listed[0]["fields"]
    front.on("GET", "/user-access-request/pending", rewritten(lambda found: [*found, *listed]))
    path = tmp_path / "asked.csv"
    assert access.export(config, path) == len(PEOPLE) + 1
    header, *rows = csv.reader(path.open(newline="", encoding="utf-8"))
    assert header == ["repo", "user", "name", "email", "status", "time", "Why"]
    when = "2026-01-02T03:04:05+00:00"
    assert rows[:-1] == [[repo, *cells, "pending", when, str(at) if at else ""] for at, (_, cells) in enumerate(PEOPLE)]
    assert rows[-1][:5] == [repo, "reader", "reader", "", "accepted"]
