"""What is sent to a translation server, what is made of its replies, and what becomes of its words."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest

from hubkit import progress
from hubkit.config import Translation
from hubkit.errors import HubkitError, UsageError
from hubkit.translation.engines import open_engine, openai, server, supervisor
from hubkit.translation.engines.base import Answer, Request
from hubkit.translation.engines.completion import NO_BODY
from hubkit.translation.engines.private_http import Client, connect, is_allowed
from hubkit.translation.engines.server import Server, program_of

SECRET = "Canary opacity in the left base."
MESSAGES = [{"role": "system", "content": "Traduza."}, {"role": "user", "content": SECRET}]
FINE = {
    "choices": [{"message": {"content": " Opacidade. "}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 7},
}


class Scripted(BaseHTTPRequestHandler):
    """Records each request, and gives the replies of a list in turn, of which the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.seen.append((self.path, dict(self.headers), json.loads(body)))
            replies = self.server.replies
            status, headers, value = replies.pop(0) if len(replies) > 1 else replies[0]
            self.server.underway.append(self)
            self.server.most = max(self.server.most, len(self.server.underway))
        if self.server.barrier is not None:
            self.server.barrier.wait(5)
        with self.server.lock:
            self.server.underway.remove(self)
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        return


@contextlib.contextmanager
def serving(*replies, host="127.0.0.1", tls=None, barrier=None):
    scripted = ThreadingHTTPServer((host, 0), Scripted)
    scripted.daemon_threads = True
    scripted.seen, scripted.lock, scripted.barrier = [], threading.Lock(), barrier
    scripted.underway, scripted.most = [], 0
    scripted.replies = list(replies) or [(200, {}, FINE)]
    if tls is not None:
        scripted.socket = tls.wrap_socket(scripted.socket, server_side=True)
    threading.Thread(target=scripted.serve_forever, args=(0.01,), daemon=True).start()
    yield scripted
    scripted.shutdown()
    scripted.server_close()


def settings(scripted, path="/v1", **changes):
    url = f"http://127.0.0.1:{scripted.server_port}{path}"
    return Translation(engine="openai", model="a/model", base_url=url, timeout=5, **changes)


def ask(table, count=1, **options):
    with open_engine(table, **options) as engine:
        answers = dict(engine.answer([Request(MESSAGES, 48)] * count))
    return [answers[place] for place in range(count)]


@pytest.mark.parametrize("path", ["/v1", "/v1/"])
def test_a_request_asks_for_a_greedy_answer_of_so_many_tokens_and_for_nothing_else(path):
    with serving() as scripted:
        assert ask(settings(scripted, path, max_new_tokens=500)) == [Answer("Opacidade.", 6, "stop")]
    ((address, _, body),) = scripted.seen
    assert address == "/v1/chat/completions"
    assert body == {
        "model": "a/model",
        "messages": MESSAGES,
        "max_tokens": 48,
        "temperature": 0.0,
        "stream": False,
    }


@pytest.mark.parametrize(("key", "header"), [(None, None), ("", None), ("a-key", "Bearer a-key")])
def test_the_key_of_the_environment_goes_along(monkeypatch, key, header):
    monkeypatch.delenv("HUBKIT_TRANSLATION_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("HUBKIT_TRANSLATION_KEY", key)
    with serving() as scripted:
        ask(settings(scripted))
    assert scripted.seen[0][1].get("Authorization") == header


def choice(content, reason, **more):
    return {"choices": [{"message": {"content": content}, "finish_reason": reason}], **more}


def unusable(field):
    return Answer(None, 0, "error", f"unusable reply: {field}")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (choice("a", "stop"), Answer("a", 0, "stop")),
        (choice("a", "stop", usage=None), Answer("a", 0, "stop")),
        (choice("a", "stop", usage={"completion_tokens": None}), Answer("a", 0, "stop")),
        (choice("\n a b \n", "length", usage={"completion_tokens": 48}), Answer("a b", 48, "length")),
        (choice("", "stop"), Answer("", 0, "stop")),
        (choice(None, "stop"), unusable("choices[0].message.content")),
        (choice([{"type": "text", "text": "a"}], "stop"), Answer("a", 0, "stop")),
        (choice("a", "content_filter"), unusable("choices[0].finish_reason is content_filter")),
        (choice("a", None), Answer("a", 0, "stop")),
        ({"choices": [{"text": "a", "finish_reason": "stop"}]}, unusable("choices[0].message")),
        ({"error": SECRET}, Answer(None, 0, "error", "HTTP 200 with an error of status 400")),
        ([FINE], unusable("choices")),
    ],
)
def test_what_is_made_of_a_reply(monkeypatch, reply, answer):
    monkeypatch.setattr(openai, "ATTEMPTS", 1)
    with serving((200, {}, reply)) as scripted:
        assert ask(settings(scripted)) == [answer]


