"""The gate of a repo: which repos get one, what counts as shut, and what happens where it is not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from interposed import Action, Interposed, answers, lost, meanwhile
from small_dist import lean_config, small_dist

from hubkit.errors import HubkitError
from hubkit.hub import gate
from hubkit.hub.client import connect
from hubkit.hub.push import push
from hubkit.hub.targets import LFS_PROBE, PROBE, PROBES, WITHOUT_DATA, Target
from hubkit.localhub import LocalHub


def dataset(name: str) -> Target:
    return Target("dataset", f"maintainer/{name}", "dataset", Path("dist"), True)


def make(direct: HfApi, name: str, private: bool, gated: str | bool, files: tuple[str, ...] = ()) -> Target:
    """A repo as somebody left it on the Hub."""
    from huggingface_hub import CommitOperationAdd

    repo = f"maintainer/{name}"
    direct.create_repo(repo, repo_type="dataset", private=private)
    direct.update_repo_settings(repo, repo_type="dataset", gated=gated)  # type: ignore[arg-type]
    if files:
        operations = [CommitOperationAdd(path, b"---\nlicense: other\n---\n") for path in files]
        direct.create_commit(repo, operations, commit_message="Files", repo_type="dataset")
    return dataset(name)


def settings(direct: HfApi, target: Target) -> tuple[bool, str | bool]:
    info = direct.dataset_info(target.repo)
    return bool(info.private), info.gated or False


@pytest.mark.parametrize(
    ("private", "gated", "files"),
    [
        (True, False, ()),
        (True, False, ("LICENSE",)),
        (True, "auto", ("README.md", "LICENSE", PROBE)),
        (True, "manual", ("README.md", PROBE)),
        (False, "manual", ("README.md", "data.csv")),
    ],
)
def test_a_repo_that_may_be_pushed_to_gets_its_gate(
    direct: HfApi, private: bool, gated: str | bool, files: tuple[str, ...]
) -> None:
    target = make(direct, f"may-{private}-{gated}-{len(files)}", private, gated, files)
    gate.shut(direct, target)
    assert settings(direct, target) == (private, "manual")


@pytest.mark.parametrize(
    ("private", "gated", "files", "surprise", "message"),
    [
        (False, False, (), True, "public and has no gate with manual approval"),
        (False, "auto", (), True, "public and has no gate with manual approval"),
        (False, "auto", ("data.csv",), True, "public and has no gate with manual approval"),
        (True, False, ("data.csv",), False, "private and holds data"),
        (True, "manual", ("README.md", "data/default/test.csv"), False, "private and holds data"),
        (True, "manual", ("LICENSE.csv",), False, "private and holds data"),
    ],
)
def test_a_repo_that_may_not_is_left_as_it_is(
    direct: HfApi, private: bool, gated: str | bool, files: tuple[str, ...], surprise: bool, message: str
) -> None:
    target = make(direct, f"not-{private}-{gated}-{len(files)}-{len(str(files))}", private, gated, files)
    with pytest.raises(HubkitError, match=f"^{target.repo}: the repo is {message}") as refused:
        gate.shut(direct, target)
    assert isinstance(refused.value, gate.Surprise) is surprise
    assert settings(direct, target) == (private, gated)


def test_a_private_repo_that_holds_data_is_not_shown(hub: LocalHub, direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("hoard")
    target = make(direct, config.hub.dataset, True, "manual", ("reports.csv",))
    before = len(hub.log())
    with pytest.raises(HubkitError, match="private and holds data, so that its gate cannot be tried"):
        push(config, small_dist(tmp_path, config))
    assert settings(direct, target) == (True, "manual")
    assert {line["method"] for line in hub.log()[before:]} <= {"GET", "HEAD"}


def test_a_new_repo_that_shows_late_is_waited_for(front: Interposed, direct: HfApi) -> None:
    target = dataset("late")
    # Before it is made, and once after.
    late = front.on("GET", r"/api/datasets/maintainer/late$", answers(404, "RepoNotFound"), times=2)
    gate.shut(connect(), target)
    assert len(late.seen) == 2
    assert settings(direct, target) == (True, "manual")


@pytest.fixture(scope="module")
def shut(hub: LocalHub) -> Target:
    """A public repo behind a gate, with its probes."""
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    target = make(owner, "shut", True, "manual", (*PROBES,))
    gate.show(owner, target)
    return target


def test_a_shut_gate(front: Interposed, shut: Target, hub: LocalHub) -> None:
    gate.prove(connect(), shut, hub.tokens["ungranted"])
    gate.prove(connect(), shut, None)


def test_certificates_are_not_read_for_each_request(
    front: Interposed, shut: Target, hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = connect()
    gate.prove(api, shut, hub.tokens["ungranted"])
    read, load = [], ssl.SSLContext.load_verify_locations
    monkeypatch.setattr(
        ssl.SSLContext, "load_verify_locations", lambda *arguments, **more: read.append(load(*arguments, **more))
    )
    gate.prove(api, shut, hub.tokens["ungranted"])
    assert read == []


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ("a stranger", 200, None),
        ("a stranger", 401, None),
        ("a stranger", 401, "RepoNotFound"),
        ("a stranger", 403, "GatedRepo"),
        ("a stranger", 404, "EntryNotFound"),
        ("a stranger", 307, None),
        ("a user without a grant", 200, None),
        ("a user without a grant", 401, "GatedRepo"),
        ("a user without a grant", 403, "RepoNotFound"),
        ("a user without a grant", 404, "RepoNotFound"),
    ],
)
@pytest.mark.parametrize("probe", [PROBE, LFS_PROBE])
def test_another_answer_is_no_shut_gate(
    front: Interposed, shut: Target, hub: LocalHub, who: str, status: int, code: str | None, probe: str
) -> None:
    """A 401 alone says nothing: a private repo, a missing one and an expired token have it too."""
    token = None if who == "a stranger" else hub.tokens["ungranted"]
    front.on("GET", f"/datasets/{shut.repo}/resolve/main/{probe}$", answers(status, code), token=token)
    met, right = f"{status} {code or ''}".rstrip(), 401 if token is None else 403
    with pytest.raises(
        gate.Surprise, match=f"^{shut.repo}: {who} was answered {met} at the gate, not {right} .*{probe} at main"
    ):
        gate.prove(connect(), shut, hub.tokens["ungranted"])


@pytest.mark.parametrize("who", [None, "ungranted"])
def test_a_token_of_xet_is_not_for_outsiders(front: Interposed, shut: Target, hub: LocalHub, who: str | None) -> None:
    """Data may be served by Xet past a gate that plain addresses keep."""
    token = who and hub.tokens[who]
    met = front.on("GET", f"/api/datasets/{shut.repo}/xet-read-token/main$", answers(200), token=token)
    with pytest.raises(gate.Surprise, match=r"was answered 200 at the gate, .*asked for a token of Xet at main"):
        gate.prove(connect(), shut, hub.tokens["ungranted"])
    assert len(met.seen) == 1


def test_a_token_that_may_not_read_gated_repos_tells_nothing_of_the_gate(
    front: Interposed, shut: Target, hub: LocalHub
) -> None:
    """Such a token gets 403 without a code from every gated repo: the release stays as it is."""
    front.on("GET", f"/resolve/main/{PROBE}$", answers(403), token=hub.tokens["ungranted"])
    with pytest.raises(HubkitError, match=r"may not read gated repos.*public gated repositories") as refused:
        gate.prove(connect(), shut, hub.tokens["ungranted"])
    assert not isinstance(refused.value, gate.Surprise)


@pytest.mark.parametrize("gated", ["auto", False])
def test_a_gate_that_is_no_longer_manual(direct: HfApi, gated: str | bool) -> None:
    """With automatic approval each outsider is turned away until they ask."""
    target = make(direct, f"was-manual-{gated}", False, gated, (*PROBES,))
    with pytest.raises(
        gate.Surprise, match=f"was public behind a gate .* it is public and its gate is {gated or 'off'}"
    ):
        gate.prove(connect(), target, None)


def test_a_repo_is_shown_with_its_gate(front: Interposed, direct: HfApi) -> None:
    target = make(direct, "shown", True, False)
    shown = front.on("PUT", "/settings$", lambda asked: asked.forward(), times=9)
    gate.show(connect(), target)
    assert settings(direct, target) == (False, "manual")
    assert len(shown.seen) == 1


@pytest.mark.parametrize("stumble", [answers(429), answers(500), answers(503), lost], ids=["429", "500", "503", "lost"])
@pytest.mark.parametrize("who", [None, "ungranted"])
def test_a_stumble_at_the_probe_is_no_answer(
    front: Interposed, shut: Target, hub: LocalHub, stumble: Action, who: str | None
) -> None:
    met = front.on("GET", PROBE, stumble, token=who and hub.tokens[who])
    gate.prove(connect(), shut, hub.tokens["ungranted"])
    assert len(met.seen) == 1


@pytest.mark.parametrize(
    ("token", "waiver", "expected"),
    [("hf_a", None, "hf_a"), ("hf_a", "a reason", "hf_a"), ("", "a reason", None), (None, "a reason", None)],
)
def test_a_waiver_is_for_a_missing_token_alone(
    monkeypatch: pytest.MonkeyPatch, token: str | None, waiver: str | None, expected: str | None
) -> None:
    monkeypatch.delenv(gate.UNGRANTED_TOKEN)
    if token is not None:
        monkeypatch.setenv(gate.UNGRANTED_TOKEN, token)
    assert gate.ungranted_token(waiver) == expected


def test_an_empty_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gate.UNGRANTED_TOKEN, "")
    with pytest.raises(HubkitError, match="no token of a user without a grant"):
        gate.ungranted_token(None)


@pytest.mark.parametrize(
    ("ignored", "message", "left"),
    [
        (b"manual", "the gate was set and is not there; the repo is private now", {".gitattributes"}),
        (b"public", "now it is private and its gate is manual; the repo is private now", None),
    ],
    ids=["gate", "visibility"],
)
def test_a_setting_that_does_not_take_stops_the_push(
    front: Interposed,
    direct: HfApi,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ignored: bytes,
    message: str,
    left: set[str] | None,
) -> None:
    """Without a second account, a stranger's answer alone has to tell."""
    config = lean_config(f"ignored-{ignored.decode()}", waive_ungranted_probe="no second account yet")
    monkeypatch.delenv(gate.UNGRANTED_TOKEN)
    front.on("PUT", "/settings$", answers(200), holds=ignored, times=9)
    with pytest.raises(HubkitError, match=message):
        push(config, small_dist(tmp_path, config))
    info = direct.dataset_info(config.hub.repo("dataset"))
    assert info.private
    found = {item.rfilename for item in info.siblings or []}
    assert found <= WITHOUT_DATA
    assert left is None or found == left


