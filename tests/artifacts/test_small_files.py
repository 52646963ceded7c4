"""Small files: what they hold, in the bytes of before, and what is said of a damaged one."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from hubkit.artifacts.access_record import AccessRecord, read_access_record, write_access_record
from hubkit.artifacts.extremes import ConditionExtremes, Extremes, write_extremes
from hubkit.artifacts.generation_part import GenerationPart, count_thoughts, read_parts, rows_of, write_part
from hubkit.artifacts.thoughts import Thoughts
from hubkit.artifacts.training_log import LogEntry, read_log, write_log
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace, write_json

RECORD = {"date": "2026-03-02", "user": "ada", "project": "mimic-cxr/2.1.0", "url": "https://physionet.org"}
EXTREMES = {"bertimbau": {"lora": {"worst": [3, 1], "best": [2]}}, "xlm-roberta": {"lora": {"worst": [], "best": [2]}}}
ROW = {
    "subject_id": 1,
    "study_id": 7,
    "condition": "lora",
    "reference": "ACHADOS: a",
    "generated": "",
    "finish_reason": "length",
    "thought_tokens": 9,
}
PART = {
    "device": "cpu",
    "quantization": "fp32",
    "batches": [[7]],
    "markers": [["<think>", "</think>"]],
    "thinking_tokens": 64,
    "rows": [ROW],
}
ENTRIES = [{"epoch": 0.5, "loss": 2.0, "step": 1}, {"eval_loss": 1.5, "eval_runtime": 0.25, "step": 1}]


def test_an_access_record_keeps_its_bytes(tmp_path: Path) -> None:
    work = Workspace(tmp_path)
    record = AccessRecord(**{**RECORD, "date": datetime.date(2026, 3, 2)})
    write_access_record(work, record)
    assert work.access_check.read_text() == json.dumps(RECORD, indent=2) + "\n"
    assert read_access_record(work) == record


def test_extremes_keep_their_bytes(tmp_path: Path) -> None:
    work = Workspace(tmp_path)
    write_json(work.extremes, EXTREMES)
    before = work.extremes.read_bytes()
    found = Extremes.model_validate(json.loads(before))
    assert found.setups["bertimbau"]["lora"] == ConditionExtremes(worst=(3, 1), best=(2,))
    write_extremes(work, found)
    assert work.extremes.read_bytes() == before
    write_extremes(work, Extremes(setups=found.setups))
    assert work.extremes.read_bytes() == before


def test_a_part_keeps_its_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "7.json", PART)
    before = (tmp_path / "7.json").read_bytes()
    (part,) = read_parts(tmp_path)
    write_part(tmp_path, part)
    assert (tmp_path / "7.json").read_bytes() == before
    assert count_thoughts(rows_of([part])) == Thoughts(thoughts=1, tokens=9, unfinished=1)


def test_a_part_of_an_earlier_version_has_defaults(tmp_path: Path) -> None:
    old = {name: PART[name] for name in ("device", "batches")} | {"rows": [{**ROW, "thought_tokens": 0}]}
    write_json(tmp_path / "7.json", old)
    (part,) = read_parts(tmp_path)
    assert (part.quantization, part.markers, part.thinking_tokens) == (None, (), 0)
    assert isinstance(part, GenerationPart)


def test_a_log_keeps_its_bytes(tmp_path: Path) -> None:
    text = "".join(json.dumps(entry) + "\n" for entry in ENTRIES)
    write_log(tmp_path, [LogEntry(**entry) for entry in ENTRIES])
    assert (tmp_path / "log_history.jsonl").read_text() == text
    assert [entry.eval_loss for entry in read_log(tmp_path)] == [None, 1.5]
    (tmp_path / "log_history.jsonl").write_text(text + '{"loss": 1}\n')
    with pytest.raises(HubkitError, match=r"line 3 is not an entry of a log \(run: hubkit finetune\)"):
        read_log(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"rows": 1}', '{"format": 9}'])
def test_a_damaged_part_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "7.json"
    path.write_text(text)
    with pytest.raises(HubkitError) as caught:
        read_parts(tmp_path)
    assert str(caught.value).startswith(f"{path}: is ")
    assert "hubkit " in str(caught.value)
