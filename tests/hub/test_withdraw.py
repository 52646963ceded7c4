"""A version that is taken back: what goes, what other versions keep, in which order, and under faults."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from interposed import Action, Interposed, answers, every_other_lost, meanwhile
from small_dist import lean_config, small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.hub import access
from hubkit.hub.leftovers import Leftover, leftovers, readers_left
from hubkit.hub.push import push
from hubkit.hub.receipt import taken_back
from hubkit.hub.withdraw import Withdrawal, plan_withdrawal, withdraw
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.release import record, run_one
from hubkit.stages import STAGES
from hubkit.verification.verify import verify

CARD = "---\nlicense: other\n---\n\n# Reports\n"
OWN = {".gitattributes", "README.md"}

Files = dict[str, str]


def release(direct: HfApi, config: ReleaseConfig, tag: str, files: Files, script: str = "", card: str = CARD) -> None:
    """Put a version on the Hub as a push does: main holds its files alone, and the tag names them."""
    for artifact, kind in (("dataset", "dataset"), ("adapter", "model")):
        repo = config.hub.repo(artifact)  # type: ignore[arg-type]
        if artifact == "adapter" and not config.custody.adapter_on_hub:
            continue
        if not direct.repo_exists(repo, repo_type=kind):
            direct.create_repo(repo, repo_type=kind)
            direct.update_repo_settings(repo, repo_type=kind, gated="manual")
        wanted = {"README.md": card, **files} if card else files
        gone = set(direct.list_repo_files(repo, repo_type=kind)) - {*wanted, ".gitattributes"}
        operations = [CommitOperationAdd(path, text.encode()) for path, text in wanted.items()]
        changes = [*operations, *map(CommitOperationDelete, sorted(gone))]
        direct.create_commit(repo, changes, commit_message=f"Put {tag}", repo_type=kind)
        direct.create_tag(repo, tag=tag, repo_type=kind)
    if script:
        repo = config.hub.repo("dataset")
        direct.create_branch(repo, branch="script", repo_type="dataset", exist_ok=True)
        direct.upload_file(
            path_or_fileobj=f'REVISION = "{script}"\n'.encode(),
            path_in_repo="loader.py",
            repo_id=repo,
            repo_type="dataset",
            revision="script",
        )


def main(direct: HfApi, config: ReleaseConfig) -> Files:
    """What main of the dataset holds, but for the Hub's own file and the card."""
    repo = config.hub.repo("dataset")
    paths = set(direct.list_repo_files(repo, repo_type="dataset")) - OWN
    return {path: Path(direct.hf_hub_download(repo, path, repo_type="dataset")).read_text() for path in sorted(paths)}


def git_digest(text: str) -> str:
    return hashlib.sha1(f"blob {len(text.encode())}\0{text}".encode()).hexdigest()


def card(direct: HfApi, repo: str, kind: str = "dataset") -> str:
    return Path(direct.hf_hub_download(repo, "README.md", repo_type=kind)).read_text()


def dataset(planned: list[Withdrawal]) -> Withdrawal:
    return planned[0]


OLD: Files = {"a.parquet": "PAR1 of 1.0.1", "old/b.parquet": "PAR1 moved", "c.json": "of 1.0.1"}
OLD |= {"d.json": "in both", "e.json": "of 1.0.1 alone", "f.json": "swapped 1", "g.json": "swapped 2"}
NEW: Files = {"a.parquet": "PAR1 of 1.0.10", "new/b.parquet": "PAR1 moved", "c.json": "of 1.0.10"}
NEW |= {"d.json": "in both", "f.json": "swapped 2", "g.json": "swapped 1"}


