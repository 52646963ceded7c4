"""What a user is told when a Hub refuses a model: a small server on loopback gives the Hub's own answers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ANSWERS = {"gated": (403, "GatedRepo"), "missing": (404, "RepoNotFound"), "old": (404, "RevisionNotFound")}
LOAD = """
import sys
from hubkit.errors import HubkitError
from hubkit.models.loading import load_vision_model
for repo in sys.argv[1:]:
    try:
        load_vision_model(f"someone/{repo}", None, "fp32", "cpu")
    except HubkitError as error:
        print(error)
"""


class Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        repo = self.path.split("someone/")[1].split("/")[0]
        status, code = ANSWERS[repo]
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_what_the_hub_refuses(hub: str, tmp_path: Path) -> None:
    assert _load(["gated", "missing", "old"], HF_ENDPOINT=hub, HF_HOME=str(tmp_path)) == [
        "someone/gated: is gated (accept its terms on the Hub (someone/gated), then: hf auth login)",
        "someone/missing: is no model that can be seen (check the name; for a private repo: hf auth login)",
        "someone/old: has no such revision (set revision to a commit, a tag or a branch of the repo)",
    ]


def test_a_hub_that_cannot_be_asked(tmp_path: Path) -> None:
    assert _load(["gated"], HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path)) == [
        "someone/gated: is not on this machine, and the Hub does not answer (check the network and HF_ENDPOINT)"
    ]


def _load(repos: list[str], **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *repos],
        env={**os.environ, "HF_TOKEN": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
