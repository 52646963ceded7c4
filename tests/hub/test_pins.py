"""Cards name the commits of the code that they tell people to run, and a rerun leaves them as they are."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from interposed import Interposed, meanwhile
from small_dist import lean_config, small_config, small_dist

from hubkit.artifacts.receipt import Pins, read_receipt
from hubkit.cards import block
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import CARD
from hubkit.localhub import LocalHub
from hubkit.pins import UNPINNED, Digest, code, commits, fill, parts
from hubkit.verification.discovery import find_release
from hubkit.verification.pinned import check_pinned_code
from hubkit.workspace import Workspace

ROWS = {"dataset": ("dataset", "script", "metric"), "adapter": ("adapter", "dataset", "metric")}
KINDS = {"dataset": "dataset", "adapter": "model", "metric": "space"}
METRIC = hashlib.sha256(b"import evaluate\n").hexdigest()
NAMED = "Name the commits of release 1.0.0 on the card"


def pinned_dist(root: Path, config: ReleaseConfig, rows: int = 4) -> Workspace:
    """A small release whose cards have rows for commits, and lines that fetch code."""
    workspace = small_dist(root, config, rows=rows)
    repos = {name: config.hub.repo(name) for name in KINDS}  # type: ignore[arg-type]
    repos["script"] = repos["dataset"]
    for artifact, names in ROWS.items():
        table = "".join(f"| `{name}` | `{repos[name]}` | {UNPINNED} |\n" for name in names)
        lines = [
            f'evaluate.load("{repos["metric"]}", revision="release-1.0.0")',
            f'snapshot_download("{repos["dataset"]}", repo_type="dataset", revision="release-1.0.0")',
            f'load_dataset("{repos["dataset"]}", "text", revision="script", trust_remote_code=True)',
            f'load_dataset("{repos["dataset"]}", revision="release-1.0.0")',
        ]
        digest = f"| `{config.hub.metric}.py` | `{repos['metric']}` | `{METRIC}` |\n" if artifact == "dataset" else ""
        path = workspace.dist / artifact / CARD
        path.write_text(
            path.read_text() + block("use", "\n".join(lines)) + block("code", digest) + block("pins", table)
        )
    return workspace


def card(api: HfApi, config: ReleaseConfig, artifact: str, revision: str = "main") -> str:
    repo = config.hub.repo(artifact)  # type: ignore[arg-type]
    return Path(api.hf_hub_download(repo, CARD, repo_type=KINDS[artifact], revision=revision)).read_text()


def history(api: HfApi, config: ReleaseConfig, artifact: str) -> list[tuple[str, str]]:
    repo = config.hub.repo(artifact)  # type: ignore[arg-type]
    return [(commit.title, commit.commit_id) for commit in api.list_repo_commits(repo, repo_type=KINDS[artifact])]


def actions(config: ReleaseConfig, workspace: Workspace) -> set[str]:
    return {change.action for planned in plan_push(config, workspace).repos for change in planned.changes}


def test_cards_name_the_commits_and_the_tag_names_the_card(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("pins")
    workspace = pinned_dist(tmp_path, config)
    assert actions(config, workspace) == {"add"}
    push(config, workspace)
    data, model, metric = (history(direct, config, artifact) for artifact in KINDS)
    assert [title for title, _ in data[:2]] == [title for title, _ in model[:2]] == [NAMED, "Release 1.0.0"]
    script = direct.list_repo_commits(config.hub.repo("dataset"), repo_type="dataset", revision="script")[0].commit_id
    wanted = {"dataset": data[1][1], "adapter": model[1][1], "metric": metric[0][1], "script": script}
    for artifact, newest in (("dataset", data[0][1]), ("adapter", model[0][1])):
        text = card(direct, config, artifact, "release-1.0.0")
        assert commits(text) == {name: wanted[name] for name in ROWS[artifact]}
        repo = config.hub.repo(artifact)  # type: ignore[arg-type]
        assert direct.repo_info(repo, repo_type=KINDS[artifact], revision="release-1.0.0").sha == newest
    text = card(direct, config, "dataset")
    metric_repo, repo = config.hub.repo("metric"), config.hub.repo("dataset")
    assert f'evaluate.load("{metric_repo}", revision="{wanted["metric"]}")' in text
    assert f'snapshot_download("{repo}", repo_type="dataset", revision="{wanted["dataset"]}")' in text
    assert f'load_dataset("{repo}", "text", revision="{script}", trust_remote_code=True)' in text
    # No code runs here, and a tag is easier to read.
    assert f'load_dataset("{repo}", revision="release-1.0.0")' in text
    digest = {"path": f"{config.hub.metric}.py", "repo": metric_repo, "sha256": METRIC}
    assert json.loads(workspace.receipt.read_text())["pins"] == {"commits": wanted, "code": [digest]}
    # A person edits both cards, which moves main: nothing of the release has changed.
    for artifact in ("dataset", "metric"):
        edited = f"{card(direct, config, artifact)}\nA talk on this.\n".encode()
        where = {"repo_id": config.hub.repo(artifact), "repo_type": KINDS[artifact]}  # type: ignore[arg-type]
        direct.upload_file(path_or_fileobj=edited, path_in_repo=CARD, **where)
    before = [history(direct, config, artifact) for artifact in KINDS]
    assert actions(config, workspace) == {"keep"}
    push(config, workspace)
    assert [history(direct, config, artifact) for artifact in KINDS] == before
    later = small_config("pins", version="1.1.0")
    push(later, pinned_dist(tmp_path / "later", later, rows=6))
    newest = history(direct, config, "dataset")
    assert commits(card(direct, config, "dataset"))["dataset"] == newest[1][1] != wanted["dataset"]
    assert "A talk on this." in card(direct, config, "dataset")
    assert commits(card(direct, config, "dataset", "release-1.0.0"))["dataset"] == wanted["dataset"]


def test_commits_that_no_longer_hold_the_release_are_named_again(direct: HfApi, tmp_path: Path) -> None:
    """Somebody puts another commit on the card: the next push puts its own back."""
    config = small_config("repinned")
    workspace = pinned_dist(tmp_path, config)
    push(config, workspace)
    right = card(direct, config, "dataset")
    named = commits(right)
    first = direct.list_repo_commits(config.hub.repo("dataset"), repo_type="dataset")[-1].commit_id
    for wrong in (first, "f" * 40):
        text = right.replace(named["dataset"], wrong).encode()
        direct.upload_file(
            path_or_fileobj=text, path_in_repo=CARD, repo_id=config.hub.repo("dataset"), repo_type="dataset"
        )
        assert "update" in actions(config, workspace)
        push(config, workspace)
        # The adapter's card has it still.
        assert commits(card(direct, config, "dataset")) == named


def test_the_commit_that_names_commits_changes_the_card_alone(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    """Somebody changes a file between the data and the card: the push stops, and leaves their file as it is."""
    config = lean_config("pins-alone")
    workspace = pinned_dist(tmp_path, config)
    where: dict[str, Any] = {"repo_id": config.hub.repo("dataset"), "repo_type": "dataset"}
    put = partial(direct.upload_file, path_or_fileobj=b"Another licence.\n", path_in_repo="LICENSE", **where)
    commit = f"/api/datasets/{config.hub.repo('dataset')}/commit/main"
    rule = front.on("POST", commit, meanwhile(put), holds=b"Name the commits")
    with pytest.raises(HubkitError, match="LICENSE was pushed and main holds another"):
        push(config, workspace)
    assert len(rule.seen) == 1
    assert Path(direct.hf_hub_download(filename="LICENSE", **where)).read_bytes() == b"Another licence.\n"


def test_with_pull_requests_the_commits_come_after_the_merge(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("pins-merged", pull_request=True)
    workspace = pinned_dist(tmp_path, config)
    with pytest.raises(HubkitError, match="waits to be merged"):
        push(config, workspace)
    assert commits(card(direct, config, "dataset")) == {}
    for artifact in ("dataset", "adapter"):
        direct.merge_pull_request(config.hub.repo(artifact), 1, repo_type=KINDS[artifact])  # type: ignore[arg-type]
    push(config, workspace)
    found = history(direct, config, "dataset")
    assert (found[0][0], commits(card(direct, config, "dataset"))["dataset"]) == (NAMED, found[1][1])
    push(config, workspace)
    assert history(direct, config, "dataset") == found


def test_verify_compares_the_code_with_the_card(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("pins-verified")
    workspace = pinned_dist(tmp_path, config)
    push(config, workspace)
    names = [f"{kind}s/{config.hub.repo(artifact)}" for artifact, kind in KINDS.items()]  # type: ignore[arg-type]
    repo, metric = config.hub.repo("dataset"), config.hub.repo("metric")
    receipt = found_receipt.pins if (found_receipt := read_receipt(workspace)) else None

    def outcome(found: list[str], tag: str | None = None, noted: Pins | None = receipt) -> str:
        return ": ".join(check_pinned_code(direct, find_release(direct, found, tag), noted))

    def write(path: str, text: str, into: str, kind: str) -> None:
        direct.upload_file(path_or_fileobj=text.encode(), path_in_repo=path, repo_id=into, repo_type=kind)

    assert outcome(names) == "passed: digests of code compared at the card's commits and the tag: 1"
    assert outcome(names[:1]).startswith("not run: needs the repos whose code")
    assert outcome(names[1:]).startswith("not run: needs the dataset")
    right = card(direct, config, "dataset")
    first = direct.list_repo_commits(metric, repo_type="space")[-1].commit_id
    edits = [
        (right.replace(METRIC, "0" * 64), receipt, "failed: the card has other digests than the receipt"),
        (right.replace(METRIC, "0" * 64), None, "failed: pins-verified_metric.py of"),
        (right.replace(commits(right)["script"], first), receipt, "failed: the card names other commits"),
        (right.replace(commits(right)["metric"], "f" * 40), None, "not run: maintainer/pins-verified_metric has no"),
        (right.partition("<!-- hubkit:begin pins")[0], None, "not run: the card of the dataset names no commits"),
    ]
    for text, noted, said in edits:
        write(CARD, text, repo, "dataset")
        assert outcome(names, "main", noted).startswith(said)
    # Somebody replaces the metric under the tag that people load it by.
    write(CARD, right, repo, "dataset")
    write(f"{config.hub.metric}.py", "import os\n", metric, "space")
    direct.delete_tag(metric, tag="release-1.0.0", repo_type="space")
    direct.create_tag(metric, tag="release-1.0.0", repo_type="space")
    assert outcome(names).startswith("failed: pins-verified_metric.py of maintainer/pins-verified_metric at release-1")


def test_a_reader_without_access_hears_of_the_scope(hub: LocalHub, tmp_path: Path) -> None:
    config = lean_config("pins-scope")
    push(config, small_dist(tmp_path, config))
    stranger = HfApi(endpoint=hub.url, token=hub.tokens["ungranted"])
    with pytest.raises(HubkitError, match="enable access to public gated repositories in your token"):
        find_release(stranger, [f"datasets/{config.hub.repo('dataset')}"])


def test_what_is_filled_in_is_hexadecimal() -> None:
    text = block("code", f"| `a.py` | `lab/x` | `{'0' * 64}` |") + block(
        "pins", f"| `dataset` | `lab/x` | {UNPINNED} |"
    )
    assert parts(text) == {"dataset": "lab/x"}
    assert code(text) == [Digest("a.py", "lab/x", "0" * 64)]
    assert code(text.replace("a.py", "../a.py")) == code(text.replace("a.py", "/a.py")) == []
    assert commits(fill(text, {"dataset": "a" * 40, "metric": "b" * 40})) == {"dataset": "a" * 40}
    assert fill("# A card without commits\n", {"dataset": "a" * 40}) == "# A card without commits\n"
    for wrong in ("", "main", "a" * 39, "A" * 40, f"{'a' * 40}\n", "../../secret"):
        with pytest.raises(HubkitError, match="is not the id of a commit"):
            fill(text, {"dataset": wrong})