@pytest.fixture
def both(direct: HfApi, request: pytest.FixtureRequest) -> ReleaseConfig:
    """A dataset with two versions; the tag of the older one is the beginning of the other's."""
    config = lean_config(request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-"), version="1.0.1")
    release(direct, config, "release-1.0.1", OLD)
    release(direct, config, "release-1.0.10", NEW, script="release-1.0.10")
    return config


def test_an_older_version_goes_and_the_newer_one_stays_whole(both: ReleaseConfig, direct: HfApi) -> None:
    repo = both.hub.repo("dataset")
    digest = hashlib.sha256(OLD["a.parquet"].encode()).hexdigest()
    commits = [commit.commit_id for commit in direct.list_repo_commits(repo, repo_type="dataset")]
    lost = {path: git_digest(OLD[path]) for path in ("c.json", "e.json", "f.json", "g.json")}
    assert plan_withdrawal(both, "release-1.0.1") == [
        Withdrawal(
            repo=repo,
            kind="dataset",
            files={"a.parquet": digest},
            small=[],
            kept=["d.json", "old/b.parquet"],
            alone=False,
            script=False,
            readers=[],
            past=["c.json", "e.json", "f.json", "g.json"],
            commits=commits,
            only_here={"a.parquet": digest, **lost},
        )
    ]
    (done,) = withdraw(both, "release-1.0.1", "Old.")
    # Who reads the newer version still may, and has what only former commits of it hold.
    assert [asked.username for asked in direct.list_accepted_access_requests(repo, repo_type="dataset")] == ["reader"]
    assert [(left.path, left.where) for left in leftovers(done)] == [
        # Swapped, so that the content of one is on main under the name of the other.
        ("c.json", "commit"),
        ("e.json", "commit"),
        ("f.json", "main"),
        ("g.json", "main"),
    ]
    assert main(direct, both) == NEW
    refs = direct.list_repo_refs(repo, repo_type="dataset")
    assert [ref.name for ref in refs.tags] == ["release-1.0.10"]
    assert [ref.name for ref in refs.branches] == ["main", "script"]
    assert digest not in {file.oid for file in direct.list_lfs_files(repo, repo_type="dataset")}
    titles = [commit.title for commit in direct.list_repo_commits(repo, repo_type="dataset")]
    assert titles == ["Withdraw release-1.0.1", "Put release-1.0.10", "Put release-1.0.1", "initial commit"]


def test_the_newest_version_goes_and_leaves_what_the_older_one_holds(
    both: ReleaseConfig, direct: HfApi, tmp_path: Path
) -> None:
    repo = both.hub.repo("dataset")
    planned = dataset(plan_withdrawal(both, "release-1.0.10"))
    assert planned.files.keys() == {"a.parquet"}
    assert (planned.small, planned.past) == (["c.json", "f.json", "g.json"], [])
    assert planned.kept == ["d.json", "new/b.parquet"]
    assert (planned.alone, planned.script) == (False, True)
    withdraw(both, "release-1.0.10", "Too early.")
    assert main(direct, both) == {"d.json": "in both", "new/b.parquet": "PAR1 moved"}
    assert [ref.name for ref in direct.list_repo_refs(repo, repo_type="dataset").branches] == ["main"]
    # The notice of 1.0.10 is none of 1.0.1, whose files under its tag are as they were.
    with pytest.raises(HubkitError, match=r"^\S+: release-1\.0\.1 is on the Hub with other files than dist/"):
        push(both, small_dist(tmp_path / "one", both))
    ten = lean_config(both.hub.dataset.removesuffix("-mimic-ext"), version="1.0.10")
    with pytest.raises(HubkitError, match=r"release-1\.0\.10 was withdrawn"):
        push(ten, small_dist(tmp_path / "ten", ten))
    withdraw(both, "release-1.0.1", "Old.")
    assert main(direct, both) == {}
    assert re.findall(r"\*\*(\S+) was withdrawn", card(direct, repo)) == ["release-1.0.1", "release-1.0.10"]
    assert len(direct.list_repo_commits(repo, repo_type="dataset")) == 1


@pytest.fixture
def hidden(hub: LocalHub) -> Iterator[None]:
    """The maintainer's repos do not say who asks for them."""
    accounts = Accounts(hub.root)
    accounts.configure(hub.owner, hide_requesters=True)
    yield
    accounts.configure(hub.owner, hide_requesters=False)


def ask(hub: LocalHub, config: ReleaseConfig) -> None:
    """The outsider asks for the dataset."""
    httpx.post(
        f"{hub.url}/datasets/{config.hub.repo('dataset')}/ask-access",
        json={},
        headers={"Authorization": f"Bearer {hub.tokens['ungranted']}"},
    )


WRITES = (
    "/user-access-request/handle$",
    "/commit/main",
    "/lfs-files/batch",
    "/branch/script",
    "/super-squash/",
    "/tag/",
)


def test_grants_go_first_and_the_tag_last_whatever_answer_is_lost(
    front: Interposed, hub: LocalHub, direct: HfApi
) -> None:
    config = small_config("lossy-withdrawal")
    release(direct, config, "release-1.0.0", OLD, script="release-1.0.0")
    ask(hub, config)
    repos = {"datasets": config.hub.repo("dataset"), "models": config.hub.repo("adapter")}
    rules = [front.on("POST DELETE", path, every_other_lost(), times=99) for path in WRITES]
    before = len(hub.log())
    withdraw(config, "release-1.0.0", "A licence\nquestion.")
    assert all(rule.seen for rule in rules)
    lines = [line for line in hub.log()[before:] if line["method"] not in ("GET", "HEAD") and line["status"] == 200]
    done = [path for path in (str(line["path"]) for line in lines) if "preupload" not in path and "yaml" not in path]

    def steps(kind: str, *names: str) -> list[str]:
        return [f"/api/{kind}/{repos[kind]}/{name}" for name in names]

    handle, notice, large, small, history = (
        "user-access-request/handle",
        "commit/main",
        "lfs-files/batch",
        "commit/main",
        "super-squash/main",
    )
    assert done == [
        *steps("datasets", handle),
        *steps("models", handle),
        *steps("datasets", notice, large, small, "branch/script", history, "tag/release-1.0.0"),
        *steps("models", notice, large, small, history, "tag/release-1.0.0"),
    ]
    for kind, repo in repos.items():
        assert card(direct, repo, kind.removesuffix("s")).count("release-1.0.0 was withdrawn") == 1
        assert set(direct.list_repo_files(repo, repo_type=kind.removesuffix("s"))) == OWN
        assert direct.list_lfs_files(repo, repo_type=kind.removesuffix("s")) is not None
    pending = list(direct.list_pending_access_requests(repos["datasets"], repo_type="dataset"))
    assert [asked.username for asked in pending] == ["outsider", "reader"]


@pytest.mark.parametrize(
    ("met", "message"),
    [
        (answers(403), r"the Hub refused \(403\)"),
        (answers(404), r"still grants it to reader; nothing was deleted \(revoke it in the repo's settings"),
        (answers(200), r"still grants it to reader; nothing was deleted \(revoke it in the repo's settings"),
    ],
    ids=["refused", "unknown", "ignored"],
)
def test_nothing_is_deleted_while_somebody_may_read(
    front: Interposed, direct: HfApi, met: Action, message: str, request: pytest.FixtureRequest
) -> None:
    config = lean_config(f"readers-{request.node.callspec.id}")
    release(direct, config, "release-1.0.0", {"c.json": "of 1.0.0"})
    front.on("POST", "/user-access-request/handle$", met, times=9)
    with pytest.raises(HubkitError, match=f"^{config.hub.repo('dataset')}: .*{message}"):
        withdraw(config, "release-1.0.0", "Why.")
    assert main(direct, config) == {"c.json": "of 1.0.0"}
    assert card(direct, config.hub.repo("dataset")) == CARD
    front.rules.clear()
    withdraw(config, "release-1.0.0", "Why.")
    assert main(direct, config) == {}


def test_a_withdrawal_that_stopped_between_two_repos_goes_on(front: Interposed, direct: HfApi) -> None:
    config = small_config("halfway-back")
    release(direct, config, "release-1.0.0", {"c.json": "of 1.0.0"})
    adapter = config.hub.repo("adapter")
    front.on("POST", f"/api/models/{adapter}/commit/main", answers(403))
    with pytest.raises(HubkitError, match=f"^{adapter}: the Hub refused"):
        withdraw(config, "release-1.0.0", "Why.")
    assert direct.list_repo_refs(config.hub.repo("dataset"), repo_type="dataset").tags == []
    assert [done.repo for done in withdraw(config, "release-1.0.0", "Why.")] == [adapter]
    assert set(direct.list_repo_files(adapter)) == OWN
    assert direct.list_repo_refs(adapter).tags == []


def upload(direct: HfApi, repo: str, path: str, text: str) -> Callable[[], object]:
    return lambda: direct.upload_file(
        path_or_fileobj=text.encode(), path_in_repo=path, repo_id=repo, repo_type="dataset"
    )


def test_what_people_change_meanwhile_stays(front: Interposed, direct: HfApi) -> None:
    """A line in the card, and a file of the version that somebody replaced on main."""
    config = lean_config("meanwhile")
    repo = config.hub.repo("dataset")
    release(direct, config, "release-1.0.0", {"c.json": "of 1.0.0", "d.json": "of 1.0.0"})
    commits = f"/api/datasets/{repo}/commit/main"
    front.on("POST", commits, meanwhile(upload(direct, repo, "README.md", f"{CARD}\nA line.\n")))
    front.on("POST", commits, meanwhile(upload(direct, repo, "c.json", "another")), holds=b"deletedFile")
    withdraw(config, "release-1.0.0", "Why.")
    assert main(direct, config) == {"c.json": "another"}
    text = card(direct, repo)
    assert "A line." in text
    assert text.count("release-1.0.0 was withdrawn") == 1


NOTICE = (
    r"<!-- hubkit:begin withdrawn-release-1\.0\.0 [^\n]*-->\n> \*\*release-1\.0\.0 was withdrawn on \d{4}-\d\d-\d\d"
)
NOTICE += (
    r"\.\*\* Two words\.\n>\n> Delete your copies of it, [^\n]*\n<!-- hubkit:end withdrawn-release-1\.0\.0 -->\n\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (CARD, rf"---\nlicense: other\n---\n\n{NOTICE}# Reports\n"),
        ("# Reports\n\n---\n", rf"{NOTICE}# Reports\n\n---\n"),
        ("", NOTICE),
    ],
    ids=["yaml", "bare", "none"],
)
def test_where_the_notice_stands(direct: HfApi, before: str, after: str, request: pytest.FixtureRequest) -> None:
    config = lean_config(f"notice-{request.node.callspec.id}")
    release(direct, config, "release-1.0.0", {"c.json": "of 1.0.0"}, card=before)
    withdraw(config, "release-1.0.0", "  Two\n words. ")
    assert re.fullmatch(after, card(direct, config.hub.repo("dataset")))