@pytest.mark.parametrize("status", [400, 408, 409, 425, 429, 500, 503])
def test_a_failure_that_may_pass_is_named_by_its_status_alone(monkeypatch, status):
    monkeypatch.setattr(openai, "ATTEMPTS", 2)
    with serving((status, {}, {"error": SECRET})) as scripted:
        assert ask(settings(scripted), pause=0) == [Answer(None, 0, "error", f"HTTP {status}")]
    assert len(scripted.seen) == 2


@pytest.mark.parametrize(
    ("mood", "error"),
    [("hang", "TimeoutError"), ("drop", "RemoteDisconnected"), ("not json", f"unusable reply: {NO_BODY}")],
)
def test_a_failure_of_the_connection_is_named_by_its_kind(moody, monkeypatch, mood, error):
    monkeypatch.setattr(openai, "ATTEMPTS", 1)
    moody.plan = {SECRET: [mood]}
    table = settings(moody).model_copy(update={"timeout": 0.2})
    assert ask(table) == [Answer(None, 0, "error", error)]


def test_a_server_that_was_there_and_went_away_is_asked_again(monkeypatch):
    slept = []
    monkeypatch.setattr(openai.time, "sleep", slept.append)
    with serving() as scripted, open_engine(settings(scripted), pause=0.001) as engine:
        assert [answer.text for _, answer in engine.answer([Request(MESSAGES, 48)])] == ["Opacidade."]
        scripted.shutdown()
        scripted.server_close()
        assert [answer for _, answer in engine.answer([Request(MESSAGES, 48)])] == [
            Answer(None, 0, "error", "ConnectionRefusedError")
        ]
    assert slept == [0.001, 0.002, 0.004, 0.008]


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("error", [None, socket.gaierror(-2, "unknown"), TimeoutError()], ids=repr)
def test_a_server_that_was_never_there_is_named_before_anything_is_asked(monkeypatch, error):
    """Sixty-four requests with five attempts each would wait for two minutes."""

    def resolve(*arguments, **options):
        raise error

    monkeypatch.setattr(openai.time, "sleep", lambda seconds: pytest.fail("it waits"))
    if error is not None:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
    cause = "ConnectionRefusedError" if error is None else type(error).__name__
    url = f"http://127.0.0.1:{unused_port()}/v1"
    table = Translation(engine="openai", model="m", base_url=url)
    with pytest.raises(HubkitError, match=f"no server listens there: {cause}") as raised:
        ask(table, 64)
    assert raised.value.where == url
    assert "base_url" in raised.value.hint


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({}, [0.5, 1, 2, 4]),
        ({"Retry-After": "3"}, [3, 3, 3, 4]),
        ({"Retry-After": "600"}, [60, 60, 60, 60]),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, [0.5, 1, 2, 4]),
    ],
)
def test_waits_double_and_heed_the_server_up_to_a_minute(monkeypatch, headers, waits):
    slept = []
    monkeypatch.setattr(openai.time, "sleep", slept.append)
    with serving((503, headers, {})) as scripted:
        ask(settings(scripted))
    assert slept == waits
    assert len(scripted.seen) == 5


@pytest.mark.parametrize("concurrency", [1, 3])
def test_as_many_requests_as_configured_are_under_way_at_a_time(concurrency):
    # Each reply waits for the last request of as many as may be under way: with fewer at a time none would come.
    with serving(barrier=threading.Barrier(concurrency)) as scripted:
        answers = ask(settings(scripted, concurrency=concurrency), count=6)
    assert {answer.finish_reason for answer in answers} == {"stop"}
    assert scripted.most == concurrency