@pytest.mark.parametrize("pull_request", [False, True], ids=["main", "pull request"])
@pytest.mark.parametrize("gated", ["auto", False])
def test_a_gate_that_opens_while_data_goes_up_is_noticed(
    front: Interposed, direct: HfApi, tmp_path: Path, gated: str | bool, pull_request: bool
) -> None:
    config = lean_config(f"opens-{gated}-{pull_request}", pull_request=pull_request)
    repo = config.hub.repo("dataset")
    opened = meanwhile(lambda: direct.update_repo_settings(repo, repo_type="dataset", gated=gated))  # type: ignore[arg-type]
    front.on("POST", f"/api/datasets/{repo}/commit/main", opened, holds=b"Release 1.0.0")
    with pytest.raises(HubkitError, match=rf"public and its gate is {gated or 'off'}; the repo is private now"):
        push(config, small_dist(tmp_path, config))
    assert direct.dataset_info(repo).private
    assert direct.list_repo_refs(repo, repo_type="dataset").tags == []


@pytest.mark.parametrize("gated", ["auto", False])
def test_a_gate_that_opens_with_the_tag_is_noticed(
    front: Interposed, direct: HfApi, tmp_path: Path, gated: str | bool
) -> None:
    config = lean_config(f"tagged-{gated}")
    workspace, repo = small_dist(tmp_path, config), config.hub.repo("dataset")
    opened = meanwhile(lambda: direct.update_repo_settings(repo, repo_type="dataset", gated=gated))  # type: ignore[arg-type]
    front.on("POST", f"/api/datasets/{repo}/tag/", opened)
    with pytest.raises(HubkitError, match=rf"public and its gate is {gated or 'off'}; the repo is private now"):
        push(config, workspace)
    assert direct.dataset_info(repo).private
    assert not workspace.receipt.exists()


