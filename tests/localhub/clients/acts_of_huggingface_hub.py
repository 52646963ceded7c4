"""What people do with huggingface_hub, in any of its versions; prints a JSON object: "" or the fault by act."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    RepoCard,
    hf_hub_download,
    metadata_update,
    snapshot_download,
    utils,
)

URL, TOKENS = os.environ["HF_ENDPOINT"], json.loads(os.environ["TOKENS"])
OWNER, READER, OUTSIDER = (HfApi(URL, token=TOKENS[who]) for who in ("owner", "granted", "ungranted"))
STRANGER = HfApi(URL, token=False)
REPO, KIND = "maintainer/acts", {"repo_type": "dataset"}
LARGE = bytes(range(256)) * 5_000
CARD = "---\nlicense: mit\nlanguage: pt\n---\n# Acts\n"

FOUND: dict[str, str] = {}


@contextlib.contextmanager
def raises(name: str) -> Iterator[None]:
    # Their place has changed over the versions.
    from huggingface_hub import errors

    kind = getattr(errors, name, None) or getattr(utils, name)
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{name} was not raised")


def act(needs: str = "") -> Callable[[Callable[[Path], Any]], None]:
    """Do it at once; one that a version does not have yet is left out."""

    def do(function: Callable[[Path], Any]) -> None:
        if needs and not hasattr(OWNER, needs):
            return
        try:
            with tempfile.TemporaryDirectory() as folder:
                function(Path(folder))
            FOUND[function.__name__] = ""
        except Exception as error:  # noqa: BLE001
            FOUND[function.__name__] = f"{type(error).__name__}: {error}"

    return do


@act()
def whoami(folder: Path) -> None:
    assert OWNER.whoami()["name"] == "maintainer"


@act()
def create(folder: Path) -> None:
    OWNER.create_repo(REPO, **KIND)
    OWNER.create_repo(REPO, exist_ok=True, **KIND)
    assert OWNER.repo_exists(REPO, **KIND)


@act()
def upload_small_file(folder: Path) -> None:
    OWNER.upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id=REPO, **KIND)


@act()
def upload_large_file(folder: Path) -> None:
    OWNER.upload_file(path_or_fileobj=LARGE, path_in_repo="data/large.bin", repo_id=REPO, **KIND)


@act()
def upload_folder(folder: Path) -> None:
    for number in range(3):
        (folder / f"{number}.txt").write_text(str(number))
    (folder / "b.bin").write_bytes(LARGE[::-1])
    OWNER.upload_folder(repo_id=REPO, folder_path=folder, path_in_repo="texts", **KIND)


@act()
def list_files(folder: Path) -> None:
    files = OWNER.list_repo_files(REPO, **KIND)
    assert {"README.md", "data/large.bin", "texts/0.txt", "texts/b.bin"} <= set(files)


@act()
def list_tree(folder: Path) -> None:
    found = {each.path for each in OWNER.list_repo_tree(REPO, recursive=True, **KIND)}
    assert {"data", "data/large.bin", "texts/2.txt"} <= found


@act()
def info(folder: Path) -> None:
    found = OWNER.repo_info(REPO, files_metadata=True, **KIND)
    sizes = {each.rfilename: each.size for each in found.siblings}
    assert sizes["data/large.bin"] == len(LARGE)
    assert found.card_data["license"] == "mit"
    assert "language:pt" in found.tags


@act()
def paths_info(folder: Path) -> None:
    (found,) = OWNER.get_paths_info(REPO, ["data/large.bin", "none"], **KIND)
    assert found.size == len(LARGE)


@act()
def exists(folder: Path) -> None:
    assert OWNER.file_exists(REPO, "README.md", **KIND)
    assert not OWNER.file_exists(REPO, "none", **KIND)
    assert OWNER.revision_exists(REPO, "main", **KIND)
    assert not OWNER.revision_exists(REPO, "none", **KIND)


@act()
def download(folder: Path) -> None:
    for _ in range(2):
        path = hf_hub_download(REPO, "data/large.bin", token=TOKENS["owner"], cache_dir=folder, **KIND)
        assert Path(path).read_bytes() == LARGE
    path = hf_hub_download(REPO, "README.md", token=TOKENS["owner"], local_dir=folder / "local", **KIND)
    assert Path(path).read_text() == CARD


@act()
def snapshot(folder: Path) -> None:
    whole = snapshot_download(REPO, token=TOKENS["owner"], cache_dir=folder, **KIND)
    assert (Path(whole) / "texts/b.bin").read_bytes() == LARGE[::-1]
    part = snapshot_download(REPO, token=False, cache_dir=folder / "part", allow_patterns="*.md", **KIND)
    assert [path.name for path in Path(part).rglob("*")] == ["README.md"]


@act()
def copy_and_delete(folder: Path) -> None:
    operations = [
        CommitOperationCopy("data/large.bin", "data/copy.bin"),
        CommitOperationDelete("texts/0.txt"),
        CommitOperationAdd("texts/new.txt", b"new"),
    ]
    OWNER.create_commit(REPO, operations, commit_message="Change", **KIND)
    OWNER.delete_file("texts/1.txt", REPO, **KIND)
    files = set(OWNER.list_repo_files(REPO, **KIND))
    assert {"data/copy.bin", "texts/new.txt"} <= files
    assert not {"texts/0.txt", "texts/1.txt"} & files


@act()
def stale_parent(folder: Path) -> None:
    first = OWNER.list_repo_commits(REPO, **KIND)[-1].commit_id
    with raises("HfHubHTTPError"):
        added = [CommitOperationAdd("x", b"x")]
        OWNER.create_commit(REPO, added, commit_message="Late", parent_commit=first, **KIND)


@act()
def tags_and_branches(folder: Path) -> None:
    OWNER.create_tag(REPO, tag="v1", **KIND)
    OWNER.create_branch(REPO, branch="dev", **KIND)
    OWNER.create_branch(REPO, branch="dev", exist_ok=True, **KIND)
    refs = OWNER.list_repo_refs(REPO, **KIND)
    assert {each.name for each in refs.branches} == {"main", "dev"}
    assert [each.name for each in refs.tags] == ["v1"]
    OWNER.upload_file(path_or_fileobj=b"d", path_in_repo="dev.txt", repo_id=REPO, revision="dev", **KIND)
    assert OWNER.file_exists(REPO, "dev.txt", revision="dev", **KIND)
    assert not OWNER.file_exists(REPO, "dev.txt", revision="v1", **KIND)
    OWNER.delete_tag(REPO, tag="v1", **KIND)
    OWNER.delete_branch(REPO, branch="dev", **KIND)


@act()
def file_system(folder: Path) -> None:
    files = HfFileSystem(endpoint=URL, token=TOKENS["owner"])
    home = f"datasets/{REPO}"
    assert f"{home}/data/large.bin" in files.ls(f"{home}/data", detail=False)
    assert files.glob(f"{home}/*.md") == [f"{home}/README.md"]
    with files.open(f"{home}/data/large.bin", "rb") as file:
        file.seek(300)
        assert file.read(4) == LARGE[300:304]
    with files.open(f"{home}/written.txt", "w") as file:
        file.write("written")
    assert files.cat(f"{home}/written.txt") == b"written"
    files.rm(f"{home}/written.txt")
    assert not files.exists(f"{home}/written.txt")


@act()
def card(folder: Path) -> None:
    loaded = RepoCard.load(REPO, token=TOKENS["owner"], **KIND)
    loaded.data.tags = ["radiology"]
    loaded.data.license = "apache-2.0"
    OWNER.upload_file(path_or_fileobj=str(loaded).encode(), path_in_repo="README.md", repo_id=REPO, **KIND)
    assert {"radiology", "license:apache-2.0"} <= set(OWNER.dataset_info(REPO).tags)


# Before, RepoCard asks huggingface.co to validate a card, wherever HF_ENDPOINT leads.
if "https://huggingface.co" not in inspect.getsource(RepoCard.validate):

    @act()
    def push_card(folder: Path) -> None:
        RepoCard.load(REPO, token=TOKENS["owner"], **KIND).push_to_hub(REPO, token=TOKENS["owner"], **KIND)
        metadata_update(REPO, {"tags": ["pushed"]}, overwrite=True, token=TOKENS["owner"], **KIND)
        assert "pushed" in OWNER.dataset_info(REPO).tags


@act()
def list_repos(folder: Path) -> None:
    assert [each.id for each in OWNER.list_datasets(author="maintainer", search="acts")] == [REPO]
    assert [each.id for each in OWNER.list_datasets(filter="license:apache-2.0", limit=1)] == [REPO]
    assert list(OWNER.list_models(author="reader")) == []


@act()
def pull_request(folder: Path) -> None:
    added = [CommitOperationAdd("proposed.txt", b"proposed\n")]
    number = OWNER.create_commit(REPO, added, commit_message="Propose", create_pr=True, **KIND).pr_num
    details = OWNER.get_discussion_details(REPO, number, **KIND)
    assert "+proposed" in details.diff
    assert details.status == "open"
    OWNER.change_discussion_status(REPO, number, "closed", **KIND)
    OWNER.change_discussion_status(REPO, number, "open", **KIND)
    assert [each.num for each in OWNER.get_repo_discussions(REPO, **KIND)] == [number]
    OWNER.merge_pull_request(REPO, number, **KIND)
    assert OWNER.file_exists(REPO, "proposed.txt", **KIND)


@act()
def history(folder: Path) -> None:
    assert len(OWNER.list_repo_commits(REPO, **KIND)) > 5
    OWNER.super_squash_history(REPO, **KIND)
    assert len(OWNER.list_repo_commits(REPO, **KIND)) == 1


@act("update_repo_settings")
def gate(folder: Path) -> None:
    OWNER.update_repo_settings(REPO, gated="manual", **KIND)
    for api in (OUTSIDER, STRANGER):
        with raises("GatedRepoError"):
            hf_hub_download(REPO, "data/large.bin", token=api.token, cache_dir=folder, endpoint=URL, **KIND)
    path = hf_hub_download(REPO, "data/large.bin", token=READER.token, cache_dir=folder, endpoint=URL, **KIND)
    assert Path(path).read_bytes() == LARGE


@act("update_repo_settings")
def access_requests(folder: Path) -> None:
    OWNER.grant_access(REPO, "outsider", **KIND)
    assert {each.username for each in OWNER.list_accepted_access_requests(REPO, **KIND)} == {"reader", "outsider"}
    OUTSIDER.auth_check(REPO, **KIND) if hasattr(OUTSIDER, "auth_check") else None
    OWNER.cancel_access_request(REPO, "outsider", **KIND)
    assert [each.username for each in OWNER.list_pending_access_requests(REPO, **KIND)] == ["outsider"]
    with raises("GatedRepoError"):
        hf_hub_download(REPO, "data/copy.bin", token=OUTSIDER.token, cache_dir=folder, endpoint=URL, **KIND)


@act()
def what_is_missing(folder: Path) -> None:
    with raises("RepositoryNotFoundError"):
        OWNER.repo_info("maintainer/none", **KIND)
    with raises("RevisionNotFoundError"):
        OWNER.repo_info(REPO, revision="none", **KIND)
    with raises("EntryNotFoundError"):
        hf_hub_download(REPO, "none", token=OWNER.token, cache_dir=folder, **KIND)


@act()
def collections(folder: Path) -> None:
    slug = OWNER.create_collection("Acts", namespace="maintainer").slug
    OWNER.add_collection_item(slug, REPO, "dataset", note="The data")
    collection = OWNER.get_collection(slug)
    assert [each.item_id for each in collection.items] == [REPO]
    OWNER.delete_collection_item(slug, collection.items[0].item_object_id)
    OWNER.delete_collection(slug)


@act("list_lfs_files")
def large_files(folder: Path) -> None:
    found = [each for each in OWNER.list_lfs_files(REPO, **KIND) if each.filename == "texts/b.bin"]
    OWNER.permanently_delete_lfs_files(REPO, found, **KIND)
    assert not OWNER.file_exists(REPO, "texts/b.bin", **KIND)
    path = hf_hub_download(REPO, "data/large.bin", token=OWNER.token, cache_dir=folder, **KIND)
    assert Path(path).read_bytes() == LARGE


@act()
def move_and_delete(folder: Path) -> None:
    OWNER.move_repo(REPO, "maintainer/moved", **KIND)
    assert OWNER.repo_info(REPO, **KIND).id == "maintainer/moved"
    OWNER.delete_repo("maintainer/moved", **KIND)
    assert not OWNER.repo_exists("maintainer/moved", **KIND)


print(json.dumps(FOUND))