def test_what_still_answers_is_listed(direct: HfApi) -> None:
    """A pull request keeps a small file, a former commit another; the large one is gone from both."""
    config = lean_config("still-answers")
    repo = config.hub.repo("dataset")
    release(direct, config, "release-1.0.0", {"a.parquet": "PAR1 still", "c.json": "still c"})
    former = str(direct.dataset_info(repo).sha)
    direct.upload_file(path_or_fileobj=b"more", path_in_repo="b.md", repo_id=repo, repo_type="dataset", create_pr=True)
    upload(direct, repo, "d.json", "still d")()
    direct.delete_tag(repo, tag="release-1.0.0", repo_type="dataset")
    direct.create_tag(repo, tag="release-1.0.0", repo_type="dataset")
    (done,) = withdraw(config, "release-1.0.0", "Why.")
    assert former in done.commits
    assert leftovers(done) == [
        Leftover(repo, "c.json", "pull request", "refs/pr/1"),
        Leftover(repo, "d.json", "commit", done.commits[0]),
    ]
    upload(direct, repo, "again.json", "still d")()
    assert leftovers(done)[0] == Leftover(repo, "again.json", "main", "main")


def test_a_large_file_that_the_hub_kept_is_listed(front: Interposed, direct: HfApi) -> None:
    config = lean_config("kept-large")
    repo = config.hub.repo("dataset")
    release(direct, config, "release-1.0.0", {"a.parquet": "PAR1 kept"})
    front.on("POST", "/lfs-files/batch", answers(200))
    (done,) = withdraw(config, "release-1.0.0", "Why.")
    assert [(left.path, left.where) for left in leftovers(done)] == [("a.parquet", "main")]
    direct.delete_file("a.parquet", repo, repo_type="dataset")
    direct.super_squash_history(repo, branch="main", repo_type="dataset")
    unreached = done._replace(commits=[])
    assert [(left.path, left.where) for left in leftovers(unreached)] == [("a.parquet", "storage")]


