"""A dress rehearsal: what it creates it deletes, and its record says how this Hub answers, without a name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import HfApi
from interposed import Interposed, answers

from hubkit.cli import cli
from hubkit.errors import HubkitError
from hubkit.hub import rehearse
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts

SUFFIX = "01234567"
NAME = f"hubkit-rehearsal-{SUFFIX}"
REPOS = {
    "dataset": f"maintainer/{NAME}",
    "model": f"maintainer/{NAME}-lora",
    "space": f"maintainer/{NAME.replace('-', '_')}_metric",
}
DOCUMENTED = {
    "stranger": "401 GatedRepo",
    "no_grant": "403 GatedRepo",
    "xet_token": "401 GatedRepo",
    "small_files": "yes",
    "large_files": "no",
    "results": "yes",
    "visibility": "yes",
    "grant": "yes",
    "hidden": "no",
    "revoke": "pending",
    "revoked_read": "403 GatedRepo",
    "rate_limit": "no",
    "left": "commit: 7",
}


@pytest.fixture(autouse=True)
def known_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rehearse.secrets, "token_hex", lambda size: SUFFIX)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_left(direct: HfApi) -> Iterator[None]:
    yield
    for kind, repo in REPOS.items():
        direct.delete_repo(repo, repo_type=kind, missing_ok=True)


def run(*typed: str, namespace: str = "maintainer") -> Result:
    return CliRunner().invoke(cli, ["rehearse", "--namespace", namespace], input="".join(f"{word}\n" for word in typed))


def found(path: Path = Path("rehearsal.json")) -> dict[str, str]:
    return {name: entry["answer"] for name, entry in json.loads(path.read_text())["answers"].items()}


def there(api: HfApi) -> set[str]:
    return {kind for kind, repo in REPOS.items() if api.repo_exists(repo, repo_type=kind)}


def test_it_asks_records_and_deletes_what_it_created(hub: LocalHub, direct: HfApi) -> None:
    kept = direct.create_repo("maintainer/kept-of-others", repo_type="dataset", exist_ok=True).repo_id
    done = run("maintainer", NAME)
    assert done.exception is None, done.output
    assert found() == DOCUMENTED
    assert there(direct) == set()
    assert direct.repo_exists(kept, repo_type="dataset")
    record = Path("rehearsal.json").read_text()
    for secret in ("maintainer", "outsider", SUFFIX, hub.url, *hub.tokens.values()):
        assert secret not in record
    assert json.loads(record)["hub"] == "loopback"
    assert json.loads(record)["stopped_at"] is None
    assert "How is a stranger answered at a shut gate?\n    401 GatedRepo\n" in done.output


@pytest.mark.long
def test_without_a_second_account_its_steps_are_left_out(direct: HfApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    done = run("maintainer", NAME)
    assert done.exception is None, done.output
    second = ("no_grant", "grant", "hidden", "revoke", "revoked_read")
    assert found() == DOCUMENTED | dict.fromkeys(second, rehearse.NO_SECOND)
    assert there(direct) == set()


@pytest.mark.parametrize(
    ("namespace", "typed", "message"),
    [
        ("maintainer", ("",), "not confirmed"),
        ("maintainer", ("yes",), "not confirmed"),
        ("somebody", ("somebody",), "there is no such user or organisation"),
        ("outsider", ("outsider",), "maintainer does not belong to it"),
        ("", ("",), "namespace: is missing"),
        ("a/b", ("a/b",), "is not a valid name of a repo"),
    ],
)
def test_nothing_is_created_before_it_is_confirmed(
    direct: HfApi, namespace: str, typed: tuple[str, ...], message: str
) -> None:
    done = run(*typed, namespace=namespace)
    assert isinstance(done.exception, HubkitError), done.output
    assert message in str(done.exception)
    assert there(direct) == set()
    assert not Path("rehearsal.json").exists()


def test_repos_of_others_are_not_taken(direct: HfApi) -> None:
    direct.create_repo(REPOS["model"])
    done = run("maintainer", NAME)
    assert str(done.exception) == f"{REPOS['model']}: exists already (run this again: it takes another name)"
    assert there(direct) == {"model"}


def test_other_settings_give_other_answers_and_what_is_not_confirmed_is_not_deleted(
    hub: LocalHub, direct: HfApi
) -> None:
    accounts, hidden = Accounts(hub.root), ("hide_small_files", "hide_requesters")
    accounts.configure("maintainer", **dict.fromkeys(hidden, True))
    try:
        done = run("maintainer", "yes")
    finally:
        accounts.configure("maintainer", **dict.fromkeys(hidden, False))
    assert "not confirmed" in str(done.exception)
    assert there(direct) == set(REPOS)
    assert all(f"on the Hub: {repo}\n" in done.output for repo in REPOS.values())
    not_tried = "not tried: names are hidden"
    differs = {"small_files": "no", "hidden": "yes", "revoke": not_tried, "revoked_read": not_tried}
    assert found() == DOCUMENTED | differs


def test_a_hub_that_refuses_in_the_middle_leaves_a_record_and_nothing_else(front: Interposed, direct: HfApi) -> None:
    front.on("POST", "/user-access-request/grant", answers(403, body=b'{"error": "Not for maintainer"}'), times=99)
    done = run("maintainer", NAME)
    assert str(done.exception).startswith("rehearsal.json: the rehearsal stopped at: grant and revoke; 5 questions")
    assert "Not for maintainer" in done.output
    assert "Not for maintainer" not in Path("rehearsal.json").read_text()
    assert found()["stranger"] == "401 GatedRepo"
    assert found()["left"] == rehearse.NOT_REACHED
    assert there(direct) == set()


@pytest.mark.long
def test_a_gate_that_a_change_of_visibility_drops_is_told(front: Interposed, hub: LocalHub) -> None:
    """This Hub keeps the gate; here somebody drops it when the repo is shown by its visibility alone."""

    def drop(asked):  # type: ignore[no-untyped-def]
        answer = asked.forward()
        if b"gated" not in asked.body:
            api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
            api.update_repo_settings(REPOS["dataset"], repo_type="dataset", gated=False)
        return answer

    front.on("PUT", f"/{NAME}/settings", drop, times=99, holds=b"public")
    front.on("PUT", f"/{NAME}/settings", drop, times=99, holds=b'"private": false')
    done = run("maintainer", NAME)
    assert done.exception is None, done.output
    assert found() == DOCUMENTED | {"visibility": "no"}
