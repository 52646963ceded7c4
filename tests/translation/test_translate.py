"""The stage on its real path: a model in this process, a workspace on disk, kills by signal."""

from __future__ import annotations

import os
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forked import exit_code, start
from translation_server import SENTENCES

from hubkit.checks.hunspell import VARIABLE, WORD_LIST, WordList, word_list
from hubkit.config import parse_config
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.release import run_one
from hubkit.report.outcomes import outcome
from hubkit.stages import STAGES
from hubkit.tables import CHECKS, SECTIONS, TRANSLATIONS
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.translate import reconcile, texts_of
from hubkit.workspace import write_table


@pytest.fixture
def configure(tiny_model):
    def make(**changes):
        translation = {
            "model": str(tiny_model),
            "quantization": "fp32",
            "device": "cpu",
            "max_new_tokens": 6,
            "retries": 0,
            "max_flagged": 1.0,
            "checkpoint": 4,
            **changes,
        }
        return parse_config({"corpus": {"kind": "demo"}, "translation": translation})

    return make


def test_every_section_once_with_its_source(make_workspace, studies, configure):
    workspace = make_workspace(studies)
    run_one("translate", configure(), workspace)
    table = pq.read_table(workspace.machine_translations)
    assert table.schema.equals(TRANSLATIONS)
    assert outcome("translate", workspace).endswith(" failed, checked without a word list")
    rows = table.to_pylist()
    assert [(row["study_id"], row["section"]) for row in rows][:4] == [
        (50000000, "indication"),
        (50000000, "findings"),
        (50000000, "impression"),
        (50000001, "indication"),
    ]
    assert len(rows) == 11 * 3 - 1 + 1
    assert {row["section"] for row in rows if row["study_id"] == 50000003} == {"last_paragraph"}
    assert all(row["source"] == studies[row["study_id"] - 50000000][row["section"]] for row in rows)
    assert {row["finish_reason"] for row in rows} <= {"stop", "length"}
    assert {row["attempts"] for row in rows} == {1}
    assert pq.read_schema(workspace.machine_checks).equals(CHECKS)


def test_the_word_list_of_the_checks_is_on_record_and_makes_nothing_stale(
    make_workspace, studies, configure, monkeypatch, tmp_path
):
    dictionary = tmp_path / "pt_BR.dic"
    dictionary.write_text("1\nderrame\n")
    dictionary.with_suffix(".aff").write_text("SET UTF-8\n")
    workspace = make_workspace(studies)
    translate = next(stage for stage in STAGES if stage.name == "translate")
    keys = []
    for named in ("", str(dictionary)):
        monkeypatch.setenv(VARIABLE, named)
        word_list.cache_clear()
        keys.append(translate.key(configure(), workspace))
    run_one("translate", configure(), workspace)
    monkeypatch.setenv(VARIABLE, "")
    word_list.cache_clear()
    for path in (workspace.machine_translations, workspace.machine_checks):
        assert pq.read_schema(path).metadata[WORD_LIST.encode()].decode() == WordList(dictionary).digest
    assert keys[0] == keys[1]
    assert "word list" not in outcome("translate", workspace)


