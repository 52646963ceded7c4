"""The test vectors of docs/custody.md: `python tests/custody/vectors.py` prints them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hubkit.custody.cells import seal
from hubkit.custody.sealed import CellPlace, Keyring, find_corpus
from hubkit.tables import CHEXPERT_LABELS

RELEASE, SUBJECT = "lab/mimic-cxr-ptbr", 10_000_001
REPORTS = {50_000_001: b"One.", 50_000_002: b"Two.\n"}
VALUES: list[tuple[str, str, Any]] = [
    ("report", "string", "IMPRESSÃO: sem alterações."),
    ("impression", "string", None),
    ("labels", "chexpert", dict.fromkeys(CHEXPERT_LABELS) | {"Edema": 1, "Pneumonia": -1}),
]


def write_reports(root: Path) -> Path:
    folder = root / "files" / "p10" / "p10000001"
    folder.mkdir(parents=True)
    for study, text in REPORTS.items():
        (folder / f"s{study}.txt").write_bytes(text)
    return root


def vectors(root: Path) -> str:
    """The vectors as they stand in the document, from the reports below `root`."""
    corpus = find_corpus(root, cache=False)
    keys = Keyring(corpus, RELEASE, "1.0.0")
    key = keys.key("p10")
    lines = ["```", f"digest {corpus.digest('p10').hex()}", f"check  {key.check.hex()}"]
    for column, kind, value in VALUES:
        place = CellPlace(RELEASE, "1.0.0", "default", "test", 2, column, kind, SUBJECT, 50_000_001, 0)
        cell = seal(value, place.header(), key)
        lines += ["", "/".join(map(str, place)), *(cell.hex()[at : at + 128] for at in range(0, len(cell) * 2, 128))]
    return "\n".join([*lines, "```"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        print(vectors(write_reports(Path(home))))
