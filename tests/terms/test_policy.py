"""What has to be on record before a push leaves this machine."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from hubkit.config import ReleaseConfig, parse_config
from hubkit.endpoint import is_loopback
from hubkit.errors import HubkitError
from hubkit.terms.access_check import OFFICIAL
from hubkit.terms.policy import check_permission, name_warning
from hubkit.workspace import Workspace, write_json

BEYOND = "https://192.0.2.7"
CONSENT = {"who": "A person", "when": "2026-01-02", "what": "gated publication"}


def config(kind: str = "mimic-cxr", consent: bool = True, **hub: Any) -> ReleaseConfig:
    word = {"physionet_consent": CONSENT} if consent else {}
    return parse_config({"corpus": {"kind": kind}, "hub": {**word, **hub}})


def record(workspace: Workspace, day: datetime.date) -> None:
    found = {"date": day.isoformat(), "user": "someone", "project": "mimic-cxr/2.1.0", "url": OFFICIAL}
    write_json(workspace.access_check, found)


def test_word_and_access_check_open_the_way(tmp_path: Path, today: datetime.date) -> None:
    workspace = Workspace(tmp_path)
    record(workspace, today - datetime.timedelta(days=90))
    check_permission(config(), workspace, BEYOND)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"consent": False}, r"physionet_consent.*is credentialed"),
        ({}, "no PhysioNet access check on record"),
        ({"kind": "openi"}, "do not allow derived works to be passed on"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(HubkitError, match=message):
        check_permission(config(**settings), Workspace(tmp_path), BEYOND)


def test_an_open_corpus_needs_no_word(tmp_path: Path) -> None:
    check_permission(config("demo", consent=False), Workspace(tmp_path), BEYOND)


@pytest.mark.parametrize(
    ("endpoint", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://192.0.2.7", False),
        ("https://127.0.0.1.nip.invalid", False),
        ("not an address", False),
    ],
)
def test_what_loopback_is(endpoint: str, loopback: bool) -> None:
    assert is_loopback(endpoint) is loopback


@pytest.mark.parametrize(
    ("kind", "name", "warned"),
    [
        ("mimic-cxr", "mimic-cxr-ptbr", True),
        ("mimic-cxr", "MIMIC_CXR_PTBR", True),
        ("mimic-cxr", "MIMICCXR-ptbr", True),
        ("mimic-cxr", "mimiccxr_ptbr", True),
        ("mimic-cxr", "mimic.cxr.ptbr", True),
        ("mimic-cxr", "MIMIC3-notes", True),
        ("mimic-cxr", "mimic-cxr-text", True),
        ("mimic-cxr", "mimic-cxr-extra", True),
        ("mimic-cxr", "MIMIC.CXR.EXT.ptbr", False),
        ("mimic-cxr", "MIMICCXRExtPTBR", False),
        ("mimic-cxr", "mimic-cxr-ext-ptbr", False),
        ("mimic-cxr", "reports-ptbr", False),
        ("demo", "mimic-cxr-ptbr", False),
    ],
)
def test_a_name_against_the_rule_brings_a_warning(kind: str, name: str, warned: bool) -> None:
    for part, other in (("dataset", "adapter"), ("adapter", "dataset")):
        found = name_warning(config(kind, **{part: name, other: "reports"}))
        assert (found is not None) is warned
        assert not warned or (f"([hub] {part})" in str(found) and "PhysioNet" in str(found))


def test_an_adapter_that_stays_away_from_the_hub_may_have_any_name() -> None:
    names = {"dataset": "reports", "adapter": "mimic-lora"}
    at_physionet = {"adapter_custody": "physionet"}
    assert name_warning(parse_config({"hub": names, "custody": at_physionet})) is None
    assert "reports" not in str(name_warning(parse_config({"hub": names})))
