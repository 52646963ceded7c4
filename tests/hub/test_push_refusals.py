"""What stops a push, what it says then, and that it goes on once that is fixed."""

from __future__ import annotations

import errno
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi
from loopback import forked_hub
from small_dist import small_config, small_dist

from hubkit.errors import HubkitError
from hubkit.hub import gate, identity
from hubkit.hub import push as pushing
from hubkit.hub.client import steadily
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import PROBES
from hubkit.localhub import Cast, LocalHub
from hubkit.localhub.accounts import Accounts


@pytest.fixture
def owner(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["owner"])


@pytest.mark.parametrize(
    ("hub_settings", "message"),
    [
        ({"namespace": ""}, r"\[hub\] namespace: is missing"),
        ({"namespace": "nowhere"}, r"namespace nowhere: there is no such user.*set it to one of: maintainer"),
        ({"namespace": "reader"}, r"namespace reader: maintainer does not belong to it"),
        ({"dataset": "my reports"}, r"\[hub\] dataset: is not a valid name of a repo"),
    ],
    ids=["none", "unknown", "another's", "no name"],
)
def test_a_place_that_cannot_be_pushed_to(
    hub: LocalHub, tmp_path: Path, hub_settings: dict[str, Any], message: str
) -> None:
    config = small_config("place", **hub_settings)
    before = len(hub.log())
    with pytest.raises(HubkitError, match=message):
        push(config, small_dist(tmp_path, config))
    assert {line["method"] for line in hub.log()[before:]} <= {"GET"}