@pytest.mark.usefixtures("hidden")
def test_grants_go_by_request_where_names_are_hidden(hub: LocalHub, direct: HfApi) -> None:
    """Readers lose their grant, and are pending again: a rejection would bar them for good."""
    config = lean_config("hidden-names")
    repo = config.hub.repo("dataset")
    release(direct, config, "release-1.0.0", {"c.json": "of 1.0.0"})
    ask(hub, config)
    (asked,) = access.requests(config, ("pending",))
    assert asked.user == asked.request_id
    for decide, status in ((access.grant, "accepted"), (access.revoke, "pending"), (access.grant, "accepted")):
        assert decide(config, asked.user) == [repo]
        assert asked.user in {found.user for found in access.requests(config, (status,))}
    done = withdraw(config, "release-1.0.0", "Why.")
    assert len(done[0].readers) == 2
    assert [found.status for found in access.requests(config)] == ["pending", "pending"]
    assert readers_left(config, done) == []
    access.grant(config, asked.user)
    assert readers_left(config, done) == [asked.user]


def test_the_workspace_knows_of_a_withdrawal(direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("known-withdrawal")
    workspace = small_dist(tmp_path / "one", config)
    push(config, workspace)
    stage = next(stage for stage in STAGES if stage.name == "push")
    record(stage, config, workspace, stage.key(config, workspace), time.time())
    run_one("push", config, workspace)
    withdraw(config, "release-1.0.0", "Why.", workspace)
    assert re.fullmatch(r"release-1\.0\.0 was withdrawn on \d{4}-\d\d-\d\d", str(taken_back(config, workspace)))
    with pytest.raises(HubkitError, match=r"release-1\.0\.0 was withdrawn on"):
        verify(config, workspace)
    # It does not count as done any more, and is not pushed again either.
    with pytest.raises(HubkitError, match=r"release-1\.0\.0 was withdrawn"):
        run_one("push", config, workspace)


def test_a_withdrawal_that_the_hub_refuses_is_not_on_record(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("refused-withdrawal")
    workspace = small_dist(tmp_path / "one", config)
    push(config, workspace)
    front.on("POST", f"/api/datasets/{config.hub.repo('dataset')}/commit/main", answers(403))
    with pytest.raises(HubkitError, match=r"the Hub refused \(403\)"):
        withdraw(config, "release-1.0.0", "Why.", workspace)
    assert taken_back(config, workspace) is None
    withdraw(config, "release-1.0.0", "Why.", workspace)
    assert taken_back(config, workspace) is not None


def test_a_tag_that_is_not_there_is_answered_with_those_that_are(direct: HfApi) -> None:
    config = lean_config("unknown-tag")
    release(direct, config, "release-1.0.0", NEW)
    with pytest.raises(HubkitError, match=r"there is no tag 1\.0\.0") as caught:
        plan_withdrawal(config, "1.0.0")
    assert caught.value.hint == "tags of its repos: release-1.0.0"
