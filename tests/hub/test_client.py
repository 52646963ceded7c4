"""How hubkit takes a Hub's refusals, stumbles and silence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import HfApi

from hubkit.errors import HubkitError
from hubkit.hub import client
from hubkit.hub.client import ATTEMPTS, be_patient, connect, retried

REFS = b'{"branches": [], "converts": [], "tags": []}'


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next of `statuses`; 0 hangs up, -1 answers what is no JSON."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.asked, self.location = 0, ""


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self.server.asked += 1
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 0:
            self.close_connection = True
            return
        body = b"<html>" if status == -1 else REFS
        self.send_response(200 if status == -1 else status)
        if 300 <= status < 400:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        yield server
        server.shutdown()


def refs(api: HfApi) -> list[object]:
    return list(api.list_repo_refs("a/b").tags)


@retried("{repo}")
def refs_twice(api: HfApi, repo: str) -> int:
    """A step of two calls, of which a part is marked as well."""
    return len(refs_of(api, repo)) + len(refs_of(api, repo))


@retried("{repo}")
def refs_of(api: HfApi, repo: str) -> list[object]:
    return list(api.list_repo_refs(repo).tags)


@pytest.mark.parametrize("statuses", [[429], [500, 502], [503, 0, 504], [-1], [408, 412, 0]])
def test_a_hub_that_stumbles_is_asked_again(scripted: Scripted, statuses: list[int]) -> None:
    scripted.statuses = list(statuses)
    assert refs(connect()) == []
    assert scripted.asked == len(statuses) + 1


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "set HF_TOKEN, or unset it and `hf auth login`"),
        (402, "storage or plan is used up"),
        (403, "write access to the namespace, check the namespace and the clock"),
        (404, "check the namespace and the repo's name"),
        (413, "storage is used up"),
        (422, "see what the Hub says"),
        (507, "the Hub's storage is full"),
    ],
)
def test_a_refusal_says_what_helps_and_is_final(scripted: Scripted, status: int, hint: str) -> None:
    scripted.statuses = [status]
    with pytest.raises(HubkitError, match=rf"^a/b: the Hub refused \({status}\).*{hint}"):
        refs(connect())
    assert scripted.asked == 1


def test_patience_ends(scripted: Scripted) -> None:
    scripted.statuses = [502] * 100
    with pytest.raises(
        HubkitError, match=rf"answered 502 \({ATTEMPTS} attempts\).*HF_ENDPOINT, then run the same command again"
    ):
        refs(connect())
    assert scripted.asked == ATTEMPTS


@pytest.mark.parametrize(
    ("statuses", "asked"), [([], 2), ([502], 3), ([200, 502], 4), ([200, 502, 200, 503], 6)], ids=str
)
def test_a_step_is_run_again_from_its_beginning(scripted: Scripted, statuses: list[int], asked: int) -> None:
    scripted.statuses = list(statuses)
    assert refs_twice(connect(), "a/b") == 0
    assert scripted.asked == asked


def test_a_part_of_a_step_is_not_patient_by_itself(scripted: Scripted) -> None:
    scripted.statuses = [502] * 100
    with pytest.raises(HubkitError, match=rf"^a/b: the Hub answered 502 \({ATTEMPTS} attempts\)"):
        refs_twice(connect(), "a/b")
    assert scripted.asked == ATTEMPTS


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SECONDS_WITHOUT_ANSWER", 0.05)
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(HubkitError, match="the Hub did not answer"):
            refs(connect())
    monkeypatch.undo()
    be_patient()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_body_does_not_follow_a_redirect_to_another_host(scripted: Scripted, status: int) -> None:
    with Scripted() as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        scripted.statuses, scripted.location = [status], f"http://127.0.0.1:{other.server_address[1]}/api/repos/create"
        with pytest.raises(HubkitError, match=r"sends a POST on to http://127\.0\.0\.1, which was not followed"):
            connect().create_repo("a/b")
        assert (scripted.asked, other.asked) == (1, 0)
        other.shutdown()
