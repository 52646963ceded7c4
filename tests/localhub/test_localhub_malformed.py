"""What the Hub says of requests that no client of the real one sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubkit.localhub import LocalHub

REPO, API, BATCH = "maintainer/m", "/api/models/maintainer/m", "/maintainer/m.git/info/lfs/objects/batch"
COLLECTION, PULL = "{collection}", f"{API}/discussions/1"

HEADER = json.dumps({"key": "header", "value": {"summary": "Try"}})
WITHOUT_VALUE, UNKNOWN = json.dumps({"key": "file"}), json.dumps({"key": "rename", "value": {}})
ELSEWHERE = json.dumps({"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "../repo.json"}})
NOT_BASE64 = json.dumps({"key": "file", "value": {"path": "a", "content": "?", "encoding": "base64"}})


@pytest.fixture(scope="module")
def owner(hub: LocalHub) -> HfApi:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO)
    api.create_pull_request(REPO, "Propose")
    api.update_repo_settings(REPO, gated="manual")
    return api


@pytest.fixture(scope="module")
def client(hub: LocalHub, owner: HfApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.tokens['owner']}"}) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/api/models?limit=abc", None, '"limit" must be an integer of at least 0'),
        ("GET", "/api/models?limit=-1", None, '"limit" must be an integer of at least 0'),
        ("GET", f"{API}/tree/main?cursor=abc", None, '"cursor" must be an integer of at least 0'),
        ("GET", f"{API}/tree/main?limit=0", None, '"limit" must be an integer of at least 1'),
        ("GET", f"{API}/commits/main?p=abc", None, '"p" must be an integer of at least 0'),
        ("GET", f"{API}/commits/main?limit=0", None, '"limit" must be an integer of at least 1'),
        ("POST", "/api/repos/create", [], "The body must be an object"),
        ("POST", "/api/repos/create", {"name": 1}, '"name" must be a string'),
        ("POST", "/api/repos/create", {"name": "a/b"}, "Invalid repo name"),
        ("POST", "/api/repos/create", {"name": "a", "type": "bucket"}, "Invalid repo type"),
        ("DELETE", "/api/repos/delete", {}, '"name" is required'),
        ("POST", "/api/repos/move", {"fromRepo": "m", "toRepo": "maintainer/n"}, '"fromRepo" is not valid'),
        ("POST", "/api/repos/move", {"fromRepo": REPO, "toRepo": "n"}, '"toRepo" is not valid'),
        ("PUT", f"{API}/settings", [], "The body must be an object"),
        ("POST", "/api/collections", [], "The body must be an object"),
        ("POST", "/api/collections", {}, '"title" is required'),
        ("POST", "/api/collections", {"title": "a", "item": {"type": "model"}}, '"id" is required'),
        ("PATCH", COLLECTION, {"position": True}, '"position" must be an integer'),
        ("POST", f"{COLLECTION}/items", {"item": "a"}, '"item" must be an object'),
        ("POST", f"{API}/tag/main", [], "The body must be an object"),
        ("POST", f"{API}/tag/main", {"tag": ["a"]}, '"tag" must be a string'),
        ("POST", f"{API}/branch/new", {"startingPoint": 1}, '"startingPoint" must be a string'),
        ("POST", f"{API}/super-squash/main", [], "The body must be an object"),
        ("POST", f"{API}/user-access-request/handle", [], "The body must be an object"),
        ("POST", f"{API}/user-access-request/grant", {}, '"user" is required'),
        ("POST", f"{API}/paths-info/main", [], "The body must be an object"),
        ("POST", f"{API}/discussions", {"pullRequest": True}, '"title" is required'),
        ("POST", f"{PULL}/status", [], "The body must be an object"),
        ("POST", "/api/validate-yaml", [], "The body must be an object"),
        ("POST", f"{API}/preupload/main", {}, '"files" is required'),
        ("POST", f"{API}/preupload/main", {"files": [[]]}, 'Each item of "files" must be an object'),
        ("POST", f"{API}/preupload/main", {"files": [{"path": "a", "size": "1"}]}, '"size" must be an integer'),
        (
            "POST",
            f"{API}/preupload/main",
            {"files": [{"path": "a", "size": 1, "sample": "?"}]},
            "The content of a file is not base64",
        ),
        ("POST", f"{API}/lfs-files/batch", {"deletions": {"sha": ["../repo.json"]}}, 'Each item of "sha" is not valid'),
        ("POST", BATCH, {}, '"objects" is required'),
        ("POST", BATCH, {"objects": [{"oid": 1, "size": 1}]}, '"oid" must be a string'),
        ("POST", f"{API}/commit/main", f"{HEADER}\n{WITHOUT_VALUE}", '"value" is required'),
        ("POST", f"{API}/commit/main", f"{HEADER}\n{UNKNOWN}", "Unknown operation 'rename'"),
        ("POST", f"{API}/commit/main", f"{HEADER}\n{ELSEWHERE}", '"oid" is not valid'),
        ("POST", f"{API}/commit/main", f"{HEADER}\n{NOT_BASE64}", "The content of a file is not base64"),
        ("POST", f"{API}/commit/main", f"{HEADER}\n[]", "Each line of a commit must be an object"),
        ("POST", f"{API}/commit/main", "{", "Malformed JSON"),
        ("POST", f"{API}/tag/main", '{"tag": "\\ud800"}', "Malformed JSON"),
        ("POST", f"{API}/tag/main", "[" * 100_000, "Malformed JSON"),
        ("POST", f"{API}/tag/main", b"\xff", "Malformed JSON"),
    ],
    ids=range(45),
)
def test_what_is_malformed_is_refused(
    client: httpx.Client, owner: HfApi, method: str, path: str, body: Any, said: str
) -> None:
    slug = owner.create_collection("A collection", exists_ok=True).slug
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json"}
    address = path.replace(COLLECTION, f"/api/collections/{slug}")
    answer = client.request(method, address, content=None if body is None else content, headers=headers)
    assert (answer.status_code, answer.json()) == (400, {"error": said})


def test_null_is_as_good_as_missing(client: httpx.Client) -> None:
    files = [{"path": "a", "size": 1, "sample": None}]
    answer = client.post(f"{API}/preupload/main", json={"files": files, "gitIgnore": None})
    assert answer.json()["files"] == [{"path": "a", "uploadMode": "regular", "shouldIgnore": False}]


@pytest.mark.parametrize("line", ["!", "\\", "[z-a]"])
def test_a_line_of_gitignore_that_cannot_be_read_is_passed_over(client: httpx.Client, line: str) -> None:
    asked = {"files": [{"path": "a", "size": 1}, {"path": "b", "size": 1}], "gitIgnore": f"{line}\na\n"}
    answer = client.post(f"{API}/preupload/main", json=asked)
    assert [file["shouldIgnore"] for file in answer.json()["files"]] == [True, False]


def test_metadata_that_is_no_json(client: httpx.Client, owner: HfApi) -> None:
    card = b"---\nscore: .nan\n2026-01-01: a date\n---\n"
    owner.create_commit(REPO, [CommitOperationAdd("README.md", card)], commit_message="Card")
    assert client.get(API).json()["cardData"] == {"score": None}
    assert (
        "month must be in 1..12"
        in client.post("/api/validate-yaml", json={"content": "---\ndate: 2026-13-01\n---\n"}).json()["errors"][0][
            "message"
        ]
    )


@pytest.mark.parametrize(
    ("asked", "status", "content_range"),
    [
        ("bytes=2-5", 206, "bytes 2-5/10"),
        ("bytes=5-2", 416, "bytes */10"),
        ("bytes=10-", 416, "bytes */10"),
        ("bytes=-3", 206, "bytes 7-9/10"),
    ],
)
def test_ranges(client: httpx.Client, owner: HfApi, asked: str, status: int, content_range: str) -> None:
    owner.create_commit(REPO, [CommitOperationAdd("ten", b"0123456789")], commit_message="Ten bytes")
    answer = client.get("/maintainer/m/resolve/main/ten", headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (status, content_range)


def test_the_log_counts_the_bytes_that_were_sent(hub: LocalHub, client: httpx.Client, owner: HfApi) -> None:
    owner.create_commit(REPO, [CommitOperationAdd("four", b"0123")], commit_message="Four bytes")
    for method in ("HEAD", "GET"):
        answer = client.request(method, "/maintainer/m/resolve/main/four")
        assert answer.headers["content-length"] == "4"
    logged = [(line["method"], line["bytes"]) for line in hub.log() if str(line["path"]).endswith("/four")]
    assert logged == [("HEAD", 0), ("GET", 4)]


def test_a_pull_request_whose_branch_begins_anew_cannot_be_merged(client: httpx.Client, owner: HfApi) -> None:
    repo = owner.create_repo("maintainer/squashed").repo_id
    owner.create_pull_request(repo, "Propose")
    owner.super_squash_history(repo)
    assert client.post(f"/api/models/{repo}/discussions/1/merge").status_code == 409


def test_a_fault_of_the_hub_is_no_malformed_request(hub: LocalHub, client: httpx.Client, owner: HfApi) -> None:
    """A record that the disk spoiled: the Hub's own fault, though it is JSON that cannot be read."""
    repo = owner.create_repo("maintainer/spoiled").repo_id
    oid = owner.create_commit(repo, [CommitOperationAdd("a", b"a")], commit_message="Spoil").oid
    (hub.root / "objects" / oid[:2] / oid).write_text("{")
    assert client.get(f"/api/models/{repo}/commits/main").status_code == 500
    assert hub.log()[-1]["status"] == 500