def own_address():
    """An address of this machine that is not on loopback, or None; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_hosts_that_the_configuration_names_are_those_of_the_engine(monkeypatch):
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    monkeypatch.setattr("hubkit.translation.engines.private_http.PRIVATE", (ipaddress.ip_network(address),))
    with serving(host="0.0.0.0") as scripted:
        url = f"http://{address}:{scripted.server_port}/v1"
        table = Translation(engine="openai", model="m", base_url=url, allowed_hosts=(address,), timeout=5)
        assert ask(table)[0].finish_reason == "stop"
        with pytest.raises(UsageError, match="may not go"):
            ask(table.model_copy(update={"allowed_hosts": ("another",)}))
    assert len(scripted.seen) == 1


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("9.255.255.255", False),
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("172.15.255.255", False),
        ("172.16.0.0", True),
        ("172.31.255.255", True),
        ("172.32.0.0", False),
        ("192.167.255.255", False),
        ("192.168.0.0", True),
        ("192.168.255.255", True),
        ("192.169.0.0", False),
        ("fbff::1", False),
        ("fc00::1", True),
        ("fdff::1", True),
        ("fe00::1", False),
    ],
)
def test_private_networks_end_where_the_standards_say(address, allowed):
    assert is_allowed("gpu1", ipaddress.ip_address(address), ["gpu1"]) is allowed
    assert not is_allowed("gpu1", ipaddress.ip_address(address), ["gpu2", "gpu11"])


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed(status):
    moved = (status, {"Location": "/v1/elsewhere"}, {})
    with serving(moved) as scripted, pytest.raises(HubkitError, match="redirects"):
        Client(f"http://127.0.0.1:{scripted.server_port}/v1", timeout=5).request("POST", "/echo", {})
    assert len(scripted.seen) == 1


@pytest.mark.parametrize(
    ("url", "port"), [("http://gpu1/v1", 80), ("https://gpu1/v1", 443), ("https://gpu1:8443/v1", 8443)]
)
def test_ports_of_addresses_without_one(url, port):
    assert Client(url).port == port


def test_a_name_with_several_addresses_is_tried_at_each(monkeypatch):
    with serving() as scripted, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        places = [closed.getsockname(), ("127.0.0.1", scripted.server_port)]
        known = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: known)
        with connect("gpu1", 80, 5, ()) as connection:
            assert connection.getpeername() == places[1]
        known.pop()
        with pytest.raises(ConnectionRefusedError):
            connect("gpu1", 80, 5, ())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of "localhost" that nobody else has signed, with its key in the same file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "trusted", "answered"),
    [("localhost", True, True), ("localhost", False, False), ("127.0.0.1", True, False)],
)
def test_a_server_by_tls_has_to_show_a_certificate_of_its_name(monkeypatch, certificate, host, trusted, answered):
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(tls=context) as scripted:
        client = Client(f"https://{host}:{scripted.server_port}/v1", timeout=5)
        if answered:
            assert client.request("POST", "/chat/completions", {}).status == 200
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                client.request("POST", "/chat/completions", {"text": SECRET})
    assert len(scripted.seen) == answered


@pytest.mark.parametrize(
    ("command", "url", "expected"),
    [
        ("serve --name 'a model' --port {port}", None, ["serve", "--name", "a model", "--port", "PORT"]),
        ("env GPU={task} serve {port} {task}", None, ["env", "GPU=3", "serve", "PORT", "3"]),
        ("serve --port 8123", "http://127.0.0.1:8123/v1", ["serve", "--port", "8123"]),
    ],
)
def test_how_a_command_line_is_filled_in(monkeypatch, command, url, expected):
    monkeypatch.setattr(Server, "start", lambda *arguments: None)
    engine = open_engine(Translation(engine="openai", serve=command, base_url=url), task=3)
    port = str(engine.client.port)
    assert engine.server.url == (url or f"http://127.0.0.1:{port}/v1")
    assert engine.server.command == [port if word == "PORT" else word for word in expected]


TALKER = """
import http.server, json, os, pathlib, sys
folder, port, mode = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
starts = len(list(folder.glob("start-*"))) + 1
(folder / f"start-{starts}").write_text(" ".join(sys.argv))
if mode == "dies once" and starts > 1:
    sys.exit(3)
print("loading the model", flush=True)
health = [503, 503, 200]

