"""Scores the label rules on frozen texts whose labels were written by hand, and on the reports of radlabels.

Only aggregates leave this module: whoever writes rules must not learn which text was misread.
"""

from __future__ import annotations

import contextlib
import csv
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from wide_set import wilson

from hubkit.clinical.labels import labels
from hubkit.clinical.lexicon import Language
from hubkit.tables import CHEXPERT_LABELS

RADLABELS = "radlabels==0.2.0"

OF_RADLABELS = {
    "Atelectasis": ("atelectasis", "lobar_segmental_collapse", "whole_lung_or_majority_collapse"),
    "Cardiomegaly": ("cardiomegaly",),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary_edema", "pulmonary_congestion_pulmonary_venous_congestion"),
    "Enlarged Cardiomediastinum": ("enlarged_cardiomediastinum",),
    "Fracture": ("fracture_generic", "acute_rib_fracture", "non_acute_rib_fracture"),
    "Lung Lesion": ("lung_lesion", "lung_nodule_or_mass"),
    "Lung Opacity": (
        "lung_opacity",
        "air_space_opacity",
        "ground_glass_opacity",
        "infiltration",
        "interstitial_thickening",
    ),
    "Pleural Effusion": ("pleural_effusion",),
    "Pleural Other": ("pleural_other", "pleural_thickening"),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax",),
    "Support Devices": (
        "central_venous_catheter",
        "endotracheal_tube",
        "enteric_tube",
        "intercostal_drain",
        "implantable_electronic_device",
        "pacemaker_electronic_cardiac_device_or_wires",
        "support_devices_generic",
        "tracheostomy_tube",
    ),
}
"""Findings of radlabels by the CheXpert label that holds them. It has none for No Finding."""

VALUES = {"definitely absent": 0, "uncertain": -1, "definitely present": 1}

STRENGTH = (0, -1, 1).index

DESCRIBED = re.compile(r"(?:FINDINGS|IMPRESSION|CONCLUSION)S?:")
"""The headings before what CheXpert's labels are read from."""


class Text(NamedTuple):
    """A text with the labels that it mentions."""

    id: str
    language: Language
    text: str
    labels: dict[str, int]


class LabelScore(NamedTuple):
    """How one label is read. A case is a text that has it as present or uncertain, as in the score table."""

    f1: float
    cases: int
    agreed: int
    mentioned: int


def read(path: Path) -> list[Text]:
    """Return the texts of a set; line breaks within a text are written as backslash and n."""
    rows = csv.DictReader(
        path.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True
    )
    return [
        Text(
            row["id"],
            "en" if row["language"] == "en" else "pt",
            row["text"].replace("\\n", "\n"),
            {label: int(row[label]) for label in CHEXPERT_LABELS if row[label]},
        )
        for row in rows
    ]


def print_set(path: Path) -> None:
    """Print the share of texts read wholly right by half and language, and each label's F1 over all."""
    texts = read(path)
    parts = {
        "odd ids (the rules are tuned on them)": [text for text in texts if int(text.id[1:]) % 2],
        "even ids (held out)": [text for text in texts if int(text.id[1:]) % 2 == 0],
        "English": [text for text in texts if text.language == "en"],
        "Portuguese": [text for text in texts if text.language == "pt"],
        "all": texts,
    }
    print("texts read wholly right, with Wilson intervals")
    for name, part in parts.items():
        right = sum(labels(text.text, text.language) == text.labels for text in part)
        low, high = wilson(right, len(part))
        print(f"  {name:<38} {right:>3} of {len(part)}  {100 * right / len(part):5.1f} % ({100 * low:.1f} to "
              f"{100 * high:.1f})")  # fmt: skip
    _print_labels(texts)


def print_radlabels(offline: bool) -> None:
    """Fetch the generated reports of radlabels to a temporary folder and print the agreement by label."""
    if offline:
        print("radlabels: skipped, its reports are downloaded; run without --offline")
        return
    with radlabels() as wheel:
        texts = _of_wheel(wheel)
    print(f"{RADLABELS}: {len(texts)} generated English reports that have findings or an impression")
    _print_labels(texts)


@contextlib.contextmanager
def radlabels() -> Iterator[Path]:
    """The wheel of radlabels, in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--dest", folder, RADLABELS]
        # Its own Python versions do not matter: the wheel is read, not installed.
        got = subprocess.run([*command, "--python-version", "3.12", "--only-binary=:all:"], check=False)
        wheel = next(Path(folder).glob("*.whl"), None)
        if got.returncode or wheel is None:
            sys.exit(f"pip could not download {RADLABELS}: check the package index")
        yield wheel


def _of_wheel(path: Path) -> list[Text]:
    """The reports that have findings or an impression, from which CheXpert's labels are read."""
    with zipfile.ZipFile(path) as wheel:
        known = json.loads(wheel.read("radlabels/samples/synthetic_labels.json"))
        texts = [(name, _described(wheel.read(_report(name)).decode()), found) for name, found in sorted(known.items())]
    return [Text(name, "en", text, _of_findings(found)) for name, text, found in texts if text]


def _report(name: str) -> str:
    return f"radlabels/samples/synthetic_reports/{name}.txt"


def _described(report: str) -> str:
    """What a report says from its findings or impression on; some were generated without, or broke off before."""
    return DESCRIBED.split(report, maxsplit=1)[-1] if DESCRIBED.search(report) else ""


def _of_findings(found: dict[str, str]) -> dict[str, int]:
    said = {}
    for label, names in OF_RADLABELS.items():
        values = [VALUES[found[name]] for name in names if name in found]
        if values:
            said[label] = max(values, key=STRENGTH)
    return said


def _print_labels(texts: Sequence[Text]) -> None:
    found = [labels(text.text, text.language) for text in texts]
    print("by label: F1 (present and uncertain count as named), cases, and the share of mentions with the same value")
    for label in CHEXPERT_LABELS:
        if any(label in text.labels for text in texts):
            score = _score([text.labels.get(label) for text in texts], [said.get(label) for said in found])
            low, high = wilson(score.agreed, score.mentioned)
            print(f"  {label:<28} {score.f1:.3f}  {score.cases:>4}  {100 * score.agreed / score.mentioned:5.1f} % "
                  f"({100 * low:.1f} to {100 * high:.1f})")  # fmt: skip


def _score(true: Sequence[int | None], said: Sequence[int | None]) -> LabelScore:
    pairs = [pair for pair in zip(true, said, strict=True) if pair != (None, None)]
    both = sum(bool(wanted) and bool(value) for wanted, value in pairs)
    cases, named = sum(bool(wanted) for wanted, _ in pairs), sum(bool(value) for _, value in pairs)
    f1 = 2 * both / (cases + named) if cases + named else 1.0
    return LabelScore(f1, cases, sum(wanted == value for wanted, value in pairs), len(pairs))
