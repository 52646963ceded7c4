"""docs/custody.md says how the format is: its vectors are those of the code, and its reader opens a release."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sealed_folder import keyring, plain_tables
from vectors import VALUES, vectors, write_reports

from hubkit.custody.sealed import Keyring, find_corpus

GUIDE = (Path(__file__).parents[2] / "docs" / "custody.md").read_text(encoding="utf-8")


def reader() -> Any:
    """`read_cell`, as the guide prints it."""
    (code,) = re.findall(r"```python\n(import json\n.*?)```", GUIDE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["read_cell"]


def test_the_vectors_are_those_of_the_code(tmp_path: Path) -> None:
    (printed,) = re.findall(r"<!-- vectors:begin [^>]*-->\n(.*)\n<!-- vectors:end -->", GUIDE, re.DOTALL)
    assert printed == vectors(write_reports(tmp_path)), "python tests/custody/vectors.py prints them"


def test_the_guides_reader_opens_the_vectors(tmp_path: Path) -> None:
    digest = find_corpus(write_reports(tmp_path), cache=False).digest("p10")
    (printed,) = re.findall(r"<!-- vectors:begin [^>]*-->\n```\n(.*)\n```\n", GUIDE, re.DOTALL)
    head, *cells = printed.split("\n\n")
    assert bytes.fromhex(head.split()[1]) == digest
    opened = [reader()(bytes.fromhex("".join(cell.split("\n")[1:])), {"p10": digest}) for cell in cells]
    assert opened == [list(value.values()) if isinstance(value, dict) else value for _, _, value in VALUES]


def test_the_guides_reader_opens_a_release(release: Path, corpus: Path, keys: Keyring) -> None:
    digests = {group: keyring(corpus).corpus.digest(group) for group in ("p10", "p11")}
    sealed = pq.read_table(release / "data" / "default")["report"].to_pylist()
    plain = [text for split in ("test", "train") for text in plain_tables()["default", split]["report"].to_pylist()]
    assert [reader()(cell, digests) for cell in sealed] == plain