@pytest.mark.parametrize(
    ("way", "who", "revision"),
    [
        ("resolve/REVISION/data/default/test-00000-of-00001.parquet", None, "main"),
        ("resolve/REVISION/data/default/test-00000-of-00001.parquet", "ungranted", "release-1.0.0"),
        ("xet-read-token/REVISION", None, "release-1.0.0"),
        ("xet-read-token/REVISION", "ungranted", "main"),
    ],
)
def test_real_files_are_asked_for_at_the_end(
    front: Interposed, hub: LocalHub, direct: HfApi, tmp_path: Path, way: str, who: str | None, revision: str
) -> None:
    """The probes are shut and a table is not: what served it goes on doing so until the repo is private."""
    config = lean_config(f"leaks-{way[0]}-{who}-{revision}")
    workspace, repo = small_dist(tmp_path, config), config.hub.repo("dataset")
    token = who and hub.tokens[who]
    if way.startswith("xet"):
        # Before the data, Xet is shut as well.
        front.on("GET", "/xet-read-token/main", lambda asked: asked.forward(), times=1, token=token)
    front.on("GET", f"{repo}/{way.replace('REVISION', revision)}$", answers(206), token=token, times=9)
    with pytest.raises(HubkitError, match=r"was answered 206 at the gate, not 40[13]; the repo is private now"):
        push(config, workspace)
    assert direct.dataset_info(repo).private
    assert not workspace.receipt.exists()


