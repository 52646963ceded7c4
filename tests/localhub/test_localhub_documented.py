"""What the documents of the real Hub say of accounts, tokens, access lists, old commits and limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RevisionNotFoundError
from huggingface_hub.utils import parse_ratelimit_headers
from loopback import forked_hub

from hubkit.cli import cli
from hubkit.errors import UsageError
from hubkit.localhub import Cast, LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.errors import Refusal
from hubkit.localhub.plans import parse_account
from hubkit.localhub.ratelimits import RateLimits, bucket_of
from hubkit.localhub.scopes import Scopes, parse_scope

REPO = "ana/reports"
LARGE = b"PAR1" * 300


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    accounts = {
        "ana": {"plan": "free"},
        "hidden": {"plan": "free", "hide_requesters": True},
        "lab": {"plan": "team", "tokens": "approval"},
        "clinic": {"plan": "team", "tokens": "fine-grained"},
    }
    with forked_hub(tmp_path_factory.mktemp("hub"), Cast(owner="ana", accounts=accounts)) as running:
        for organisation in ("hidden", "lab", "clinic"):
            Accounts(running.root).join(organisation, "ana")
        yield running


@pytest.fixture(scope="module")
def owner(hub: LocalHub) -> HfApi:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO, repo_type="dataset")
    api.create_commit(REPO, [CommitOperationAdd("data.bin", LARGE)], commit_message="Add", repo_type="dataset")
    api.update_repo_settings(REPO, repo_type="dataset", gated="manual")
    return api


def token(hub: LocalHub, name: str, *options: str) -> str:
    """A token made by the command line."""
    done = CliRunner().invoke(cli, ["hub", "token", name, "--root", str(hub.root), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return str(done.output.strip())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return int(error.value.response.status_code)


def test_a_large_file_has_two_names_and_is_deleted_by_its_digest(owner: HfApi) -> None:
    repo = owner.create_repo("ana/two-names").repo_id
    owner.create_commit(repo, [CommitOperationAdd("a.bin", LARGE)], commit_message="Add")
    (file,) = owner.list_lfs_files(repo)
    assert file.file_oid == owner.get_paths_info(repo, "a.bin")[0].lfs["sha256"]  # type: ignore[union-attr,index]
    assert file.oid != file.file_oid
    deletions = {"deletions": {"sha": [file.oid]}}
    address = f"{owner.endpoint}/api/models/{repo}/lfs-files/batch"
    assert httpx.post(address, json=deletions, headers=bearer(str(owner.token))).status_code == 400
    owner.permanently_delete_lfs_files(repo, [file])
    assert list(owner.list_lfs_files(repo)) == []


@pytest.mark.parametrize(
    ("namespace", "sdk", "answer"),
    [("ana", "static", 200), ("ana", "gradio", 402), ("ana", "docker", 402), ("hidden", "gradio", 402)],
)
def test_a_free_account_has_static_spaces_alone(owner: HfApi, namespace: str, sdk: str, answer: int) -> None:
    asked = {"name": f"metric-{sdk}", "organization": namespace, "type": "space", "sdk": sdk}
    found = httpx.post(f"{owner.endpoint}/api/repos/create", json=asked, headers=bearer(str(owner.token)))
    assert found.status_code == answer
    assert ("requires a PRO subscription" in found.text) == (answer == 402)


def test_a_paid_plan_has_any_space(hub: LocalHub) -> None:
    Accounts(hub.root).configure("pia", plan="pro")
    pia = HfApi(endpoint=hub.url, token=token(hub, "pia"))
    pia.create_repo("pia/metric", repo_type="space", space_sdk="gradio")
    assert pia.whoami()["isPro"]


@pytest.mark.parametrize(
    ("options", "role", "fine_grained"),
    [
        ([], "write", None),
        (["--read-only"], "read", None),
        (
            ["--fine-grained", "--gated"],
            "fineGrained",
            {"canReadGatedRepos": True, "global": [], "scoped": []},
        ),
        (
            ["--fine-grained", "--scope", "ana=repo.write", "--scope", "datasets/lab/x=repo.content.read"],
            "fineGrained",
            {
                "canReadGatedRepos": False,
                "global": [],
                "scoped": [
                    {"entity": {"_id": "ana", "type": "user", "name": "ana"}, "permissions": ["repo.write"]},
                    {
                        "entity": {"_id": "datasets/lab/x", "type": "dataset", "name": "lab/x"},
                        "permissions": ["repo.content.read"],
                    },
                ],
            },
        ),
    ],
    ids=["write", "read", "gated", "scoped"],
)
def test_whoami_tells_what_a_token_may_do(hub: LocalHub, options: list[str], role: str, fine_grained: Any) -> None:
    found = HfApi(endpoint=hub.url, token=token(hub, "ana", *options)).whoami()
    assert found["isPro"] is False
    assert found["auth"]["accessToken"]["role"] == role
    assert found["auth"]["accessToken"].get("fineGrained") == fine_grained


@pytest.mark.parametrize(
    ("name", "options", "answer", "code"),
    [
        ("reader", [], 200, None),
        ("reader", ["--fine-grained"], 403, None),
        ("reader", ["--fine-grained", "--gated"], 200, None),
        ("reader", ["--fine-grained", "--scope", f"datasets/{REPO}=repo.content.read"], 200, None),
        ("outsider", ["--fine-grained"], 403, None),
        ("outsider", ["--fine-grained", "--gated"], 403, "GatedRepo"),
        ("ana", ["--fine-grained"], 403, None),
        ("ana", ["--fine-grained", "--scope", "ana=repo.content.read"], 200, None),
        ("ana", ["--fine-grained", "--scope", "ana=repo.write"], 200, None),
    ],
    ids=range(9),
)
def test_a_fine_grained_token_reads_gated_repos_where_it_may(
    hub: LocalHub, owner: HfApi, name: str, options: list[str], answer: int, code: str | None
) -> None:
    address = f"{hub.url}/datasets/{REPO}/resolve/main/data.bin"
    found = httpx.head(address, headers=bearer(token(hub, name, *options)))
    assert (found.status_code, found.headers.get("x-error-code")) == (answer, code)
    if answer == 403 and code is None:
        assert "enable access to public gated repositories" in found.headers["x-error-message"]


@pytest.mark.parametrize(
    ("scope", "writes", "creates", "collects"),
    [
        ([], 404, 403, 403),
        (["--scope", "ana=repo.content.read"], 403, 403, 403),
        (["--scope", "ana=repo.content.read,collection.write"], 403, 403, 200),
        (["--scope", "datasets/ana/private=repo.write"], 200, 403, 403),
        (["--scope", "ana=repo.write"], 200, 200, 403),
    ],
    ids=range(5),
)
def test_a_fine_grained_token_writes_where_it_may(
    hub: LocalHub, owner: HfApi, scope: list[str], writes: int, creates: int, collects: int
) -> None:
    owner.create_repo("ana/private", repo_type="dataset", private=True, exist_ok=True)
    headers = bearer(token(hub, "ana", "--fine-grained", *scope))
    named = {"name": f"made-{len(''.join(scope))}", "type": "dataset"}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("datasets/ana/private/branch/new", {"startingPoint": "main"}),
        ("repos/create", named),
        ("collections", {"title": f"A {scope}"}),
    ]
    found = [httpx.post(f"{hub.url}/api/{path}", json=body, headers=headers).status_code for path, body in asked]
    owner.delete_branch("ana/private", branch="new", repo_type="dataset") if writes == 200 else None
    assert found == [writes, creates, collects]


@pytest.mark.parametrize(
    ("organisation", "options", "answer"),
    [
        ("lab", [], 403),
        ("lab", ["--fine-grained", "--scope", "lab=repo.write"], 403),
        ("lab", ["--fine-grained", "--scope", "lab=repo.write", "--approve", "lab"], 200),
        ("clinic", [], 403),
        ("clinic", ["--fine-grained", "--scope", "clinic=repo.write"], 200),
    ],
    ids=range(5),
)
def test_an_organisation_lets_in_the_tokens_that_its_policy_allows(
    hub: LocalHub, organisation: str, options: list[str], answer: int
) -> None:
    headers = bearer(token(hub, "ana", *options))
    named = {"name": "policy", "organization": organisation}
    created = httpx.post(f"{hub.url}/api/repos/create", json=named, headers=headers)
    assert created.status_code in ((200, 409) if answer == 200 else (answer,))
    allowed = bearer(token(hub, "ana", "--fine-grained", "--scope", f"{organisation}=repo.write", "--approve", "lab"))
    httpx.post(f"{hub.url}/api/repos/create", json=named, headers=allowed)
    found = httpx.get(f"{hub.url}/api/models/{organisation}/policy", headers=headers)
    assert found.status_code == answer
    pending = "needs to be approved by the organization"
    assert (pending in found.text) == (answer == 403 and "--fine-grained" in options)


def test_hidden_requesters_are_known_by_the_id_of_their_request(hub: LocalHub, owner: HfApi) -> None:
    repo = owner.create_repo("hidden/reports", repo_type="dataset").repo_id
    owner.update_repo_settings(repo, repo_type="dataset", gated="manual")
    outsider = HfApi(endpoint=hub.url, token=hub.tokens["ungranted"])
    httpx.post(f"{hub.url}/datasets/{repo}/ask-access", json={"Why": "x"}, headers=bearer(hub.tokens["ungranted"]))
    (asked,) = owner.list_pending_access_requests(repo, repo_type="dataset")
    assert (asked.username, asked.fullname, asked.fields) == (None, None, {"Why": "x"})
    listed = httpx.get(
        f"{hub.url}/api/datasets/{repo}/user-access-request/pending", headers=bearer(hub.tokens["owner"])
    )
    assert "outsider" not in listed.text
    owner.accept_access_request(repo, request_id=asked.request_id, repo_type="dataset")
    outsider.auth_check(repo, repo_type="dataset")
    owner.reject_access_request(repo, request_id=asked.request_id, repo_type="dataset", rejection_reason="No.")
    with pytest.raises(GatedRepoError, match="has been rejected"):
        outsider.auth_check(repo, repo_type="dataset")


def test_rejection_bars_and_cancelling_does_not(hub: LocalHub, owner: HfApi) -> None:
    repo = owner.create_repo("ana/barred", repo_type="dataset").repo_id
    owner.update_repo_settings(repo, repo_type="dataset", gated="manual")

    def ask() -> str:
        answer = httpx.post(f"{hub.url}/datasets/{repo}/ask-access", json={}, headers=bearer(hub.tokens["ungranted"]))
        return answer.headers["location"].rpartition("=")[2]

    assert ask() == "pending"
    owner.reject_access_request(repo, "outsider", repo_type="dataset", rejection_reason="x" * 200)
    assert ask() == "rejected"
    owner.accept_access_request(repo, "outsider", repo_type="dataset")
    owner.cancel_access_request(repo, "outsider", repo_type="dataset")
    assert [asked.username for asked in owner.list_pending_access_requests(repo, repo_type="dataset")] == ["outsider"]
    assert ask() == "pending"
    for reason in ("x" * 201, "\N{GRINNING FACE}" * 101):
        with pytest.raises(HfHubHTTPError) as refused:
            owner.reject_access_request(repo, "outsider", repo_type="dataset", rejection_reason=reason)
        assert status(refused) == 400


def test_old_commits_are_served_by_their_sha(owner: HfApi) -> None:
    repo = owner.create_repo("ana/squashed").repo_id
    large, small = CommitOperationAdd("a.bin", LARGE + b"old"), CommitOperationAdd("small.txt", b"old")
    old = owner.create_commit(repo, [large, small], commit_message="Old").oid
    owner.create_commit(repo, [CommitOperationAdd("small.txt", b"new")], commit_message="New")
    owner.super_squash_history(repo)
    assert len(owner.list_repo_commits(repo)) == 1

    def read(name: str) -> tuple[int, bytes]:
        headers = bearer(str(owner.token))
        answer = httpx.get(f"{owner.endpoint}/{repo}/resolve/{old}/{name}", headers=headers)
        return answer.status_code, answer.content

    assert read("small.txt") == (200, b"old")
    assert read("a.bin") == (200, LARGE + b"old")
    owner.permanently_delete_lfs_files(repo, owner.list_lfs_files(repo))
    assert read("small.txt") == (200, b"old")
    assert read("a.bin")[0] == 404
    with pytest.raises(RevisionNotFoundError):
        owner.model_info(repo, revision="0" * 40)


@pytest.fixture
def clock() -> list[float]:
    """The time, which a test changes."""
    return [1_000_000_000 * 300 + 10.25]


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/models/a/b", "api"),
        ("/a/b.git/info/lfs/objects/batch", "api"),
        ("/datasets/a/b/resolve/main/x", "resolvers"),
        ("/datasets/a/b", "pages"),
        ("/", "pages"),
        ("/lfs/models/a/b/00", None),
    ],
)
def test_requests_are_counted_by_kind(path: str, bucket: str | None) -> None:
    assert bucket_of(path) == bucket


def test_a_window_of_five_minutes_ends_for_all_at_once(clock: list[float]) -> None:
    limits = RateLimits(clock=lambda: clock[0])
    stands = [limits.count("ana", "api", 2) for _ in range(3)]
    assert [(stand.left, stand.reset) for stand in stands] == [(1, 290), (0, 290), (-1, 290)]
    assert stands[-1].headers == {
        "RateLimit": '"api";r=0;t=290',
        "RateLimit-Policy": '"fixed window";"api";q=2;w=300',
    }
    assert limits.count("bea", "api", 2).left == 1
    assert limits.count("ana", "resolvers", 2).left == 1
    clock[0] += 289.75
    assert limits.count("ana", "api", 2).left == 1


def test_commits_are_counted_by_the_hour(clock: list[float]) -> None:
    limits = RateLimits(clock=lambda: clock[0])
    for _ in range(2):
        limits.count_commit("ana", 2)
        clock[0] += 60
    limits.count_commit("bea", 2)
    with pytest.raises(Refusal) as refused:
        limits.count_commit("ana", 2)
    assert refused.value.status == 429
    clock[0] += 3600 - 119
    limits.count_commit("ana", 2)


def test_too_many_requests(tmp_path: Path) -> None:
    """Strangers share what their address may ask; a token has its own count."""
    with forked_hub(tmp_path, Cast(accounts={"maintainer": {"commits": 0}}, window=3600)) as hub:
        with httpx.Client(base_url=hub.url) as stranger:
            answers = [stranger.get("/") for _ in range(101)]
        assert [answer.status_code for answer in answers] == [200] * 100 + [429]
        first, last = (parse_ratelimit_headers(answers[place].headers) for place in (0, -1))
        assert first is not None
        assert last is not None
        assert (first.resource_type, first.remaining, first.limit, first.window_seconds) == ("pages", 99, 100, 3600)
        assert last.remaining == 0
        assert 0 < last.reset_in_seconds <= 3600
        assert "you hit the quota of 100 pages requests per 60 minutes" in answers[-1].text
        assert httpx.get(hub.url, headers=bearer(hub.tokens["ungranted"])).status_code == 200
        headers = bearer(hub.tokens["owner"])
        httpx.post(f"{hub.url}/api/repos/create", json={"name": "m"}, headers=headers)
        refused = httpx.post(f"{hub.url}/api/models/maintainer/m/commit/main", content="{}", headers=headers)
        assert refused.status_code == 429
        assert "hourly quotas for action: commit" in refused.text
        assert '"api";r=' in refused.headers["ratelimit"]


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("ana", {}),
        ("lab:plan=team,tokens=approval", {"plan": "team", "tokens": "approval"}),
        ("lab:hide-requesters,hide-small-files", {"hide_requesters": True, "hide_small_files": True}),
        ("lab:quota=10,commits=0", {"quota": 10, "commits": 0}),
    ],
)
def test_settings_of_an_account(text: str, settings: dict[str, Any]) -> None:
    assert parse_account(text) == (text.partition(":")[0], settings)


@pytest.mark.parametrize("text", ["a:plan=gold", "a:plan", "a:commits=-1", "a:hide-requesters=no", "a:size=1"])
def test_settings_that_there_are_not(text: str) -> None:
    with pytest.raises(UsageError, match="an account has no setting"):
        parse_account(text)


@pytest.mark.parametrize("text", ["ana", "ana=", "ana=repo.all", "=repo.write", "files/a/b=repo.write", "models/a=x"])
def test_scopes_that_there_are_not(text: str) -> None:
    with pytest.raises(UsageError):
        parse_scope(text)


def test_a_permission_to_write_is_one_to_read() -> None:
    scopes = Scopes(gated=False, granted={"ana": ["repo.write"]})
    assert scopes.allow("repo.content.read", "ana")
    assert not scopes.allow("collection.write", "ana")
    assert not scopes.allow("repo.content.read", "bea", "models/bea/x")


def test_a_doi_locks_a_repo(owner: HfApi) -> None:
    repo = owner.create_repo("ana/with-doi", repo_type="dataset").repo_id
    headers = bearer(str(owner.token))
    made = httpx.post(f"{owner.endpoint}/datasets/{repo}/settings/doi", headers=headers)
    assert made.status_code == 200
    assert f"doi:{made.json()['doi']}" in (owner.dataset_info(repo).tags or [])
    for refused in (
        lambda: owner.update_repo_settings(repo, repo_type="dataset", private=True),
        lambda: owner.move_repo(repo, "ana/moved", repo_type="dataset"),
        lambda: owner.delete_repo(repo, repo_type="dataset"),
    ):
        with pytest.raises(HfHubHTTPError, match="locked by DOI") as answer:
            refused()
        assert status(answer) == 403
    owner.update_repo_settings(repo, repo_type="dataset", gated="manual", private=False)
    assert not owner.dataset_info(repo).private


def test_the_ref_of_a_pull_request_goes_by_hand_once_it_is_closed(hub: LocalHub, owner: HfApi) -> None:
    repo = owner.create_repo("ana/pulls").repo_id
    pull = owner.create_commit(repo, [CommitOperationAdd("a.txt", b"a")], commit_message="Propose", create_pr=True)
    owner.super_squash_history(repo)
    page = f"{hub.url}/{repo}/discussions/1"
    headers = bearer(hub.tokens["owner"])
    assert httpx.post(f"{page}/delete-ref", headers=headers).status_code == 400
    owner.change_discussion_status(repo, 1, new_status="closed")
    assert owner.file_exists(repo, "a.txt", revision="refs/pr/1")
    assert httpx.post(f"{page}/delete-ref", headers=bearer(hub.tokens["ungranted"])).status_code == 403
    assert httpx.post(f"{page}/delete-ref", headers=headers).status_code == 200
    for revision in ("refs/pr/1", pull.oid):
        with pytest.raises(RevisionNotFoundError):
            owner.model_info(repo, revision=revision)
    assert httpx.get(page).status_code == 200
    assert httpx.post(f"{hub.url}/api/models/{repo}/discussions/1/merge", headers=headers).status_code == 409


@pytest.mark.parametrize(
    ("sdk", "file", "stages"),
    [("static", "index.html", ["NO_APP_FILE", "RUNNING"]), ("gradio", "app.py", ["NO_APP_FILE", "BUILDING"])],
)
def test_a_space_that_runs_something_is_never_built(hub: LocalHub, sdk: str, file: str, stages: list[str]) -> None:
    Accounts(hub.root).configure("tom", plan="pro")
    tom = HfApi(endpoint=hub.url, token=token(hub, "tom"))
    repo = tom.create_repo(f"tom/{sdk}", repo_type="space", space_sdk=sdk).repo_id
    found = [tom.get_space_runtime(repo).stage]
    tom.upload_file(path_or_fileobj=b"x", path_in_repo=file, repo_id=repo, repo_type="space")
    found.append(tom.space_info(repo).runtime.stage)  # type: ignore[union-attr]
    assert found == stages


@pytest.mark.parametrize("hidden", [False, True])
def test_an_account_may_hide_what_tells_of_small_files(hub: LocalHub, owner: HfApi, hidden: bool) -> None:
    Accounts(hub.root).configure("ana", hide_small_files=hidden)
    owner.upload_file(path_or_fileobj=b"50000001\n", path_in_repo="ids.txt", repo_id=REPO, repo_type="dataset")
    for name, shown in (("ungranted", not hidden), ("granted", True)):
        api = HfApi(endpoint=hub.url, token=hub.tokens[name])
        (file,) = api.get_paths_info(REPO, "ids.txt", repo_type="dataset")
        sibling = next(
            each for each in api.dataset_info(REPO, files_metadata=True).siblings or [] if each.rfilename == "ids.txt"
        )
        told = ("4d6e38dbb9379960a6479eaaf183fe6d1425fb85", 9) if shown else ("0" * 40, 0)
        assert (file.blob_id, file.size) == (sibling.blob_id, sibling.size) == told  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path", ["api/datasets/{}", "api/datasets/{}/auth-check", "datasets/{}/resolve/main/README.md"]
)
def test_a_renamed_repo_leads_to_its_new_name(owner: HfApi, path: str) -> None:
    old, new = "ana/old-name", "ana/new-name"
    if not owner.repo_exists(new, repo_type="dataset"):
        owner.create_repo(old, repo_type="dataset")
        owner.move_repo(old, new, repo_type="dataset")
    answer = httpx.get(f"{owner.endpoint}/{path.format(old)}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/{path.format(new)}")
