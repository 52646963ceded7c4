"""`hubkit doctor` on translation by a server, and on models that are folders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubkit.config import parse_config
from hubkit.doctor import machine, translation
from hubkit.workspace import Workspace


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, value = self.server.answer if self.path == "/v1/models" else (404, {})
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Models) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((200, {"data": [{"id": "lab/translator"}]}), "ok", "offers lab/translator"),
        ((200, {"data": [{"id": "other"}]}), "failed", "does not offer lab/translator"),
        ((200, {"data": []}), "failed", "does not offer lab/translator"),
        ((200, []), "warning", "does not list its models"),
        ((404, {}), "warning", "does not list its models: HTTP 404"),
        ((401, {}), "failed", "refuses the key"),
    ],
)
def test_a_server_that_answers(
    server: ThreadingHTTPServer, tmp_path: Path, answer: tuple[int, object], status: str, said: str
) -> None:
    server.answer = answer
    table = {
        "engine": "openai",
        "model": "lab/translator",
        "base_url": f"http://127.0.0.1:{server.server_port}/v1",
    }
    (found,) = translation.server(parse_config({"translation": table}), Workspace(tmp_path))
    assert found.status == status
    assert said in found.what
    assert status == "ok" or found.hint


@pytest.mark.parametrize(
    ("table", "status", "said"),
    [
        ({}, "failed", "neither a server nor a command"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "failed", "does not answer"),
        ({"serve": "no-such-server --port {port}"}, "failed", "no-such-server of [translation] serve is not found"),
        ({"serve": "python3 -m server --port {port}"}, "ok", "python3 is found"),
    ],
)
def test_a_server_that_does_not(tmp_path: Path, table: dict[str, str], status: str, said: str) -> None:
    (found,) = translation.server(parse_config({"translation": {"engine": "openai", **table}}), Workspace(tmp_path))
    assert (found.status, said in found.what) == (status, True)


@pytest.mark.parametrize(("names", "status"), [([], "warning"), (["NVIDIA L4", "NVIDIA L4"], "ok")])
def test_the_gpu_is_named_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], status: str
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: len(names))
    monkeypatch.setattr("torch.cuda.get_device_name", lambda number: names[number])
    (found,) = machine.gpu(parse_config({}), Workspace(tmp_path))
    assert (found.status, found.what) == (
        status,
        ", ".join(names) or "none was found: everything runs on the CPU",
    )


def test_a_model_of_this_process_needs_no_server(tmp_path: Path) -> None:
    assert not list(translation.server(parse_config({}), Workspace(tmp_path)))


@pytest.mark.parametrize(("kind", "status"), [("mimic-cxr", "failed"), ("demo", "warning")])
def test_the_public_name_of_a_folder_is_asked_for(tmp_path: Path, kind: str, status: str) -> None:
    named = {"model": str(tmp_path), "model_id": "google/medgemma-27b-text-it"}
    config = parse_config({"corpus": {"kind": kind}, "translation": named, "finetuning": {"model": str(tmp_path)}})
    one, two = translation.folders(config, Workspace(tmp_path / "work"))
    assert (one.status, one.what) == ("ok", "cards call it google/medgemma-27b-text-it")
    assert (two.status, two.hint) == (status, 'set [finetuning] model_id = "OWNER/NAME"')
    assert not list(translation.folders(parse_config({}), Workspace(tmp_path / "work")))
