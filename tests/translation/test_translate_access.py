"""A credentialed corpus is translated only with a PhysioNet access check on record."""

from __future__ import annotations

import json

import pytest

from hubkit.config import parse_config
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.terms.access_check import OFFICIAL


def test_a_credentialed_corpus_is_not_translated_without_one(make_workspace, studies, moody, today):
    workspace = make_workspace(studies)
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "capitals", "base_url": url}
    config = parse_config({"corpus": {"kind": "mimic-cxr"}, "translation": table})
    with pytest.raises(HubkitError, match="no PhysioNet access check"):
        run_one("translate", config, workspace)
    assert moody.seen == []
    record = {"date": today.isoformat(), "user": "x", "project": "y", "url": OFFICIAL}
    workspace.access_check.write_text(json.dumps(record))
    run_one("translate", config, workspace)
    assert workspace.machine_translations.exists()
