"""How well the rules read CheXpert's labels in Portuguese: their accuracy on the frozen labelled texts.

    python benchmarks/labels.py

writes hubkit/clinical/accuracy.toml, which the score table and the cards quote, and prints it. F1 is that of the
findings' agreement in the score table (present and uncertain count as named); `values` is the share of all labels of
all texts that are read as labelled, uncertain, negated and unmentioned told apart, and `whole_texts` that of the texts
all of whose labels are. No text is printed.

    python benchmarks/labels.py --set tests/clinical/label_texts.tsv
    python benchmarks/labels.py --radlabels [--offline]

print figures instead and write nothing: those of frozen texts in both languages, and the agreement with the labels of
the 1,000 generated English reports that radlabels ships, which pip downloads to a temporary folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from label_sets import print_radlabels, print_set

from hubkit.clinical.labels import labels
from hubkit.metrics.agreement import ACCURACY, agreement
from hubkit.tables import CHEXPERT_LABELS

DATA = Path(__file__).with_name("data") / "clinical_labels.jsonl"


def main() -> None:
    options = _options()
    if options.set:
        print_set(options.set)
    if options.radlabels:
        print_radlabels(options.offline)
    if not options.set and not options.radlabels:
        write_accuracy()


def write_accuracy() -> None:
    """Write hubkit/clinical/accuracy.toml and print it."""
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    ACCURACY.write_text(as_toml(accuracy(rows)), encoding="utf-8")
    print(ACCURACY.read_text(encoding="utf-8"), end="")


def accuracy(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures over `rows` with `text` and `labels`, F1 by label under `labels`."""
    texts = [row["text"] for row in rows]
    found = [labels(text, "pt") for text in texts]
    same = [
        [said.get(label) == row["labels"].get(label) for label in CHEXPERT_LABELS]
        for said, row in zip(found, rows, strict=True)
    ]
    agreed = agreement(texts, [row["labels"] for row in rows])
    figures = {
        "whole_texts": np.mean(np.all(same, axis=1)),
        "values": np.mean(same),
        "micro": agreed.micro.over_all(),
        "macro": agreed.macro.over_all(),
    }
    return {
        "texts": len(rows),
        **{name: round(float(value), 4) for name, value in figures.items()},
        "labels": {label: round(found["f1"], 4) for label, found in agreed.by_label().items()},
    }


def as_toml(figures: dict[str, Any]) -> str:
    by_label = figures["labels"]
    return "\n".join(
        [
            "# How well the rules read the labels of benchmarks/data/clinical_labels.jsonl.",
            "# Written by: python benchmarks/labels.py",
            "",
            *(f"{name} = {value}" for name, value in figures.items() if name != "labels"),
            "",
            "[labels]",
            *(f'"{label}" = {value}' for label, value in by_label.items()),
            "",
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=Path, help="file of texts with their labels; prints figures")
    parser.add_argument("--radlabels", action="store_true", help="print the agreement with radlabels' reports")
    parser.add_argument("--offline", action="store_true", help="download nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
