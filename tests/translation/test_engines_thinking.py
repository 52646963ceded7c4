"""A model that thinks aloud: its thought is cut, counted and never published, whoever the engine is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from translation_server import SENTENCES, in_portuguese

from hubkit.config import Translation, parse_config
from hubkit.errors import HubkitError
from hubkit.models.thinking import UNFINISHED, UNMARKED
from hubkit.release import run_one
from hubkit.report.outcomes import outcome
from hubkit.translation.attempts import THOUGHT_ALONE, Attempts
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Answer, Request
from hubkit.translation.engines.completion import NoAnswer, read_reply
from hubkit.translation.engines.transformers import TransformersEngine
from hubkit.translation.prompt import DIRECT, Prompt
from hubkit.translation.scheduling import translate_chunks
from hubkit.translation.units import Unit

START, END = "<unused94>", "<unused95>"


@pytest.fixture(scope="module")
def thinker(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Gemma 3 whose vocabulary has MedGemma's markers as special tokens."""
    from transformers import AutoTokenizer, Gemma3ForCausalLM

    folder = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("models") / "thinker"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": [START, END]})
    tokenizer.save_pretrained(folder)
    model = Gemma3ForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder


def chain(engine: TransformersEngine, words: list[str]) -> list[int]:
    """Let the model write `words`, a token each, after the prompt; the last one over and over."""
    model = engine.model
    prompt = engine.tokenizer("<start_of_turn>model\n", add_special_tokens=False)["input_ids"]
    tokens = [engine.tokenizer.convert_tokens_to_ids(word) for word in words]
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        states = model.model.embed_tokens.weight.clone()
        head = torch.zeros_like(states)
        for before, after in zip([prompt[-1], *tokens], [*tokens, tokens[-1]], strict=True):
            head[after] += states[before] / states[before].norm()
        model.lm_head.weight = torch.nn.Parameter(head)
    return tokens


def thinking_engine(folder: Path, continuous: bool, **changes: Any) -> TransformersEngine:
    settings = Translation(model=str(folder), quantization="fp32", device="cpu", **changes)
    engine = open_engine(settings, continuous=continuous)
    if engine.continuous is not None:
        engine.continuous.cache = {"max_batch_tokens": 128, "num_blocks": 64}
    return engine


STOP = "<end_of_turn>"


CHAINS = [
    ([START, "a", "b", END, "x", "y", STOP], 3, 4, Answer("xy", 6, "stop", None, 4)),
    ([START, "a", "b", "c"], 3, 4, Answer(None, 7, "error", UNFINISHED, 7)),
    (["x", "y", "z"], 3, 4, Answer("xyz", 3, "length", None, 0)),
    # Without a budget a thought takes of what the answer may have.
    ([START, "a", "b", END, "x", STOP], 3, 0, Answer(None, 3, "error", UNFINISHED, 3)),
]
MORE_CHAINS = [
    ([START, "a", "b", END, "x", "y", "z"], 3, 4, Answer("xyz", 7, "length", None, 4)),
    ([START, "a", STOP], 3, 4, Answer(None, 3, "error", UNFINISHED, 3)),
    (["x", "y", STOP], 3, 4, Answer("xy", 2, "stop", None, 0)),
    ([START, END, "x", STOP], 4, 0, Answer("x", 3, "stop", None, 2)),
]


@pytest.mark.parametrize(
    ("continuous", "words", "limit", "budget", "expected"),
    [*((False, *case) for case in CHAINS + MORE_CHAINS), *((True, *case) for case in CHAINS)],
)
def test_a_thought_is_cut_and_counted_in_this_process(
    thinker: Path, continuous: bool, words: list[str], limit: int, budget: int, expected: Answer
) -> None:
    with thinking_engine(thinker, continuous, thinking_tokens=budget) as engine:
        chain(engine, words)
        asked = [Request(Prompt.of(Translation()).messages("findings", text), limit) for text in SENTENCES[:3]]
        answers = dict(engine.answer(asked))
    assert [answers[place] for place in range(3)] == [expected] * 3


