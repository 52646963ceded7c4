"""`translate` by a real vLLM on a CPU: what it translates, and what is killed, too short or too slow."""

from __future__ import annotations

import json
import signal

import psutil
import pyarrow.parquet as pq
import pytest
from vllm_server import NAME, command, engine_core, members_of, server_of, wait_until

from hubkit.config import parse_config
from hubkit.doctor import translation
from hubkit.errors import HubkitError
from hubkit.release import run_one

pytestmark = pytest.mark.vllm


def rows_of(workspace):
    """The rows of translations.parquet by study and section, each once."""
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    found = {(row["study_id"], row["section"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def kept(workspace):
    return len(list(workspace.root.glob("partial/*/part-*.parquet")))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A function that gives the rows of the engine in this process, once for each number of studies."""
    known = {}

    def rows(make_workspace, hubkit, studies):
        if len(studies) not in known:
            run = hubkit(workspace := make_workspace(studies, "own"))
            assert run.wait() == 0, run.output
            known[len(studies)] = rows_of(workspace)
        return known[len(studies)]

    return rows


def other_than(group, hubkit):
    found = server_of(hubkit)
    return found if found != group else None


def living_children():
    children = psutil.Process().children(recursive=True)
    return {child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE}


def assert_the_same(workspace, expected):
    """Sums of another order may give another token where two are nearly equal."""
    found = rows_of(workspace)
    assert found.keys() == expected.keys()
    same = [key for key, row in expected.items() if found[key]["translation"] == row["translation"]]
    assert len(same) >= 0.995 * len(expected)
    assert [key for key in same if found[key]["output_tokens"] != expected[key]["output_tokens"]] == []


def served_by(workspace):
    (served,) = json.loads((workspace.root / "translations" / "translator.json").read_text())["served"]
    return served


KNOWN = {"software": "vLLM 0.32.0", "model": "translator", "revision": None, "precision": None, "context": 1024}


def test_all_texts_of_the_demo_are_translated_as_in_this_process(make_workspace, demo_studies, own, hubkit, server):
    expected = own(make_workspace, hubkit, demo_studies)
    workspace = make_workspace(demo_studies)
    run = hubkit(workspace, base_url=server.url)
    assert run.wait() == 0, run.output
    assert len(expected) == 1066
    assert_the_same(workspace, expected)
    assert served_by(workspace) == KNOWN


def test_a_server_of_hubkits_own_whose_engine_core_is_killed_midway(make_workspace, demo_studies, own, hubkit):
    expected = own(make_workspace, hubkit, demo_studies)
    workspace = make_workspace(demo_studies)
    run = hubkit(workspace, serve=command())
    first = run.server()
    run.until(lambda: kept(workspace) >= 1, "a chunk is kept")
    engine_core(first).kill()
    second = run.until(lambda: other_than(first, run.process.pid), "vLLM is started again")
    assert run.wait() == 0, run.output
    assert_the_same(workspace, expected)
    # vLLM does not say its precision; the command line does.
    assert served_by(workspace) == KNOWN | {"precision": "float32"}
    assert members_of(first) == members_of(second) == []


def test_an_engine_core_of_another_server_that_is_killed_stops_the_stage(
    make_workspace, demo_studies, own, hubkit, start_vllm, server
):
    studies = demo_studies[:60]
    expected = own(make_workspace, hubkit, studies)
    workspace, lost = make_workspace(studies), start_vllm()
    run = hubkit(workspace, base_url=lost.url, concurrency=8, checkpoint=16)
    run.until(lambda: kept(workspace) >= 1, "a chunk is kept")
    engine_core(lost.process.pid).kill()
    assert run.wait() == 1
    assert f"{lost.url}: not one unit of a chunk was translated" in run.output
    assert "Traceback" not in run.output
    before = kept(workspace)
    again = hubkit(workspace, base_url=server.url, checkpoint=16)
    assert again.wait() == 0, again.output
    assert before >= 1
    assert_the_same(workspace, expected)


def test_an_engine_core_that_is_killed_while_it_starts_is_named(make_workspace, demo_studies, hubkit):
    run = hubkit(make_workspace(demo_studies[:4]), serve=command())
    group = run.server()
    run.until(lambda: engine_core(group), "EngineCore starts").kill()
    assert run.wait() == 1
    assert "bin/vllm: the server ended with code 1: " in run.output
    assert "Engine core initialization failed" in run.output
    assert "Traceback" not in run.output
    assert members_of(group) == []


@pytest.mark.parametrize("moment", ["while it starts", "midway"])
def test_no_process_is_left_of_a_hubkit_that_is_killed(moment, make_workspace, demo_studies, hubkit):
    workspace = make_workspace(demo_studies[:60])
    run = hubkit(workspace, serve=command(), concurrency=2, checkpoint=16)
    group = run.server()
    run.until(lambda: engine_core(group), "EngineCore starts")
    if moment == "midway":
        run.until(lambda: kept(workspace) >= 1, "a chunk is kept")
    (supervisor,) = psutil.Process(run.process.pid).children()
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    wait_until(lambda: not members_of(group), "vLLM goes", 60)
    wait_until(lambda: not members_of(supervisor.pid), "the supervisor goes", 60)


def test_what_is_too_long_for_the_server_goes_by_sentence_or_is_named(make_workspace, demo_studies, start_vllm):
    """With a context of 84 tokens the longest findings do not fit, and their sentences do."""
    studies = demo_studies[:40]
    table = {"engine": "openai", "model": NAME, "base_url": start_vllm(context=84).url, "rules": False}
    table |= {"max_new_tokens": 64, "max_flagged": 1.0, "flagged": "publish"}
    alone, split = make_workspace(studies, "alone"), make_workspace(studies, "split")
    run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table | {"retries": 0}}), alone)
    long = [row for row in rows_of(alone).values() if row["status"] == "failed"]
    assert 0 < len(long) < len(rows_of(alone))
    run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table | {"retries": 1}}), split)
    assert [row for row in rows_of(split).values() if row["status"] == "failed"] == []


def test_a_start_that_takes_too_long_is_named_and_leaves_nothing(make_workspace, demo_studies, monkeypatch):
    monkeypatch.setattr("hubkit.translation.engines.server.READY_SECONDS", 12.0)
    table = {"engine": "openai", "model": NAME, "serve": command()}
    config = parse_config({"corpus": {"kind": "demo"}, "translation": table})
    before = living_children()
    with pytest.raises(HubkitError, match="bin/vllm: the server is not healthy after 12 s"):
        run_one("translate", config, make_workspace(demo_studies[:4]))
    assert living_children() == before


def test_doctor_knows_which_model_it_offers(server, make_workspace):
    for name, status in ((NAME, "ok"), ("another", "failed")):
        table = {"engine": "openai", "model": name, "base_url": server.url}
        (found,) = translation.server(parse_config({"translation": table}), make_workspace([]))
        assert (found.status, NAME in found.what + (found.hint or "")) == (status, True)
