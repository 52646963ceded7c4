"""Which Hub on loopback takes a credentialed corpus without consent: the one that hubkit started, and no other."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from interposed import interpose

from hubkit.config import parse_config
from hubkit.errors import HubkitError
from hubkit.localhub import LocalHub
from hubkit.own_hub import SECRET_FILE, is_own_hub
from hubkit.terms.policy import check_permission
from hubkit.workspace import Workspace


@pytest.mark.parametrize("kind", ["mimic-cxr", "openi", "demo"])
def test_the_own_hub_asks_for_nothing(hub: LocalHub, tmp_path: Path, kind: str) -> None:
    check_permission(parse_config({"corpus": {"kind": kind}}), Workspace(tmp_path), hub.url)
    assert stat.S_IMODE((hub.root / SECRET_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("kind", "message"),
    [("mimic-cxr", "consent to a release is not on record"), ("openi", "do not allow derived works"), ("demo", None)],
)
def test_a_tunnel_on_loopback_is_not_the_own_hub(hub: LocalHub, tmp_path: Path, kind: str, message: str | None) -> None:
    """It hands the challenge on to the Hub, whose answer is right but for the port."""
    config, workspace = parse_config({"corpus": {"kind": kind}}), Workspace(tmp_path)
    with interpose(hub.url) as tunnel:
        for endpoint in (tunnel.url, "http://127.0.0.1:9"):
            assert not is_own_hub(endpoint)
            if message is None:
                check_permission(config, workspace, endpoint)
            else:
                with pytest.raises(HubkitError, match=message):
                    check_permission(config, workspace, endpoint)


@pytest.mark.parametrize("change", ["port", "boot", "secret", "mode", "link", "gone"])
def test_a_secret_that_proves_nothing(hub: LocalHub, tmp_path: Path, change: str) -> None:
    path = hub.root / SECRET_FILE
    kept = path.read_text()
    assert is_own_hub(hub.url)
    if change in ("port", "boot", "secret"):
        other = {"port": 1, "boot": "another", "secret": "00"}[change]
        path.write_text(json.dumps({**json.loads(kept), change: other}))
    elif change == "mode":
        path.chmod(0o644)
    else:
        path.unlink()
        if change == "link":
            (tmp_path / "elsewhere").write_text(kept)
            os.chmod(tmp_path / "elsewhere", 0o600)
            path.symlink_to(tmp_path / "elsewhere")
    try:
        assert not is_own_hub(hub.url)
    finally:
        path.unlink(missing_ok=True)
        path.write_text(kept)
        path.chmod(0o600)
