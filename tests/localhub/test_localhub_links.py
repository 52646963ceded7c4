"""Addresses that stand for a permission, what tokens allow, and what lists and files look like on the wire."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import BadRequestError

from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Account, Accounts
from hubkit.localhub.errors import Refusal
from hubkit.localhub.objects import Commit, Objects, lfs_pointer

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SIZE = len(CONTENT)
REPO, OTHER, GATED = "maintainer/files", "maintainer/other", "maintainer/gated"


@pytest.fixture(scope="module")
def owner(hub: LocalHub) -> HfApi:
    """An owner of three datasets: one with files in folders, an empty one, and one behind a gate."""
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    for repo in (REPO, OTHER, GATED):
        api.create_repo(repo, repo_type="dataset")
    add = CommitOperationAdd
    for title, operations in {
        "First": [add("data/a.txt", b"a"), add("data/in/b.txt", b"b"), add("c.bin", CONTENT), add("d.txt", b"d")],
        "Second": [add("data/a.txt", b"aa"), add("e.txt", b"e")],
        "Third": [add("data/in/b.txt", b"bb"), CommitOperationDelete("d.txt")],
    }.items():
        api.create_commit(REPO, operations, commit_message=title, repo_type="dataset")
    api.update_repo_settings(GATED, gated="manual", repo_type="dataset")
    return api


@pytest.fixture(scope="module")
def clients(hub: LocalHub, owner: HfApi) -> Iterator[dict[str, httpx.Client]]:
    """A client for each account, and one without."""
    tokens = {**hub.tokens, "stranger": ""}
    made = {
        name: httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {token}"} if token else {})
        for name, token in tokens.items()
    }
    yield made
    for client in made.values():
        client.close()


def batch(client: httpx.Client, repo: str, operation: str, oid: str = SHA256, size: int = SIZE) -> httpx.Response:
    asked = {"operation": operation, "objects": [{"oid": oid, "size": size}]}
    return client.post(f"/datasets/{repo}.git/info/lfs/objects/batch", json=asked)


def signed(hub: LocalHub, repo: str, sha256: str, size: int, until: int) -> str:
    """The query of a signed address, made from the Hub's own key by other code than the Hub's."""
    records = [json.loads(path.read_text()) for path in hub.root.glob("repos/*/repo.json")]
    (uid,) = (record["uid"] for record in records if record["id"] == repo)
    key = bytes.fromhex((hub.root / "key").read_text())
    signature = hmac.new(key, f"{uid}/{sha256}/{size}/{until}".encode(), "sha256").hexdigest()
    return f"size={size}&until={until}&signature={signature}"


HOUR = 3600
EXPIRED, UNSIGNED = (403, "Request has expired"), (403, "Request is not signed")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, (200, "")),
        ({"seconds": -2}, EXPIRED),
        ({"seconds": -HOUR}, EXPIRED),
        ({"repo": OTHER}, EXPIRED),
        ({"sha256": "a" * 64}, EXPIRED),
        ({"size": SIZE + 1}, (422, "The content received is not the content announced")),
        ({"cut": 5}, EXPIRED),
        ({"later": True}, EXPIRED),
        ({"query": f"size={SIZE}"}, UNSIGNED),
        ({"query": f"size={SIZE}&until=soon&signature=x"}, UNSIGNED),
        ({"query": f"size={SIZE}&until=99999999999"}, EXPIRED),
        ({"query": ""}, UNSIGNED),
    ],
)
def test_only_a_signed_address_takes_a_file_and_only_in_its_time(
    hub: LocalHub, clients: dict[str, httpx.Client], change: dict[str, Any], expected: tuple[int, str]
) -> None:
    until = int(time.time()) + change.get("seconds", HOUR)
    query = signed(hub, change.get("repo", REPO), change.get("sha256", SHA256), change.get("size", SIZE), until)
    query = change.get("query", query[: len(query) - change.get("cut", 0)])
    if "later" in change:
        query = query.replace(f"until={until}", f"until={until + 1}")
    answer = clients["stranger"].put(f"/lfs/datasets/{REPO}/{SHA256}?{query}", content=CONTENT)
    assert (answer.status_code, answer.text) == expected


def test_an_address_is_good_for_an_hour_and_for_one_repo(hub: LocalHub, clients: dict[str, httpx.Client]) -> None:
    actions = batch(clients["owner"], OTHER, "upload").json()["objects"][0]["actions"]
    query = {name: value for name, (value,) in parse_qs(urlsplit(actions["upload"]["href"]).query).items()}
    assert actions["upload"]["expires_in"] == HOUR
    assert 0 <= time.time() + HOUR - int(query["until"]) < 60
    assert int(query["size"]) == SIZE
    elsewhere = actions["upload"]["href"].replace(OTHER, "maintainer/nowhere")
    assert httpx.put(elsewhere, content=CONTENT).status_code == 404
    assert httpx.put(actions["upload"]["href"], content=CONTENT).headers["etag"] == f'"{SHA256}"'
    # What the repo holds is not sent again.
    assert batch(clients["owner"], OTHER, "upload").json()["objects"] == [{"oid": SHA256, "size": SIZE}]


@pytest.mark.parametrize(
    ("repo", "oid", "size", "status"),
    [(REPO, SHA256, SIZE, 200), (REPO, SHA256, SIZE - 1, 404), (GATED, SHA256, SIZE, 404), (REPO, "b" * 64, SIZE, 404)],
)
def test_a_file_is_verified_by_repo_digest_and_size(
    clients: dict[str, httpx.Client], repo: str, oid: str, size: int, status: int
) -> None:
    answer = clients["owner"].post(f"/lfs/datasets/{repo}/verify", json={"oid": oid, "size": size})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("who", "repo", "operation", "status"),
    [
        ("owner", REPO, "upload", 200),
        ("granted", REPO, "upload", 403),
        ("stranger", REPO, "upload", 401),
        ("stranger", REPO, "download", 200),
        ("owner", GATED, "download", 200),
        ("granted", GATED, "download", 200),
        ("ungranted", GATED, "download", 403),
        ("ungranted", GATED, "upload", 403),
        ("stranger", GATED, "download", 401),
    ],
)
def test_who_may_send_and_fetch_large_files(
    clients: dict[str, httpx.Client], who: str, repo: str, operation: str, status: int
) -> None:
    assert batch(clients[who], repo, operation).status_code == status


@pytest.mark.parametrize(
    ("oid", "size", "code"),
    [
        (SHA256, SIZE, None),
        ("b" * 64, SIZE, 404),
        ("../repo.json", SIZE, 422),
        (SHA256[1:], SIZE, 422),
        (SHA256, -1, 422),
    ],
)
def test_what_a_batch_says_of_each_file(
    hub: LocalHub, clients: dict[str, httpx.Client], oid: str, size: int, code: int | None
) -> None:
    (found,) = batch(clients["stranger"], REPO, "download", oid, size).json()["objects"]
    assert (found["oid"], found["size"], found.get("error", {}).get("code")) == (oid, size, code)
    if code is None:
        assert found["actions"]["download"]["href"] == f"{hub.url}/datasets/{REPO}/resolve/main/c.bin"
    else:
        assert "actions" not in found


@pytest.mark.parametrize(("who", "status"), [("owner", 200), ("granted", 403), ("ungranted", 403), ("stranger", 401)])
def test_the_list_of_large_files_is_for_the_owner(clients: dict[str, httpx.Client], who: str, status: int) -> None:
    answer = clients[who].get(f"/api/datasets/{REPO}/lfs-files")
    assert answer.status_code == status
    wish = {"deletions": {"sha": ["c" * 64], "rewriteHistory": False}}
    assert clients[who].post(f"/api/datasets/{REPO}/lfs-files/batch", json=wish).status_code == status
    if status == 200:
        ((oid, name, size, ref),) = (
            (file["fileOid"], file["filename"], file["size"], file["ref"]) for file in answer.json()
        )
        assert (oid, name, size, ref) == (SHA256, "c.bin", SIZE, "main")


@pytest.mark.parametrize(("rewrite", "kept"), [(False, True), (True, False), (None, False)])
def test_history_is_rewritten_unless_it_is_to_stay(
    hub: LocalHub, owner: HfApi, clients: dict[str, httpx.Client], rewrite: bool | None, kept: bool
) -> None:
    repo = owner.create_repo(f"maintainer/rewritten-{rewrite}".lower(), repo_type="dataset").repo_id
    add = [CommitOperationAdd("a.bin", CONTENT[1:]), CommitOperationAdd("b.txt", b"b")]
    before = owner.create_commit(repo, add, commit_message="Add", repo_type="dataset").oid
    owner.create_tag(repo, tag="v1", repo_type="dataset")
    wish = {"sha": [hashlib.sha256(CONTENT[1:]).hexdigest()], "rewriteHistory": rewrite}
    answer = clients["owner"].post(f"/api/datasets/{repo}/lfs-files/batch", json={"deletions": wish})
    assert answer.status_code == 200
    refs = owner.list_repo_refs(repo, repo_type="dataset")
    assert ({ref.target_commit for ref in (*refs.branches, *refs.tags)} == {before}) is kept
    assert ("a.bin" in owner.list_repo_files(repo, repo_type="dataset", revision="v1")) is kept
    assert "b.txt" in owner.list_repo_files(repo, repo_type="dataset", revision="v1")
    titles = [commit.title for commit in owner.list_repo_commits(repo, repo_type="dataset")]
    assert titles == ["Add", "initial commit"]
    assert list(owner.list_lfs_files(repo, repo_type="dataset")) == []


@pytest.mark.parametrize(
    ("path", "status", "content"),
    [
        ("raw/main/c.bin", 200, lfs_pointer(SHA256, SIZE)),
        ("raw/main/data/a.txt", 200, b"aa"),
        ("raw/main/nowhere", 404, b"Entry not found"),
        ("raw/nowhere/c.bin", 404, b"Invalid rev id: nowhere"),
        ("resolve/main/c.bin", 200, CONTENT),
        ("resolve/main/data", 404, b"Entry not found"),
    ],
)
def test_files_as_git_holds_them_and_as_they_are(
    clients: dict[str, httpx.Client], path: str, status: int, content: bytes
) -> None:
    answer = clients["stranger"].get(f"/datasets/{REPO}/{path}")
    assert (answer.status_code, answer.content) == (status, content)


def test_the_pointer_is_that_of_git_lfs() -> None:
    assert lfs_pointer("a" * 64, 12) == (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12\n"
    )


def test_what_the_head_of_a_file_says(hub: LocalHub, owner: HfApi, clients: dict[str, httpx.Client]) -> None:
    sha = str(owner.dataset_info(REPO).sha)
    names = ("x-repo-commit", "etag", "x-linked-etag", "x-linked-size", "content-length", "content-disposition", "link")
    small, large = (
        [clients["owner"].head(f"/datasets/{REPO}/resolve/main/{path}").headers.get(name) for name in names]
        for path in ("e.txt", "c.bin")
    )
    # What git calls a file that holds the letter e.
    assert small == [
        sha,
        '"9cbe6ea56f225388ae614c419249bfc6d734cc30"',
        None,
        None,
        "1",
        'inline; filename="e.txt"',
        None,
    ]
    assert large[:-1] == [sha, f'"{SHA256}"', f'"{SHA256}"', str(SIZE), str(SIZE), 'inline; filename="c.bin"']
    assert large[-1] == f'<{hub.url}/api/datasets/{REPO}/xet-read-token/{sha}>; rel="xet-auth"'


def pages(client: httpx.Client, address: str, name: str) -> list[list[str]]:
    """The names on each page of a list, by the links from one to the next."""
    found = []
    while address:
        answer = client.get(address)
        found.append([item[name] for item in answer.json()])
        address = answer.links.get("next", {}).get("url", "")
    return found


ALL = [".gitattributes", "c.bin", "data", "data/a.txt", "data/in", "data/in/b.txt", "e.txt"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", [[".gitattributes", "c.bin", "data", "e.txt"]]),
        ("?recursive=false", [[".gitattributes", "c.bin", "data", "e.txt"]]),
        ("?recursive=true", [ALL]),
        ("?recursive=1", [ALL]),
        ("?recursive=true&limit=3", [ALL[:3], ALL[3:6], ALL[6:]]),
        ("?recursive=true&limit=7", [ALL]),
        ("?limit=2&cursor=1", [["c.bin", "data"], ["e.txt"]]),
        ("/data", [["data/a.txt", "data/in"]]),
        ("/data/", [["data/a.txt", "data/in"]]),
        ("/data?recursive=True", [["data/a.txt", "data/in", "data/in/b.txt"]]),
        ("/dat", None),
        ("/e.txt", None),
    ],
)
def test_folders_are_listed_by_pages(
    clients: dict[str, httpx.Client], address: str, expected: list[list[str]] | None
) -> None:
    tree = f"/api/datasets/{REPO}/tree/main{address}"
    if expected is None:
        answer = clients["stranger"].get(tree)
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "EntryNotFound")
    else:
        assert pages(clients["stranger"], tree, "path") == expected


@pytest.mark.parametrize(
    ("query", "titles", "further"),
    [
        ("", ["Third", "Second", "First", "initial commit"], False),
        ("?limit=3", ["Third", "Second", "First"], True),
        ("?limit=4", ["Third", "Second", "First", "initial commit"], False),
        ("?p=1", [], False),
    ],
)
def test_commits_are_listed_newest_first(
    clients: dict[str, httpx.Client], query: str, titles: list[str], further: bool
) -> None:
    answer = clients["stranger"].get(f"/api/datasets/{REPO}/commits/main{query}")
    assert [commit["title"] for commit in answer.json()] == titles
    assert answer.headers["x-total-count"] == "4"
    assert ("next" in answer.links) is further
    if further:
        assert parse_qs(urlsplit(answer.links["next"]["url"]).query) == {"limit": ["3"], "p": ["1"]}


@pytest.mark.parametrize(
    ("path", "title"),
    [("data/a.txt", "Second"), ("data/in", "Third"), ("data", "Third"), ("c.bin", "First"), ("e.txt", "Second")],
)
@pytest.mark.parametrize("form", [True, False], ids=["form", "JSON"])
def test_the_last_commit_of_a_path_is_the_one_that_changed_it(
    clients: dict[str, httpx.Client], path: str, title: str, form: bool
) -> None:
    address = f"/api/datasets/{REPO}/paths-info/main"
    asked: dict[str, Any] = {"paths": [path, "nowhere"], "expand": True}
    answer = clients["stranger"].post(address, **({"data": asked} if form else {"json": asked}))
    ((found, last),) = ((item["path"], item["lastCommit"]["title"]) for item in answer.json())
    assert (found, last) == (path, title)
    plain = clients["stranger"].post(address, json={"paths": [path]}).json()
    assert "lastCommit" not in plain[0]


def test_a_folder_is_called_otherwise_when_anything_in_it_changes(clients: dict[str, httpx.Client]) -> None:
    commits = clients["stranger"].get(f"/api/datasets/{REPO}/commits/main").json()
    oids = []
    for commit in commits[:3]:
        listed = clients["stranger"].get(f"/api/datasets/{REPO}/tree/{commit['id']}").json()
        (folder,) = (item for item in listed if item["path"] == "data")
        assert (folder["type"], folder["size"]) == ("directory", 0)
        oids.append(folder["oid"])
    assert len(set(oids)) == 3


@pytest.mark.parametrize(
    ("who", "repo", "use", "status"),
    [
        ("owner", REPO, "write", 200),
        ("granted", REPO, "write", 403),
        ("stranger", REPO, "write", 401),
        ("stranger", REPO, "read", 200),
        ("granted", GATED, "read", 200),
        ("ungranted", GATED, "read", 403),
    ],
)
def test_who_may_read_and_write_by_xet(
    clients: dict[str, httpx.Client], who: str, repo: str, use: str, status: int
) -> None:
    answer = clients[who].get(f"/api/datasets/{repo}/xet-{use}-token/main")
    assert answer.status_code == status
    if status == 200:
        assert 0 <= time.time() + 24 * HOUR - answer.json()["exp"] < 60
        assert answer.json()["exp"] == int(answer.headers["x-xet-token-expiration"])
        assert answer.json()["casUrl"] == answer.headers["x-xet-cas-url"]
    assert clients["owner"].get(f"/api/datasets/{repo}/xet-read-token/nowhere").status_code == 404


def age(folders: list[Path], hours: float) -> None:
    for folder in folders:
        os.utime(folder, (time.time() - hours * HOUR,) * 2)


@pytest.mark.parametrize(("hours", "committed"), [(47, True), (49, False)])
def test_what_was_written_by_xet_and_not_committed_for_two_days_is_gone(
    hub: LocalHub, owner: HfApi, hours: float, committed: bool
) -> None:
    repo = owner.create_repo(f"maintainer/slow-{hours}", repo_type="dataset").repo_id
    addition = CommitOperationAdd("a.bin", os.urandom(2_000) + b"\0")
    owner.preupload_lfs_files(repo, [addition], repo_type="dataset")
    age(list(hub.root.glob("xet/*/client-*")), hours)
    httpx.get(f"{hub.url}/api/datasets/{repo}/xet-read-token/main").raise_for_status()
    if committed:
        owner.create_commit(repo, [addition], commit_message="Add", repo_type="dataset")
        assert owner.file_exists(repo, "a.bin", repo_type="dataset")
    else:
        with pytest.raises(BadRequestError):
            owner.create_commit(repo, [addition], commit_message="Add", repo_type="dataset")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer {}", 200),
        ("bearer {}", 200),
        ("Bearer  {} ", 200),
        ("Basic {}", 401),
        ("{}", 401),
        ("Bearer", 401),
        ("Bearer {}x", 401),
        ("", 200),
    ],
)
def test_a_token_is_a_bearers_and_an_invalid_one_is_nobodys(hub: LocalHub, header: str, status: int) -> None:
    accounts = Accounts(hub.root)
    given = header.format(hub.tokens["owner"])
    if status == 200:
        account = accounts.of_header(given)
        assert account == (Account("maintainer", "write") if given else None)
    else:
        with pytest.raises(Refusal, match="Invalid credentials") as refused:
            accounts.of_header(given)
        assert refused.value.status == 401


@pytest.mark.parametrize(("seconds", "status"), [(None, 200), (60, 200), (-1, 401), (-HOUR, 401)])
def test_a_token_is_refused_from_its_end_on(tmp_path: Path, seconds: float | None, status: int) -> None:
    accounts = Accounts(tmp_path)
    token = accounts.mint("ana", "read", expires=None if seconds is None else time.time() + seconds)
    if status == 200:
        assert Accounts(tmp_path).of_header(f"Bearer {token}") == Account("ana", "read")
        accounts.expire(token)
    with pytest.raises(Refusal):
        Accounts(tmp_path).of_header(f"Bearer {token}")


def test_accounts_keep_what_is_known_of_them(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    assert (accounts.users, accounts.organisations) == ({}, {})
    tokens = [accounts.mint("ana", fullname="Ana Maria"), accounts.mint("ana"), accounts.mint("bea", "read")]
    assert len(set(tokens)) == 3
    assert all(token.startswith("hf_") and len(token) > 40 for token in tokens)
    assert accounts.users == {"ana": "Ana Maria", "bea": "bea"}
    accounts.join("lab", "ana", fullname="The Lab", private=True)
    for user in ("bea", "bea"):
        accounts.join("lab", user)
    accounts.join("other", "ana")
    assert Accounts(tmp_path).organisations == {
        "lab": {"fullname": "The Lab", "members": ["ana", "bea"], "private": True},
        "other": {"fullname": "other", "members": ["ana"], "private": False},
    }
    found = [accounts.of_header(f"Bearer {token}") for token in tokens]
    assert found == [
        Account("ana", "write", frozenset({"lab", "other"})),
        Account("ana", "write", frozenset({"lab", "other"})),
        Account("bea", "read", frozenset({"lab"})),
    ]
    assert found[2].namespaces == {"bea", "lab"}
    text = (tmp_path / "accounts.json").read_text()
    assert not any(token in text or token[3:] in text for token in tokens)


def test_content_is_kept_under_its_own_digest_alone(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    for content, digest in ((b"right", hashlib.sha256(b"right").hexdigest()), (b"wrong", SHA256)):
        place = objects.incoming / "given"
        place.write_bytes(content)
        if content == b"right":
            objects.adopt(place, digest)
            assert objects.blob(digest).read_bytes() == content
            assert not place.exists()
        else:
            with pytest.raises(Refusal, match="not the content announced"):
                objects.adopt(place, digest)
            assert not objects.blob(digest).exists()


def test_objects_are_put_once_and_go_when_nothing_needs_them(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    entry = objects.put(b"a")
    # As `git hash-object` says it.
    assert (entry.oid, entry.size, entry.etag) == ("2e65efe2a145dda7ee51d1741299f848e5bf752e", 1, entry.oid)
    before = objects.blob(entry.sha256).stat().st_mtime_ns
    assert objects.put(b"a") == entry
    assert objects.blob(entry.sha256).stat().st_mtime_ns == before
    other = objects.put(b"b")
    trees = [objects.put_tree({"x": entry}), objects.put_tree({"y": other, "x": entry})]
    first = objects.put_commit(Commit("uid", trees[0], None, "First", "", "ana", "now"))
    second = objects.put_commit(Commit("uid", trees[1], first, "Second", "", "ana", "now"))
    assert [oid for oid, _ in objects.history(second)] == [second, first]
    assert list(objects.history(None)) == []
    assert objects.put_tree({"x": entry, "y": other}) == trees[1]
    assert objects.tree(trees[1]) == {"x": entry, "y": other}
    objects.keep_only({entry.sha256}, {first, trees[0]})
    assert objects.blob(entry.sha256).exists()
    assert not objects.blob(other.sha256).exists()
    assert objects.tree(trees[0]) == {"x": entry}
    with pytest.raises(FileNotFoundError):
        objects.tree(trees[1])
