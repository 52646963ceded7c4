from __future__ import annotations

import datetime
import json

import pytest

from hubkit.config import parse_config
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.translation.access import require_access

TODAY = datetime.date(2026, 5, 1)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"date": "2026-05-01", "user": "someone", "project": "mimic-cxr/2.1.0"}, None),
        ({"date": "2026-01-31"}, None),
        ({"date": "2026-01-30"}, "90 days"),
        ({"date": "2026-05-02"}, "90 days"),
        ({"user": "someone"}, "no record"),
        ({"date": 20260501}, "no record"),
        ({"date": "yesterday"}, "no record"),
        ([], "no record"),
        (None, "no PhysioNet access check"),
    ],
)
def test_what_record_is_enough(tmp_path, record, said):
    path = tmp_path / "physionet-access.json"
    if record is not None:
        path.write_text(json.dumps(record))
    if said is None:
        require_access(path, TODAY)
    else:
        with pytest.raises(HubkitError, match=said):
            require_access(path, TODAY)


def test_a_credentialed_corpus_is_not_translated_without_one(make_workspace, studies, moody):
    workspace = make_workspace(studies)
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "capitals", "base_url": url}
    config = parse_config({"corpus": {"kind": "mimic-cxr"}, "translation": table})
    with pytest.raises(HubkitError, match="no PhysioNet access check"):
        run_one("translate", config, workspace)
    assert moody.seen == []
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    workspace.access_check.write_text(json.dumps({"date": today}))
    run_one("translate", config, workspace)
    assert workspace.translations.exists()