@pytest.mark.parametrize(
    ("minutes", "message"),
    [(61, "61 minutes ahead of the Hub's"), (-61, "61 minutes behind the Hub's")],
)
def test_a_clock_that_is_wrong(tmp_path: Path, minutes: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("clock")
    clock = time.time
    monkeypatch.setattr(identity.time, "time", lambda: clock() + 60 * minutes)
    with pytest.raises(HubkitError, match=f"this machine's clock is {message}"):
        push(config, small_dist(tmp_path, config))


def test_a_certificate_that_is_not_valid_yet() -> None:
    def ask() -> None:
        refused = ssl.SSLCertVerificationError("certificate verify failed")
        refused.verify_message = "certificate is not yet valid"
        raise httpx.ConnectError("handshake failed") from refused

    with pytest.raises(HubkitError, match=r"not accepted: certificate is not yet valid.*clock is right"):
        steadily(ask, "a/b")


@pytest.mark.parametrize(
    ("error", "where"),
    [(OSError(errno.ENOSPC, "No space left on device"), "a/b"), (FileNotFoundError(2, "Gone", "data.bin"), "data.bin")],
)
def test_this_machine_is_told_from_a_silent_hub(error: OSError, where: str) -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise error

    with pytest.raises(HubkitError, match=f"^{where}: cannot be read or written: {error.strerror}"):
        steadily(ask, "a/b")
    assert len(asked) == 1


def _step(name: str) -> tuple[Any, str]:
    return {
        "probe": (pushing, "_push_probes"),
        "show": (gate, "show"),
        "data": (pushing, "commit_changes"),
        "tag": (pushing, "_tag"),
        "collection": (pushing, "_collect"),
    }[name]


@pytest.mark.parametrize("step", ["probe", "show", "data", "tag", "collection"])
def test_a_token_that_expires_in_mid_push(
    hub: LocalHub, owner: HfApi, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(f"expires-{step}")
    workspace = small_dist(tmp_path, config)
    accounts = Accounts(hub.root)
    token = accounts.mint("maintainer")
    module, name = _step(step)
    real: Callable[..., Any] = getattr(module, name)

    def expiring(*arguments: Any, **named: Any) -> Any:
        accounts.expire(token)
        return real(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setenv("HF_TOKEN", token)
        patched.setattr(module, name, expiring)
        with pytest.raises(HubkitError, match=r"refused \(401\): Invalid credentials.*hf auth login.*run this again"):
            push(config, workspace)
    # The release is complete before its repos are collected.
    assert workspace.receipt.exists() is (step == "collection")
    push(config, workspace)
    info = owner.dataset_info(config.hub.repo("dataset"), revision=config.release.tag)
    assert (info.private, info.gated) == (False, "manual")
    titles = [commit.title for commit in owner.list_repo_commits(config.hub.repo("dataset"), repo_type="dataset")]
    assert titles == ["Release 1.0.0", "Add the card, and probes of the gate", "initial commit"]


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_a_namespace_that_is_full(tmp_path: Path, xet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    config = small_config("full")
    workspace = small_dist(tmp_path / "dist", config)
    with forked_hub(tmp_path / "hub", Cast(quota=1000)) as hub:
        act_on(hub, monkeypatch)
        with pytest.raises(HubkitError, match=r"storage limit reached.*storage or plan is used up: free some"):
            push(config, workspace)
    with forked_hub(tmp_path / "hub") as hub:
        act_on(hub, monkeypatch)
        push(config, workspace)
    assert workspace.receipt.exists()


@pytest.mark.parametrize("known", [True, False], ids=["whoami", "402"])
def test_a_gradio_space_of_a_free_account_stops_the_push_before_any_data(
    tmp_path: Path, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config("gradio", space="gradio")
    workspace = small_dist(tmp_path / "dist", config)
    if not known:
        # As for an organisation, of which whoami does not tell what it pays for.
        monkeypatch.setattr(identity, "_check_plan", lambda *arguments: None)
    with forked_hub(tmp_path / "hub") as hub:
        act_on(hub, monkeypatch)
        message = r"\[hub\] space: .*cannot create the Gradio Space" if known else r"the Hub refused \(402\)"
        with pytest.raises(HubkitError, match=message):
            push(config, workspace)
        assert not [line for line in hub.log() if line["method"] in ("POST", "PUT") and line["status"] < 400]
        later = small_config("gradio")
        push(later, small_dist(tmp_path / "static", later))


def test_a_gitignore_on_the_hub_leaves_no_gap(owner: HfApi, tmp_path: Path) -> None:
    """The client leaves out what .gitignore names, and says nothing."""
    config = small_config("ignored")
    repo = config.hub.repo("dataset")
    push(config, small_dist(tmp_path / "one", config))
    owner.upload_file(path_or_fileobj=b"LICENSE\n", path_in_repo=".gitignore", repo_id=repo, repo_type="dataset")
    later = small_config("ignored", version="1.1.0")
    workspace = small_dist(tmp_path / "two", later)
    (workspace.dist / "dataset" / "LICENSE").write_text("Another.\n")
    push(later, workspace)
    for revision in ("main", "release-1.1.0"):
        path = owner.hf_hub_download(repo, "LICENSE", repo_type="dataset", revision=revision)
        assert Path(path).read_text() == "Another.\n"


def test_what_never_arrives_is_not_tagged(owner: HfApi, tmp_path: Path) -> None:
    config = small_config("lost")
    workspace = small_dist(tmp_path, config)
    (workspace.dist / "dataset" / ".gitignore").write_text("LICENSE\n")
    with pytest.raises(HubkitError, match=r"LICENSE was pushed and main holds another: see its \.gitignore"):
        push(config, workspace)
    assert owner.list_repo_refs(config.hub.repo("dataset"), repo_type="dataset").tags == []


def test_a_card_that_the_hub_does_not_accept(tmp_path: Path) -> None:
    config = small_config("card")
    workspace = small_dist(tmp_path, config)
    card = workspace.dist / "dataset" / "README.md"
    card.write_text(card.read_text().replace("license: other", "license: mine"))
    (obstacle,) = plan_push(config, workspace).obstacles
    with pytest.raises(
        HubkitError, match=r'README\.md: the Hub does not accept it.*"license" must be one of'
    ) as refused:
        push(config, workspace)
    assert str(obstacle) == str(refused.value).replace("Invalid metadata in README.md. - ", "")


def test_a_push_into_an_organisation_whose_repos_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config("org", namespace="hospital")
    with forked_hub(tmp_path / "hub") as hub:
        Accounts(hub.root).join("hospital", "maintainer", private=True)
        act_on(hub, monkeypatch)
        workspace = small_dist(tmp_path / "dist", config)
        push(config, workspace)
        stranger = HfApi(endpoint=hub.url, token=False)
        assert not stranger.space_info(config.hub.repo("metric")).private
        assert stranger.dataset_info(config.hub.repo("dataset")).gated == "manual"


def test_a_dry_run_says_what_would_stop_the_push(
    hub: LocalHub, owner: HfApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config("planned")
    workspace = small_dist(tmp_path, config)
    plan = plan_push(config, workspace)
    assert plan.obstacles == []
    assert [(planned.where, planned.now.partition(";")[0]) for planned in plan.repos] == [
        ("datasets/maintainer/planned-mimic-ext", "is new"),
        ("maintainer/planned-lora", "is new"),
        ("spaces/maintainer/planned_metric", "is new"),
        ("datasets/maintainer/planned-mimic-ext, branch script", "is new"),
    ]
    assert [change.path for change in plan.repos[0].changes[:2]] == [*PROBES]
    owner.create_repo(config.hub.repo("adapter"))
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    monkeypatch.setenv("HF_TOKEN", Accounts(hub.root).mint("maintainer", role="read"))
    found = "\n".join(map(str, plan_push(config, workspace).obstacles))
    for said in ("no token of a user without a grant", "may only read", "is public and has no gate"):
        assert said in found


def act_on(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["owner"])
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
