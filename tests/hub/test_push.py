"""A push to the Hub on loopback: order, gate, reruns, new versions, refusals."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError
from small_dist import small_config, small_dist

from hubkit.config import Custody
from hubkit.errors import HubkitError
from hubkit.hub.changes import _file_digests
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import LFS_PROBE, PROBES
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.packaging.parquet import of_table, write_split


@pytest.fixture
def owner(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["owner"])


def test_a_push_puts_three_repos_on_the_hub(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    config = small_config("whole")
    # Releases of one title share a collection, and other tests push as well.
    config = config.model_copy(update={"release": config.release.model_copy(update={"title": "A title of its own"})})
    workspace = small_dist(tmp_path, config)
    push(config, workspace)
    receipt = json.loads(workspace.receipt.read_text())
    assert receipt["endpoint"] == hub.url
    for artifact, kind in (("dataset", "dataset"), ("adapter", "model"), ("metric", "space")):
        repo = receipt["repos"][artifact]
        info = owner.repo_info(repo["id"], repo_type=kind, revision="release-1.0.0")
        assert info.sha == repo["commit"]
        assert (info.private, info.gated) == (False, False if kind == "space" else "manual")
        folder = workspace.dist / artifact
        for path, digest in repo["files"].items():
            fetched = owner.hf_hub_download(repo["id"], path, repo_type=kind, revision="release-1.0.0")
            assert hashlib.sha256(Path(fetched).read_bytes()).hexdigest() == digest
            if artifact != "metric" or path != "README.md":
                assert Path(fetched).read_bytes() == (folder / path).read_bytes()
    items = owner.get_collection(receipt["collection"]).items
    assert [item.item_id for item in items] == [repo["id"] for repo in receipt["repos"].values()]
    script = set(owner.list_repo_files(config.hub.repo("dataset"), repo_type="dataset", revision="script"))
    assert script == {".gitattributes", f"{config.hub.dataset}.py"}


def test_an_adapter_that_physionet_keeps_is_not_on_the_hub(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    config = small_config("kept").model_copy(update={"custody": Custody(adapter_custody="physionet")})
    workspace = small_dist(tmp_path, config)
    push(config, workspace)
    assert list(json.loads(workspace.receipt.read_text())["repos"]) == ["dataset", "metric"]
    assert not owner.repo_exists(config.hub.repo("adapter"))
    assert owner.repo_exists(config.hub.repo("dataset"), repo_type="dataset")


def test_data_comes_after_a_proven_gate(hub: LocalHub, tmp_path: Path) -> None:
    config = small_config("order")
    push(config, small_dist(tmp_path, config))
    for repo in (f"datasets/{config.hub.repo('dataset')}", f"models/{config.hub.repo('adapter')}"):
        lines = [line for line in hub.log() if line["repo"] == repo]
        asked = [line for line in lines if line["user"] in (None, "outsider") and line["status"] in (401, 403)]
        refused = {str(line["path"]).partition("/resolve/")[2] for line in asked}
        tables = {"data/default/test-00000-of-00001.parquet"} if "mimic" in repo else {"adapter_model.safetensors"}
        wanted = {f"{at}/{path}" for at in ("main", "release-1.0.0") for path in (*PROBES, *tables)}
        assert wanted <= refused
        refusals = [
            at for at, line in enumerate(lines) if str(line["path"]).endswith(LFS_PROBE) and line["code"] == "GatedRepo"
        ]
        assert [lines[at]["user"] for at in refusals] == [None, "outsider"] * 4
        commits = [at for at, line in enumerate(lines) if "/commit/" in str(line["path"])]
        assert commits[0] < refusals[0] < refusals[1] < commits[1] < refusals[2]
        assert [lines[at]["private"] for at in commits[:2]] == [True, False]
        assert all(lines[at]["gated"] == "manual" for at in commits)


def test_a_rerun_makes_no_commit(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    config = small_config("again")
    workspace = small_dist(tmp_path, config)
    push(config, workspace)
    before, receipt = len(hub.log()), workspace.receipt.read_bytes()
    _file_digests.cache_clear()
    push(config, workspace)
    reads = _file_digests.cache_info()
    assert 0 < reads.misses <= sum(path.is_file() for path in workspace.dist.rglob("*")) < reads.hits
    assert workspace.receipt.read_bytes() == receipt
    assert not [line for line in hub.log()[before:] if line["method"] not in ("GET", "HEAD") and line["status"] == 200]
    actions = {change.action for planned in plan_push(config, workspace).repos for change in planned.changes}
    assert actions == {"keep"}


def test_a_new_version_keeps_what_people_wrote_into_the_card(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    config = small_config("next")
    push(config, small_dist(tmp_path / "one", config))
    repo = config.hub.repo("dataset")
    card = Path(owner.hf_hub_download(repo, "README.md", repo_type="dataset")).read_text()
    edited = card + "\nSee our page for a talk on this.\n"
    owner.upload_file(path_or_fileobj=edited.encode(), path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    later = small_config("next", version="1.1.0")
    workspace = small_dist(tmp_path / "two", later, rows=6)
    planned = plan_push(later, workspace)
    assert planned.obstacles == []
    assert {change.path: change.action for change in planned.repos[0].changes} == {
        "LICENSE": "keep",
        "README.md": "update",
        "data/default/test-00000-of-00001.parquet": "update",
    }
    push(later, workspace)
    merged = Path(owner.hf_hub_download(repo, "README.md", repo_type="dataset")).read_text()
    assert "version 1.1.0" in merged
    assert "See our page for a talk on this." in merged
    commits = len(owner.list_repo_commits(repo, repo_type="dataset"))
    owner.upload_file(
        path_or_fileobj=f"{merged}\nMore.\n".encode(), path_in_repo="README.md", repo_id=repo, repo_type="dataset"
    )
    push(later, workspace)
    assert len(owner.list_repo_commits(repo, repo_type="dataset")) == commits + 1
    receipt = json.loads(workspace.receipt.read_text())["repos"]["dataset"]
    assert receipt["files"]["README.md"] == hashlib.sha256(merged.encode()).hexdigest()
    tags = {ref.name for ref in owner.list_repo_refs(repo, repo_type="dataset").tags}
    assert tags == {"release-1.0.0", "release-1.1.0"}


def test_a_new_version_uploads_changed_chunks_alone(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of 20,000 reports change: by Xet a fraction of the file goes up, through LFS it would be all of it."""
    words = [f"palavra{number}" for number in range(5_000)]

    def version(number: str, changed: tuple[int, ...] = ()) -> int:
        dice = random.Random(0)
        rows = [" ".join(dice.choices(words, k=60)) for _ in range(20_000)]
        for place in changed:
            rows[place] = f"corrigido {rows[place]}"
        config = small_config("chunks", version=number)
        workspace = small_dist(tmp_path / number, config)
        shutil.rmtree(workspace.dist / "dataset" / "data")
        table = pa.table({"study_id": range(len(rows)), "report": rows})
        written = write_split(workspace.dist / "dataset", "default", "test", of_table(table), len(rows))
        # Another machine's push: nothing of the first one is remembered but on the Hub.
        monkeypatch.setenv("HF_TOKEN", Accounts(hub.root).mint("maintainer"))
        push(config, workspace)
        return written.file_bytes

    def chunks() -> int:
        """The bytes of chunks on the disk; what the Hub had already is linked into the folders of clients."""
        found = [path.stat() for path in hub.root.glob("xet/*/*/xet/xorbs/xorbs/*")]
        return sum({status.st_ino: status.st_size for status in found}.values())

    before = chunks()
    version("1.0.0")
    first = chunks()
    size = version("1.1.0", changed=(7, 9_000, 15_001))
    assert first - before == pytest.approx(size, rel=0.05)
    assert 0 < chunks() - first < 0.5 * size


