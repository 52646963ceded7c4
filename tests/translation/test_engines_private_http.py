"""Where corpus text may go, against real sockets."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import HubkitError, UsageError
from hubkit.translation.engines.private_http import Client, connect, is_allowed


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        if self.path.endswith("/moved"):
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/v1/echo")
            body = b""
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        return


@contextlib.contextmanager
def serving(host="127.0.0.1"):
    server = ThreadingHTTPServer((host, 0), Echo)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("host", "address", "named", "allowed"),
    [
        ("localhost", "127.0.0.1", False, True),
        ("anything", "127.8.8.8", False, True),
        ("localhost", "::1", False, True),
        ("mapped", "::ffff:127.0.0.1", False, True),
        ("gpu1", "10.0.0.7", True, True),
        ("gpu1", "192.168.3.4", True, True),
        ("gpu1", "fd00::7", True, True),
        ("gpu1", "10.0.0.7", False, False),
        ("gpu1", "8.8.8.8", True, False),
        ("gpu1", "2001:4860:4860::8888", True, False),
        ("mapped", "::ffff:8.8.8.8", True, False),
        ("metadata", "169.254.169.254", True, False),
        ("metadata", "fe80::1", True, False),
        ("any", "0.0.0.0", True, False),
        ("any", "::", True, False),
        ("many", "224.0.0.1", True, False),
        ("shared", "100.64.0.1", True, False),
        ("documented", "203.0.113.7", True, False),
    ],
)
def test_where_text_may_go(host, address, named, allowed):
    assert is_allowed(host, ipaddress.ip_address(address), [host] if named else []) is allowed


@given(st.ip_addresses())
def test_nothing_public_is_ever_allowed(address):
    if is_allowed("host", address, ["host"]):
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_loopback or (plain.is_private and not plain.is_global)
    if is_allowed("host", address, []):
        assert (getattr(address, "ipv4_mapped", None) or address).is_loopback


def test_json_goes_and_comes_over_one_connection():
    with serving() as server:
        client = Client(f"http://localhost:{server.server_port}/v1", timeout=5, key="k")
        for _ in range(2):
            reply = client.request("POST", "/echo", {"text": "ção"})
            assert (reply.status, reply.value) == (200, {"text": "ção"})
        client.request("POST", "//health", {})
        assert server.seen == [("/v1/echo", "Bearer k")] * 2 + [("/health", "Bearer k")]


def test_redirects_are_not_followed():
    with serving() as server:
        client = Client(f"http://127.0.0.1:{server.server_port}/v1", timeout=5)
        with pytest.raises(HubkitError, match="redirects"):
            client.request("POST", "/moved", {})
        assert len(server.seen) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
        Client(f"http://127.0.0.1:{server.server_port}/v1", timeout=5).request("POST", "/echo", {})
        assert (len(server.seen), len(proxy.seen)) == (1, 0)


def own_address():
    """An address of this machine that is not on loopback, or None; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


@pytest.mark.parametrize("url", ["http://93.184.215.14/v1", "http://[2606:2800:21f:cb07::1]/v1", "https://1.1.1.1/v1"])
def test_a_public_address_is_refused_before_anything_is_sent(url):
    host = url.split("/")[2].strip("[]")
    with pytest.raises(UsageError, match="may not go"):
        Client(url, [host], timeout=0.01).request("POST", "/chat/completions", {"text": "secret"})


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, 2.0), (5.0, 5.0), (9.0, 5.0)])
def test_a_client_for_questions_waits_no_longer_and_goes_nowhere_else(seconds, expected):
    client = Client("http://gpu1:81/v1/", ["gpu1"], timeout=5.0, key="k")
    other = client.within(seconds)
    assert other.timeout == expected
    kept = ("url", "host", "port", "path", "tls", "allowed_hosts", "key")
    assert [getattr(other, name) for name in kept] == [getattr(client, name) for name in kept]
    assert (client.port, client.path, client.timeout) == (81, "/v1", 5.0)


def test_a_connection_waits_so_long_and_sends_at_once():
    with serving() as server, connect("127.0.0.1", server.server_port, 5.0, ()) as connection:
        assert connection.gettimeout() == 5.0
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_name_is_judged_by_where_it_leads_when_the_connection_is_made(monkeypatch):
    with serving() as server:
        port = server.server_port
        client = Client(f"http://box.example:{port}/v1", ["box.example"], timeout=5)
        leads_to = ["127.0.0.1"]

        def resolve(host, port, *arguments, **options):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in leads_to]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert client.request("POST", "/echo", {}).status == 200
        client._connection().close()
        for address in (["203.0.113.7"], ["127.0.0.1", "8.8.4.4"]):
            leads_to[:] = address
            with pytest.raises(UsageError, match="may not go"):
                client.request("POST", "/echo", {})
        assert len(server.seen) == 1


def test_a_key_goes_to_another_machine_by_tls_alone(monkeypatch):
    resolved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: resolved)
    with pytest.raises(UsageError, match="key over plain http"):
        Client("http://gpu1/v1", ["gpu1"], timeout=0.01, key="k").request("POST", "/echo", {})


def test_a_private_host_has_to_be_named(monkeypatch):
    address = own_address()
    if address is None:
        return
    monkeypatch.setattr("hubkit.translation.engines.private_http.PRIVATE", (ipaddress.ip_network(address),))
    with serving("0.0.0.0") as server:
        url = f"http://{address}:{server.server_port}/v1"
        with pytest.raises(UsageError, match="may not go"):
            Client(url, timeout=5).request("POST", "/echo", {})
        assert Client(url, [address], timeout=5).request("POST", "/echo", {}).status == 200
        assert len(server.seen) == 1