def test_parts_that_were_checked_without_a_word_list_are_told(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.read().word_lists == []
    checkpoints.add([], None)
    assert checkpoints.read().word_lists == ["none"]


def test_the_memory_translates_each_distinct_text_once(make_workspace, studies, configure):
    outcome = {}
    for memory in (True, False):
        workspace = make_workspace(studies, f"memory-{memory}")
        run_one("translate", configure(memory=memory), workspace)
        outcome[memory] = pq.read_table(workspace.machine_translations).to_pylist()
    reused = [row for row in outcome[True] if row["reused"]]
    seen = {(row["section"], row["source"]) for row in outcome[True]}
    assert len(reused) == len(outcome[True]) - len(seen)
    assert len(reused) > 10
    assert not any(row["reused"] for row in outcome[False])
    first = {}
    for row in outcome[True]:
        assert first.setdefault((row["section"], row["source"]), row["translation"]) == row["translation"]


def test_whole_reports_as_in_the_original_study(make_workspace, studies, configure):
    workspace = make_workspace(studies)
    run_one("translate", configure(units="report"), workspace)
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    assert [row["section"] for row in rows] == ["report"] * len(studies)


def test_killed_anywhere_it_ends_with_the_same_bytes(make_workspace, studies, configure):
    """In one go, and killed after three parts and started again."""
    config = configure(checkpoint=2, max_new_tokens=16, retries=1)
    whole, killed = make_workspace(studies, "whole"), make_workspace(studies, "killed")
    assert exit_code(start(lambda: run_one("translate", config, whole))) == 0
    child = start(lambda: run_one("translate", config, killed))
    while len(list(killed.root.glob("partial/*/part-*.parquet"))) < 3 and child_runs(child):
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    assert exit_code(child) == -signal.SIGKILL, "it ended before it could be killed"
    assert not killed.machine_translations.exists()
    assert exit_code(start(lambda: run_one("translate", config, killed))) == 0
    assert file_digest(killed.machine_translations) == file_digest(whole.machine_translations)
    assert file_digest(killed.machine_checks) == file_digest(whole.machine_checks)
    assert not list(killed.root.glob("partial/*"))


def child_runs(pid):
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


def test_flagged_units_are_tried_again_at_most_retries_times(make_workspace, studies, configure):
    workspace = make_workspace(studies)
    run_one("translate", configure(retries=2), workspace)
    attempts = {row["source"]: row["attempts"] for row in pq.read_table(workspace.machine_translations).to_pylist()}
    assert attempts["Cough."] == 2
    assert attempts[studies[1]["findings"]] == 3


def _table(ids):
    empty = {name: [None] * len(ids) for name in TRANSLATIONS.names}
    filled = {**empty, "study_id": [study for study, _ in ids], "section": [name for _, name in ids]}
    return pa.table(filled, schema=TRANSLATIONS)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([(50000000, "findings")], "1 rows are missing and 0 are too many"),
        ([(50000000, "findings"), (50000001, "findings"), (50000001, "findings")], "0 rows are missing and 1 are"),
        ([(50000000, "findings"), (50000002, "findings")], "1 rows are missing and 1 are too many"),
    ],
)
def test_a_missing_or_doubled_row_fails_the_stage(make_workspace, ids, said):
    workspace = make_workspace([{"findings": "Clear."}, {"findings": "Clear lungs."}])
    studies = pq.read_table(workspace.studies)
    wanted = {name: texts_of(studies, name) for name in SECTIONS}
    with pytest.raises(HubkitError, match=said):
        reconcile(_table(ids), wanted)
    reconcile(_table([(50000000, "findings"), (50000001, "findings")]), wanted)


def test_a_unit_translated_by_two_runs_is_found(make_workspace, studies, configure, monkeypatch):
    workspace = make_workspace(studies)

    def stop(*arguments):
        raise HubkitError("stopped")

    with monkeypatch.context() as patch, pytest.raises(HubkitError, match="stopped"):
        patch.setattr("hubkit.translation.translate.reconcile", stop)
        run_one("translate", configure(), workspace)
    part = next(workspace.root.glob("partial/*/part-*.parquet"))
    write_table(part.with_name("part-other.parquet"), pq.read_table(part))
    with pytest.raises(HubkitError, match="translated twice"):
        run_one("translate", configure(), workspace)


@pytest.mark.parametrize("texts", [[], [None], [" ", None, "Cough."]])
def test_studies_without_text_stop_before_a_model_is_loaded(make_workspace, configure, texts):
    workspace = make_workspace([{"indication": text} for text in texts])
    have = sum(text == "Cough." for text in texts)
    with pytest.raises(HubkitError, match=f"only {have} of {len(texts)} reports have a section"):
        run_one("translate", configure(model="/no/such/model"), workspace)


@pytest.mark.parametrize(("failing", "stops"), [(4, True), (3, False), (2, False)])
def test_half_of_the_rows_need_a_translation(make_workspace, configure, moody, failing, stops):
    workspace = make_workspace([{"findings": text} for text in SENTENCES])
    moody.plan = {text: [422] for text in SENTENCES[:failing]}
    served = {"engine": "openai", "base_url": f"http://127.0.0.1:{moody.server_port}/v1", "checkpoint": 64}
    if stops:
        with pytest.raises(HubkitError, match=r"only 2 of 6 sections have a translation \(does the model answer"):
            run_one("translate", configure(**served), workspace)
        assert not workspace.manifest("translate").exists()
        return
    run_one("translate", configure(**served), workspace)
    assert pq.read_table(workspace.machine_translations)["translation"].null_count == failing
