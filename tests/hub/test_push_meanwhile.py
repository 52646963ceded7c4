"""A push while answers are lost, a gateway interferes, or somebody else changes the repos."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from interposed import HTML, Interposed, answers, every_other_lost, meanwhile
from small_dist import lean_config, small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import CARD, PROBE


def titles(direct: HfApi, repo: str, kind: str, revision: str = "main") -> list[str]:
    return [commit.title for commit in direct.list_repo_commits(repo, repo_type=kind, revision=revision)]


def card(direct: HfApi, config: ReleaseConfig, revision: str = "main") -> str:
    repo = config.hub.repo("dataset")
    return Path(direct.hf_hub_download(repo, CARD, repo_type="dataset", revision=revision)).read_text()


def line(step: str) -> str:
    return f"Written before {step}."


def edit(direct: HfApi, config: ReleaseConfig, step: str) -> None:
    """A person adds a line to the card, or writes a card where there is none."""
    repo = config.hub.repo("dataset")
    there = direct.file_exists(repo, CARD, repo_type="dataset")
    text = card(direct, config) if there else "---\nlicense: other\n---\n"
    edited = f"{text}\n{line(step)}\n".encode()
    direct.upload_file(path_or_fileobj=edited, path_in_repo=CARD, repo_id=repo, repo_type="dataset")


WRITES = (
    "/api/repos/create$",
    "/api/datasets/[^?]+/settings$",
    "/api/models/[^?]+/settings$",
    "/api/datasets/[^?]+/commit/main",
    "/api/models/[^?]+/commit/main",
    "/api/spaces/[^?]+/commit/main",
    "/commit/script",
    "/api/datasets/[^?]+/tag/",
    "/api/spaces/[^?]+/tag/",
    "/branch/script",
    "/api/collections$",
    "/api/collections/[^?]+/items$",
)
"""What a push asks of the Hub."""


def test_every_answer_may_be_lost(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    config = small_config("lossy")
    rules = [front.on("POST PUT", path, every_other_lost(), times=99) for path in WRITES]
    push(config, small_dist(tmp_path, config))
    assert all(rule.seen for rule in rules)
    dataset, adapter = config.hub.repo("dataset"), config.hub.repo("adapter")
    both = ["Release 1.0.0", "Add the card, and probes of the gate", "initial commit"]
    assert titles(direct, dataset, "dataset") == titles(direct, adapter, "model") == both
    assert titles(direct, config.hub.repo("metric"), "space") == ["Release 1.0.0", "initial commit"]
    assert titles(direct, dataset, "dataset", "script") == ["The loader, for datasets 3", "initial commit"]


def test_a_card_that_is_edited_meanwhile_is_not_overwritten(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    """Somebody writes it before the first commit, adds a line before the second, and another before the tag."""
    config = lean_config("edited")
    workspace = small_dist(tmp_path, config)
    repo = config.hub.repo("dataset")
    steps = {PROBE: ("commit", b"gate-probe"), "Release 1.0.0": ("commit", b"Release 1.0.0"), "tag": ("tag", b"")}
    rules = [
        front.on("POST", f"/api/datasets/{repo}/{path}/", meanwhile(partial(edit, direct, config, step)), holds=held)
        for step, (path, held) in steps.items()
    ]
    push(config, workspace)
    assert [len(rule.seen) for rule in rules] == [1, 1, 1]
    tag = config.release.tag
    main, tagged = card(direct, config), card(direct, config, tag)
    assert [line(step) in main for step in steps] == [True, True, True]
    assert [line(step) in tagged for step in steps] == [True, True, False]
    assert "# Reports, version 1.0.0" in tagged
    receipt = json.loads(workspace.receipt.read_text())["repos"]["dataset"]
    assert receipt["commit"] == direct.dataset_info(repo, revision=tag).sha
    assert receipt["files"][CARD] == hashlib.sha256(tagged.encode()).hexdigest()


def test_a_card_that_people_wrote_first_is_kept(direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("first")
    repo = config.hub.repo("dataset")
    direct.create_repo(repo, repo_type="dataset", private=True)
    edit(direct, config, "the push")
    push(config, small_dist(tmp_path, config))
    text = card(direct, config)
    assert line("the push") in text
    assert "# Reports, version 1.0.0" in text


def test_a_gateways_page_is_no_answer(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    """Neither is the card refused, nor the push given up, where a gateway answers in place of the Hub."""
    config = lean_config("gateway")
    workspace = small_dist(tmp_path, config)
    met = [
        front.on("POST", "/api/validate-yaml", answers(200, body=HTML)),
        front.on("POST", "/api/validate-yaml", answers(502, body=HTML)),
        front.on("GET", f"/api/datasets/{config.hub.repo('dataset')}$", answers(200, body=HTML)),
        front.on("GET", f"/api/datasets/{config.hub.repo('dataset')}/tree/", answers(504, body=HTML)),
        front.on("GET", "/refs", answers(200, body=HTML)),
    ]
    push(config, workspace)
    assert [len(rule.seen) for rule in met] == [1] * len(met)
    assert direct.repo_exists(config.hub.repo("metric"), repo_type="space")


def test_a_plan_asks_again_too(front: Interposed, tmp_path: Path) -> None:
    config = lean_config("planned-again")
    met = front.on("POST", "/api/validate-yaml", answers(502, body=HTML))
    plan = plan_push(config, small_dist(tmp_path, config))
    assert len(met.seen) == 1
    assert plan.obstacles == []


def test_every_gate_is_looked_at_before_anything_is_pushed(direct: HfApi, tmp_path: Path) -> None:
    config = small_config("forewarned")
    direct.create_repo(config.hub.repo("adapter"))
    with pytest.raises(HubkitError, match=r"forewarned-lora: the repo is public and has no gate.*is private now"):
        push(config, small_dist(tmp_path, config))
    assert direct.model_info(config.hub.repo("adapter")).private
    assert not direct.repo_exists(config.hub.repo("dataset"), repo_type="dataset")
    assert not direct.repo_exists(config.hub.repo("metric"), repo_type="space")


def test_nothing_is_tagged_before_every_repo_holds_its_part(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    config = small_config("halfway")
    workspace = small_dist(tmp_path, config)
    made = meanwhile(lambda: direct.create_repo(config.hub.repo("adapter")))
    front.on("POST", f"/api/datasets/{config.hub.repo('dataset')}/commit/main", made, holds=b"Release 1.0.0")
    with pytest.raises(HubkitError, match=r"halfway-lora: the repo is public and has no gate"):
        push(config, workspace)
    refs = direct.list_repo_refs(config.hub.repo("dataset"), repo_type="dataset")
    assert titles(direct, config.hub.repo("dataset"), "dataset")[0] == "Release 1.0.0"
    assert (refs.tags, [ref.name for ref in refs.branches]) == ([], ["main"])
    assert not workspace.receipt.exists()
    assert direct.list_repo_refs(config.hub.repo("metric"), repo_type="space").tags == []
