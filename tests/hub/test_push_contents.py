"""What a push leaves on the Hub, file by file, and what it refuses before it changes anything."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from small_dist import lean_config, small_config, small_dist

from hubkit.config import Hub, ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.changes import Change, Remote, compare, digests
from hubkit.hub.push import push
from hubkit.hub.targets import PROBE, targets
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.workspace import Workspace


@pytest.fixture(scope="module")
def released(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReleaseConfig, Workspace]:
    """A whole release in an organisation."""
    Accounts(hub.root).join("hospital", "maintainer")
    config = small_config("contents", namespace="hospital")
    workspace = small_dist(tmp_path_factory.mktemp("released"), config)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_ENDPOINT", hub.url)
        patched.setenv("HF_TOKEN", hub.tokens["owner"])
        patched.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
        push(config, workspace)
    return config, workspace


def test_the_receipt_says_what_is_where(
    released: tuple[ReleaseConfig, Workspace], hub: LocalHub, direct: HfApi
) -> None:
    config, workspace = released
    receipt = json.loads(workspace.receipt.read_text())
    collection = receipt["collection"]
    assert collection.startswith("hospital/")
    assert direct.get_collection(collection).title == config.release.title
    kinds = {"dataset": ("dataset", "datasets/"), "adapter": ("model", ""), "metric": ("space", "spaces/")}
    repos = {}
    for artifact, (kind, prefix) in kinds.items():
        repo = config.hub.repo(artifact)  # type: ignore[arg-type]
        folder = workspace.dist / artifact
        paths = [path for path in folder.rglob("*") if path.is_file()]
        files = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
        if artifact == "metric":
            # The Hub's own card of a new Space, with ours merged into it.
            files["README.md"] = receipt["repos"]["metric"]["files"]["README.md"]
        repos[artifact] = {
            "id": repo,
            "type": kind,
            "url": f"{hub.url}/{prefix}{repo}",
            "tag": "release-1.0.0",
            "commit": direct.repo_info(repo, repo_type=kind).sha,
            "files": files,
        }
    script = direct.list_repo_commits(config.hub.repo("dataset"), repo_type="dataset", revision="script")[0].commit_id
    assert receipt == {
        "format": 1,
        "endpoint": hub.url,
        "version": "1.0.0",
        "collection": collection,
        "ungranted_probe_waived": None,
        "repos": repos,
        "pins": {"commits": {**{name: repo["commit"] for name, repo in repos.items()}, "script": script}, "code": []},
    }


def test_the_script_has_a_branch_of_its_own(released: tuple[ReleaseConfig, Workspace], direct: HfApi) -> None:
    repo = released[0].hub.repo("dataset")
    commits = direct.list_repo_commits(repo, repo_type="dataset", revision="script")
    assert [commit.title for commit in commits] == ["The loader, for datasets 3", "initial commit"]


@pytest.mark.parametrize("artifact", ["dataset", "adapter", "metric"])
@pytest.mark.parametrize("change", ["added", "changed", "removed"])
def test_a_tag_that_names_other_files_stops_every_repo(
    released: tuple[ReleaseConfig, Workspace], hub: LocalHub, tmp_path: Path, artifact: str, change: str
) -> None:
    config, pushed = released
    shutil.copytree(pushed.root, tmp_path / "dist")
    workspace = Workspace(tmp_path / "dist")
    folder = workspace.dist / artifact
    file = {"dataset": "LICENSE", "adapter": "adapter_config.json", "metric": "contents_metric.py"}[artifact]
    if change == "removed":
        (folder / file).unlink()
    else:
        (folder / {"added": "more.json", "changed": file}[change]).write_text("{}\n")
    before = len(hub.log())
    with pytest.raises(
        HubkitError,
        match=rf"^{config.hub.repo(artifact)}: release-1\.0\.0 is on the Hub with other files",  # type: ignore[arg-type]
    ):
        push(config, workspace)
    assert {line["method"] for line in hub.log()[before:]} <= {"GET", "HEAD"}


def test_a_new_version_takes_away_what_it_lacks(hub: LocalHub, direct: HfApi, tmp_path: Path) -> None:
    config, later = lean_config("lacks"), lean_config("lacks", version="1.1.0", namespace="maintainer")
    repo = config.hub.repo("dataset")
    direct.create_repo(config.hub.repo("metric"), repo_type="space", space_sdk="static", private=True)
    workspace = small_dist(tmp_path / "one", config)
    (workspace.dist / "dataset" / "data" / "old.json").write_text("{}\n")
    shutil.rmtree(workspace.dist / "dataset-script")
    push(config, workspace)
    receipt = json.loads(workspace.receipt.read_text())
    assert receipt["collection"] is None
    assert [ref.name for ref in direct.list_repo_refs(repo, repo_type="dataset").branches] == ["main"]
    assert not direct.space_info(config.hub.repo("metric")).private
    # A person writes the YAML of the card in another way, and leaves what it says as it is.
    path = Path(direct.hf_hub_download(repo, "README.md", repo_type="dataset"))
    laid_out = path.read_text().replace("license: other", 'license: "other"')
    direct.upload_file(path_or_fileobj=laid_out.encode(), path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    commits = len(direct.list_repo_commits(repo, repo_type="dataset"))
    push(config, workspace)
    assert len(direct.list_repo_commits(repo, repo_type="dataset")) == commits
    push(later, small_dist(tmp_path / "two", later))
    assert "data/old.json" not in direct.list_repo_files(repo, repo_type="dataset")
    assert PROBE in direct.list_repo_files(repo, repo_type="dataset")
    assert "data/old.json" in direct.list_repo_files(repo, repo_type="dataset", revision="release-1.0.0")


def test_nothing_leaves_this_machine_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    config = small_config("beyond", kind="mimic-cxr")
    with pytest.raises(HubkitError, match=r"^\[hub\] physionet_consent: mimic-cxr is credentialed"):
        push(config, small_dist(tmp_path, config))


@pytest.mark.parametrize(
    ("name", "warned"), [(None, True), ("mimic-ptbr", False), ("mimic-cxr-ptbr", False), ("reports", False)]
)
def test_a_push_warns_of_a_name_that_nobody_chose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str | None, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    config = lean_config("warned", dataset=name or "", kind="mimic-cxr")
    if name is None:
        default = Hub(**config.hub.model_dump(exclude={"dataset"}))
        config = config.model_copy(update={"hub": default})
    with pytest.raises(HubkitError, match="no token of a user without a grant"):
        push(config, small_dist(tmp_path, config))
    assert ("PhysioNet asks" in capsys.readouterr().err) is warned


@pytest.mark.parametrize("artifact", ["dataset", "adapter", "metric"])
@pytest.mark.parametrize("emptied", [False, True], ids=["missing", "empty"])
def test_each_folder_has_to_be_there(tmp_path: Path, artifact: str, emptied: bool) -> None:
    config = small_config("folders")
    workspace = small_dist(tmp_path, config)
    shutil.rmtree(workspace.dist / artifact)
    if emptied:
        (workspace.dist / artifact).mkdir()
    with pytest.raises(HubkitError, match=rf"{artifact}: is missing \(run: hubkit package\)"):
        targets(config, workspace)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("app.py", True),
        ("requirements.txt", True),
        ("LICENSE", True),
        ("index.html", True),
        ("tests/test_app.py", True),
        ("scores.csv", False),
        ("image.png", False),
        ("data/rows.jsonl", False),
        ("rows.parquet", False),
    ],
)
def test_the_public_space_holds_code_alone(tmp_path: Path, file: str, code: bool) -> None:
    config = lean_config("code")
    workspace = small_dist(tmp_path, config)
    path = workspace.dist / "metric" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text("x\n")
    if code:
        assert file in targets(config, workspace)[-1].files()
    else:
        with pytest.raises(HubkitError, match=f"is not code, and the Space is public .take {file} out of the metric"):
            targets(config, workspace)


def test_what_happens_to_each_file(tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    same.write_bytes(b"same")
    other.write_bytes(b"1234")
    large = digests(b"large")[0]
    held = {"a": (digests(b"same")[1], 4), "b": (digests(b"abcd")[1], 4), "c": (large, 5), "e": ("00", 7)}
    remote = Remote("commit", {**held, "kept": ("00", 1), ".gitattributes": ("00", 2)})
    assert compare({"a": same, "b": other, "c": b"large", "d": b"new"}, remote, frozenset({"kept", "e.json"})) == [
        Change("a", 4, "keep", "the same on the Hub", same),
        Change("b", 4, "update", "its content differs", other),
        Change("c", 5, "keep", "the same on the Hub", b"large"),
        Change("d", 3, "add", "new", b"new"),
        Change("e", 7, "delete", "no longer part of the release", None),
    ]


@pytest.mark.parametrize("size", [0, 1, 2**20, 2**20 + 1, 3 * 2**20 - 1])
def test_digests_of_files_of_any_size(tmp_path: Path, size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    path = tmp_path / "file"
    path.write_bytes(content)
    git = hashlib.sha1(f"blob {size}\0".encode() + content, usedforsecurity=False).hexdigest()
    assert digests(path) == digests(content) == (hashlib.sha256(content).hexdigest(), git)
    path.write_bytes(content[::-1] + b"!")
    assert digests(path) == digests(content[::-1] + b"!"), "a file that changed is read again"