def test_a_marker_that_is_dropped_from_the_text_would_leave_the_thought(thinker: Path) -> None:
    """Why thoughts are cut by tokens: the tokenizer's own text has the thought without its markers."""
    with thinking_engine(thinker, continuous=False) as engine:
        tokens = chain(engine, [START, "a", "b", END, "x"])
        assert engine.tokenizer.decode(tokens, skip_special_tokens=True) == "abx"
        assert engine._read(tokens, 9).text == "x"


def reply(content: str | None, reason: str = "stop", tokens: int = 10, **more: Any) -> dict[str, Any]:
    usage: dict[str, Any] = {"completion_tokens": tokens}
    if "counted" in more:
        usage["completion_tokens_details"] = {"reasoning_tokens": more.pop("counted")}
    return {"choices": [{"message": {"content": content, **more}, "finish_reason": reason}], "usage": usage}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (reply(" Sem derrame. "), Answer("Sem derrame.", 9, "stop")),
        (reply(f"{START}thought\nHm.{END}Sim."), Answer("Sim.", 9, "stop", None, 8)),
        (reply(f"{START}thought\nHm.{END}Sim.<end_of_turn>\n"), Answer("Sim.", 9, "stop", None, 8)),
        (reply("<think>\nHm.\n</think>\n\nSim."), Answer("Sim.", 9, "stop", None, 8)),
        (reply("Hm.</think>Sim."), Answer("Sim.", 9, "stop", None, 7)),
        (reply(f"{START}thought\nHm", "length"), Answer(None, 10, "error", UNFINISHED, 10)),
        (reply("thought\nThe user wants\n\nSim."), Answer(None, 10, "error", UNMARKED, 10)),
        (reply("Sim.", reasoning_content="Hm.", counted=6), Answer("Sim.", 9, "stop", None, 6)),
        (reply("Sim.", reasoning="Hm, e é."), Answer("Sim.", 9, "stop", None, 6)),
        (reply(None, "length", reasoning="Hm."), Answer(None, 10, "error", UNFINISHED, 10)),
        (reply("", "length", reasoning_content="Hm."), Answer(None, 10, "error", UNFINISHED, 10)),
        (reply("Sim", "length", reasoning_content="Hm.", counted=6), Answer("Sim", 10, "length", None, 6)),
        # What had the room of a thought and did not think: a loop.
        (reply("Sim. Sim.", tokens=99), Answer("Sim. Sim.", 98, "length")),
    ],
)
def test_a_thought_is_cut_from_what_a_server_says(value: dict[str, Any], expected: Answer) -> None:
    assert read_reply(value, 20) == expected


@pytest.mark.parametrize(
    "value",
    [None, {}, reply(None), reply("x", "content_filter"), reply("x", reasoning=7), {"choices": [{"message": None}]}],
)
def test_what_is_no_completion_is_tried_again(value: Any) -> None:
    with pytest.raises(NoAnswer):
        read_reply(value, 20)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": "google/medgemma-27b-text-it"}, (2056, False)),
        ({"model": "google/medgemma-27b-text-it", "thinking_tokens": 0}, (8, None)),
        ({"model": "m"}, (8, None)),
        ({"model": "m", "thinking_tokens": 100}, (108, False)),
    ],
)
def test_a_server_gets_room_for_the_thought_and_keeps_its_markers(changes: dict[str, Any], expected: Any) -> None:
    engine = open_engine(Translation(engine="openai", base_url="http://127.0.0.1:9/v1", **changes))
    body = engine._body(Request([], 8))
    assert (body["max_tokens"], body.get("skip_special_tokens")) == expected


def test_a_server_that_does_not_know_the_key_is_asked_without_it(moody: Any) -> None:
    moody.plan = {text: ["strict"] for text in SENTENCES}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    settings = Translation(engine="openai", model="m", base_url=url, thinking_tokens=9, concurrency=1)
    asked = [Request(Prompt.of(settings).messages("findings", text), 8) for text in SENTENCES]
    with open_engine(settings, pause=0.01) as engine:
        answers = dict(engine.answer(asked))
    assert [answers[place].text for place in range(6)] == [in_portuguese(text) for text in SENTENCES]
    assert len(moody.seen) == 7, "one request was refused, and the others came without the key"


