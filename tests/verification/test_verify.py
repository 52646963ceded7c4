"""A release that the stages made, pushed and then used by processes without hubkit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from loopback import point_clients
from tiny_release import as_maintainer

import hubkit
from hubkit.cli import cli
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.push import push
from hubkit.localhub import LocalHub
from hubkit.packaging.package import package
from hubkit.report.summary import researcher_lines
from hubkit.verification.checks import CHECKS, Check
from hubkit.verification.clean_env import Access, clean_env
from hubkit.verification.examination import SCRIPT
from hubkit.verification.verify import LOADING_CHECKS, READER_CHECKS, SEALED_CHECKS, verify
from hubkit.workspace import Workspace


@pytest.fixture(scope="module")
def sealed(
    packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The same release, sealed and pushed under other names."""
    config, workspace = packaged
    other = Workspace(tmp_path_factory.mktemp("sealed") / "work")
    ignored = shutil.ignore_patterns("dist", "receipt.json")
    shutil.copytree(workspace.root, other.root, ignore=ignored, dirs_exist_ok=True)
    names = {"dataset": "sealed", "adapter": "sealed-lora", "metric": "bertscore_sealed"}
    tables = {"hub": names, "custody": {"mode": "sealed", "adapter_custody": "gated"}}
    changed = {name: getattr(config, name).model_copy(update=table) for name, table in tables.items()}
    config = config.model_copy(update=changed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(other.root / "cache"))
        for name, value in as_maintainer(hub).items():
            patch.setenv(name, value)
        package(config, other.running("package", "0" * 64))
        push(config, other)
    return [config.hub.repo(artifact) for artifact in ("dataset", "adapter", "metric")]


Results = dict[str, dict[str, str]]
"""By reader and check: the result, and what was said of it."""


def results(report: Path) -> Results:
    return {
        reader["reader"]: {check["check"]: f"{check['result']}: {check['detail']}" for check in reader["checks"]}
        for reader in json.loads(report.read_text())["readers"]
    }


NOT_A_READERS = ("HUBKIT_GRANTED_TOKEN", "HUBKIT_UNGRANTED_TOKEN", "MIMIC_CXR_ROOT", "MIMIC_CXR_JPG_ROOT")


class Reading(NamedTuple):
    """What came of `hubkit verify`: the error that ended it, what it printed, and the results."""

    error: str | None
    said: str
    found: Results


@pytest.fixture
def reader(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Reading]:
    """Runs `hubkit verify` as a granted reader with a token alone, with the checks named and no others.

    `refused` stands for those whom the gate refuses. It loads `datasets`, in a process of its own.
    """
    monkeypatch.chdir(tmp_path)
    point_clients(monkeypatch, hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["granted"])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in NOT_A_READERS:
        monkeypatch.delenv(name, raising=False)

    def verify(*arguments: str, checks: tuple[str, ...]) -> Reading:
        of_all = [name for name in checks if name in READER_CHECKS]
        monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", of_all)
        monkeypatch.setattr("hubkit.verification.verify.SEALED_CHECKS", [n for n in checks if n in SEALED_CHECKS])
        monkeypatch.setattr("hubkit.verification.verify.names_for", lambda who: [n for n in checks if n == who])
        done = CliRunner().invoke(cli, ["verify", *arguments])
        assert done.exception is None or isinstance(done.exception, HubkitError), done.exception
        error = None if done.exception is None else str(done.exception)
        return Reading(error, done.output + capfd.readouterr().err, results(tmp_path / "verification.json"))

    return verify


def test_anyone_verifies_a_release_by_its_names(
    pushed: list[str], packaged: tuple[ReleaseConfig, Workspace], reader: Callable[..., Reading], tmp_path: Path
) -> None:
    corpus = str(packaged[0].corpus.root)
    done = reader(*pushed, "--corpus", corpus, "--images", corpus, checks=("one_release", "loader_joins", "refused"))
    assert done.error is None
    assert done.found["granted"].keys() == {"one_release", "loader_joins"}
    assert done.found["granted"]["one_release"] == "passed: version 1.0.0 of one release: dataset, adapter, metric"
    assert re.match(r"passed: text \d+, images \d+, chat \d+ rows", done.found["granted"]["loader_joins"])
    assert done.found["stranger"] == {"refused": "passed: dataset and adapter gated"}
    assert done.found["ungranted"]["refused"].startswith("not run: needs a second account without a grant")
    assert "granted                    python 3." in done.said
    assert f"{' '.join(pushed)} at release-1.0.0: 4 passed, 0 failed, 1 not run (verification.json)" in done.said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["verification.json", "verification.log"]


