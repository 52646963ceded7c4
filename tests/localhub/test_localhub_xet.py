"""Chunks: a new version brings only new ones, other repos see none, and what is deleted leaves the disk."""

from __future__ import annotations

import random
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import GatedRepoError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import _xet

from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts

FIRST = random.Random(0).randbytes(3_000_000)
SECOND = FIRST[:1_500_000] + b"a few other bytes" + FIRST[1_500_000:]


def client(hub: LocalHub) -> HfApi:
    """A client of the owner that shares nothing with any before it."""
    return HfApi(endpoint=hub.url, token=Accounts(hub.root).mint(hub.owner))


def put(hub: LocalHub, repo: str, content: bytes, name: str = "reports.bin") -> None:
    client(hub).upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo, repo_type="dataset")


def chunks(hub: LocalHub) -> int:
    """The bytes of chunks on the disk; what the Hub had already is linked into the folders of clients."""
    found = {path.stat() for path in hub.root.glob("xet/*/*/xet/xorbs/xorbs/*")}
    return sum({status.st_ino: status.st_size for status in found}.values())


@pytest.fixture
def repo(hub: LocalHub, request: pytest.FixtureRequest) -> str:
    name = f"{hub.owner}/{request.node.name.replace('_', '-')}"
    client(hub).create_repo(name, repo_type="dataset")
    return name


def test_a_new_version_uploads_changed_chunks_alone(hub: LocalHub, repo: str, tmp_path: Path) -> None:
    before = chunks(hub)
    put(hub, repo, FIRST)
    first = chunks(hub) - before
    assert first == pytest.approx(len(FIRST), rel=0.01)
    put(hub, repo, SECOND)
    assert 0 < chunks(hub) - before - first < 0.15 * first
    for revision, content in (("main", SECOND), ("main~1", FIRST)):
        commit = client(hub).list_repo_commits(repo, repo_type="dataset")[revision == "main~1"].commit_id
        path = client(hub).hf_hub_download(
            repo, "reports.bin", repo_type="dataset", revision=commit, local_dir=tmp_path / revision
        )
        assert Path(path).read_bytes() == content


def test_other_repos_share_no_chunks(hub: LocalHub, repo: str) -> None:
    put(hub, repo, FIRST)
    other = f"{repo}-2"
    client(hub).create_repo(other, repo_type="dataset")
    before = chunks(hub)
    put(hub, other, FIRST)
    assert chunks(hub) - before == pytest.approx(len(FIRST), rel=0.01)


def test_uploads_at_the_same_time_both_arrive(hub: LocalHub, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both clients start from the same chunks, and the commit of one does not undo the other's."""
    put(hub, repo, FIRST)
    for number in range(2):
        api = client(hub)
        url = _xet.xet_connection_info_refresh_url(
            token_type=_xet.XetTokenType.WRITE, repo_id=repo, repo_type="dataset", revision="main", endpoint=hub.url
        )
        _xet._fetch_xet_connection_info_with_url(url, api._build_hf_headers())
        put(hub, repo, SECOND, name="other.bin")
        content = FIRST + bytes([number])
        api.upload_file(path_or_fileobj=content, path_in_repo=f"{number}.bin", repo_id=repo, repo_type="dataset")
    listed = client(hub).list_repo_tree(repo, repo_type="dataset")
    assert all(file.xet_hash for file in listed if isinstance(file, RepoFile) and file.lfs)
    folder = Path(snapshot_download(repo, repo_type="dataset", endpoint=hub.url, token=hub.tokens["owner"]))
    assert (folder / "other.bin").read_bytes() == SECOND
    assert [(folder / f"{number}.bin").read_bytes() for number in range(2)] == [FIRST + b"\0", FIRST + b"\1"]


def test_files_that_came_through_lfs_are_chunks_too(hub: LocalHub, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with monkeypatch.context() as patched:
        patched.setattr(constants, "HF_HUB_DISABLE_XET", True)
        put(hub, repo, FIRST)
    assert client(hub).get_paths_info(repo, "reports.bin", repo_type="dataset")[0].xet_hash
    before = chunks(hub)
    put(hub, repo, SECOND)
    assert 0 < chunks(hub) - before < 0.15 * len(FIRST)


def test_files_come_by_xet_to_whoever_passes_the_gate(hub: LocalHub, repo: str) -> None:
    put(hub, repo, FIRST)
    owner = client(hub)
    (listed,) = owner.get_paths_info(repo, "reports.bin", repo_type="dataset")
    assert listed.xet_hash
    owner.update_repo_settings(repo, gated="manual", repo_type="dataset")
    before = len(hub.log())
    for who in ("owner", "granted", "ungranted"):
        api = HfApi(endpoint=hub.url, token=hub.tokens[who])
        if who == "ungranted":
            with pytest.raises(GatedRepoError):
                api.auth_check(repo, repo_type="dataset")
            refused = httpx.get(f"{hub.url}/api/datasets/{repo}/xet-read-token/main", headers=api._build_hf_headers())
            assert (refused.status_code, refused.headers["x-error-code"]) == (403, "GatedRepo")
            assert api.get_paths_info(repo, "reports.bin", repo_type="dataset")[0].xet_hash is None
        else:
            path = api.hf_hub_download(repo, "reports.bin", repo_type="dataset", force_download=True)
            assert Path(path).read_bytes() == FIRST
    asked = [(line["user"], line["status"]) for line in hub.log()[before:] if "xet-read-token" in str(line["path"])]
    assert set(asked) == {(hub.owner, 200), ("reader", 200), ("outsider", 403)}


def test_what_is_deleted_leaves_the_disk(hub: LocalHub, repo: str) -> None:
    content, kept = (random.Random(seed).randbytes(1_000_000) for seed in (1, 2))
    put(hub, repo, content)
    put(hub, repo, kept, name="kept.bin")
    owner = client(hub)
    gone = [file for file in owner.list_lfs_files(repo, repo_type="dataset") if file.filename == "reports.bin"]
    owner.permanently_delete_lfs_files(repo, gone, repo_type="dataset")
    found = b"".join(path.read_bytes() for path in hub.root.rglob("*") if path.is_file())
    assert content[:1000] not in found
    path = owner.hf_hub_download(repo, "kept.bin", repo_type="dataset", force_download=True)
    assert Path(path).read_bytes() == kept
    assert owner.get_paths_info(repo, "kept.bin", repo_type="dataset")[0].xet_hash
    owner.delete_repo(repo, repo_type="dataset")
    found = b"".join(path.read_bytes() for path in hub.root.rglob("*") if path.is_file())
    assert kept[:1000] not in found
