"""Archives that are laid out as Open-i's NLMCXR_reports.tgz, with invented reports."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

DOCUMENT = """<?xml version="1.0" encoding="utf-8"?>
<eCitation>
  <meta type="rr"/>
  <uId id="CXR{study}"/>
  <MedlineCitation><Article><Abstract>
    <AbstractText Label="COMPARISON">None.</AbstractText>
    <AbstractText Label="INDICATION">Cough</AbstractText>
    <AbstractText Label="FINDINGS">{findings}</AbstractText>
    <AbstractText Label="IMPRESSION"></AbstractText>
  </Abstract></Article></MedlineCitation>
  <MeSH><major>normal</major></MeSH>
  <parentImage id="CXR{study}_IM-0001-1001"/>
</eCitation>
"""


def write_archive(path: Path, findings: Mapping[int, str]) -> Path:
    """Write an archive with one report a study; `findings` is XML text by study id."""
    with tarfile.open(path, "w:gz") as archive:
        for study, text in findings.items():
            data = DOCUMENT.format(study=study, findings=text).encode()
            entry = tarfile.TarInfo(f"ecgen-radiology/{study}.xml")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path