@pytest.mark.parametrize(
    ("met", "message"),
    [
        (answers(502), r"has no gate with manual approval; the repo is private now \(look at what it holds"),
        (answers(403), r"could not be made private: the Hub refused \(403\) \(make it private on the Hub, now\)"),
    ],
    ids=["502", "403"],
)
def test_what_is_said_where_a_repo_has_to_be_hidden(
    front: Interposed, direct: HfApi, tmp_path: Path, met: Action, message: str, request: pytest.FixtureRequest
) -> None:
    config = lean_config(f"hide-{request.node.callspec.id}")
    make(direct, config.hub.dataset, False, False)
    front.on("PUT", "/settings$", met, holds=b'"private"')
    with pytest.raises(HubkitError, match=f"^{config.hub.repo('dataset')}: .*{message}"):
        push(config, small_dist(tmp_path, config))


def test_a_refused_upload_does_not_hide_the_repo(front: Interposed, direct: HfApi, tmp_path: Path) -> None:
    config = lean_config("stays")
    front.on("POST", f"/api/datasets/maintainer/{config.hub.dataset}/commit/main", answers(403), holds=b"Release 1.0.0")
    with pytest.raises(HubkitError, match=r"the Hub refused \(403\)"):
        push(config, small_dist(tmp_path, config))
    assert settings(direct, dataset(config.hub.dataset)) == (False, "manual")