THOUGHT = f"{START}thought\nThe user wants a translation. {SENTENCES[0]}"
SOURCE = f"{SENTENCES[1]} {SENTENCES[2]}"
RIGHT = in_portuguese(SOURCE)


@pytest.mark.parametrize(
    ("said", "retries", "expected"),
    [
        ([f"{THOUGHT}{END}{RIGHT}"], 2, (RIGHT, "ok", 1)),
        ([THOUGHT, RIGHT], 2, (RIGHT, "ok", 2)),
        ([THOUGHT, THOUGHT, "fine"], 2, (RIGHT, "ok", 3)),
        ([THOUGHT], 1, (None, "failed", 2)),
        ([THOUGHT], 0, (None, "failed", 1)),
    ],
)
def test_a_thought_without_an_answer_is_a_failed_attempt(
    moody: Any, said: list[str], retries: int, expected: tuple[str | None, str, int]
) -> None:
    moody.plan = {SOURCE: [text if text == "fine" else ("say", text) for text in said]}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    settings = Translation(engine="openai", model="m", base_url=url, retries=retries, thinking_tokens=9)
    with open_engine(settings, pause=0.01) as engine:
        ((result,),) = translate_chunks([[Unit("k", "findings", SOURCE, None)]], engine, Attempts.of(settings))
    assert (result.answer.text, result.status, result.attempts) == expected
    assert result.answer.text is not None or result.answer.error == UNFINISHED
    if THOUGHT in said and retries:
        assert THOUGHT_ALONE in moody.seen[1]


def test_no_thought_is_published_and_all_are_counted(
    moody: Any, make_workspace: Any, studies: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = {sentence: [("say", f"{THOUGHT}{END}{in_portuguese(sentence)}")] for sentence in SENTENCES}
    moody.plan = {**plan, SENTENCES[5]: [("say", THOUGHT)]}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "thinking_tokens": 50, "max_flagged": 1.0}
    workspace = make_workspace(studies)
    run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    published = " ".join(row["translation"] or "" for row in rows)
    assert not any(words in published for words in (START, END, "thought", "The user wants"))
    failed = [row for row in rows if row["status"] == "failed"]
    assert {row["source"] for row in failed} == {SENTENCES[5]}
    assert {row["translation"] for row in failed} == {None}
    counts = json.loads(workspace.thoughts.read_text())
    said = f"{counts['thoughts']} thoughts of {counts['tokens']} tokens, {counts['unfinished']} without an end"
    assert counts["thoughts"] > counts["unfinished"] == len({row["source"] for row in failed}) == 1
    assert said in capsys.readouterr().err
    assert said in (outcome("translate", workspace) or "")


def test_a_model_that_only_thinks_stops_the_stage_and_says_what_to_set(
    moody: Any, make_workspace: Any, studies: Any
) -> None:
    moody.plan = {text: [("say", THOUGHT)] for study in studies for text in study.values()}
    url = f"http://127.0.0.1:{moody.server_port}/v1"
    table = {"engine": "openai", "model": "m", "base_url": url, "retries": 0}
    with pytest.raises(
        HubkitError, match=r"thought without an end \(raise \[translation\] thinking_tokens, or set curb"
    ):
        run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), make_workspace(studies))


@pytest.mark.parametrize(("rules", "lines"), [(True, 3), (False, 2)])
def test_the_prompt_curbs_a_thought_where_it_is_told_to(rules: bool, lines: int) -> None:
    plain, curbed = (Translation(rules=rules, curb_thinking=curb) for curb in (False, True))
    system = Prompt.of(curbed).messages("findings", "x")[0]["content"]
    assert system.splitlines()[-1] == DIRECT
    assert len(system.splitlines()) == lines
    assert Prompt.of(plain).messages("findings", "x")[0]["content"] == system.removesuffix(f"\n{DIRECT}")
    assert Prompt.of(plain).digest() != Prompt.of(curbed).digest()
