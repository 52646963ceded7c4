"""Which corpora a release can be sealed under: readers open it with the reports as PhysioNet hands them out."""

from __future__ import annotations

import zipfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from hubkit.config import ReleaseConfig, parse_config
from hubkit.custody import sealed
from hubkit.custody.own_copies import check_own_copies, require_own_copies
from hubkit.errors import UsageError
from hubkit.workspace import Workspace, write_json

SECTIONED = "mimic_cxr_sectioned.csv"


@pytest.mark.parametrize(("size", "whole"), [(9, True), (10, True), (11, False)])
def test_no_archive_makes_a_reader_unpack_more_than_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, whole: bool
) -> None:
    monkeypatch.setattr(sealed, "MAX_REPORT_BYTES", 10)
    name = "files/p10/p10000001/s50000001.txt"
    with zipfile.ZipFile(tmp_path / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b" " * size)
    reports = sealed.Reports(tmp_path / "mimic-cxr-reports.zip")
    with nullcontext() if whole else pytest.raises(sealed.SealedError, match=f"{name} is larger than 10 bytes"):
        assert list(reports.read([name])) == [b" " * size]


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
