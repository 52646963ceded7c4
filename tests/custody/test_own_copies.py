"""Which corpora a release can be sealed under: readers open it with the reports as PhysioNet hands them out."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from hubkit.config import ReleaseConfig, parse_config
from hubkit.custody.own_copies import check_own_copies, require_own_copies
from hubkit.errors import UsageError
from hubkit.workspace import Workspace, write_json

SECTIONED = "mimic_cxr_sectioned.csv"


def configured(root: Path, kind: str, mode: str = "sealed") -> ReleaseConfig:
    terms = {"terms": {"name": "a", "licence": "b", "citation": "c"}} if kind == "csv" else {}
    return parse_config({"corpus": {"root": str(root), "kind": kind, **terms}, "custody": {"mode": mode}})


def refused(words: str | None) -> AbstractContextManager[Any]:
    return nullcontext() if words is None else pytest.raises(UsageError, match=words)


OTHER_BYTES = "these are not as PhysioNet hands them out"


@pytest.mark.parametrize(
    ("kind", "lies", "headers", "words"),
    [
        ("mimic-cxr", "files", None, None),
        ("mimic-cxr", "zip", None, None),
        ("mimic-cxr", "nothing", None, None),  # whoever reads says so
        ("mimic-cxr", "files", "any", None),
        ("mimic-cxr", "files", "flush_left", OTHER_BYTES),
        ("mimic-cxr", "csv", None, OTHER_BYTES),
        ("demo", "csv", None, OTHER_BYTES),
        ("openi", "csv", "flush_left", None),  # its loader joins no report
        ("csv", "files", None, "a corpus of kind csv cannot be sealed"),
    ],
)
def test_what_a_release_can_be_sealed_under(
    tmp_path: Path, kind: str, lies: str, headers: str | None, words: str | None
) -> None:
    root = tmp_path / "corpus"
    if lies == "files":
        (root / "files").mkdir(parents=True)
    elif lies != "nothing":
        root.mkdir()
        (root / {"zip": "mimic-cxr-reports.zip", "csv": SECTIONED}[lies]).write_text("study,findings\n")
    config = configured(root, kind)
    with refused(words):
        require_own_copies(config, headers)
    require_own_copies(configured(root, kind, "gated"), headers)

    workspace = Workspace(tmp_path / "work")
    # Before `read` has run, nothing is known of the headers.
    with refused(words if headers is None else None):
        check_own_copies(config, workspace)
    write_json(workspace.selection, {"sizes": {}, "headers": headers})
    with refused(words):
        check_own_copies(config, workspace)
    check_own_copies(configured(root, kind, "gated"), workspace)
