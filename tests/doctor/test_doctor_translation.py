"""`hubkit doctor` on translation by a server, and on models that are folders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from loopback import forked_hub

from hubkit.config import parse_config
from hubkit.doctor import hours, hub, machine, translation
from hubkit.workspace import Workspace, write_json


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
        ({"serve": "/usr/bin/env A=1 B= no-such-server --port {port}"}, "failed", "no-such-server of"),
        ({"serve": "env A={task} python3 -m server --port {port}"}, "ok", "python3 is found"),
        ({"serve": "python3 -m server"}, "failed", "where the server of [translation] serve listens"),
        ({"serve": "python3 -m server", "base_url": "http://127.0.0.1:9/v1"}, "ok", "python3 is found"),
    ],
)
def test_a_server_that_does_not(tmp_path: Path, table: dict[str, str], status: str, said: str) -> None:
    (found,) = translation.server(parse_config({"translation": {"engine": "openai", **table}}), Workspace(tmp_path))
    assert (found.status, said in found.what) == (status, True)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((200, {"data": [{"id": "lab/back"}]}), "ok", "offers lab/back"),
        ((200, {"data": [{"id": "lab/translator"}]}), "warning", "does not offer lab/back"),
        ((401, {}), "warning", "refuses the key"),
    ],
)
def test_the_server_of_the_second_model_is_asked_as_well(
    server: ThreadingHTTPServer, tmp_path: Path, answer: tuple[int, object], status: str, said: str
) -> None:
    server.answer = answer
    second = {"engine": "openai", "model": "lab/back", "base_url": f"http://127.0.0.1:{server.server_port}/v1"}
    config = parse_config({"sensitivity": {"back_translation": second}})
    (found,) = translation.server(config, Workspace(tmp_path))
    # The release goes on without it, whatever it answers.
    assert (found.check, found.status, said in found.what) == ("back-translation server", status, True)
    if answer[0] == 401:
        assert found.hint == "set HUBKIT_BACK_TRANSLATION_KEY"


def test_both_servers_are_checked_each_by_its_own_table(tmp_path: Path) -> None:
    back = {"engine": "openai", "model": "lab/back", "serve": "no-such-server --port {port}"}
    table = {"engine": "openai", "serve": "python3 -m server --port {port}"}
    found = translation.server(
        parse_config({"translation": table, "sensitivity": {"back_translation": back}}), Workspace(tmp_path)
    )
    assert [(each.check, each.status, each.what) for each in found] == [
        ("translation server", "ok", "python3 is found and starts when translate does"),
        (
            "back-translation server",
            "warning",
            "the program no-such-server of [sensitivity.back_translation] serve is not found",
        ),
    ]


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


@pytest.mark.parametrize(
    ("table", "served"),
    [
        ({"model": "google/medgemma-27b-text-it"}, "google/medgemma-27b-text-it"),
        ({"model": "translator", "model_id": "google/medgemma-27b-text-it"}, "google/medgemma-27b-text-it"),
        ({"model": "translator"}, None),  # how the server calls it; nobody knows what that is
        ({"model": "/models/translator"}, None),
        ({"engine": "transformers"}, None),
    ],
)
def test_what_the_server_serves_is_known_by_its_name_on_the_hub(table: dict[str, str], served: str | None) -> None:
    found = hub.served_model(parse_config({"translation": {"engine": "openai", **table}}))
    assert (found.name if found else None) == served


def test_a_gated_model_of_a_server_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with forked_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        api = HfApi(endpoint=running.url, token=running.tokens["owner"])
        api.create_repo("maintainer/translator")
        api.update_repo_settings("maintainer/translator", gated="manual")
        folder = {"model": str(tmp_path), "layer": 1}
        config = parse_config(
            {
                "translation": {"engine": "openai", "model": "alias", "model_id": "maintainer/translator"},
                "finetuning": {"model": str(tmp_path)},
                "scoring": {"bertimbau": folder, "xlm_roberta": folder},
            }
        )
        for user, status in (("owner", "ok"), ("ungranted", "warning")):
            monkeypatch.setenv("HF_TOKEN", running.tokens[user])
            found = {each.check: each for each in hub.models(config, Workspace(tmp_path / "work"))}
            assert found["model for the translation server"].status == status
    assert found["model for the translation server"].what == "maintainer/translator is gated and not granted to you"


@pytest.mark.parametrize(
    ("serve_command", "gigabytes", "unknown"),
    [
        # 27 and 4 billion parameters of two bytes, and the two encoders.
        (None, 8 + 0.4 + 2.2, ""),
        ("vllm serve x --port {port}", 54 + 8 + 0.4 + 2.2, ""),
        ("vllm serve x --port {port}", 8 + 0.4 + 2.2, ", and what lab/translator takes, whose size is not known"),
    ],
)
def test_models_count_as_disk_where_no_hub_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve_command: str | None, gigabytes: float, unknown: str
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *arguments, **named: None)
    serves = {"serve": serve_command} if serve_command else {}
    model = "lab/translator" if unknown else "google/medgemma-27b-text-it"
    config = parse_config({"translation": {"engine": "openai", "model": model, **serves}})
    found = {each.check: each for each in machine.disk(config, Workspace(tmp_path / "work"))}["disk, models"]
    assert f"about {gigabytes * 1e9 / 2**30:.1f} GiB needed" in found.what
    assert found.what.endswith(f"{tmp_path / 'cache'}{unknown}")


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            {},
            [
                "time, translate: 0.1 to 0.67 h (359,700 tokens at 150 to 1,700 tokens/s) on one GPU of 24 to 80 GB",
                "time, finetune: 0.12 to 2 h (40 to 300 TFLOP/s) on one GPU",
                "time, generate: 0.12 to 1.2 h (965 studies at 100 to 1,000 tokens/s) on one GPU",
            ],
        ),
        (
            {"translation": {"model": "/models/x", "model_id": "google/gemma-3-12b-it"}},
            ["time, translate: 0.1 to 0.3 h (359,700 tokens at 338 to 3,825 tokens/s)"],
        ),
        ({"translation": {"model": "/models/x"}}, ["time, translate: not known"]),
        ({"corpus": {"subset": "all"}}, ["time: not known before the studies are counted"]),
    ],
)
def test_hours_are_a_range_with_the_speed_they_come_from(
    tmp_path: Path, tables: dict[str, dict[str, str]], said: list[str]
) -> None:
    lines = [each.line().split(maxsplit=1)[1] for each in hours.hours(parse_config(tables), Workspace(tmp_path))]
    assert [line[: len(start)] for line, start in zip(lines, said, strict=False)] == said


def test_hours_count_the_studies_that_were_read(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_json(workspace.selection, {"sizes": {"train": 8000, "validate": 1000, "test": 1000}})
    first = next(iter(hours.hours(parse_config({"corpus": {"subset": "all"}}), workspace)))
    assert first.what.startswith("0.25 to 2.8 h (1,500,000 tokens at 150 to 1,700 tokens/s)")
