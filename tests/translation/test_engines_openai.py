"""The engine openai, against a real `transformers serve` and against a server that misbehaves over real sockets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from translation_server import in_portuguese

from hubkit.config import Translation, parse_config
from hubkit.errors import HubkitError, UsageError
from hubkit.leakguard.credentials import ACCOUNT, TOKENS
from hubkit.release import run_one
from hubkit.translation.engines import TRANSLATOR, open_engine
from hubkit.translation.engines.base import Request
from hubkit.translation.engines.openai import ATTEMPTS, USELESS_ATTEMPTS
from hubkit.translation.prompt import Prompt

SECRET = "Canary opacity in the left base."


def requests(count, limit=8):
    return [Request(Prompt.of(Translation()).messages("findings", f"{SECRET} {n}"), limit) for n in range(count)]


def settings(server, **changes):
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Translation(engine="openai", model="m", base_url=url, timeout=0.3, **changes)


PASSING = [400, 408, 429, 500, 502, 503, "hang", "drop", "not json", "no choice"]


@pytest.mark.parametrize("mood", PASSING)
def test_what_passes_is_tried_again_and_what_does_not_is_marked(moody, mood):
    passing, lasting, fine = requests(3)
    moody.plan = {passing.messages[-1]["content"]: [mood, "fine"], lasting.messages[-1]["content"]: [mood]}
    with open_engine(settings(moody, concurrency=3), pause=0.01) as engine:
        answers = dict(engine.answer([passing, lasting, fine]))
    assert [answers[place].finish_reason for place in range(3)] == ["stop", "error", "stop"]
    assert answers[0].text == passing.messages[-1]["content"].upper()
    assert (answers[1].text, answers[0].tokens) == (None, 2)
    assert SECRET not in answers[1].error
    seen = [moody.seen.count(request.messages[-1]["content"]) for request in (passing, lasting, fine)]
    # A completion that lacks a part is asked for once more; it would lack it again.
    assert seen == [2, USELESS_ATTEMPTS if mood == "no choice" else ATTEMPTS, 1]


@pytest.mark.parametrize(
    ("mood", "error"),
    [
        (413, "too_long"),
        (422, "HTTP 422"),
        ("filtered", "unusable reply: choices[0].finish_reason is content_filter"),
    ],
)
def test_a_request_that_is_refused_for_itself_fails_alone_and_is_not_repeated(moody, mood, error):
    refused, fine = requests(2)
    moody.plan = {refused.messages[-1]["content"]: [mood]}
    with open_engine(settings(moody), pause=0.01) as engine:
        answers = dict(engine.answer([refused, fine]))
    assert (answers[0].error, answers[1].finish_reason) == (error, "stop")
    assert len(moody.seen) == 2


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_stops_at_once_and_repeats_no_text(moody, status):
    moody.plan = {request.messages[-1]["content"]: [status] for request in requests(50)}
    with (
        open_engine(settings(moody, concurrency=1), pause=0.01) as engine,
        pytest.raises(HubkitError, match=f"HTTP {status}") as caught,
    ):
        list(engine.answer(requests(50)))
    assert SECRET not in str(caught.value)
    assert len(moody.seen) < 50


def test_failed_units_are_rows_and_are_asked_again_by_the_next_run(moody, make_workspace, studies, monkeypatch, capsys):
    monkeypatch.setattr("hubkit.translation.engines.openai.ATTEMPTS", 1)
    workspace = make_workspace(studies)
    moody.plan = {"Cough.": [400]}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "max_flagged": 0.02, "checkpoint": 5}
    config = parse_config({"corpus": {"kind": "demo"}, "translation": table})
    with pytest.raises(HubkitError, match="11  failed"):
        run_one("translate", config, workspace)
    failed = pq.read_table(workspace.machine_translations.with_name("flagged.parquet")).to_pylist()
    assert [(row["source"], row["translation"], row["finish_reason"]) for row in failed] == [
        ("Cough.", None, "error")
    ] * 11
    assert "no translation of 1 distinct texts" in capsys.readouterr().err
    before = len(moody.seen)
    moody.plan = {}
    run_one("translate", config, workspace)
    assert len(moody.seen) == before + 1
    # What failed in the run before is translated now.
    assert "no translation of" not in capsys.readouterr().err
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert all(row["translation"] == in_portuguese(row["source"]) for row in rows)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_unit_that_always_fails_does_not_lock_the_translation(moody, make_workspace, studies, monkeypatch, status):
    monkeypatch.setattr("hubkit.translation.engines.openai.ATTEMPTS", 1)
    workspace = make_workspace(studies)
    moody.plan = {"Cough.": [status]}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "checkpoint": 5}
    for _ in range(2):
        with pytest.raises(HubkitError, match="11  failed"):
            run_one(
                "translate",
                parse_config({"corpus": {"kind": "demo"}, "translation": table | {"max_flagged": 0}}),
                workspace,
            )
    before = len(moody.seen)
    config = parse_config({"corpus": {"kind": "demo"}, "translation": table | {"max_flagged": 0.5}})
    run_one("translate", config, workspace)
    assert moody.seen[before:] == ["Cough."]
    status_of = {row["source"]: row["status"] for row in pq.read_table(workspace.machine_translations).to_pylist()}
    assert [source for source, status in status_of.items() if status == "failed"] == ["Cough."]


def test_a_server_that_is_gone_stops_the_stage_and_loses_nothing(moody, make_workspace, studies, monkeypatch):
    monkeypatch.setattr("hubkit.translation.engines.openai.ATTEMPTS", 2)
    workspace = make_workspace(studies)
    moody.plan = {study["findings"]: [503] for study in studies if study.get("findings")}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "max_flagged": 0.02, "checkpoint": 2}
    config = parse_config({"corpus": {"kind": "demo"}, "translation": table})
    with pytest.raises(HubkitError, match="not one unit of a chunk was translated: HTTP 503"):
        run_one("translate", config, workspace)
    moody.plan = {}
    run_one("translate", config, workspace)
    assert {row["status"] for row in pq.read_table(workspace.machine_translations).to_pylist()} == {"ok"}


def test_no_server_at_all():
    with pytest.raises(UsageError, match="no server"):
        open_engine(Translation(engine="openai"))
    with pytest.raises(UsageError, match="where this server listens"):
        open_engine(Translation(engine="openai", serve="vllm serve m"))
    with pytest.raises(HubkitError, match="ended with code 3: no room"):
        open_engine(Translation(engine="openai", serve="sh -c 'echo no room {port}; exit 3'"))
    with pytest.raises(HubkitError, match="sh: the server ended with code 3: no room"):
        open_engine(Translation(engine="openai", serve="env ROOM=none sh -c 'echo no room {port}; exit 3'"))
    with pytest.raises(HubkitError, match="No such file"):
        open_engine(Translation(engine="openai", serve="/no/such/server --port {port}"))


def serve_command(model):
    folder = Path(sys.executable).parent
    return f"{folder}/transformers serve {model} --host 127.0.0.1 --port {{port}} --device cpu --dtype float32"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    home = tmp_path_factory.mktemp("hf")
    (home / "hub").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.mark.usefixtures("environment")
def test_a_real_server_is_started_answers_as_in_process_and_is_stopped(tiny_model):
    model = {"model": str(tiny_model), "quantization": "fp32", "device": "cpu"}
    wanted = requests(4)
    with open_engine(Translation(**model)) as local:
        expected = dict(local.answer(wanted))
    with open_engine(Translation(engine="openai", serve=serve_command(tiny_model), **model)) as engine:
        assert dict(engine.answer(wanted)) == expected
        server = psutil.Process(engine.server._process.pid).children()[0]
    assert not server.is_running()


def test_a_server_that_dies_is_started_again():
    script = Path(__file__).with_name("translation_server.py")
    table = Translation(engine="openai", model="m", serve=f"{sys.executable} {script} {{port}}")
    wanted = requests(2)
    with open_engine(table, pause=0.05) as engine:
        before = dict(engine.answer(wanted))
        supervisor = psutil.Process(engine.server._process.pid)
        supervisor.children()[0].send_signal(signal.SIGKILL)
        supervisor.wait(20)
        assert dict(engine.answer(wanted)) == before
        second = psutil.Process(engine.server._process.pid).children()[0]
    assert not second.is_running()


def test_a_server_gets_the_variables_that_it_needs_and_no_key(monkeypatch):
    secrets = (*TOKENS, *ACCOUNT, TRANSLATOR.key_variable, "HUBKIT_REVIEW_PASSPHRASE", "LAB_KEY", "https_proxy")
    needed = ("HF_HOME", "CUDA_VISIBLE_DEVICES", "VLLM_USE_V1", "PYTHONPATH", "HOME", "PATH", "SLURM_JOB_ID")
    for name in (*secrets, *(name for name in needed if name not in os.environ)):
        monkeypatch.setenv(name, "http://me:word@proxy.invalid:3128" if name == "https_proxy" else "value")
    script = Path(__file__).with_name("translation_server.py")
    for environment in ((), ("LAB_KEY", "https_proxy")):
        table = Translation(
            engine="openai", model="m", serve=f"{sys.executable} {script} {{port}}", serve_environment=environment
        )
        with open_engine(table) as engine:
            supervisor = psutil.Process(engine.server._process.pid)
            for process in (supervisor, *supervisor.children()):
                names = process.environ().keys()
                assert names >= {*needed}
                assert names & {*secrets} == {*environment}


OWNER = """
import sys, time
from hubkit.config import Translation
from hubkit.translation.engines.server import Server
from hubkit.translation.engines.private_http import Client
server = Server(sys.argv[1], None)
server.start(Client(server.url))
print(server._process.pid, flush=True)
time.sleep(60)
"""


def test_the_server_goes_when_hubkit_is_killed():
    health = "H = h.BaseHTTPRequestHandler; H.do_GET = lambda s: s.send_response(200) or s.end_headers()"
    serve = 'h.HTTPServer(("127.0.0.1", {port}), H).serve_forever()'
    command = f"{sys.executable} -c 'import http.server as h; {health}; {serve}'"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, command], stdout=subprocess.PIPE, text=True, env=os.environ)
    supervisor = psutil.Process(int(owner.stdout.readline()))
    server = supervisor.children()[0]
    assert server.is_running()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    psutil.wait_procs([supervisor, server], timeout=10)
    assert not supervisor.is_running()
    assert not server.is_running()
