"""How many reports of a mirror give a section, by each rule for headers.

    python benchmarks/sections.py

Reads the 1,000 generated reports that radlabels ships, which lost the blank before their headers in part; pip downloads
them to a temporary folder. Counts alone are printed.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from typing import get_args

from label_sets import radlabels

from hubkit.corpus.sections import Rule, parse_report, recognise
from hubkit.tables import SECTIONS


def main() -> None:
    with radlabels() as path, zipfile.ZipFile(path) as wheel:
        reports = [wheel.read(name) for name in sorted(wheel.namelist()) if name.endswith(".txt") and "/synth" in name]
    rule, share = recognise(reports)
    print(f"{len(reports)} reports, {share:.1%} without the blank: read by the rule {rule}")
    for each in get_args(Rule):
        parsed = [parse_report(0, report, each) for report in reports]
        reasons = Counter(reason for report in parsed for reason in report.reasons)
        found = {name: sum(getattr(report, name) is not None for report in parsed) for name in SECTIONS}
        print(f"{each}: {reasons['no_section']} without a section; {found}")


if __name__ == "__main__":
    main()
