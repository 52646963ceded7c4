"""The examples of docs/extending.md do what the page says, from the entry to the last table that shows it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubkit.artifacts.scores import read_summary, write_summary
from hubkit.config import parse_config
from hubkit.corpus.read import read
from hubkit.corpus.readers import READERS
from hubkit.metrics.registry import METRICS
from hubkit.original_study import ORIGINAL_STUDY
from hubkit.packaging.cards import render as render_card
from hubkit.published import published
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import Evaluation
from hubkit.scoring.summary import summarise
from hubkit.scoring.table import render
from hubkit.tables import CONDITIONS, SETUPS
from hubkit.terms.kinds import TERMS, terms_of
from hubkit.workspace import Workspace, read_table

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
SYSTEMS = (*CONDITIONS, "commonest", "reference", "flipped")


def examples(heading: str) -> list[str]:
    """The Python below a heading of the page."""
    (section,) = re.findall(
        rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def registries() -> Iterator[None]:
    """What an example adds goes away with its test."""
    kept = [(registry, dict(registry)) for registry in (METRICS, READERS, TERMS)]
    yield
    for registry, entries in kept:
        registry.clear()
        registry.update(entries)  # type: ignore[arg-type]


def scored(workspace: Workspace) -> None:
    """A summary of six systems that write one, two, three ... words for two of the reference."""
    draw, none = np.random.default_rng(1), np.zeros(4, bool)
    generated = {system: [" ".join(["pulmões"] * (at + 1))] * 4 for at, system in enumerate(SYSTEMS)}
    evaluation = Evaluation(
        np.arange(4), np.arange(4), ["Pulmões limpos."] * 4, [""] * 4, [{"Edema": 1}] * 4, generated
    )
    scores = {system: draw.random((4, 3), "float32") for system in SYSTEMS}
    flags = dict.fromkeys(SYSTEMS, none)
    setups = {setup: SetupScores("made", scores, flags, flags) for setup in SETUPS}
    write_summary(workspace, summarise(parse_config({"scoring": {"resamples": 20}}), evaluation, setups))


def card_of(workspace: Workspace) -> str:
    facts: dict[str, Any] = {
        "evaluation": read_summary(workspace),
        "config": parse_config({}),
        "corpus": terms_of(parse_config({}).corpus),
        "original": ORIGINAL_STUDY,
        "exposure": [],
        "failures": [],
        "subgroups": None,
    }
    return render_card(published("dataset_card") / "_evaluation.md.jinja", {**facts, "synthetic": True})


def test_a_metric_stands_in_every_table(tmp_path: Path) -> None:
    before, workspace = Workspace(tmp_path / "before"), Workspace(tmp_path / "work")
    scored(before)
    (example,) = examples("A metric")
    exec(compile(example, str(PAGE), "exec"), {})
    scored(workspace)
    summary = read_summary(workspace)
    figures = {system: found.figure("length ratio") for system, found in summary.conditions.items()}
    assert {system: figure.value for system, figure in figures.items()} == {
        system: (at + 1) / 2 for at, system in enumerate(SYSTEMS)
    }
    moved = {(row.system, row.against): (row.difference, row.p_holm) for row in summary.differences
             if row.measure == "length ratio"}  # fmt: skip
    assert moved["lora", "zero_shot"] == (1.0, None)
    head = "| condition | chrF++ | BLEU | findings F1, micro | findings F1, macro | words, ratio |"
    for table in (render(summary, "md"), card_of(workspace)):
        assert head in table
        assert re.search(r"^\| LoRA \|.*\| 1\.50 \[1\.50, 1\.50\] \|$", table, re.MULTILINE)
    # A summary of before has no such figure: its tables are as they were.
    for table in (render(read_summary(before), "md"), card_of(before)):
        assert head.replace(" words, ratio |", "") in table.splitlines()


def test_a_corpus_kind_is_read_and_guarded(tmp_path: Path) -> None:
    (example,) = examples("A corpus kind")
    exec(compile(example, str(PAGE), "exec"), {"__name__": "clinic"})
    root = tmp_path / "clinic"
    root.mkdir()
    with open(root / "reports.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("patient", "study", "split", "findings", "impression"))
        writer.writerows((100 + at % 3, 1000 + at, split, f"Heart {at}.", "" if at else "Normal.")
                         for at, split in enumerate(("train", "train", "validate", "test")))  # fmt: skip
    config = parse_config({"corpus": {"kind": "clinic", "root": str(root), "subset": "all", "workers": 1}})
    workspace = Workspace(tmp_path / "work")
    read(config, workspace.running("read", "key"))
    rows = read_table(workspace.studies).to_pylist()
    assert [(row["subject_id"], row["study_id"], row["split"], row["findings"], row["impression"]) for row in rows] == [
        (100, 1000, "train", "Heart 0.", "Normal."),
        (101, 1001, "train", "Heart 1.", None),
        (102, 1002, "validate", "Heart 2.", None),
        (100, 1003, "test", "Heart 3.", None),
    ]
    source = TERMS["clinic"].find(root)
    names = source.listing().names
    assert list(source.texts([names[100, 1000]])) == ["Heart 0.\n\nNormal."]
