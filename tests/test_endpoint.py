"""Which Hub is spoken to."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hubkit.config import parse_config
from hubkit.endpoint import OFFICIAL, current_endpoint, is_loopback, trusted_certificates, use_endpoint, where
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import connect
from hubkit.stages import STAGES
from hubkit.workspace import Workspace


def test_without_a_setting_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:7/")
    use_endpoint(None)
    assert current_endpoint() == "http://127.0.0.1:7"
    monkeypatch.delenv("HF_ENDPOINT")
    assert current_endpoint() == OFFICIAL


def test_a_client_that_was_imported_before_is_named() -> None:
    import huggingface_hub.constants

    with pytest.raises(HubkitError, match=f"already speak to {huggingface_hub.constants.ENDPOINT}"):
        use_endpoint("http://127.0.0.1:7")


@pytest.mark.parametrize(
    ("endpoint", "before", "after"),
    [
        ("http://127.0.0.1:7", "", "127.0.0.1"),
        ("http://localhost:7/", "example.org", "example.org,localhost"),
        ("http://127.0.0.1:7", "127.0.0.1", "127.0.0.1"),
        ("https://192.0.2.7", "", ""),
    ],
)
def test_loopback_is_reached_past_proxies(endpoint: str, before: str, after: str) -> None:
    program = (
        "import os; from hubkit.endpoint import use_endpoint\n"
        f"use_endpoint({endpoint!r}); print(os.environ['HF_ENDPOINT'], os.environ['NO_PROXY'])"
    )
    environment = {**os.environ, "NO_PROXY": before, "no_proxy": before}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.rstrip("\n") == f"{endpoint.rstrip('/')} {after}", done.stderr


def test_so_is_a_hub_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:7")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    use_endpoint(None)
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "127.0.0.1"


def test_certificates_are_read_once_from_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    usual = Path(certifi.where()).read_text()
    first, end, _ = usual.partition("-----END CERTIFICATE-----\n")
    (tmp_path / "one.pem").write_text(first + end)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert trusted_certificates() is trusted_certificates()
    assert len(trusted_certificates().get_ca_certs()) == usual.count("BEGIN CERTIFICATE")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "one.pem"))
    assert len(trusted_certificates().get_ca_certs()) == 1


def test_a_push_to_one_hub_is_none_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = next(stage for stage in STAGES if stage.name == "push")
    workspace, keys = Workspace(tmp_path), set()
    for address in ("http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:2"):
        monkeypatch.setenv("HF_ENDPOINT", address)
        keys.add(stage.key(parse_config({}), workspace))
    monkeypatch.delenv("HF_ENDPOINT")
    keys.add(stage.key(parse_config({}), workspace))
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("addresses", "loopback"),
    [
        (["127.0.0.1"], True),
        (["127.0.0.1", "::1"], True),
        (["127.0.0.1", "192.0.2.7"], False),
        (["192.0.2.7", "::1"], False),
    ],
)
def test_a_name_is_loopback_where_each_address_is(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], loopback: bool
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: found)
    assert is_loopback("http://hub.example:1") is loopback


@pytest.mark.parametrize("endpoint", ["http://192.0.2.7", "http://192.0.2.7:443/", "http://hub.invalid"])
def test_a_hub_beyond_loopback_has_to_be_encrypted(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    with pytest.raises(UsageError, match=r"^\[hub\] endpoint: .* not encrypted \(use https://\)"):
        use_endpoint(endpoint)
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with pytest.raises(UsageError, match=r"^HF_ENDPOINT: .* not encrypted"):
        connect()


def test_which_hub_a_release_goes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:7/")
    assert where(parse_config({})) == "http://127.0.0.1:7"
    assert where(parse_config({"hub": {"endpoint": "http://127.0.0.1:8/"}})) == "http://127.0.0.1:8"


def test_the_same_hub_may_be_named_again_and_clients_report_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    settings = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
    for name in settings:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    use_endpoint(f"{huggingface_hub.constants.ENDPOINT}/")
    assert os.environ["HF_ENDPOINT"] == huggingface_hub.constants.ENDPOINT
    assert {name: os.environ[name] for name in settings} == settings
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    use_endpoint(None)
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "0"
