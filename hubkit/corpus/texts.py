"""The reports of a source as sections, by the rule that its headers need."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from hubkit.corpus.catalogue import Headers
from hubkit.corpus.sections import Report, Rule, parse_report, recognise, sectioned_report
from hubkit.errors import HubkitError
from hubkit.sources.base import Listing, Source
from hubkit.sources.report_csv import ReportCsv

SAMPLE = 1000
"""Reports that are looked at to tell how headers are written: at 5 % of them, chance moves the share by 0.7 points."""


@dataclasses.dataclass
class Texts:
    """Cuts reports into sections.

    Attributes:
        source: the reports.
        headers: as in `[corpus] headers`.
        rule: what comes of it, once it is settled.
    """

    source: Source
    headers: Literal["auto", "official", "any"] = "auto"
    rule: Rule | None = None

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        """Yield the reports of these studies, in this order."""
        if isinstance(self.source, ReportCsv) and self.source.sectioned:
            yield from map(sectioned_report, self.source.sections(sources))
            return
        if self.rule is None:
            self.settle(self.source.listing())
        for study_id, data in zip(study_ids, self.source.read(sources), strict=True):
            yield parse_report(study_id, data, self.rule or "official")

    def settle(self, listing: Listing) -> Headers | None:
        """Settle the rule by which headers are found, and say it where it is not MIMIC-CXR's own."""
        if isinstance(self.source, ReportCsv) and self.source.sectioned:
            return Headers("sectioned", "sections are taken from the CSV as they are")
        self.rule = "official"
        if self.headers == "any":
            self.rule = "any"
            return Headers("any", "headers in any case and addenda are read, as [corpus] headers asks")
        if self.headers == "auto":
            names = list(listing.names.values())
            some = names[:: -(-len(names) // SAMPLE) or 1]
            self.rule, share = recognise(_readable(self.source, some))
            if self.rule != "official":
                lost = f"{share:.0%} of {len(some)} reports have no blank before their headers"
                return Headers(self.rule, f"{lost}, so headers are found without it")
        return None


def _readable(source: Source, names: Iterable[str]) -> Iterator[bytes]:
    """The reports of these names; one that cannot be read is named when all are."""
    for name in names:
        with contextlib.suppress(HubkitError):
            yield from source.read([name])
