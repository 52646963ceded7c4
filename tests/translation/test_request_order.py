"""A served engine never waits: what is asked next does not hang on what was not answered yet."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from translation_server import SENTENCES, in_portuguese

from hubkit.config import parse_config
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.translation.translate import translate
from hubkit.workspace import Workspace

LONG, MIDDLE, SHORT, SHORTEST = sorted(SENTENCES[:4], key=len, reverse=True)
WRONG = {text: ("say", text) for text in SENTENCES}
"""What is answered in English is flagged."""


@pytest.fixture
def configure(moody: Any) -> Any:
    """Settings for the stand-in server, two units a chunk."""
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "checkpoint": 2, "concurrency": 2}
    return lambda **changes: parse_config({"corpus": {"kind": "demo"}, "translation": {**table, **changes}})


def parts(workspace: Workspace) -> list[Path]:
    return list(workspace.root.glob("partial/*/part-*.parquet"))


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ([], SHORT),
        # Its second attempt names the finding before the text.
        ([WRONG[MIDDLE]], "(ACHADOS):"),
    ],
    ids=["the next chunk is asked for", "what is flagged is asked again"],
)
def test_while_an_answer_is_awaited(make_workspace, moody, configure, first, words) -> None:
    workspace = make_workspace([{"findings": text} for text in (LONG, MIDDLE, SHORT, SHORTEST)])
    moody.plan = {LONG: [lambda: "fine" if words in "".join(moody.seen) else None], MIDDLE: [*first, "fine"]}
    run_one("translate", configure(), workspace)
    rows = {row["source"]: row for row in pq.read_table(workspace.machine_translations).to_pylist()}
    assert {text: row["translation"] for text, row in rows.items()} == {text: in_portuguese(text) for text in rows}
    assert len(rows) == 4
    assert len(moody.seen) == 4 + len(first), "nothing was asked twice but what was flagged"


def test_a_part_is_written_while_the_next_chunk_is_awaited(make_workspace, moody, configure) -> None:
    workspace = make_workspace([{"findings": text} for text in (LONG, MIDDLE, SHORT, SHORTEST)])
    moody.plan = {text: [lambda: "fine" if parts(workspace) else None] for text in (SHORT, SHORTEST)}
    run_one("translate", configure(), workspace)
    assert Counter(moody.seen) == Counter([LONG, MIDDLE, SHORT, SHORTEST])


@pytest.mark.parametrize(("concurrency", "checkpoint"), [(1, 3), (3, 2), (32, 1), (32, 64)])
def test_the_order_of_answers_changes_no_byte_and_asks_nothing_twice(
    make_workspace, studies, moody, configure, concurrency: int, checkpoint: int
) -> None:
    texts = sorted({text for study in studies for text in study.values() if text})
    rng = random.Random(8)
    wrong = {text: [("say", text)] * rng.choice([0, 0, 1, 2]) for text in texts}
    digests, asked = set(), []
    for name, settings in {
        "one by one": {"concurrency": 1, "checkpoint": 10**6},
        "together": {"concurrency": concurrency, "checkpoint": checkpoint},
    }.items():
        moody.plan = {text: [*moods, "fine"] for text, moods in wrong.items()}
        moody.seen.clear()
        workspace = make_workspace(studies, name)
        run_one("translate", configure(**settings), workspace)
        digests.add((file_digest(workspace.machine_translations), file_digest(workspace.machine_checks)))
        asked.append(Counter(moody.seen))
    assert len(digests) == 1
    assert asked[0] == asked[1]


def test_what_was_complete_is_kept_when_the_server_refuses(make_workspace, moody, configure) -> None:
    workspace = make_workspace([{"findings": text} for text in (LONG, MIDDLE, SHORT, SHORTEST)])
    moody.plan = {text: [lambda: 401 if parts(workspace) else None] for text in (SHORT, SHORTEST)}
    with pytest.raises(HubkitError, match="the server refuses requests: HTTP 401"):
        run_one("translate", configure(), workspace)
    assert len(parts(workspace)) == 1
    moody.plan.clear()
    moody.seen.clear()
    run_one("translate", configure(), workspace)
    assert Counter(moody.seen) == Counter([SHORT, SHORTEST])


def test_studies_and_parts_are_read_once(make_workspace, studies, moody, configure, monkeypatch) -> None:
    workspace = make_workspace(studies)
    running, reads, read_table = Workspace(workspace.root, workspace.root / "partial"), Counter[str](), pq.read_table
    iter_batches = pq.ParquetFile.iter_batches

    def counted(path: Path, columns: list[str] | None = None) -> Any:
        reads[f"{path.name}: {'all' if columns is None else ', '.join(columns)}"] += 1
        return read_table(path, columns=columns)

    def streamed(file: pq.ParquetFile, *arguments: Any, columns: list[str]) -> Any:
        reads[f"streamed: {', '.join(columns)}"] += 1
        return iter_batches(file, *arguments, columns=columns)

    monkeypatch.setattr(pq, "read_table", counted)
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", streamed)
    translate(configure(), running)
    names = [path.name for path in running.partial.glob("part-*")]
    once = Counter([f"{name}: all" for name in names])
    # The texts are read once, in batches. Before it ids alone, to see their order, and after it, to count them.
    texts = ["streamed: study_id, indication, comparison, findings, impression, last_paragraph"]
    sections = Counter([*texts, *["studies.parquet: study_id"] * 2])
    assert len(names) > 5
    assert reads == once + sections
    reads.clear()
    moody.seen.clear()
    translate(configure(), running)
    assert reads == once + Counter([f"{name}: unit, status" for name in names]) + sections
    assert moody.seen == []