def test_other_files_under_the_same_tag_are_refused_before_anything_changes(owner: HfApi, tmp_path: Path) -> None:
    config = small_config("same")
    push(config, small_dist(tmp_path / "one", config))
    head = owner.dataset_info(config.hub.repo("dataset")).sha
    with pytest.raises(HubkitError, match=r"release-1\.0\.0 is on the Hub with other files.*raise \[release\] version"):
        push(config, small_dist(tmp_path / "two", config, rows=9))
    assert owner.dataset_info(config.hub.repo("dataset")).sha == head


def test_a_repo_that_is_public_becomes_private_and_nothing_is_pushed(owner: HfApi, tmp_path: Path) -> None:
    config = small_config("public")
    owner.create_repo(config.hub.repo("dataset"), repo_type="dataset")
    with pytest.raises(HubkitError, match="public and has no gate with manual approval; the repo is private now"):
        push(config, small_dist(tmp_path, config))
    info = owner.dataset_info(config.hub.repo("dataset"))
    assert info.private
    assert [item.rfilename for item in info.siblings or []] == [".gitattributes"]


def test_an_ungranted_user_who_gets_in_stops_the_push(
    hub: LocalHub, owner: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config("open")
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["granted"])
    with pytest.raises(
        HubkitError, match="without a grant was answered 206 at the gate, not 403; the repo is private now"
    ):
        push(config, small_dist(tmp_path, config))
    info = owner.dataset_info(config.hub.repo("dataset"))
    assert info.private
    assert not any("data" in item.rfilename for item in info.siblings or [])


