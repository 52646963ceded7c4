"""Acts of clients that this Hub answered wrongly once, or not at all: what is asked, and what comes back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.community import DiscussionComment, DiscussionCommit, DiscussionStatusChange
from loopback import forked_hub

from hubkit.localhub import Cast, LocalHub, cards
from hubkit.localhub.errors import Refusal
from hubkit.localhub.paths import check_tree, checked_path

REPO, API = "maintainer/acts", "/api/datasets/maintainer/acts"
CARD = b"---\nlicense: mit\nlanguage: [pt, en]\ntask_categories: [summarization]\ntags: [radiology]\n---\n# Acts\n"


@pytest.fixture(scope="module")
def owner(hub: LocalHub) -> HfApi:
    """The owner of a dataset with a card, a text and a large file, and of two models."""
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO, repo_type="dataset")
    files = {"README.md": CARD, "ten.txt": b"0123456789", "data/large.bin": bytes(1000)}
    added = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(REPO, added, commit_message="Add", repo_type="dataset")
    for name in ("first", "second"):
        api.create_repo(f"maintainer/{name}")
    card = b"---\nlanguage: pt\nlicense: apache-2.0\npipeline_tag: text-generation\nbase_model: maintainer/first\n---\n"
    api.create_commit("maintainer/second", [CommitOperationAdd("README.md", card)], commit_message="Add")
    return api


@pytest.fixture(scope="module")
def client(hub: LocalHub, owner: HfApi) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.tokens['owner']}"}) as client:
        yield client


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Three models on a Hub of their own, made in the order of their names."""
    with forked_hub(tmp_path_factory.mktemp("models"), Cast(window=None)) as hub:
        headers = {"Authorization": f"Bearer {hub.tokens['owner']}"}
        with httpx.Client(base_url=hub.url, headers=headers) as client:
            fields = "language: pt\nlicense: apache-2.0\npipeline_tag: text-generation\nbase_model: maintainer/first"
            card = {"path": "README.md", "content": f"---\n{fields}\n---\n"}
            for name, files in {"acts": [], "first": [], "second": [card]}.items():
                client.post("/api/repos/create", json={"name": name, "files": files}).raise_for_status()
            yield client


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "said"),
    [
        ("GET", f"{API}/likers", 404, None, "This Hub has no GET likers"),
        ("POST", f"{API}/discussions/1/comment", 404, None, "This Hub has no POST discussions/1/comment"),
        ("PUT", f"{API}/tree/main", 404, None, "This Hub has no PUT tree/main"),
        ("GET", f"/datasets/{REPO}/viewer/default", 404, None, "This Hub has no GET viewer/default"),
        ("GET", "/api/jobs/maintainer", 404, None, "This Hub has no GET api/jobs/maintainer"),
        ("GET", "/api/datasets/maintainer/none/likers", 404, "RepoNotFound", "Repository not found"),
        ("GET", "/api/models/gpt2", 404, "RepoNotFound", "Repository not found"),
        ("GET", "/gpt2/resolve/main/config.json", 404, "RepoNotFound", "Repository not found"),
        ("GET", f"/datasets/{REPO}.git/info/refs?service=git-upload-pack", 501, None, "This Hub has no git protocol"),
        ("GET", f"/datasets/{REPO}/info/refs?service=git-upload-pack", 501, None, "This Hub has no git protocol"),
        ("POST", f"/datasets/{REPO}.git/git-receive-pack", 501, None, "This Hub has no git protocol"),
        ("POST", f"/datasets/{REPO}.git/info/lfs/locks/verify", 501, None, "This Hub has no git protocol"),
        ("GET", "/maintainer/none.git/info/refs?service=git-upload-pack", 501, None, "This Hub has no git protocol"),
        ("GET", "/api/models?sort=size", 400, None, '"sort" must be one of'),
        ("GET", f"{API}/discussions?status=merged", 400, None, '"status" must be one of'),
        ("GET", f"{API}/discussions?type=issue", 400, None, '"type" must be one of'),
    ],
)
def test_what_this_hub_does_not_do_is_called_that(
    client: httpx.Client, method: str, path: str, status: int, code: str | None, said: str
) -> None:
    """A client that is told of a missing repo advises to create the one that is there."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers.get("x-error-code")) == (status, code)
    assert answer.headers["x-error-message"].startswith(said)
    assert said in answer.text.replace("\\", "")


def test_a_stranger_is_not_told_of_a_private_repo(hub: LocalHub, client: httpx.Client, owner: HfApi) -> None:
    owner.create_repo("maintainer/hidden", private=True)
    for repo in ("hidden", "none"):
        answer = httpx.get(f"{hub.url}/api/models/maintainer/{repo}/likers")
        assert (answer.status_code, answer.headers["x-error-code"]) == (401, "RepoNotFound")


def test_git_says_what_it_was_told(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    own = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    address = f"{hub.url}/datasets/{REPO}"
    found = subprocess.run(["git", "clone", address, str(tmp_path / "to")], env=own, capture_output=True, text=True)
    assert found.returncode != 0
    assert "This Hub has no git protocol. Use `hf download`" in found.stderr


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {".gitattributes": None}),
        ({"license": "mit"}, {".gitattributes": None, "README.md": "---\nlicense: mit\n---\n"}),
        (
            {"files": [{"path": "a/b.txt", "content": "YQ==", "encoding": "base64"}, {"path": "c", "content": "c"}]},
            {".gitattributes": None, "a/b.txt": "a", "c": "c"},
        ),
        ({"files": [{"path": "README.md", "content": "# Hi"}]}, {".gitattributes": None, "README.md": "# Hi"}),
        (
            {"type": "space", "sdk": "static", "license": "mit", "hardware": "cpu-basic"},
            {
                ".gitattributes": None,
                "README.md": "---\nlicense: mit\ntitle: made\nsdk: static\napp_file: app.py\n---\n",
            },
        ),
        ({"license": "none-such"}, 'Invalid metadata in README.md: "license" must be one of'),
        ({"license": "mit", "files": [{"path": "README.md", "content": ""}]}, "A repo with a README.md of its own"),
        ({"files": [{"path": "a"}]}, '"content" is required'),
        ({"files": [{"path": "../a", "content": ""}]}, "Invalid path in repo"),
        (
            {"files": [{"path": "a", "content": ""}, {"path": "a/b", "content": ""}]},
            '"a" cannot be a file and a folder',
        ),
        ({"secrets": [{"key": "K", "value": "v"}]}, 'This Hub keeps no "secrets" of a repo'),
        ({"type": "space", "sdk": "static", "hardware": "t4-small"}, 'This Hub keeps no "hardware" of a repo'),
        ({"variables": [{"key": "K", "value": "v"}]}, 'This Hub keeps no "variables" of a repo'),
        ({"resourceGroupId": "g"}, 'This Hub keeps no "resourceGroupId" of a repo'),
        ({"secrets": [], "template": None}, {".gitattributes": None}),
    ],
)
def test_a_new_repo_holds_all_that_it_was_made_with(client: httpx.Client, asked: dict[str, Any], expected: Any) -> None:
    answer = client.post("/api/repos/create", json={"name": "made", **asked})
    if isinstance(expected, str):
        assert answer.status_code in (400, 422)
        assert answer.json()["error"].startswith(expected)
        return
    kind = f"{asked.get('type', 'model')}s"
    names = [entry["rfilename"] for entry in client.get(f"/api/{kind}/maintainer/made").json()["siblings"]]
    prefix = "" if kind == "models" else f"/{kind}"
    found = {name: client.get(f"{prefix}/maintainer/made/raw/main/{name}").text for name in names}
    client.request("DELETE", "/api/repos/delete", json={"name": "made", "type": asked.get("type", "model")})
    assert {**found, ".gitattributes": None} == expected


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("a/b.txt", True),
        ("a b/ç#?.txt", True),
        ("100%.txt", True),
        ("ab:c", True),
        ("a%2Fb", False),
        ("a%2fb", False),
        ("C:\\x", False),
        ("c:x", False),
        ("a\\b", False),
        ("a\nb", False),
        ("a\x7f", False),
        ("a/../b", False),
        ("a/", False),
    ],
)
def test_names_that_files_may_have(path: str, allowed: bool) -> None:
    if allowed:
        assert checked_path(path) == path
    else:
        with pytest.raises(Refusal, match="Invalid path in repo"):
            checked_path(path)


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["a", "b/c", "b/d", "b.txt", "ab/c"], None),
        (["a/b", "a"], '"a" cannot be a file and a folder'),
        (["a/b/c/d", "a/b"], '"a/b" cannot be a file and a folder'),
    ],
)
def test_a_name_is_of_a_file_or_of_a_folder(paths: list[str], said: str | None) -> None:
    if said is None:
        check_tree(paths)
    else:
        with pytest.raises(Refusal, match=re.escape(said)):
            check_tree(paths)


def test_a_folder_takes_the_place_of_a_file_in_one_commit(client: httpx.Client) -> None:
    def commit(*operations: tuple[str, dict[str, str]]) -> int:
        lines = [("header", {"summary": "Try"}), *operations]
        content = "\n".join(json.dumps({"key": key, "value": value}) for key, value in lines)
        return client.post("/api/models/maintainer/first/commit/main", content=content).status_code

    file, below = ("file", {"path": "a", "content": "a"}), ("file", {"path": "a/b", "content": "b"})
    assert commit(file) == 200
    assert commit(below) == 400
    assert commit(below, ("deletedFile", {"path": "a"})) == 200
    assert commit(file) == 400


@pytest.mark.parametrize(
    ("asked", "status", "files"),
    [
        ({}, 200, 4),
        ({"emptyBranch": True}, 200, 0),
        ({"startingPoint": "HEAD"}, 200, 4),
        ({"startingPoint": "none"}, 404, None),
        ({"startingPoint": "main", "emptyBranch": True}, 400, None),
    ],
)
def test_a_branch_is_made(client: httpx.Client, asked: dict[str, Any], status: int, files: int | None) -> None:
    assert client.post(f"{API}/branch/new", json=asked).status_code == status
    if files is not None:
        assert len(client.get(f"{API}/revision/new").json()["siblings"]) == files
        assert client.delete(f"{API}/branch/new").status_code == 200


def test_a_branch_is_overwritten_where_that_is_asked_for(client: httpx.Client) -> None:
    path = f"{API}/branch/again"
    sent = [
        ({"emptyBranch": True}, 200, 0),
        ({"startingPoint": "main"}, 409, 0),
        ({"overwrite": True}, 200, 0),
        ({"startingPoint": "main", "overwrite": True}, 200, 4),
        ({"emptyBranch": True, "overwrite": True}, 200, 0),
    ]
    for asked, status, files in sent:
        assert client.post(path, json=asked).status_code == status
        assert len(client.get(f"{API}/revision/again").json()["siblings"]) == files


def test_head_is_the_newest_commit(client: httpx.Client, owner: HfApi) -> None:
    assert owner.dataset_info(REPO, revision="HEAD").sha == owner.dataset_info(REPO).sha
    assert client.get(f"/datasets/{REPO}/resolve/HEAD/ten.txt").text == "0123456789"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["acts", "first", "second"]),
        ("filter=license:apache-2.0", ["second"]),
        ("filter=pt&filter=text-generation", ["second"]),
        ("filter=pt,text-generation", ["second"]),
        ("filter=fr", []),
        ("pipeline_tag=text-generation", ["second"]),
        ("filter=base_model:maintainer/first", ["second"]),
        ("search=SEC", ["second"]),
        ("sort=createdAt", ["second", "first", "acts"]),
        ("sort=createdAt&direction=1", ["acts", "first", "second"]),
        ("sort=lastModified&direction=-1", ["second", "first", "acts"]),
        ("limit=2", ["acts", "first"]),
        ("limit=2&cursor=2", ["second"]),
        ("gated=true", []),
        ("gated=false", ["acts", "first", "second"]),
    ],
)
def test_models_are_listed_as_they_are_asked_for(models: httpx.Client, query: str, found: list[str]) -> None:
    answer = models.get(f"/api/models?{query}")
    assert [each["id"].partition("/")[2] for each in answer.json()] == found
    assert ("next" in answer.headers.get("link", "")) == (query == "limit=2")


def test_stock_clients_page_and_filter(owner: HfApi) -> None:
    assert [each.id for each in owner.list_datasets(language="pt", filter="license:mit")] == [REPO]
    assert [each.id for each in owner.list_models(filter="pt", sort="last_modified")] == ["maintainer/second"]
    listed = next(iter(owner.list_datasets(search="acts", expand=["tags", "siblings"])))
    assert len(listed.siblings or []) == 4


@pytest.mark.parametrize(
    ("card", "kind", "tags"),
    [
        (
            {"license": "mit", "language": ["pt", "en"], "tags": ["x"]},
            "datasets",
            ["x", "language:pt", "language:en", "license:mit"],
        ),
        (
            {"license": "mit", "language": "pt", "pipeline_tag": "a", "library_name": "peft", "datasets": ["b/c"]},
            "models",
            ["a", "peft", "pt", "license:mit", "dataset:b/c"],
        ),
        ({"license": "mit", "language": "pt"}, "spaces", ["license:mit"]),
        ({"license": {"odd": 1}, "tags": "single", "language": None}, "datasets", ["single"]),
    ],
)
def test_fields_of_a_card_are_tags(card: dict[str, Any], kind: str, tags: list[str]) -> None:
    assert sorted(cards.tags(card, kind)) == sorted(tags)


def test_a_pull_request_shows_what_it_changes_and_what_happened(owner: HfApi, client: httpx.Client) -> None:
    pull = owner.create_commit(
        REPO,
        [CommitOperationAdd("ten.txt", b"0123456789\nmore"), CommitOperationAdd("data/new.bin", b"\0\1")],
        commit_message="Say more",
        commit_description="Why",
        repo_type="dataset",
        create_pr=True,
    )
    number = pull.pr_num
    assert number is not None
    details = owner.get_discussion_details(REPO, number, repo_type="dataset")
    assert details.diff is not None
    assert "--- a/ten.txt\n+++ b/ten.txt\n" in details.diff
    assert "+0123456789\n+more\n\\ No newline at end of file\n" in details.diff
    assert "+version https://git-lfs.github.com/spec/v1\n" in details.diff
    owner.change_discussion_status(REPO, number, "closed", comment="No", repo_type="dataset")
    kinds = [type(event) for event in owner.get_discussion_details(REPO, number, repo_type="dataset").events]
    assert sorted(kinds, key=lambda kind: kind.__name__) == [
        DiscussionComment,
        DiscussionComment,
        DiscussionCommit,
        DiscussionStatusChange,
    ]

    def numbers(**options: Any) -> list[int]:
        return [each.num for each in owner.get_repo_discussions(REPO, repo_type="dataset", **options)]

    other = owner.create_pull_request(REPO, "Draft", repo_type="dataset").num
    assert numbers(discussion_status="closed") == [number]
    assert numbers(discussion_status="open") == [other]
    assert numbers(discussion_type="discussion") == []
    assert numbers(author="maintainer") == [other, number]
    assert numbers(author="reader") == []
    assert client.get(f"{API}/discussions/{number}").json()["diff"] == ""


def test_a_conflict_is_named_before_it_is_met(owner: HfApi) -> None:
    repo = owner.create_repo("maintainer/conflict").repo_id
    pull = owner.create_commit(repo, [CommitOperationAdd("a", b"1")], commit_message="One", create_pr=True).pr_num
    assert pull is not None
    assert owner.get_discussion_details(repo, pull).conflicting_files == []
    owner.create_commit(repo, [CommitOperationAdd("a", b"2")], commit_message="Two")
    assert owner.get_discussion_details(repo, pull).conflicting_files == ["a"]


RESOLVED, RAW = f"/datasets/{REPO}/resolve/main/ten.txt", f"/datasets/{REPO}/raw/main/ten.txt"


@pytest.mark.parametrize("path", [RESOLVED, RAW])
@pytest.mark.parametrize(
    ("headers", "status", "content"),
    [
        ({}, 200, "0123456789"),
        ({"If-None-Match": "{etag}"}, 304, ""),
        ({"If-None-Match": "W/{etag}"}, 304, ""),
        ({"If-None-Match": '"a", {etag}'}, 304, ""),
        ({"If-None-Match": "*"}, 304, ""),
        ({"If-None-Match": '"a", W/"b"'}, 200, "0123456789"),
        ({"Range": "bytes=2-5"}, 206, "2345"),
        ({"Range": "bytes=8-"}, 206, "89"),
        ({"Range": "bytes=-3"}, 206, "789"),
        ({"Range": "bytes=0-99"}, 206, "0123456789"),
        ({"Range": "bytes=10-"}, 416, None),
        ({"Range": "bytes=0-1,4-5"}, 200, "0123456789"),
        ({"Range": "lines=0-1"}, 200, "0123456789"),
        ({"Range": "bytes=2-5", "If-Range": "{etag}"}, 206, "2345"),
        ({"Range": "bytes=2-5", "If-Range": '"other"'}, 200, "0123456789"),
    ],
)
def test_a_file_is_sent_as_far_as_it_is_wanted(
    client: httpx.Client, path: str, headers: dict[str, str], status: int, content: str | None
) -> None:
    etag = client.head(path).headers["etag"]
    asked = {name: value.replace("{etag}", etag) for name, value in headers.items()}
    answer = client.get(path, headers=asked)
    assert answer.status_code == status
    if content is not None:
        assert answer.text == content
        head = client.head(path, headers=asked)
        assert (head.status_code, head.content) == (status, b"")
        assert head.headers.get("content-length", "0") == str(len(content))


@pytest.mark.parametrize(
    ("query", "kind"), [("", "inline"), ("?download=true", "attachment"), ("?download=1", "attachment")]
)
def test_a_browser_saves_a_file_that_it_is_to_download(client: httpx.Client, query: str, kind: str) -> None:
    answer = client.get(f"{RESOLVED}{query}")
    assert answer.headers["content-disposition"] == f'{kind}; filename="ten.txt"'


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:3000", True),
        ("http://127.0.0.1", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
    ],
)
def test_scripts_of_pages_on_this_machine_may_read(client: httpx.Client, origin: str, allowed: bool) -> None:
    answer = client.get(RESOLVED, headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    preflight = client.options(f"{API}/settings", headers=asked)
    assert preflight.status_code == 204
    assert ("PUT" in preflight.headers.get("access-control-allow-methods", "")) == allowed
    assert ("X-Repo-Commit" in answer.headers.get("access-control-expose-headers", "")) == allowed


FULL = """
import json, os, sys, time
from pathlib import Path
import httpx
from hubkit.localhub import Cast, serve
room = Path(sys.argv[1])
with serve(room, cast=Cast(window=None)) as hub:
    client = httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.tokens['owner']}"})
    client.post("/api/repos/create", json={"name": "m", "files": [{"path": "a", "content": "a"}]}).raise_for_status()
    filler = os.open(room / "filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(filler, bytes(512))
    except OSError:
        os.close(filler)
    file = {"path": "b", "content": "b" * 9000}
    lines = [{"key": "header", "value": {"summary": "x"}}, {"key": "file", "value": file}]
    body = "\\n".join(map(json.dumps, lines))
    refused = client.post("/api/models/maintainer/m/commit/main", content=body)
    read = [client.get("/maintainer/m/resolve/main/a").text for _ in range(60)]
    os.unlink(room / "filler")
    again = client.post("/api/models/maintainer/m/commit/main", content=body)
    statuses = [line["status"] for line in hub.log()]
    print(json.dumps([refused.status_code, refused.json()["error"], set(read) == {"a"}, again.status_code, statuses]))
"""


def test_on_a_full_disk_nothing_is_changed_and_files_are_read(tmp_path: Path) -> None:
    """On a file system of 2 MB of its own, which takes the right to mount one."""
    room = tmp_path / "room"
    room.mkdir()
    mounted = f'mount -t tmpfs -o size=2m none "{room}" && exec "{sys.executable}" -c "$0" "{room}"'
    found = subprocess.run(["unshare", "-rm", "sh", "-c", mounted, FULL], capture_output=True, text=True)
    if "unshare" in found.stderr or "mount:" in found.stderr:
        pytest.skip("no file system can be mounted here")
    assert found.returncode == 0, found.stderr
    refused, said, read, again, statuses = json.loads(found.stdout)
    assert (refused, read, again) == (507, True, 200)
    assert said.startswith("The disk of this Hub is full: 0.0 GB free. Nothing was changed.")
    assert statuses == [200, 507, *[200] * 61]
