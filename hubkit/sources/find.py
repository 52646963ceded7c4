"""The reports of a corpus of any kind: one line here for each kind."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

from hubkit.errors import UsageError
from hubkit.sources.base import Source
from hubkit.sources.mimic_cxr import find_mimic_cxr
from hubkit.sources.openi import ARCHIVE, find_openi

SOURCES: dict[str, Callable[[Path], Source]] = {
    "mimic-cxr": find_mimic_cxr,
    "openi": find_openi,
    "demo": find_mimic_cxr,
}
"""How the reports of each kind of `[corpus] kind` are found under its root."""


def find_source(root: Path, kind: str | None = None) -> Source:
    """The reports under `root`.

    Args:
        root: an archive of reports, or a folder that holds one, or a folder of reports.
        kind: the kind of the corpus; None tells it by what is at `root`.

    Raises:
        UsageError: there is no such kind.
        HubkitError: there are no reports.
    """
    if kind is not None and kind not in SOURCES:
        raise UsageError(f"there is no corpus kind {kind}", where="[corpus] kind", hint=f"one of: {', '.join(SOURCES)}")
    return SOURCES[kind or kind_at(root)](root)


def kind_at(root: Path) -> str:
    """The kind of the corpus at `root`, as far as its files show it: Open-i comes as XML, MIMIC-CXR as text."""
    if root.is_file():
        return "openi" if tarfile.is_tarfile(root) else "mimic-cxr"
    # Two levels are enough: the archive unpacks to one folder of XML files. MIMIC-CXR has 65,000 folders below these.
    has_xml = any(next(root.glob(pattern), None) for pattern in ("*.xml", "*/*.xml"))
    return "openi" if has_xml or (root / ARCHIVE).is_file() else "mimic-cxr"