class Talker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 404 if self.path != "/health" else 503 if mode == "never ready" else health[0]
        if len(health) > 1:
            health.pop(0)
        with open(folder / "asked", "a") as file:
            print(status, self.path, file=file)
        self.send_response(status)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(body, flush=True)
        if mode.startswith("dies"):
            os._exit(1)
        reply = {"choices": [{"message": {"content": "Sim."}, "finish_reason": "stop"}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def log_message(self, *arguments):
        return

http.server.HTTPServer(("127.0.0.1", port), Talker).serve_forever()
"""


@pytest.fixture
def talker(tmp_path):
    """A function that gives the settings for a server that prints what it is asked, in one of its modes."""
    (tmp_path / "talker.py").write_text(TALKER)

    def table(mode):
        serve = f"{sys.executable} {tmp_path}/talker.py {tmp_path} {{port}} '{mode}' {{task}}"
        return Translation(engine="openai", model="m", serve=serve, timeout=5)

    return table


def test_a_server_is_asked_once_it_is_healthy_and_nothing_it_says_then_is_kept(talker, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    with open_engine(talker("answers"), task=7) as engine:
        assert os.getsid(engine.server._process.pid) == engine.server._process.pid
        assert [answer for _, answer in engine.answer([Request(MESSAGES, 8)])] == [Answer("Sim.", 0, "stop")]
    for thread in threading.enumerate():
        if "_listen" in thread.name:
            thread.join(5)
    assert "Canary" not in repr(vars(engine.server))
    asked = (tmp_path / "asked").read_text().split("\n")
    assert asked[:-1] == ["503 /health", "503 /health", "200 /health"]
    assert (tmp_path / "start-1").read_text().split()[-1] == "7"
    assert "  translate: the server starts: 0 of 1\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("mode", "message", "starts"),
    [("dies once", "the server ended with code 3", 2), ("dies", "the server died 2 times", 2)],
)
def test_words_of_a_server_that_was_asked_are_in_no_error(talker, tmp_path, monkeypatch, mode, message, starts):
    monkeypatch.setattr(server, "RESTARTS", 1)
    with open_engine(talker(mode), pause=0.3) as engine, pytest.raises(HubkitError) as caught:
        list(engine.answer([Request(MESSAGES, 8)]))
    assert str(caught.value).startswith(f"{sys.executable}: {message} (")
    assert "Canary" not in str(caught.value)
    assert len(list(tmp_path.glob("start-*"))) == starts


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo first; echo last; echo; exit 3", ": last"),
        ("echo wrong >&2; exit 3", ": wrong"),
        ("exit 3", ""),
        ("printf %0300d 0; exit 3", ": " + "0" * 200),
    ],
)
def test_the_last_words_of_a_server_that_does_not_start_are_told(script, words):
    with pytest.raises(HubkitError) as caught:
        open_engine(Translation(engine="openai", serve=f"sh -c '{script} # {{port}}'"))
    assert str(caught.value).startswith(f"sh: the server ended with code 3{words} (")


def test_a_server_that_is_not_ready_in_time_is_ended(talker, monkeypatch):
    monkeypatch.setattr(server, "READY_SECONDS", 1.0)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(HubkitError, match=f"{sys.executable}: the server is not healthy after 1 s"):
        open_engine(talker("never ready"))
    assert set(psutil.Process().children(recursive=True)) <= before


def guarded(*command, seconds=20):
    """Start a command under the guard of its standard input."""
    code = (
        f"import sys; from {supervisor.__name__} import main; import {supervisor.__name__} as module; "
        f"module.SECONDS_TO_STOP = {seconds}; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_what_a_server_leaves_behind_ends_with_it():
    with guarded("sh", "-c", "sleep 97 >/dev/null & echo $!") as running:
        left = int(running.stdout.readline())
        assert running.wait(20) == 0
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(left).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("script", "seconds", "said", "code"),
    [
        ("trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done", 20, "bye\n", 5),
        ("trap '' TERM; echo up; exec sleep 97 >/dev/null", 0.2, "", 256 - 9),
    ],
    ids=["asked first", "made to"],
)
def test_a_server_is_asked_to_stop_and_then_made_to(script, seconds, said, code):
    with guarded("sh", "-c", script, seconds=seconds) as running:
        assert running.stdout.readline() == "up\n"
        output, _ = running.communicate(timeout=20)
    assert (output, running.returncode) == (said, code)


@pytest.mark.parametrize(
    ("command", "said", "code"),
    [
        (["sh", "-c", "cat; echo done"], "done\n", 0),
        (["/no/such/server"], "/no/such/server: No such file or directory\n", 127),
    ],
)
def test_a_server_reads_nothing_and_one_that_is_missing_is_named(command, said, code):
    with guarded(*command) as running:
        assert (running.stdout.read(), running.wait(20)) == (said, code)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["vllm", "serve"], "vllm"),
        (["/usr/bin/env", "A=1", "-i", "vllm", "serve"], "vllm"),
        (["env", "A=1", "--", "vllm"], "vllm"),
        (["env", "A=1", "-i"], "env"),
        (["env"], "env"),
    ],
)
def test_the_program_of_a_command_line(command, program):
    assert program_of(command) == program