@pytest.mark.parametrize(
    ("whose", "said"),
    [
        ("nobody", "is unknown to the Hub, or has expired"),
        ("owner", "belongs to maintainer, who reads the repos of maintainer without a grant"),
    ],
)
def test_a_second_token_that_cannot_try_the_gate_leaves_a_release_alone(
    hub: LocalHub, owner: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whose: str, said: str
) -> None:
    config = small_config(f"live{whose}")
    workspace = small_dist(tmp_path, config)
    push(config, workspace)
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", {**hub.tokens, "nobody": "hf_typo"}[whose])
    with pytest.raises(HubkitError, match=f"HUBKIT_UNGRANTED_TOKEN: {said}"):
        push(config, workspace)
    assert any(said in str(obstacle) for obstacle in plan_push(config, workspace).obstacles)
    assert not owner.dataset_info(config.hub.repo("dataset")).private


def test_without_an_ungranted_token_there_is_no_push_unless_waived(
    owner: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    config = small_config("waived")
    with pytest.raises(HubkitError, match="no token of a user without a grant"):
        push(config, small_dist(tmp_path, config))
    assert not owner.repo_exists(config.hub.repo("dataset"), repo_type="dataset")
    config = small_config("waived", waive_ungranted_probe="no second account yet")
    workspace = small_dist(tmp_path, config)
    push(config, workspace)
    assert json.loads(workspace.receipt.read_text())["ungranted_probe_waived"] == "no second account yet"


def test_pull_requests_wait_for_a_person(hub: LocalHub, owner: HfApi, tmp_path: Path) -> None:
    config = small_config("pull", pull_request=True)
    workspace = small_dist(tmp_path, config)
    addresses = f"{hub.url}/datasets/{config.hub.repo('dataset')}/discussions/1, {hub.url}/{config.hub.repo('adapter')}"
    for _ in range(2):
        with pytest.raises(HubkitError, match=f"{addresses}/discussions/1: waits to be merged"):
            push(config, workspace)
    owner.merge_pull_request(config.hub.repo("dataset"), 1, repo_type="dataset")
    owner.merge_pull_request(config.hub.repo("adapter"), 1)
    push(config, workspace)
    assert workspace.receipt.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("read", r"the token of maintainer may only read.*write access to maintainer"),
        ("expired", r"refused \(401\): Invalid credentials.*hf auth login"),
        ("elsewhere", r"\[hub\] namespace maintainer: someone does not belong to it \(set it to one of: someone\)"),
    ],
)
def test_a_token_that_does_not_do(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    accounts = Accounts(hub.root)
    token = {
        "read": accounts.mint("maintainer", role="read"),
        "expired": accounts.mint("maintainer", expires=1.0),
        "elsewhere": accounts.mint("someone"),
    }[name]
    monkeypatch.setenv("HF_TOKEN", token)
    config = small_config(f"token-{name}")
    workspace = small_dist(tmp_path, config)
    with pytest.raises(HubkitError, match=message):
        push(config, workspace)
    assert not workspace.receipt.exists()


def test_offline_is_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    config = small_config("offline")
    with pytest.raises(HubkitError, match="HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set") as raised:
        push(config, small_dist(tmp_path, config))
    assert raised.value.hint == "unset it for what needs the Hub"


def test_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    config = small_config("none")
    with pytest.raises(HubkitError, match=r"no token.*hf auth login"):
        push(config, small_dist(tmp_path, config))


def test_a_hub_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    config = small_config("silent")
    with pytest.raises(HubkitError, match=r"did not answer.*run the same command again"):
        push(config, small_dist(tmp_path, config))


def test_an_image_does_not_go_into_the_public_space(tmp_path: Path) -> None:
    config = small_config("space")
    workspace = small_dist(tmp_path, config)
    (workspace.dist / "metric" / "scores.parquet").write_bytes(b"PAR1")
    with pytest.raises(HubkitError, match="is not code, and the Space is public"):
        push(config, workspace)


def test_strangers_are_refused_the_data(hub: LocalHub, tmp_path: Path) -> None:
    config = small_config("strangers")
    push(config, small_dist(tmp_path, config))
    for token in (False, hub.tokens["ungranted"]):
        with pytest.raises(GatedRepoError):
            HfApi(endpoint=hub.url, token=token).hf_hub_download(
                config.hub.repo("dataset"), "data/default/test-00000-of-00001.parquet", repo_type="dataset"
            )
