"""Requests for access as a maintainer sees and answers them, and a version that is taken back."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RevisionNotFoundError
from small_dist import small_config, small_dist

from hubkit.cli import cli
from hubkit.config import ReleaseConfig, write_config
from hubkit.errors import HubkitError, UsageError
from hubkit.hub import access, gate
from hubkit.hub.client import connect
from hubkit.hub.leftovers import leftovers
from hubkit.hub.plan import plan_push
from hubkit.hub.push import push
from hubkit.hub.targets import targets
from hubkit.hub.withdraw import plan_withdrawal, withdraw
from hubkit.localhub import LocalHub
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace

DATA = "data/default/test-00000-of-00001.parquet"


@pytest.fixture
def released(tmp_path: Path, request: pytest.FixtureRequest) -> ReleaseConfig:
    config = small_config(request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-"))
    push(config, small_dist(tmp_path / "one", config))
    return config


def ask(hub: LocalHub, config: ReleaseConfig, fields: dict[str, str]) -> None:
    for prefix, repo in (("/datasets", config.hub.repo("dataset")), ("", config.hub.repo("adapter"))):
        answer = httpx.post(
            f"{hub.url}{prefix}/{repo}/ask-access",
            json=fields,
            headers={"Authorization": f"Bearer {hub.tokens['ungranted']}"},
        )
        assert answer.status_code == 303


def test_a_request_is_seen_granted_and_taken_back(hub: LocalHub, released: ReleaseConfig, tmp_path: Path) -> None:
    outsider = HfApi(endpoint=hub.url, token=hub.tokens["ungranted"])
    repo = released.hub.repo("dataset")
    ask(hub, released, {"Institution": '=HYPERLINK("x")', "Country": "BR"})
    (first, second) = access.requests(released, ("pending",))
    assert (first.user, first.kind, second.kind) == ("outsider", "dataset", "model")
    assert first.fields["Country"] == "BR"
    assert access.grant(released, "outsider") == [repo, released.hub.repo("adapter")]
    assert access.grant(released, "outsider") == []
    outsider.hf_hub_download(repo, DATA, repo_type="dataset")
    assert access.reject(released, "outsider", "no certificate") == [repo, released.hub.repo("adapter")]
    with pytest.raises(GatedRepoError):
        outsider.auth_check(repo, repo_type="dataset")
    assert access.export(released, tmp_path / "asked.csv") == 4
    rows = list(csv.DictReader((tmp_path / "asked.csv").open()))
    assert {row["Institution"] for row in rows} == {"", '\'=HYPERLINK("x")'}
    assert {(row["user"], row["status"]) for row in rows} == {("outsider", "rejected"), ("reader", "accepted")}


def test_people_who_did_not_ask(released: ReleaseConfig) -> None:
    with pytest.raises(HubkitError, match="nobody did not ask for access"):
        access.reject(released, "nobody")
    with pytest.raises(HubkitError, match=r"^nobody: there is no such user"):
        access.grant(released, "nobody")


def test_the_commands(hub: LocalHub, released: ReleaseConfig, tmp_path: Path) -> None:
    settings = tmp_path / "hubkit.toml"
    settings.write_text(write_config(released))

    def hubkit(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, "--config", str(settings)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert hubkit("access", "list") == "no requests\n"
    ask(hub, released, {"Country": "BR"})
    listed = hubkit("access", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["outsider,", "pending", released.hub.repo("adapter"), "Country:"]
    assert listed[1].split()[2] == released.hub.repo("dataset")
    lines = [json.loads(line) for line in hubkit("access", "list", "--status", "all", "--json").splitlines()]
    assert {line["user"] for line in lines} == {"outsider", "reader"}
    assert "outsider may read" in hubkit("access", "grant", "outsider")
    assert "outsider may not read" in hubkit("access", "reject", "outsider")
    assert "4 requests" in hubkit("access", "export", str(tmp_path / "asked.csv"))
    planned = hubkit("withdraw")
    assert f"deletes {DATA} from every commit" in planned
    assert "add: --confirm release-1.0.0" in planned
    assert "outsider had no grant" in hubkit("access", "revoke", "outsider")
    assert "pending again" in hubkit("access", "revoke", "reader")
    assert "revokes the grants of 0: nobody" in hubkit("withdraw")
    hubkit("access", "grant", "reader")
    done = hubkit("withdraw", "--confirm", "release-1.0.0")
    assert "Nothing was done yet" not in done
    assert "adapter_config.json answers at the former commit" in done
    assert "Only deleting a repo" in done


@pytest.mark.parametrize(
    "command", ["access list", "access grant outsider", "access reject outsider", "access export asked.csv", "withdraw"]
)
@pytest.mark.usefixtures("hub")
def test_without_a_namespace_the_setting_is_named(tmp_path: Path, command: str) -> None:
    settings = tmp_path / "hubkit.toml"
    settings.write_text("")
    with pytest.raises(UsageError, match=r"^\[hub\] namespace: is missing"):
        CliRunner().invoke(cli, [*command.split(), "--config", str(settings)], catch_exceptions=False)


def test_what_strangers_write_does_no_harm(hub: LocalHub, released: ReleaseConfig, tmp_path: Path) -> None:
    settings = tmp_path / "hubkit.toml"
    settings.write_text(write_config(released))
    ask(hub, released, {"Country": "BR\x1b[2J\naccepted  another", "=1+1": "\u202eright to left", "Name": "+1"})
    listed = CliRunner().invoke(cli, ["access", "list", "--config", str(settings)]).output
    assert len(listed.splitlines()) == 1 + 2 + 3
    assert "Country: BR\ufffd[2J\ufffdaccepted  another" in listed
    as_json = CliRunner().invoke(cli, ["access", "list", "--json", "--config", str(settings)]).output
    assert json.loads(as_json.splitlines()[0])["fields"]["Name"] == "+1"
    assert not any(mark in listed + as_json for mark in ("\x1b", "\u202e"))
    access.export(released, tmp_path / "asked.csv")
    cells = [cell for row in csv.reader((tmp_path / "asked.csv").open(newline="")) for cell in row]
    assert {"'=1+1", "'+1", "BR\ufffd[2J\ufffdaccepted  another", "\ufffdright to left"} <= set(cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert stat.S_IMODE((tmp_path / "asked.csv").stat().st_mode) == 0o600


CELLS = {
    "=1+1": "'=1+1",
    " @SUM(1)": " '@SUM(1)",
    "\uff1d1+1": "'\uff1d1+1",
    "one;=1+1": "one;'=1+1",
    "a-b, c=d; e": "a-b, c=d; e",
    "\t=1": "\ufffd=1",
    "São Paulo\x9b2J": "São Paulo\ufffd2J",
}


def test_cells_that_a_spreadsheet_would_run(hub: LocalHub, released: ReleaseConfig, tmp_path: Path) -> None:
    ask(hub, released, {f"Question {number}": answer for number, answer in enumerate(CELLS)})
    path = tmp_path / "asked.csv"
    access.export(released, path)
    row = next(row for row in csv.DictReader(path.open(newline="")) if row["user"] == "outsider")
    assert [row[f"Question {number}"] for number in range(len(CELLS))] == list(CELLS.values())


def test_a_withdrawn_version_is_gone_and_leaves_a_notice(
    hub: LocalHub, released: ReleaseConfig, tmp_path: Path
) -> None:
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    repo, tag = released.hub.repo("dataset"), released.release.tag
    commits = [commit.commit_id for commit in owner.list_repo_commits(repo, repo_type="dataset")]
    planned = {done.repo: done for done in plan_withdrawal(released, tag)}
    assert planned[repo].files.keys() == {DATA}
    assert planned[repo].small == []
    assert planned[released.hub.repo("adapter")].small == ["adapter_config.json"]
    assert planned[repo].readers == ["reader"]
    done = withdraw(released, tag, "A licence\nquestion.")
    reader = HfApi(endpoint=hub.url, token=hub.tokens["granted"])
    with pytest.raises(GatedRepoError):
        reader.auth_check(repo, repo_type="dataset")
    assert not owner.file_exists(repo, DATA, repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        owner.dataset_info(repo, revision=tag)
    # A Hub still serves commits that no ref names: large files are gone from them, small ones are not.
    assert [[(left.path, left.where) for left in leftovers(each)] for each in done] == [
        [],
        [("adapter_config.json", "commit")],
    ]
    assert set(done[0].commits) == set(commits)
    stranger = HfApi(endpoint=hub.url, token=False)
    card = Path(stranger.hf_hub_download(repo, "README.md", repo_type="dataset", force_download=True)).read_text()
    assert "release-1.0.0 was withdrawn on" in card
    assert "A licence question." in card
    for name, kind in ((repo, "dataset"), (released.hub.repo("adapter"), "model")):
        left = set(owner.list_repo_files(name, repo_type=kind))
        assert left <= {".gitattributes", "LICENSE", "README.md", "gate-probe.bin", "gate-probe.txt"}
        assert len(owner.list_repo_commits(name, repo_type=kind)) == 1
    with pytest.raises(HubkitError, match=r"there is no tag release-1\.0\.0"):
        withdraw(released, tag, "again")
    with pytest.raises(HubkitError, match=r"release-1\.0\.0 was withdrawn \(raise \[release\] version"):
        push(released, Workspace(tmp_path / "one"))


def test_withdrawing_an_older_version_leaves_the_newer_ones_script(
    hub: LocalHub, released: ReleaseConfig, tmp_path: Path
) -> None:
    later = small_config(released.hub.dataset.removesuffix("-mimic-ext"), version="1.1.0")
    push(later, small_dist(tmp_path / "two", later))
    repo, owner = released.hub.repo("dataset"), HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    planned = {done.repo: done for done in plan_withdrawal(released, "release-1.0.0")}[repo]
    assert (planned.script, planned.files, planned.kept) == (False, {}, [DATA])
    withdraw(released, "release-1.0.0", "Old.")
    branches = {ref.name for ref in owner.list_repo_refs(repo, repo_type="dataset").branches}
    assert branches == {"main", "script"}
    assert {done.repo: done for done in plan_withdrawal(later, "release-1.1.0")}[repo].script


def test_a_reason_is_compared_with_the_corpus(released: ReleaseConfig, tmp_path: Path) -> None:
    report = "Transverse lucency crosses the posterior eighth rib obliquely."
    settings, workspace = tmp_path / "hubkit.toml", Workspace(tmp_path / "read")
    settings.write_text(write_config(released))
    places = ["--config", str(settings), "--workspace", str(workspace.root), "--reason"]
    for command in (["withdraw"], ["access", "reject", "reader"]):
        done = CliRunner().invoke(cli, [*command, *places, report])
        assert "the reason cannot be compared with the corpus" in str(done.exception)
    tables = {
        workspace.studies: {"subject_id": [1], "study_id": [2], "report": [report], "images": [[{"dicom_id": "0a1b"}]]}
    }
    tables[workspace.translations] = {"study_id": [2], "translation": ["Sem alterações."]}
    for condition in CONDITIONS:
        tables[workspace.generations(condition)] = {"study_id": [2], "reference": ["Normal."], "generated": ["Sim."]}
    for path, columns in tables.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
    for command in (["withdraw"], ["access", "reject", "reader"]):
        done = CliRunner().invoke(cli, [*command, *places, f"It says: {report}"])
        assert "reason: the leak guard refuses it: reason.txt line 1: a run of 6 words" in str(done.exception)
        assert "lucency" not in str(done.exception)


def test_what_other_versions_hold_stays(hub: LocalHub, released: ReleaseConfig, tmp_path: Path) -> None:
    later = small_config(released.hub.dataset.removesuffix("-mimic-ext"), version="1.1.0")
    workspace = small_dist(tmp_path / "two", later)
    (workspace.dist / "adapter" / "notes.txt").write_text("of 1.1.0")
    (workspace.dist / "dataset" / "data" / "default" / "more.parquet").write_bytes(b"PAR1 more PAR1")
    push(later, workspace)
    repo = released.hub.repo("dataset")
    planned = {done.repo: set(done.files) for done in plan_withdrawal(later, "release-1.1.0")}
    assert planned[repo] == {"data/default/more.parquet"}
    withdraw(later, "release-1.1.0", "Too early.")
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    assert DATA in owner.list_repo_files(repo, repo_type="dataset", revision="release-1.0.0")
    assert "data/default/more.parquet" not in owner.list_repo_files(repo, repo_type="dataset")
    adapter = released.hub.repo("adapter")
    assert "notes.txt" not in owner.list_repo_files(adapter)
    for revision in ("main", "release-1.0.0"):
        assert {"adapter_config.json", "adapter_model.safetensors"} < set(
            owner.list_repo_files(adapter, revision=revision)
        )
    push(released, Workspace(tmp_path / "one"))
    receipt = json.loads((tmp_path / "one" / "receipt.json").read_text())
    assert owner.dataset_info(repo, revision="release-1.0.0").sha == receipt["repos"]["dataset"]["commit"]


def test_hints_follow_what_the_hub_says(
    hub: LocalHub, released: ReleaseConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A DOI is noticed before a push relies on making the repo private; 400 and 403 alone say too little."""
    with pytest.raises(HubkitError, match=r"shorten the reason: the Hub takes 200 characters"):
        access.reject(released, "reader", "x" * 201)
    owner = {"Authorization": f"Bearer {hub.tokens['owner']}"}
    httpx.post(f"{hub.url}/datasets/{released.hub.repo('dataset')}/settings/doi", headers=owner).raise_for_status()
    workspace = Workspace(tmp_path / "one")
    target = targets(released, workspace)[0]
    (warning,) = plan_push(released, workspace).warnings
    assert warning.startswith(f"{target.repo} has a DOI (doi:10.57967/")
    push(released, workspace)
    told = capsys.readouterr().err
    assert told.count("has a DOI") == 1
    assert f"push: {warning}" in told
    with pytest.raises(HubkitError, match=r"let in, and .* not be made private: .*locked by DOI \(set its gate to man"):
        gate.hidden(connect(), target, gate.Surprise("a stranger was let in", where=target.repo))
    with pytest.raises(HubkitError, match=r"the Hub's support alone"):
        connect().delete_repo(target.repo, repo_type="dataset")


def test_a_renamed_repo_is_recognised(released: ReleaseConfig, tmp_path: Path) -> None:
    """The Hub redirects from the former name, so that a push would go on under it."""
    repo = released.hub.repo("dataset")
    connect().move_repo(repo, f"{repo}-moved", repo_type="dataset")
    workspace = Workspace(tmp_path / "one")
    for attempt in (push, plan_push):
        with pytest.raises(
            HubkitError, match=rf"^{repo}: is called {repo}-moved on the Hub now \(set its name in \[hub\]"
        ):
            attempt(released, workspace)
