"""Users, organisations and tokens, and how much a namespace may store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from loopback import forked_hub

from hubkit.cli import cli
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub import Cast, LocalHub, serve
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.server import run
from hubkit.privacy import private_umask

LARGE = bytes(range(256)) * 4_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    cast = Cast(owner="ana", organisation="lab", quota=3 * len(LARGE), grant=False)
    with forked_hub(tmp_path_factory.mktemp("hub"), cast) as running:
        yield running


@pytest.fixture
def owner(hub: LocalHub) -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens["owner"])


def refusal(error: pytest.ExceptionInfo[HfHubHTTPError]) -> tuple[int, str]:
    return error.value.response.status_code, str(error.value.server_message)


def test_whoami_names_the_organisations(owner: HfApi) -> None:
    found = owner.whoami()
    assert found["name"] == "ana"
    assert [org["name"] for org in found["orgs"]] == ["lab"]
    # In another order of the tests, somebody has joined already.
    members = [member.username for member in owner.list_organization_members("lab")]
    assert members[0] == "ana"
    assert owner.get_organization_overview("lab").num_users == len(members)


def test_members_own_the_repos_of_their_organisation(hub: LocalHub, owner: HfApi) -> None:
    owner.create_repo("lab/reports", repo_type="dataset", private=True)
    other = HfApi(endpoint=hub.url, token=Accounts(hub.root).mint("bea"))
    with pytest.raises(HfHubHTTPError):
        other.dataset_info("lab/reports")
    Accounts(hub.root).join("lab", "bea")
    assert other.dataset_info("lab/reports").private
    other.upload_file(path_or_fileobj=b"a", path_in_repo="a", repo_id="lab/reports", repo_type="dataset")
    collection = other.create_collection("Reports", namespace="lab")
    assert owner.add_collection_item(collection.slug, "lab/reports", "dataset").owner["type"] == "org"
    owner.move_repo("lab/reports", "ana/reports", repo_type="dataset")
    with pytest.raises(HfHubHTTPError):
        other.dataset_info("ana/reports")


def test_other_peoples_namespaces_are_closed(hub: LocalHub, owner: HfApi) -> None:
    Accounts(hub.root).join("elsewhere", "bea")
    for namespace in ("elsewhere", "nowhere"):
        with pytest.raises(HfHubHTTPError) as refused:
            owner.create_repo(f"{namespace}/x")
        assert refusal(refused) == (
            403,
            f'You don\'t have the rights to create a model under the namespace "{namespace}"',
        )


def test_an_organisation_may_want_its_repos_private(hub: LocalHub) -> None:
    accounts = Accounts(hub.root)
    member = HfApi(endpoint=hub.url, token=accounts.mint("cora"))
    accounts.join("hospital", "cora", private=True)
    member.create_repo("hospital/a")
    member.create_repo("hospital/b", private=False)
    assert [member.model_info(f"hospital/{name}").private for name in "ab"] == [True, False]


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_a_namespace_stores_as_much_as_it_may(owner: HfApi, xet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    repo = owner.create_repo(f"lab/full-{xet}".lower()).repo_id
    for number in range(3):
        content = bytes([number]) + LARGE[1:]
        owner.upload_file(path_or_fileobj=content, path_in_repo=f"{number}.bin", repo_id=repo)
    with pytest.raises(HfHubHTTPError) as refused:
        owner.upload_file(path_or_fileobj=LARGE[::-1], path_in_repo="more.bin", repo_id=repo)
    assert refusal(refused)[0] == 403
    assert "storage limit reached" in refusal(refused)[1]
    assert not owner.file_exists(repo, "more.bin")
    owner.delete_repo(repo)


def test_a_token_from_the_command_line(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def token(*options: str) -> HfApi:
        done = CliRunner().invoke(cli, ["hub", "token", "ana", "--root", str(hub.root), *options])
        assert done.exit_code == 0, done.output
        return HfApi(endpoint=hub.url, token=done.output.strip())

    assert token().whoami()["auth"]["accessToken"]["role"] == "write"
    with pytest.raises(HfHubHTTPError) as refused:
        token("--read-only").create_repo("ana/x")
    assert refusal(refused)[0] == 403
    assert token("--seconds", "60").whoami()["name"] == "ana"
    an_hour_ago = time.time() - 3600
    # The Hub is a process of its own, whose clock stays right.
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    assert token("--seconds", "3700").whoami()["name"] == "ana"
    with pytest.raises(HfHubHTTPError) as refused:
        token("--seconds", "3500").whoami()
    assert refusal(refused)[0] == 401


@pytest.mark.parametrize("folder", ["none", "some"])
def test_a_token_for_a_hub_that_is_not_there(tmp_path: Path, folder: str) -> None:
    (tmp_path / "some").mkdir()
    done = CliRunner().invoke(cli, ["hub", "token", "ana", "--root", str(tmp_path / folder)])
    assert done.exit_code == 2
    assert "there is no Hub in" in done.output
    assert not (tmp_path / folder / "accounts.json").exists()


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_that_there_is_not(tmp_path: Path, port: str) -> None:
    done = CliRunner().invoke(cli, ["hub", "serve", "--root", str(tmp_path), "--port", port])
    assert done.exit_code == 2
    assert "0<=x<=65535" in done.output


NOT_ALLOWED = ["x y/z", "a/b c", "", "..", "-a", ".a", "a--b", "ação", "a" * 97]


@pytest.mark.parametrize("name", NOT_ALLOWED)
def test_names_that_the_hub_does_not_allow(hub: LocalHub, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="an account cannot be called"):
        Accounts(hub.root).mint(name)
    with pytest.raises(UsageError, match="an account cannot be called"):
        Accounts(hub.root).join(name, "ana")
    assert name not in Accounts(hub.root).users
    for cast in (Cast(owner=name), Cast(organisation=name or "/")):
        # What the process of a Hub does, in this one: it would start before it refused.
        with private_umask(), pytest.raises(UsageError, match="an account cannot be called"):
            run(tmp_path, 0, cast, announce=lambda hub: pytest.fail(f"{hub.url} is up"))


@pytest.mark.parametrize("cast", [Cast(owner="x y/z"), Cast(organisation="ação")])
def test_a_hub_whose_names_are_not_allowed_says_so_and_ends(tmp_path: Path, cast: Cast) -> None:
    with pytest.raises(HubkitError, match="an account cannot be called"), serve(tmp_path, cast=cast):
        pass


@pytest.mark.parametrize("command", [["token", "x y/z"], ["serve", "--port", "0", "--owner", "a/b c"]])
def test_names_that_the_command_line_does_not_take(tmp_path: Path, command: list[str]) -> None:
    Accounts(tmp_path).mint("ana")
    done = CliRunner().invoke(cli, ["hub", *command, "--root", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert set(Accounts(tmp_path).users) == {"ana"}
