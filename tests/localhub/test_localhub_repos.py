"""What the stock huggingface_hub client sees of a repo's life on the Hub on loopback."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import httpx
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts

CARD = b"---\nlicense: mit\ntags: [radiology]\n---\n# A card\n"
LARGE = bytes(range(256)) * 5_000


@pytest.fixture
def owner(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["owner"])


@pytest.fixture
def reader(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["granted"])


@pytest.fixture
def outsider(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["ungranted"])


@pytest.fixture
def stranger(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=False)


@pytest.fixture
def repo(owner: HfApi, hub: LocalHub, request: pytest.FixtureRequest) -> str:
    name = f"{hub.owner}/{re.sub('[^A-Za-z0-9]+', '-', request.node.name)[-70:].strip('-')}"
    owner.create_repo(name, repo_type="dataset")
    return name


@pytest.fixture(params=["xet", "lfs"])
def transfer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Large files go by Xet, as they do unless a user says otherwise, or through LFS."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", request.param == "lfs")
    return str(request.param)


def _push(owner: HfApi, repo: str, **files: bytes) -> str:
    operations = [CommitOperationAdd(name.replace("__", "/"), content) for name, content in files.items()]
    return owner.create_commit(repo, operations, commit_message="Add files", repo_type="dataset").oid


def test_whoami_names_the_account(owner: HfApi, reader: HfApi, hub: LocalHub) -> None:
    assert owner.whoami()["name"] == hub.owner
    assert owner.whoami()["auth"]["accessToken"]["role"] == "write"
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"


def test_unknown_token_is_refused(hub: LocalHub) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        HfApi(endpoint=hub.url, token="hf_unknown").whoami()
    assert refused.value.response.status_code == 401


def test_create_twice(owner: HfApi, repo: str, hub: LocalHub) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        owner.create_repo(repo, repo_type="dataset")
    assert refused.value.response.status_code == 409
    assert owner.create_repo(repo, repo_type="dataset", exist_ok=True).url == f"{hub.url}/datasets/{repo}"


@pytest.mark.parametrize("name", ["nobody/x", "reader/x"])
def test_create_elsewhere_is_refused(owner: HfApi, name: str) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        owner.create_repo(name)
    assert refused.value.response.status_code == 403


def test_a_read_token_cannot_write(reader: HfApi, repo: str) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        _push(reader, repo, a=b"a")
    assert refused.value.response.status_code == 403
    with pytest.raises(HfHubHTTPError):
        reader.create_repo("reader/x")


def test_files_come_back_as_they_were_sent(owner: HfApi, repo: str, transfer: str) -> None:
    oid = _push(owner, repo, **{"README.md": CARD, "data__large.bin": LARGE, "data__empty": b"", "notes.txt": b"a b"})
    folder = Path(snapshot_download(repo, repo_type="dataset", endpoint=owner.endpoint, token=owner.token))
    assert (folder / "README.md").read_bytes() == CARD
    assert (folder / "data" / "large.bin").read_bytes() == LARGE
    assert (folder / "data" / "empty").read_bytes() == b""
    assert folder.name == oid
    info = owner.dataset_info(repo, files_metadata=True)
    assert info.sha == oid
    assert info.card_data is not None
    assert info.card_data["license"] == "mit"
    lfs = {sibling.rfilename: sibling.lfs for sibling in info.siblings or []}
    assert lfs["data/large.bin"] is not None
    assert lfs["data/large.bin"].size == len(LARGE)
    assert lfs["notes.txt"] is None


def test_a_folder_comes_back_as_it_was_sent(owner: HfApi, repo: str, transfer: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(12):
        (tmp_path / "data" / f"{number}.bin").write_bytes(LARGE[: 5000 + number * 4000 + number])
    (tmp_path / "README.md").write_bytes(CARD)
    for _ in range(2):
        owner.upload_folder(repo_id=repo, folder_path=tmp_path, repo_type="dataset")
    proposed = owner.upload_folder(repo_id=repo, folder_path=tmp_path / "data", repo_type="dataset", create_pr=True)
    assert proposed.pr_num == 1
    folder = Path(snapshot_download(repo, repo_type="dataset", endpoint=owner.endpoint, token=owner.token))
    for path in tmp_path.rglob("*.*"):
        assert (folder / path.relative_to(tmp_path)).read_bytes() == path.read_bytes()
    assert len(owner.list_repo_commits(repo, repo_type="dataset")) == 2


def test_tree_and_paths(owner: HfApi, repo: str) -> None:
    _push(owner, repo, **{"data__train__a.txt": b"a", "data__b.txt": b"bb", "c.bin": b"\0c"})
    top = [item.path for item in owner.list_repo_tree(repo, repo_type="dataset")]
    assert top == [".gitattributes", "c.bin", "data"]
    below = [item.path for item in owner.list_repo_tree(repo, "data", recursive=True, repo_type="dataset")]
    assert below == ["data/b.txt", "data/train", "data/train/a.txt"]
    found = owner.get_paths_info(repo, ["data", "c.bin", "nowhere"], expand=True, repo_type="dataset")
    assert [item.path for item in found] == ["data", "c.bin"]
    assert {item.last_commit.title for item in found if item.last_commit} == {"Add files"}
    with pytest.raises(RemoteEntryNotFoundError):
        list(owner.list_repo_tree(repo, "nowhere", repo_type="dataset"))


def test_unchanged_files_make_no_commit(owner: HfApi, repo: str, transfer: str) -> None:
    first = _push(owner, repo, **{"a.bin": LARGE, "b.txt": b"b"})
    assert _push(owner, repo, **{"a.bin": LARGE, "b.txt": b"b"}) == first


def test_copy_and_delete(owner: HfApi, repo: str, transfer: str) -> None:
    _push(owner, repo, **{"a.bin": LARGE, "old__b.txt": b"b", "c.txt": b"c"})
    operations = [
        CommitOperationCopy("a.bin", "new/a.bin"),
        CommitOperationCopy("old/b.txt", "new/b.txt"),
        CommitOperationDelete("old/"),
        CommitOperationDelete("c.txt"),
    ]
    owner.create_commit(repo, operations, commit_message="Move", repo_type="dataset")
    assert sorted(owner.list_repo_files(repo, repo_type="dataset")) == [
        ".gitattributes",
        "a.bin",
        "new/a.bin",
        "new/b.txt",
    ]
    with pytest.raises(RemoteEntryNotFoundError):
        owner.delete_file("c.txt", repo, repo_type="dataset")


def test_stale_parent_is_refused(owner: HfApi, repo: str) -> None:
    before = owner.dataset_info(repo).sha
    _push(owner, repo, a=b"a")
    with pytest.raises(HfHubHTTPError) as refused:
        owner.upload_file(
            path_or_fileobj=b"b", path_in_repo="b", repo_id=repo, repo_type="dataset", parent_commit=before
        )
    assert refused.value.response.status_code == 412


def test_tags_branches_and_history(owner: HfApi, repo: str) -> None:
    first = _push(owner, repo, a=b"1")
    owner.create_tag(repo, tag="release-1.0.0", repo_type="dataset")
    owner.create_branch(repo, branch="script", revision="release-1.0.0", repo_type="dataset")
    second = _push(owner, repo, a=b"2")
    refs = owner.list_repo_refs(repo, repo_type="dataset")
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": second, "script": first}
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"release-1.0.0": first}
    titles = [commit.title for commit in owner.list_repo_commits(repo, repo_type="dataset")]
    assert titles == ["Add files", "Add files", "initial commit"]
    for revision, content in {"main": "2", "script": "1", "release-1.0.0": "1", first: "1", first[:8]: "1"}.items():
        path = hf_hub_download(
            repo, "a", repo_type="dataset", revision=revision, endpoint=owner.endpoint, token=owner.token
        )
        assert Path(path).read_text() == content
    with pytest.raises(HfHubHTTPError) as refused:
        owner.create_tag(repo, tag="release-1.0.0", repo_type="dataset")
    assert refused.value.response.status_code == 409
    owner.delete_tag(repo, tag="release-1.0.0", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        owner.dataset_info(repo, revision="release-1.0.0")


def test_squash_leaves_no_history_to_a_branch(owner: HfApi, repo: str) -> None:
    first = _push(owner, repo, a=b"1")
    _push(owner, repo, a=b"2")
    owner.super_squash_history(repo, repo_type="dataset")
    assert len(owner.list_repo_commits(repo, repo_type="dataset")) == 1
    # Whoever knows the SHA of an old commit still gets it.
    assert owner.dataset_info(repo, revision=first).sha == first


def test_pull_request(owner: HfApi, repo: str) -> None:
    operation = CommitOperationAdd("a.txt", b"a")
    made = owner.create_commit(repo, [operation], commit_message="Propose", repo_type="dataset", create_pr=True)
    assert made.pr_revision == "refs/pr/1"
    assert "a.txt" in owner.list_repo_files(repo, revision="refs/pr/1", repo_type="dataset")
    assert "a.txt" not in owner.list_repo_files(repo, repo_type="dataset")
    assert owner.get_discussion_details(repo, 1, repo_type="dataset").status == "open"
    _push(owner, repo, b=b"b")
    owner.merge_pull_request(repo, 1, repo_type="dataset")
    assert {"a.txt", "b"} < set(owner.list_repo_files(repo, repo_type="dataset"))
    assert owner.get_discussion_details(repo, 1, repo_type="dataset").status == "merged"


def test_others_can_propose_and_not_write(hub: LocalHub, owner: HfApi, repo: str, transfer: str) -> None:
    other = HfApi(endpoint=hub.url, token=Accounts(hub.root).mint("bea"))
    operations = [CommitOperationAdd("a.txt", b"a"), CommitOperationAdd("b.bin", LARGE)]
    with pytest.raises(HfHubHTTPError) as refused:
        other.create_commit(repo, operations, commit_message="Write", repo_type="dataset")
    assert refused.value.response.status_code == 403
    operations = [CommitOperationAdd("a.txt", b"a"), CommitOperationAdd("b.bin", LARGE)]
    made = other.create_commit(repo, operations, commit_message="Propose", repo_type="dataset", create_pr=True)
    with pytest.raises(HfHubHTTPError):
        other.merge_pull_request(repo, made.pr_num, repo_type="dataset")
    owner.merge_pull_request(repo, made.pr_num, repo_type="dataset")
    assert Path(owner.hf_hub_download(repo, "b.bin", repo_type="dataset")).read_bytes() == LARGE


def test_squash_of_a_pull_request(owner: HfApi, repo: str) -> None:
    opened = owner.create_pull_request(repo, "Propose", repo_type="dataset")
    for content in (b"1", b"2"):
        owner.upload_file(
            path_or_fileobj=content, path_in_repo="a", repo_id=repo, repo_type="dataset", revision=opened.git_reference
        )
    owner.super_squash_history(repo, branch=opened.git_reference, repo_type="dataset")
    assert len(owner.list_repo_commits(repo, revision=opened.git_reference, repo_type="dataset")) == 1


@pytest.mark.parametrize("where", ["repo", "upload"])
def test_what_gitignore_names_is_not_uploaded(owner: HfApi, repo: str, tmp_path: Path, where: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    if where == "repo":
        _push(owner, repo, **{".gitignore": b"notes/*\n"})
    else:
        (tmp_path / ".gitignore").write_text("notes/*\n")
    owner.upload_folder(repo_id=repo, folder_path=tmp_path, repo_type="dataset")
    assert set(owner.list_repo_files(repo, repo_type="dataset")) == {".gitattributes", ".gitignore", "b.txt"}


def test_large_files_are_listed_with_the_branch_that_holds_them(owner: HfApi, repo: str) -> None:
    _push(owner, repo, **{"a.bin": LARGE})
    owner.create_branch(repo, branch="other", repo_type="dataset")
    owner.upload_file(
        path_or_fileobj=LARGE[1:], path_in_repo="b.bin", repo_id=repo, repo_type="dataset", revision="other"
    )
    found = {file.filename: file.ref for file in owner.list_lfs_files(repo, repo_type="dataset")}
    assert found == {"a.bin": "main", "b.bin": "other"}


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (b"---\nlicense: mine\n---\n", '"license" must be one of'),
        (b"---\nlicense: [mit, mine]\n---\n", '"license" must be one of'),
        (b"---\nmodel-index: foo\n---\n", '"model-index" must be an array'),
        (b"---\ntags: radiology\n---\n", '"tags" must be an array'),
    ],
    ids=range(4),
)
def test_metadata_that_the_hub_refuses(owner: HfApi, repo: str, card: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _push(owner, repo, **{"README.md": card})


def test_invalid_card_is_refused(owner: HfApi, repo: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        _push(owner, repo, **{"README.md": b"---\nlicense: [unclosed\n---\n"})


def test_private_repo_is_not_there_for_others(owner: HfApi, reader: HfApi, stranger: HfApi, repo: str) -> None:
    owner.update_repo_settings(repo, private=True, repo_type="dataset")
    for api in (reader, stranger):
        with pytest.raises(RepositoryNotFoundError):
            api.dataset_info(repo)
        with pytest.raises(RepositoryNotFoundError):
            api.hf_hub_download(repo, "README.md", repo_type="dataset")


def test_gate(owner: HfApi, reader: HfApi, outsider: HfApi, stranger: HfApi, repo: str) -> None:
    _push(owner, repo, **{"README.md": CARD, "data.bin": LARGE})
    owner.update_repo_settings(repo, gated="manual", repo_type="dataset")
    assert owner.dataset_info(repo).gated == "manual"
    for api, status in ((stranger, 401), (outsider, 403)):
        with pytest.raises(GatedRepoError) as refused:
            api.hf_hub_download(repo, "data.bin", repo_type="dataset")
        assert refused.value.response.status_code == status
        with pytest.raises(GatedRepoError):
            api.auth_check(repo, repo_type="dataset")
        with pytest.raises(GatedRepoError):
            api.hf_hub_download(repo, "no-such-file", repo_type="dataset")
        assert Path(api.hf_hub_download(repo, "README.md", repo_type="dataset")).read_bytes() == CARD
        (item,) = api.get_paths_info(repo, "data.bin", repo_type="dataset")
        assert (item.size, item.lfs) == (len(LARGE), None)
    for api in (owner, reader):
        assert Path(api.hf_hub_download(repo, "data.bin", repo_type="dataset")).read_bytes() == LARGE


def test_access_requests(hub: LocalHub, owner: HfApi, outsider: HfApi, repo: str) -> None:

    _push(owner, repo, **{"data.bin": LARGE})
    with pytest.raises(BadRequestError):
        owner.grant_access(repo, "outsider", repo_type="dataset")
    owner.update_repo_settings(repo, gated="manual", repo_type="dataset")
    fields = {"PhysioNet user name": "someone", "Institution": "A hospital"}
    address = f"{hub.url}/datasets/{repo}/ask-access"
    asked = httpx.post(address, json=fields, headers={"Authorization": f"Bearer {hub.tokens['ungranted']}"})
    assert asked.status_code == 303
    (request,) = owner.list_pending_access_requests(repo, repo_type="dataset")
    assert (request.username, request.fields) == ("outsider", fields)
    with pytest.raises(GatedRepoError, match="awaiting a review"):
        outsider.auth_check(repo, repo_type="dataset")
    owner.reject_access_request(repo, "outsider", repo_type="dataset", rejection_reason="no certificate")
    with pytest.raises(GatedRepoError, match="has been rejected"):
        outsider.auth_check(repo, repo_type="dataset")
    owner.accept_access_request(repo, "outsider", repo_type="dataset")
    outsider.auth_check(repo, repo_type="dataset")
    with pytest.raises(HfHubHTTPError) as refused:
        owner.accept_access_request(repo, "outsider", repo_type="dataset")
    assert refused.value.response.status_code == 404
    with pytest.raises(BadRequestError, match="already has access"):
        owner.grant_access(repo, "outsider", repo_type="dataset")
    with pytest.raises(HfHubHTTPError) as refused:
        owner.grant_access(repo, "nobody", repo_type="dataset")
    assert refused.value.response.status_code == 404
    owner.cancel_access_request(repo, "outsider", repo_type="dataset")
    with pytest.raises(GatedRepoError):
        outsider.auth_check(repo, repo_type="dataset")
    with pytest.raises(HfHubHTTPError) as refused:
        list(outsider.list_pending_access_requests(repo, repo_type="dataset"))
    assert refused.value.response.status_code == 403


def test_ranges(hub: LocalHub, owner: HfApi, repo: str) -> None:

    _push(owner, repo, **{"data.bin": LARGE})
    address = f"{hub.url}/datasets/{repo}/resolve/main/data.bin"
    part = httpx.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, LARGE[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(LARGE)}"
    assert part.headers["x-repo-commit"] == owner.dataset_info(repo).sha
    assert httpx.get(address, headers={"Range": f"bytes={len(LARGE)}-"}).status_code == 416
    assert httpx.get(address, headers={"If-None-Match": part.headers["etag"]}).status_code == 304


def test_an_lfs_digest_is_no_proof_of_having_the_file(hub: LocalHub, owner: HfApi, repo: str) -> None:

    oid = hashlib.sha256(LARGE).hexdigest()
    lines = [
        {"key": "header", "value": {"summary": "Take"}},
        {"key": "lfsFile", "value": {"path": "a.bin", "algo": "sha256", "oid": oid, "size": len(LARGE)}},
    ]
    answer = httpx.post(
        f"{hub.url}/api/datasets/{repo}/commit/main",
        content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {hub.tokens['owner']}"},
    )
    assert answer.status_code == 400


def test_collections(owner: HfApi, stranger: HfApi, repo: str, hub: LocalHub) -> None:
    made = owner.create_collection("A release, to try", namespace=hub.owner, exists_ok=True)
    assert owner.create_collection("A release, to try", namespace=hub.owner, exists_ok=True).slug == made.slug
    owner.add_collection_item(made.slug, repo, "dataset", note="reports")
    owner.add_collection_item(made.slug, repo, "dataset", exists_ok=True)
    (item,) = stranger.get_collection(made.slug).items
    assert (item.item_id, item.item_type, item.note) == (repo, "dataset", "reports")
    nested = owner.create_collection("Inside").slug
    owner.add_collection_item(made.slug, nested, "collection")
    owner.update_collection_item(made.slug, item.item_object_id, position=1, note="second")
    assert [(found.item_id, found.note) for found in stranger.get_collection(made.slug).items] == [
        (nested, None),
        (repo, "second"),
    ]
    renamed = owner.update_collection_metadata(made.slug, title="Another title")
    assert renamed.slug != made.slug
    assert stranger.get_collection(made.slug).slug == renamed.slug
    owner.update_repo_settings(repo, private=True, repo_type="dataset")
    assert [found.item_id for found in stranger.get_collection(made.slug).items] == [nested]
    owner.delete_collection_item(made.slug, item.item_object_id)
    assert [found.item_id for found in owner.get_collection(made.slug).items] == [nested]
    owner.delete_collection(made.slug)


def test_move_and_delete(owner: HfApi, repo: str) -> None:
    _push(owner, repo, a=b"a")
    owner.move_repo(repo, f"{repo}-2", repo_type="dataset")
    assert owner.dataset_info(repo).id == f"{repo}-2"
    assert Path(owner.hf_hub_download(repo, "a", repo_type="dataset")).read_bytes() == b"a"
    owner.create_repo(repo, repo_type="dataset")
    assert owner.dataset_info(repo).id == repo
    for name in (repo, f"{repo}-2"):
        owner.delete_repo(name, repo_type="dataset")
    for name in (repo, f"{repo}-2"):
        with pytest.raises(RepositoryNotFoundError):
            owner.dataset_info(name)


def test_log_holds_names_and_no_tokens(hub: LocalHub, owner: HfApi, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    _push(owner, repo, **{"a.bin": LARGE})
    lines = [line for line in hub.log() if line["repo"] == f"datasets/{repo}"]
    assert {"PUT", "POST"} <= {line["method"] for line in lines}
    text = (hub.root / "access.jsonl").read_text()
    assert not any(token in text for token in hub.tokens.values())
    assert "signature" not in text
    everything = b"".join(path.read_bytes() for path in hub.root.rglob("*") if path.is_file())
    assert not any(token.encode() in everything for token in hub.tokens.values())


def test_only_what_was_announced_is_taken(hub: LocalHub, owner: HfApi, repo: str) -> None:
    headers = {"Authorization": f"Bearer {hub.tokens['owner']}"}
    oid = hashlib.sha256(LARGE).hexdigest()
    asked = {"operation": "upload", "objects": [{"oid": oid, "size": len(LARGE)}]}
    batch = httpx.post(f"{hub.url}/datasets/{repo}.git/info/lfs/objects/batch", json=asked, headers=headers)
    href = batch.json()["objects"][0]["actions"]["upload"]["href"]
    assert httpx.put(href, content=LARGE[:-1]).status_code == 422
    assert httpx.put(href, content=LARGE[::-1]).status_code == 422
    assert httpx.put(href, content=LARGE * 2).status_code == 422
    assert httpx.put(href.replace("size=", "size=1"), content=LARGE).status_code == 403
    assert httpx.put(href.partition("?")[0], content=LARGE).status_code == 403
    assert httpx.put(href, content=LARGE).status_code == 200


@pytest.mark.parametrize(
    ("agent", "transfers", "chosen"),
    [
        ("unknown/None; hf_hub/1.10.0; python/3.11", ["basic", "multipart", "xet"], "xet"),
        ("unknown/None; hf_hub/1.10.0; python/3.11", ["basic"], "basic"),
        ("node", ["basic", "multipart", "xet"], "basic"),
        ("git-lfs/3.5.1", ["basic", "lfs-standalone-file"], "basic"),
    ],
)
def test_clients_with_hf_xet_are_told_to_go_by_xet(
    hub: LocalHub, repo: str, agent: str, transfers: list[str], chosen: str
) -> None:
    """Before 2.0 huggingface_hub does what it is told. The JavaScript client would look for a server of chunks."""
    asked = {"operation": "upload", "transfers": transfers, "objects": [{"oid": "a" * 64, "size": 1}]}
    headers = {"Authorization": f"Bearer {hub.tokens['owner']}", "User-Agent": agent}
    answer = httpx.post(f"{hub.url}/datasets/{repo}.git/info/lfs/objects/batch", json=asked, headers=headers)
    assert answer.json()["transfer"] == chosen


@pytest.mark.parametrize("path", ["../a", "/a", "a//b", ".git/config", "a/./b", "", "..\\a"], ids=range(7))
def test_paths_that_lead_elsewhere_are_refused(hub: LocalHub, owner: HfApi, repo: str, path: str) -> None:
    lines = [
        {"key": "header", "value": {"summary": "Try"}},
        {"key": "file", "value": {"path": path, "content": "eA==", "encoding": "base64"}},
    ]
    answer = httpx.post(
        f"{hub.url}/api/datasets/{repo}/commit/main",
        content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {hub.tokens['owner']}"},
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("query", "shown", "following"),
    [
        ("limit=2&p=0", [6, 5], True),
        ("limit=2&p=1", [4, 3], True),
        ("limit=2&p=2", [2, 1], True),
        ("limit=2&p=3", [0], False),
        ("limit=7&p=0", [6, 5, 4, 3, 2, 1, 0], False),
        ("limit=2&p=4", [], False),
    ],
)
def test_history_by_pages(history: str, owner: HfApi, query: str, shown: list[int], following: bool) -> None:
    answer = httpx.get(f"{history}?{query}", headers={"Authorization": f"Bearer {owner.token}"})
    titles = [commit["title"] for commit in answer.json()]
    assert titles == ["initial commit" if number == 0 else f"Commit {number}" for number in shown]
    assert ("next" in answer.links) is following
    if following:
        after = httpx.get(answer.links["next"]["url"], headers={"Authorization": f"Bearer {owner.token}"}).json()
        assert titles[-1] not in [commit["title"] for commit in after]


@pytest.fixture(scope="module")
def history(hub: LocalHub) -> str:
    """The address of the history of a repo with seven commits."""
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    repo = api.create_repo("maintainer/paged").repo_id
    for number in range(1, 7):
        text = f"{number}".encode()
        api.upload_file(path_or_fileobj=text, path_in_repo="n.txt", repo_id=repo, commit_message=f"Commit {number}")
    return f"{hub.url}/api/models/{repo}/commits/main"