def test_what_cannot_be_checked_says_why(
    pushed: list[str], hub: LocalHub, reader: Callable[..., Reading], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, adapter, _ = pushed
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"])
    needs = {
        "loader_joins": "not run: needs --corpus or --images",
        "bertimbau_table": "not run: no metric was named",
        "xlm_roberta_table": "not run: needs the reader's own corpus: give --corpus",
        "reports_regenerated": "not run: needs the reader's own images: give --images",
    }
    # Whoever gives nothing is checked by all others too: those pass in the test of what researchers do.
    assert needs.keys() < {*READER_CHECKS}
    done = reader(dataset, adapter, checks=(*needs, "refused"))
    assert done.error is None
    assert done.found["granted"] == needs
    assert done.found["ungranted"] == {"refused": "passed: dataset and adapter gated"}


def test_scores_are_held_to_those_of_the_release_where_the_corpus_has_the_report(
    packaged: tuple[ReleaseConfig, Workspace],
    pushed: list[str],
    hub: LocalHub,
    reader: Callable[..., Reading],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A release whose BERTimbau scores were changed, and a corpus of another version."""
    config, workspace = packaged
    corpus = tmp_path / "corpus"
    shutil.copytree(config.corpus.root, corpus)
    split = ("split", "=", "test")
    test = pq.read_table(workspace.studies, filters=[split])["study_id"].to_pylist()
    next(corpus.rglob(f"s{test[0]}.txt")).unlink()
    other = next(corpus.rglob(f"s{test[1]}.txt"))
    other.write_text(other.read_text() + " More.\n")
    monkeypatch.setenv("MIMIC_CXR_ROOT", str(corpus))

    changed = tmp_path / "dataset"
    shutil.copytree(workspace.dist / "dataset", changed)
    (path,) = changed.glob("data/scores/*.parquet")
    table = pq.read_table(path)
    rows = zip(table["f1"].to_pylist(), table["setup"].to_pylist(), strict=True)
    moved = [f1 + 0.001 if setup == "bertimbau" else f1 for f1, setup in rows]
    at = table.schema.get_field_index("f1")
    pq.write_table(table.set_column(at, "f1", pa.array(moved, pa.float32())), path)
    repo = f"{hub.owner}/changed"
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(repo, repo_type="dataset")
    api.upload_folder(folder_path=changed, repo_id=repo, repo_type="dataset")

    done = reader(repo, pushed[2], checks=("bertimbau_table", "xlm_roberta_table"))
    assert "checks failed, first bertimbau_table: scores differ by up to 0.001" in str(done.error)
    found = done.found["granted"]
    assert found["bertimbau_table"] == "failed: scores differ by up to 0.001"
    assert found["xlm_roberta_table"].startswith("passed: 33 scores, largest difference")
    assert "6 left out, whose reports the corpus lacks" in found["xlm_roberta_table"]


def run_verify(home: Path, hub: LocalHub, *arguments: str) -> tuple[int, str, Results]:
    """`hubkit verify` in a process of its own, as a granted reader with a token alone: exit code, output, results."""
    environment = {**os.environ, "HF_TOKEN": hub.tokens["granted"], "XDG_CACHE_HOME": str(home / "cache")}
    for name in NOT_A_READERS:
        environment.pop(name, None)
    command = [sys.executable, "-m", "hubkit", "verify", *arguments]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    report = home / "verification.json"
    return done.returncode, done.stdout + done.stderr, results(report) if report.exists() else {}


LACKS_A_MODEL = "not run: a model that it loads is not on this Hub, or not granted to this account"
"""What is said of a snippet whose encoder is BERTimbau itself, which the tests have not."""


def not_passed(found: dict[str, str]) -> dict[str, str]:
    return {name: result for name, result in found.items() if not result.startswith("passed: ")}


ADAPTER_AND_SCORES = ("reports_regenerated", "snippet_generate", "bertimbau_table", "xlm_roberta_table")
"""The dear checks. Of a sealed release they differ only in where the tables lie, which has a test of its own."""


def test_a_sealed_release_is_opened_with_the_readers_corpus(
    sealed: list[str], packaged: tuple[ReleaseConfig, Workspace], reader: Callable[..., Reading]
) -> None:
    corpus = str(packaged[0].corpus.root)
    asked = {*READER_CHECKS, *SEALED_CHECKS} - {*ADAPTER_AND_SCORES}
    done = reader(
        *sealed, "--corpus", corpus, "--images", corpus, checks=tuple(name for name in CHECKS if name in asked)
    )
    assert done.error is None
    assert done.found["hubkit"]["unsealed"].startswith("passed: ")
    found = done.found["granted"]
    assert not_passed(found) == {"snippet_space": LACKS_A_MODEL}
    assert found.keys() == asked
    assert found["datasets_load"].endswith("plain and streamed, as sealed bytes")
    assert found["opened_as_read"].endswith(", Sealed() 13")


@pytest.mark.parametrize("downloaded", [None, {"dataset": {"path": "nowhere"}}], ids=["online", "offline"])
def test_the_tables_of_a_sealed_release_are_those_that_were_opened(
    packaged: tuple[ReleaseConfig, Workspace], monkeypatch: pytest.MonkeyPatch, downloaded: dict[str, Any] | None
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT))
    monkeypatch.delitem(sys.modules, "task", raising=False)
    import task

    # The release in clear has the tables that one who opens the sealed one gets.
    folder = packaged[1].dist / "dataset"
    given = {"repos": {"dataset": "someone/sealed"}, "tag": "release-1.0.0", "sealed": True, "downloaded": downloaded}
    opened, shut = given | {"opened": str(folder)}, given | {"opened": None}
    (path,) = folder.glob("data/generations/*.parquet")
    assert list(task.table(opened, "generations")) == pq.read_table(path).to_pylist()
    assert task.folder(opened) == str(folder)
    for read in (lambda: task.table(shut, "generations"), lambda: task.folder(shut)):
        with pytest.raises(task.Skipped, match="the text is sealed: give --corpus"):
            read()
    monkeypatch.delitem(sys.modules, "task")


@pytest.mark.long
def test_a_sealed_release_is_opened_with_other_versions(
    package_index: None, sealed: list[str], packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, tmp_path: Path
) -> None:
    corpus = str(packaged[0].corpus.root)
    versions = ["--versions", "datasets-3.6", "--keep-versions", str(Path(sys.prefix).resolve() / "versions")]
    status, said, found = run_verify(tmp_path, hub, *sealed, "--corpus", corpus, "--images", corpus, *versions)
    assert status == 0, said
    assert found["granted"].keys() == {*READER_CHECKS, *SEALED_CHECKS}
    assert not_passed(found["granted"]) == {"snippet_space": LACKS_A_MODEL}
    lacking = "not run: torch, peft or transformers is not in this set of versions"
    assert not_passed(found["datasets-3.6"]) == {"adapter_loads": lacking}
    assert found["datasets-3.6"].keys() == {*LOADING_CHECKS, *SEALED_CHECKS} - {"snippet_open"}
    assert "opened with the corpus" in found["datasets-3.6"]["literal_load"]
    assert found["datasets-3.6"]["opened_as_read"] == found["granted"]["opened_as_read"]


def test_of_a_sealed_release_without_the_corpus_the_loading_is_checked(
    sealed: list[str],
    packaged: tuple[ReleaseConfig, Workspace],
    reader: Callable[..., Reading],
    tmp_path: Path,
) -> None:
    done = reader(sealed[0], checks=("datasets_load", "bertimbau_table"))
    assert done.error is None
    assert done.found["granted"]["datasets_load"].startswith("passed")
    assert done.found["granted"]["bertimbau_table"] == "not run: the text is sealed: give --corpus"
    other = tmp_path / "other"
    shutil.copytree(packaged[0].corpus.root, other)
    next(other.rglob("s*.txt")).write_text("another text")
    done = reader(sealed[0], "--corpus", str(other), checks=("one_release",))
    assert re.match(r"verification.json: 1 of \d checks failed, first unsealed: ", done.error or "")
    assert "the text of one report or more differs" in done.found["hubkit"]["unsealed"]


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["DATASET"], {"HF_TOKEN": "hf_nobody"}, "the token is unknown or has expired"),
        (["DATASET"], {"HF_TOKEN": "UNGRANTED"}, "maintainer/mimic-cxr-ptbr: access is not granted to you"),
        (["maintainer/nothing"], {}, "there is no such dataset or model or space, or you may not see it"),
        (["models/DATASET"], {}, "there is no such model, or you may not see it"),
        (["mimic-cxr-ptbr"], {}, "is not the id of a repo (name it as NAMESPACE/NAME)"),
        (["https://huggingface.co/lab/x"], {}, "is not the id of a repo"),
        (["DATASET", "datasets/DATASET"], {}, "is a dataset, as maintainer/mimic-cxr-ptbr is (name one of each kind)"),
        (["maintainer/twice"], {}, "is a dataset and a model (write datasets/maintainer/twice or another)"),
        (["DATASET", "--tag", "release-9.9.9"], {}, "there is no release-9.9.9 (its tags: release-1.0.0)"),
        (["DATASET", "--tag", "0" * 40], {}, "the Hub refused (404)"),
        (["maintainer/empty"], {}, "maintainer/empty: holds no dataset of a release at main"),
        (
            ["DATASET", "--corpus", "nowhere"],
            {},
            "nowhere: there is no such file or folder (give another with --corpus)",
        ),
        (["DATASET", "--corpus", "."], {}, "holds neither mimic-cxr-reports.zip nor files/"),
        (["DATASET", "--images", "nowhere"], {}, "give another with --images"),
        (["DATASET", "--versions", "datasets-1"], {}, "datasets-1: is neither a pinned set of versions nor"),
        (["DATASET"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, "the Hub did not answer"),
        (["--tag", "release-1.0.0"], {}, "--revision goes with REPO alone"),
    ],
)
def test_what_cannot_be_verified_is_one_line(
    pushed: list[str],
    hub: LocalHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    said: str,
) -> None:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    for name, kind in (("empty", "dataset"), ("twice", "dataset"), ("twice", "model")):
        api.create_repo(f"{hub.owner}/{name}", repo_type=kind, exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, hub.tokens["ungranted"] if value == "UNGRANTED" else value)
    done = CliRunner().invoke(cli, ["verify", *(word.replace("DATASET", pushed[0]) for word in arguments)])
    assert isinstance(done.exception, HubkitError), done.exception
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    report = tmp_path / "verification.json"
    if isinstance(done.exception, UsageError):
        assert not report.exists()
    else:
        found = results(report)
        assert found["granted"].keys() == {*READER_CHECKS}
        assert {*found["granted"].values()} == {f"not run: {done.exception}"}


def test_a_repo_that_tells_of_another_release_fails_the_verification(
    packaged: tuple[ReleaseConfig, Workspace], hub: LocalHub, reader: Callable[..., Reading]
) -> None:
    repo = f"{hub.owner}/copied"
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(repo, repo_type="dataset")
    api.upload_folder(folder_path=packaged[1].dist / "dataset", repo_id=repo, repo_type="dataset")
    done = reader(repo, checks=("one_release", "refused"))
    assert done.found["granted"]["one_release"] == "failed: the repos call it release-1.0.0"
    assert done.found["stranger"]["refused"].startswith("failed: data/")
    assert "2 of 4 checks failed, first one_release" in str(done.error)


PRINTED_LINES = """
def printed_lines(task):
    names = {}
    exec(compile(LINES, "the end of a release", "exec"), names)
    return f"{names['reports']['test'].num_rows} {type(names['model']).__name__} {names['metric'].name}"
"""


@pytest.fixture
def printed_lines(packaged: tuple[ReleaseConfig, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the granted reader, where hubkit is not installed, paste what the end of a release prints.

    As one more check, after all others: a process of its own would take as long for its imports as the checks do.
    """
    folder, lines = tmp_path / "downstream", "\n".join(researcher_lines(*packaged))
    shutil.copytree(SCRIPT, folder)
    (folder / "check_lines.py").write_text(f"LINES = {lines!r}\n{PRINTED_LINES}")
    monkeypatch.setattr("hubkit.verification.examination.SCRIPT", folder)
    monkeypatch.setitem(CHECKS, "printed_lines", Check("printed_lines", "check_lines"))
    monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", [*READER_CHECKS, "printed_lines"])


def test_what_researchers_do_works(
    packaged: tuple[ReleaseConfig, Workspace],
    pushed: list[str],
    printed_lines: None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    config, workspace = packaged
    verify(config, workspace)
    report = json.loads((workspace.root / "verification.json").read_text())
    checks = {(reader["reader"], check["check"]) for reader in report["readers"] for check in reader["checks"]}
    assert checks == {
        ("granted", "one_release"),
        ("granted", "datasets_load"),
        ("granted", "literal_load"),
        ("granted", "loader_joins"),
        ("granted", "bertimbau_table"),
        ("granted", "xlm_roberta_table"),
        ("granted", "reports_regenerated"),
        ("granted", "printed_lines"),
        *(("granted", f"snippet_{name}") for name in ("load", "join", "metric", "generate", "space", "space_scores")),
        ("stranger", "refused"),
        ("ungranted", "refused"),
        ("hubkit", "pinned_code"),
    }
    assert report["counts"] == {"passed": 16, "failed": 0, "not run": 1}
    details = {check["check"]: check["detail"] for check in report["readers"][0]["checks"]}
    assert details["datasets_load"] == "16 splits by tag and main, plain and streamed"
    assert report["readers"][0]["versions"]["datasets"]
    said = {check["check"]: f"{check['result']}: {check['detail']}" for check in report["readers"][0]["checks"]}
    assert re.fullmatch(r"passed: \d+ PeftModel\w* \S+", said["printed_lines"])
    assert said["snippet_load"] == "passed: runs as pasted"
    assert said["snippet_generate"].startswith("passed: runs as pasted; it prints ")
    assert not_passed(said) == {"snippet_space": LACKS_A_MODEL}
    shown = capfd.readouterr().err
    assert re.search(r"granted +xlm_roberta_table +passed: 39 scores, largest difference", shown)
    assert not [path for path in workspace.root.iterdir() if path.name.startswith("clean-env-")]


def test_code_on_a_card_that_is_not_hubkits_own_is_not_run(
    packaged: tuple[ReleaseConfig, Workspace], reader: Callable[..., Reading], hub: LocalHub, tmp_path: Path
) -> None:
    """Whoever may write to the repo changes a snippet, the loader, and its SHA-256 on the card."""
    config, workspace = packaged
    marker, changed = tmp_path / "ran", Workspace(tmp_path / "work")
    shutil.copytree(workspace.dist, changed.dist)
    card, loader = changed.dist / "dataset" / "README.md", changed.dist / "dataset" / "loader" / "mimic_cxr_ptbr.py"
    before = hashlib.sha256(loader.read_bytes()).hexdigest()
    theirs = f"open({str(marker)!r}, 'w')"
    loader.write_text(loader.read_text() + f"\n{theirs}\n")
    text = card.read_text().replace(before, hashlib.sha256(loader.read_bytes()).hexdigest())
    card.write_text(text.replace("\nreports = load_dataset(", f"\n{theirs}\nreports = load_dataset(", 1))
    names = {"dataset": "edited", "adapter": "edited-lora", "metric": "edited_metric"}
    later = config.model_copy(update={"hub": config.hub.model_copy(update=names)})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in as_maintainer(hub).items():
            patch.setenv(name, value)
        push(later, changed)
    corpus = str(config.corpus.root)
    done = reader(later.hub.repo("dataset"), "--corpus", corpus, checks=("snippet_load", "snippet_join"))
    assert done.found["granted"] == {
        "snippet_load": f"not run: the card has not this code as hubkit {hubkit.__version__} writes it",
        "snippet_join": f"not run: the loader that it runs is not pinned, or not that of hubkit {hubkit.__version__}",
    }
    assert "snippet_load        not run: the card has not this code" in done.said
    assert not marker.exists()


def test_a_reader_who_gets_in_without_a_grant_fails_the_verification(
    packaged: tuple[ReleaseConfig, Workspace], pushed: list[str], hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, workspace = packaged
    monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", [])
    monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", hub.tokens["granted"])
    with pytest.raises(HubkitError, match=r"refused: data/.*parquet was downloaded"):
        verify(config, workspace)


def test_nothing_was_pushed(tmp_path: Path, packaged: tuple[ReleaseConfig, Workspace]) -> None:
    with pytest.raises(HubkitError, match="nothing was pushed yet"):
        verify(packaged[0], Workspace(tmp_path))


def test_a_clean_environment_cannot_import_hubkit(tmp_path: Path) -> None:
    script, log = tmp_path / "script.py", tmp_path / "log"
    script.write_text("import os, huggingface_hub\nassert 'HF_TOKEN' not in os.environ\nimport hubkit\n")
    with clean_env(tmp_path) as process:
        assert process.run(script, [], Access(os.environ["HF_ENDPOINT"]), log) == 1
    assert "No module named 'hubkit'" in log.read_text()
