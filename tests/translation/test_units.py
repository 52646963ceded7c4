"""What is translated once, in which chunks, by whom: nothing is shared that could be translated otherwise."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.artifacts.translator import Served
from hubkit.checks.flags import Flag
from hubkit.config import Translation
from hubkit.errors import HubkitError
from hubkit.tables import SECTIONS
from hubkit.translation.attempts import Result
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.engines import Answer
from hubkit.translation.plan import plan, read_plan, write_plan
from hubkit.translation.units import Unit, read_sections
from hubkit.translation.worker import Worker
from hubkit.workspace import write_table

SAME = "No acute disease."


def units(make_workspace, studies, **settings):
    """The units of the rows, by study (counted from 0) and section."""
    workspace = make_workspace(studies, f"work-{json.dumps(settings, sort_keys=True)}")
    return {(study - 50000000, unit.section): unit for study, unit in rows(sections_of(workspace, **settings))}


def rows(sections):
    return [(study, sections.units[number]) for study, number in zip(sections.study_ids, sections.numbers, strict=True)]


def sections_of(workspace, context=False, memory=True):
    return read_sections(pq.read_table(workspace.studies), SECTIONS, context=context, memory=memory)


@pytest.mark.parametrize(
    ("settings", "first", "second", "shared"),
    [
        ({}, {"findings": "Clear.", "impression": SAME}, {"findings": "Effusion.", "impression": SAME}, True),
        (
            {"context": True},
            {"findings": "Clear.", "impression": SAME},
            {"findings": "Effusion.", "impression": SAME},
            False,
        ),
        (
            {"context": True},
            {"findings": "Clear.", "impression": SAME},
            {"findings": "Clear.", "impression": SAME},
            True,
        ),
        ({"context": True}, {"findings": "Clear.", "impression": SAME}, {"impression": SAME}, False),
        ({}, {"impression": SAME}, {"impression": f"{SAME} "}, False),
        ({"memory": False}, {"impression": SAME}, {"impression": SAME}, False),
    ],
    ids=["text alone", "other context", "same context", "no context", "other text", "no memory"],
)
def test_which_units_two_studies_share(make_workspace, settings, first, second, shared) -> None:
    found = units(make_workspace, [first, second], **settings)
    one, two = found[0, "impression"], found[1, "impression"]
    assert (one.key == two.key) == shared
    assert (one.section, one.text) == ("impression", first["impression"])


def test_equal_texts_of_other_sections_are_units_of_their_own(make_workspace) -> None:
    found = units(make_workspace, [{"findings": SAME, "impression": SAME}])
    assert found[0, "findings"].key != found[0, "impression"].key


def test_the_context_is_the_rest_of_the_report_under_its_headers(make_workspace) -> None:
    study = {"indication": "Cough.", "findings": "Clear.", "impression": SAME, "comparison": " "}
    found = units(make_workspace, [study], context=True)
    assert found[0, "findings"].context == f"INDICAÇÃO: Cough.\nIMPRESSÃO: {SAME}"
    assert found[0, "indication"].context == f"ACHADOS: Clear.\nIMPRESSÃO: {SAME}"
    assert units(make_workspace, [study])[0, "findings"].context is None


def test_a_key_is_the_same_on_every_machine_and_in_every_version(make_workspace) -> None:
    """Checkpoints of a run that goes on under a newer hubkit are found by it."""
    found = units(make_workspace, [{"impression": SAME}])
    assert found[0, "impression"].key == "e75aeb0171435420beddac80c37c42f4365a2a1d168d6c1d0e69e59d185bf0e0"


@given(st.lists(st.text(alphabet="ab \n", max_size=6), max_size=30), st.randoms(), st.integers(1, 7))
def test_chunks_hold_every_unit_once_the_longest_first(texts: list[str], order: Random, size: int) -> None:
    table = pa.table({"study_id": pa.array(range(len(texts)), pa.int64()), "findings": pa.array(texts, pa.string())})
    shuffled = table.take(pa.array(order.sample(range(len(texts)), len(texts)), pa.int64()))
    sections, others = (read_sections(one, ("findings",), context=False, memory=True) for one in (table, shuffled))
    assert others == sections, "rows are sorted by study"
    assert [(study, unit.text) for study, unit in rows(sections)] == [
        (study, text) for study, text in enumerate(texts) if text.strip()
    ]
    chunks = plan(sections.units, size)
    ordered = list(itertools.chain.from_iterable(chunks))
    assert sorted(unit.text for unit in ordered) == sorted({text for text in texts if text.strip()})
    assert [len(unit.text) for unit in ordered] == sorted((len(unit.text) for unit in ordered), reverse=True)
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunks), "no chunk is empty"
    assert plan(reversed(sections.units), size) == chunks, "the order of the studies plays no part"


def test_each_task_reads_its_own_chunks_from_the_plan(make_workspace, studies, tmp_path) -> None:
    chunks = plan(sections_of(make_workspace(studies), context=True).units, 3)
    write_plan(tmp_path, chunks)
    for tasks in (1, 2, len(chunks) + 1):
        for task in range(tasks):
            assert read_plan(tmp_path, task, tasks) == chunks[task::tasks]


def read_done(checkpoints: Checkpoints) -> dict[str, dict[str, Any]]:
    done = checkpoints.read()
    return {key: done.table.slice(place, 1).to_pylist()[0] for key, place in done.places.items()}


def result(text: str, status: str = "ok", attempts: int = 1) -> Result:
    answer = Answer(None, 0, "error", "gone") if status == "failed" else Answer(f"pt {text}", 3, "stop")
    return Result(Unit(text, "findings", text, None), answer, [], attempts)


def test_a_unit_that_failed_and_was_translated_later_is_read_once(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.add([result("a", "failed"), result("b")], "commit")
    checkpoints.add([result("a")], "later")
    for _ in range(2):
        assert {key: (row["translation"], row["revision"]) for key, row in read_done(checkpoints).items()} == {
            "a": ("pt a", "later"),
            "b": ("pt b", "commit"),
        }
        assert checkpoints.statuses() == {"a": "ok", "b": "ok"}
        # Files are read in the order of their names, whichever was written first.
        first, second = sorted(tmp_path.glob("part-*"))
        swap = first.rename(first.with_name("x"))
        second.rename(first)
        swap.rename(second)


def test_a_chunk_that_is_translated_again_takes_the_place_of_the_one_before(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for attempts in (1, 2):
        checkpoints.add([result("a", attempts=attempts), result("b")], None)
    checkpoints.add([result("c")], None)
    assert len(list(tmp_path.iterdir())) == 2
    assert {key: row["attempts"] for key, row in read_done(checkpoints).items()} == {"a": 2, "b": 1, "c": 1}


def test_a_part_of_an_earlier_version_lacks_the_columns_that_came_later(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.add([result("a")], None)
    (part,) = checkpoints.paths()
    write_table(part, pq.read_table(part).drop_columns(["thought_tokens"]).replace_schema_metadata({"of": "another"}))
    assert checkpoints.read().word_lists == []
    checkpoints.add([result("b")], None)
    assert checkpoints.read().word_lists == ["none"]
    assert {key: row["thought_tokens"] for key, row in read_done(checkpoints).items()} == {"a": None, "b": 0}


def test_two_translations_of_a_unit_are_an_error(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.add([result("a"), result("b")], None)
    checkpoints.add([result("a")], None)
    for read in (checkpoints.read, checkpoints.statuses):
        with pytest.raises(HubkitError, match="translated twice"):
            read()


def test_a_part_holds_all_that_became_of_its_units(tmp_path) -> None:
    """Runs that go on under a newer version find the file by its name, and read these columns."""
    flags = [Flag("number_lost", "error", (3, 5), None), Flag("english", "warning", None, (0, 4))]
    translated = Result(Unit("key", "findings", "text", None), Answer("pt", 3, "length", None, 2), flags, 2)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.add([translated, result("b", "failed")], "commit")
    (part,) = checkpoints.paths()
    assert part.name == "part-f678b61e51c1061d.parquet"
    nothing = dict.fromkeys(("source_start", "source_end", "translation_start", "translation_end"))
    assert pq.read_table(part).to_pylist() == [
        {
            "unit": "key",
            "translation": "pt",
            "revision": "commit",
            "attempts": 2,
            "output_tokens": 3,
            "thought_tokens": 2,
            "finish_reason": "length",
            "error": None,
            "status": "flagged",
            "flags": [
                {**nothing, "check": "number_lost", "severity": "error", "source_start": 3, "source_end": 5},
                {
                    **nothing,
                    "check": "english",
                    "severity": "warning",
                    "translation_start": 0,
                    "translation_end": 4,
                },
            ],
        },
        {
            "unit": "b",
            "translation": None,
            "revision": "commit",
            "attempts": 1,
            "output_tokens": 0,
            "thought_tokens": 0,
            "finish_reason": "error",
            "error": "gone",
            "status": "failed",
            "flags": [],
        },
    ]


def test_what_ran_the_model_is_kept_once_for_each_server(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.served() == ()
    first, second = Served(software="vLLM 1", model="m", context=2048), Served(software="vLLM 2")
    checkpoints.add_served(first)
    (file,) = tmp_path.iterdir()
    written = file.stat()
    checkpoints.add_served(first.model_copy())
    # Tasks of a release share the file: one that is there is left alone.
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert checkpoints.served() == (first,)
    checkpoints.add_served(second)
    assert sorted(checkpoints.served(), key=str) == [first, second]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "served-00cdbd0076bbde2d.json",
        "served-725f6cb9e584fe5c.json",
    ]
    assert checkpoints.paths() == [], "no part"


def test_what_is_left_is_what_has_no_translation(make_workspace, studies, tmp_path) -> None:
    step = Worker(Translation(), tmp_path)
    chunks = plan(sections_of(make_workspace(studies)).units, 3)
    assert step.todo(chunks).chunks == chunks
    done, failed = chunks[0][0], chunks[0][1]
    step.checkpoints.add([Result(done, Answer("pt", 1, "stop"), [], 1)], None)
    step.checkpoints.add([Result(failed, Answer(None, 0, "error", "gone"), [], 1)], None)
    todo = step.todo(chunks)
    assert todo.chunks == [chunks[0][1:], *chunks[1:]]
    assert set(todo.asked) == {done.key, failed.key}
    assert step.todo(chunks[:1]).chunks == [chunks[0][1:]]
    assert step.todo([[done]]).chunks == []


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_tasks_share_the_chunks_and_none_is_left(make_workspace, studies, tiny_model, tmp_path, tasks) -> None:
    settings = Translation(
        model=str(tiny_model), quantization="fp32", device="cpu", max_new_tokens=1, retries=0, checkpoint=7
    )
    chunks = plan(sections_of(make_workspace(studies)).units, settings.checkpoint)
    write_plan(tmp_path, chunks)
    # A task needs the plan and the parts alone.
    (tmp_path / "work" / "studies" / "studies.parquet").unlink()
    before: set[str] = set()
    for task in range(tasks):
        Worker(settings, tmp_path)(None, task, tasks)
        now = {path.name for path in tmp_path.glob("part-*")}
        assert now > before or task >= len(chunks)
        before = now
    step = Worker(settings, tmp_path)
    assert step.failures() == []
    assert not step.todo(chunks).chunks
    assert len(before) == len(chunks), "no chunk was translated by two tasks"
