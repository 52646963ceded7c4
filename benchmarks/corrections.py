"""What corrections of five sections cost, against a whole release: processor time by stage, on the demo.

    python benchmarks/corrections.py
    python benchmarks/corrections.py --workspace work

The demo is released in a fresh folder, or found in a workspace that holds it, which is changed. Five test sections are
corrected and released as 1.1.0, then five sections of the train split as 1.2.0: each time with the export, the import
and the stages of any release. Processor time is that of this process, its children and the Hub on loopback.
"""

from __future__ import annotations

import argparse
import csv
import resource
import tempfile
import time
from pathlib import Path

from hubkit.config import ReleaseConfig, load_config
from hubkit.demo.release import _hub, demo_release
from hubkit.localhub import LocalHub
from hubkit.release import Step, run
from hubkit.translation.correcting import export_corrections, import_corrections
from hubkit.workspace import Workspace, read_table

CORRECTED = 5
"""As many sections are corrected at a time."""

ADDED = " Sem outras alterações."
"""What is added to a translation, so that its text changes."""


class Meter:
    """Prints the processor time that each stage took since the stage before it."""

    def __init__(self) -> None:
        self.last, self.total = processor_seconds(), 0.0

    def show(self, step: Step, seconds: float) -> None:
        now = processor_seconds()
        used, self.last = now - self.last, now
        self.total += used
        what = f"{used:7.1f} s of processor, {seconds:6.1f} s by the clock" if step.action == "run" else step.reason
        print(f"  {step.stage.name:<10} {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, help="a demo that is released already")
    released = parser.parse_args().workspace
    with tempfile.TemporaryDirectory(prefix="hubkit-corrections-") as folder:
        workspace = Workspace(released or Path(folder) / "work")
        totals = {} if released else {"whole release": whole_release(workspace)}
        settings = workspace.root / "demo" / "hubkit.toml"
        # One Hub for both: a process that spoke to one speaks to no other.
        with _hub(settings.parent, settings) as hub:
            for split, version in (("test", "1.1.0"), ("train", "1.2.0")):
                print(f"{CORRECTED} sections of the {split} split are corrected", flush=True)
                config = with_corrections(load_config(settings), hub, workspace, version)
                totals[f"{CORRECTED} {split} sections"] = corrected_release(config, workspace, split)
    for name, seconds in totals.items():
        print(f"{name:<16} {seconds:7.1f} s of processor")


def whole_release(workspace: Workspace) -> float:
    """Release the demo, and return the processor time of all stages in seconds."""
    print("the whole release", flush=True)
    meter = Meter()
    demo_release(workspace, False, None, None, lambda steps: None, meter.show, lambda step: None)
    return meter.total


def with_corrections(config: ReleaseConfig, hub: LocalHub, workspace: Workspace, version: str) -> ReleaseConfig:
    """The demo's settings for a later version, with a file of corrections."""
    tables = {
        "translation": {"corrections": str(workspace.root / "corrections.csv")},
        "release": {"version": version},
        # The port of the first release may be another's by now.
        "hub": {"endpoint": hub.url},
    }
    changed = {name: getattr(config, name).model_copy(update=values) for name, values in tables.items()}
    return config.model_copy(update=changed)


def corrected_release(config: ReleaseConfig, workspace: Workspace, split: str) -> float:
    """Correct sections of a split, release them, and return the processor time of all stages in seconds."""
    correct(config, workspace, split)
    meter = Meter()
    run(config, workspace, report=meter.show)
    return meter.total


def correct(config: ReleaseConfig, workspace: Workspace, split: str) -> None:
    """Fill in rows of an exported sheet, as somebody does in a spreadsheet, and import them."""
    studies = read_table(workspace.studies, ["study_id", "split"]).to_pylist()
    inside = {str(row["study_id"]) for row in studies if row["split"] == split}
    sheet = workspace.root / "sheet.csv"
    export_corrections(config, workspace, sheet, everything=True)
    with open(sheet, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    wanted = [row for row in rows if row["study_id"] in inside and row["section"] == "findings" and not row["decision"]]
    for row in wanted[:CORRECTED]:
        row |= {"decision": "accept", "translation": row["machine"] + ADDED, "by": "reader"}
        row["date"] = time.strftime("%Y-%m-%d")
    with open(sheet, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    print(f"  {import_corrections(config, workspace, sheet).added} corrections imported", flush=True)


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
