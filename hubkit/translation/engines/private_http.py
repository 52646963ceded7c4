"""HTTP for corpus text: to loopback, or to a private host that the configuration names, and nowhere else.

The address is checked when a connection is made, and the connection goes to the very address that was checked. Proxies
of the environment are not used and redirects are not followed: http.client does neither.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hubkit.errors import HubkitError, UsageError
from hubkit.translation.engines.base import TRANSLATOR, ServerTable
from hubkit.translation.engines.reply_body import read_body

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
"""The networks of RFC 1918 and RFC 4193; what Python calls private holds more, such as the cloud's 169.254.0.0/16."""


class Reply(NamedTuple):
    """What a server replied: its status, the JSON value it sent (None where it sent none), and Retry-After."""

    status: int
    value: Any
    retry_after: float


class Client:
    """Speaks JSON with one server; each thread has a connection of its own.

    Args:
        url: where the server is, such as http://127.0.0.1:8000/v1, as the configuration has checked it.
        allowed_hosts: hosts that may be spoken to in addition to loopback, as they stand in `url`.
        timeout: seconds to wait for a connection and for each reply.
        key: sent as a bearer token.
        table: where the server is set, for errors.
    """

    def __init__(
        self,
        url: str,
        allowed_hosts: Iterable[str] = (),
        timeout: float = 300.0,
        key: str | None = None,
        table: ServerTable = TRANSLATOR,
    ):
        self.url, parts = url, urlsplit(url)
        self.tls, self.host, self.path = parts.scheme == "https", parts.hostname or "", parts.path.rstrip("/")
        self.port = parts.port or (443 if self.tls else 80)
        self.allowed_hosts, self.timeout, self.key = frozenset(allowed_hosts), timeout, key
        self.table = table
        self._local = threading.local()

    def within(self, seconds: float) -> Client:
        """Another client of the same server, which waits so many seconds at most."""
        return Client(self.url, self.allowed_hosts, min(seconds, self.timeout), self.key, self.table)

    def reach(self) -> None:
        """Connect, and let go at once.

        Raises:
            OSError: nothing listens there, or not in time.
            HubkitError: the host is not one that corpus text may go to.
        """
        self.connect().close()

    def connect(self) -> socket.socket:
        """A connection without TLS yet.

        Raises:
            OSError: nothing listens there, or not in time.
            HubkitError: the host is not one that corpus text may go to, or would get the key in clear.
        """
        table = self.table if self.key and not self.tls else None
        return connect(self.host, self.port, self.timeout, self.allowed_hosts, table)

    def request(self, method: str, path: str, value: Any = None) -> Reply:
        """Send a request to `path` below the server's URL, or below its root where `path` begins with two slashes.

        Raises:
            OSError: there is no connection, or no reply in time.
            http.client.HTTPException: what came back is not HTTP.
            HubkitError: the host is not one that corpus text may go to, or it redirects.
        """
        connection = self._connection()
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        body = None if value is None else json.dumps(value).encode()
        try:
            connection.request(method, path[1:] if path.startswith("//") else self.path + path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()  # one that is left half-way cannot be used again
            raise
        if 300 <= response.status < 400:
            raise HubkitError("the server redirects, which is not followed", where=self.host, hint="set its own URL")
        received = read_body(content, response.getheader("Content-Encoding"))
        return Reply(response.status, received, _seconds(response.getheader("Retry-After")))

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = _Connection(self)
        connection: http.client.HTTPConnection = self._local.connection
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, client: Client):
        super().__init__(client.host, client.port, timeout=client.timeout)
        self.client = client

    def connect(self) -> None:
        self.sock = self.client.connect()
        if self.client.tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.client.host)


def connect(
    host: str, port: int, timeout: float, allowed_hosts: Iterable[str], key_in_clear: ServerTable | None = None
) -> socket.socket:
    """Connect to a host that corpus text may go to.

    Args:
        key_in_clear: the table of a server whose key is sent without TLS: the host has to be this machine.

    Raises:
        OSError: no address of the host answers.
        UsageError: one of the addresses that its name resolves to is not allowed.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, place in found:
        address = ipaddress.ip_address(str(place[0]).split("%")[0])
        if key_in_clear and not is_allowed(host, address, ()):
            raise UsageError(
                "would get the key over plain http, and is not on this machine",
                where=host,
                hint=f"use https:// in {key_in_clear.name} base_url, or unset {key_in_clear.key_variable}",
            )
        if not is_allowed(host, address, allowed_hosts):
            raise UsageError(
                f"resolves to {place[0]}, where corpus text may not go",
                where=host,
                hint="use a server on loopback, or name a private host in [translation] allowed_hosts",
            )
    trouble: OSError | None = None
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(place)
        except OSError as error:
            connection.close()
            trouble = error
        else:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
    raise trouble or OSError("the name resolves to nothing")


def is_allowed(host: str, address: Address, allowed_hosts: Iterable[str]) -> bool:
    """Whether corpus text may go to `address`, to which `host` resolves: loopback, or private and named."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain.is_loopback:
        return True
    return host in allowed_hosts and any(plain in network for network in PRIVATE)


def _seconds(header: str | None) -> float:
    return float(header) if header and header.isdecimal() else 0.0
