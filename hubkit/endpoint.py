"""Which Hub is spoken to: set before any of the Hub's clients is imported, since they read it at import."""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.tokens import check_hub_tokens

if TYPE_CHECKING:
    import ssl

OFFICIAL = "https://huggingface.co"


def use_endpoint(endpoint: str | None) -> None:
    """Point every Hub client of this process and its children at `endpoint`; None leaves HF_ENDPOINT as it is.

    Raises:
        HubkitError: a client was imported already and points elsewhere.
        UsageError: it is reached without encryption, and is not on loopback; or the token cannot be sent.
    """
    if endpoint is not None:
        check_encrypted(endpoint, "[hub] endpoint")
    elif "HF_ENDPOINT" in os.environ:
        check_encrypted(current_endpoint(), "HF_ENDPOINT")
    # Every client of the Hub sends what it finds there, also one that only loads a model.
    check_hub_tokens()
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    if endpoint is not None:
        constants = sys.modules.get("huggingface_hub.constants")
        if constants is not None and endpoint.rstrip("/") != constants.ENDPOINT:
            raise HubkitError(
                f"the Hub's clients already speak to {constants.ENDPOINT}", hint=f"set HF_ENDPOINT={endpoint}"
            )
        os.environ["HF_ENDPOINT"] = endpoint.rstrip("/")
    if "HF_ENDPOINT" in os.environ and is_loopback(current_endpoint()):
        _past_proxies(urlsplit(current_endpoint()).hostname or "")


def check_encrypted(endpoint: str, where: str) -> None:
    """Refuse a server beyond loopback that takes tokens, passwords and text over plain http.

    Raises:
        UsageError: it does.
    """
    if urlsplit(endpoint).scheme != "https" and not is_loopback(endpoint):
        raise UsageError(f"{endpoint} is not on this machine and not encrypted", where=where, hint="use https://")


def current_endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", OFFICIAL).rstrip("/")


def trusted_certificates() -> ssl.SSLContext:
    """What a lone request of httpx takes as `verify`.

    By itself httpx reads the whole bundle of certificates for each request. That takes longer than
    the request, and a push makes 60 of them.
    """
    return _certificates(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Read once for each pair of values: httpx looks at these two variables, in this order."""
    import httpx

    return httpx.create_ssl_context()


def where(config: ReleaseConfig) -> str:
    """The Hub that a release goes to: what was pushed to a rehearsal is not pushed to another Hub yet."""
    return current_endpoint() if config.hub.endpoint is None else config.hub.endpoint.rstrip("/")


def is_loopback(endpoint: str) -> bool:
    """Whether every address that the endpoint's host resolves to is on loopback."""
    host = urlsplit(endpoint).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except socket.gaierror:
        return False
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)


def _past_proxies(host: str) -> None:
    """A rehearsal stays on this machine, whatever proxy its clients are set to use."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [known for known in os.environ.get(name, "").split(",") if known]
        if host not in hosts:
            os.environ[name] = ",".join([*hosts, host])
