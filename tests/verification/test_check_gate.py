"""The check of the gate asks by every way in which a file can be served."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

import hubkit.verification

FILE = "data/default/test.parquet"
TASK = {"repos": {"dataset": "someone/reports"}, "tag": "release-1.0.0"}


class Answering(ThreadingHTTPServer):
    """Answers 401, but for the paths of `statuses`."""

    statuses: dict[str, int]


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_GET(self) -> None:
        self.send_response(self.server.statuses.get(self.path, 401))
        self.send_header("Location", "http://192.0.2.7/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    with Answering(("127.0.0.1", 0), _Handler) as running:
        running.statuses = {}
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_address[1]}")
        yield running
        running.shutdown()


@pytest.fixture
def check_gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(Path(str(hubkit.verification.__file__)).with_name("downstream")))
    import check_gate

    yield check_gate
    for name in ("check_gate", "task"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("status", [200, 206, 302])
@pytest.mark.parametrize(
    "path",
    [
        f"/datasets/someone/reports/resolve/release-1.0.0/{FILE}",
        "/api/datasets/someone/reports/xet-read-token/release-1.0.0",
    ],
)
def test_neither_way_may_be_open(server: Answering, check_gate: ModuleType, path: str, status: int) -> None:
    check_gate._not_served(TASK, "dataset", FILE)
    server.statuses[path] = status
    with pytest.raises(AssertionError, match=f"^{path[1:]} was answered {status}$"):
        check_gate._not_served(TASK, "dataset", FILE)


@pytest.mark.parametrize(
    ("card", "off"),
    [
        ("---\nlicense: other\nviewer: false\n---\n# Reports\n", True),
        ("---\nviewer: true\n---\n# Reports\n", False),
        ("---\nlicense: other\n---\nviewer: false\n", False),
        ("viewer: false\n", False),
    ],
)
def test_the_viewer_is_off(
    check_gate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: str, off: bool
) -> None:
    """People edit cards: what turns the viewer off is looked for in the YAML of main."""
    import huggingface_hub

    (tmp_path / "README.md").write_text(card)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: str(tmp_path / "README.md"))
    if off:
        check_gate._not_viewed(TASK)
    else:
        with pytest.raises(AssertionError, match="does not say viewer: false"):
            check_gate._not_viewed(TASK)
