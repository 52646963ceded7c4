"""A server's reply at the edges of each rule: counts, limits, words, and what stands on either side of them."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from hubkit.models.thinking import UNFINISHED, UNMARKED
from hubkit.translation.engines import reply_body
from hubkit.translation.engines.base import Answer
from hubkit.translation.engines.completion import NO_BODY, NoAnswer, read_reply, split_text
from hubkit.translation.engines.refusals import Refusal, error_of, refusal_of, status_of
from hubkit.translation.engines.reply_body import read_body

LIMIT = 10


def reply(content: Any = "Sim.", reason: Any = "stop", usage: Any = None, **message: Any) -> dict[str, Any]:
    choice = {"message": {"content": content, **message}, "finish_reason": reason}
    return {"choices": [choice], **({} if usage is None else {"usage": usage})}


def written(tokens: Any, thought: Any = None) -> dict[str, Any]:
    details = {} if thought is None else {"completion_tokens_details": {"reasoning_tokens": thought}}
    return {"completion_tokens": tokens, **details}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # A count has the token that ends a turn; what a limit cut has none.
        (reply(usage=written(10)), Answer("Sim.", 9, "stop")),
        (reply(usage=written(11)), Answer("Sim.", 10, "stop")),
        (reply(usage=written(12)), Answer("Sim.", 11, "length")),
        (reply(usage=written(1)), Answer("Sim.", 0, "stop")),
        (reply(usage=written(0)), Answer("Sim.", 0, "stop")),
        (reply(reason="length", usage=written(10)), Answer("Sim.", 10, "length")),
        (reply(reason=None, usage=written(9)), Answer("Sim.", 8, "stop")),
        (reply(reason=None, usage=written(10)), Answer("Sim.", 10, "length")),
        # What is no count counts as none.
        (reply(usage=written("7")), Answer("Sim.", 6, "stop")),
        (reply(usage=written("n/a")), Answer("Sim.", 0, "stop")),
        (reply(usage=written(-1)), Answer("Sim.", 0, "stop")),
        (reply(usage=written(float("inf"))), Answer("Sim.", 0, "stop")),
        (reply(reason="length", usage=written(2**31 - 1)), Answer("Sim.", 2**31 - 1, "length")),
        (reply(reason="length", usage=written(2**31)), Answer("Sim.", 0, "length")),
        (reply(usage=[7]), Answer("Sim.", 0, "stop")),
        # A thought: as the server counts it, else by its share of the characters.
        (reply(usage=written(9, 5), reasoning="Hm.."), Answer("Sim.", 8, "stop", None, 5)),
        (reply(usage=written(9, 0), reasoning="Hm.."), Answer("Sim.", 8, "stop", None, 0)),
        (reply(usage=written(9), reasoning="Hm.."), Answer("Sim.", 8, "stop", None, 4)),
        (reply(usage=written(9), reasoning_content="Hm.." * 3), Answer("Sim.", 8, "stop", None, 6)),
        (reply(usage=written(9), reasoning="Hm..", reasoning_content="?"), Answer("Sim.", 8, "stop", None, 4)),
        (reply("", usage=written(1)), Answer("", 0, "stop")),
        # A thought may take more than the answer's limit.
        (reply(usage=written(50, 40), reasoning="Hm.."), Answer("Sim.", 49, "stop", None, 40)),
        (reply("", "length", written(50), reasoning="Hm.."), Answer(None, 50, "error", UNFINISHED, 50)),
        (reply("", "stop", written(5), reasoning="Hm.."), Answer("", 4, "stop", None, 4)),
        (reply("thought\nHm.", usage=written(5)), Answer(None, 5, "error", UNMARKED, 5)),
        (reply("thoughts", usage=written(5)), Answer("thoughts", 4, "stop")),
        # Tokens that end a turn are no text.
        (reply("Sim.<end_of_turn> <eos>\n"), Answer("Sim.", 0, "stop")),
        (reply("Sim.<|im_end|>"), Answer("Sim.", 0, "stop")),
        (reply("<eos> Sim."), Answer("<eos> Sim.", 0, "stop")),
        (reply("  Sim.\n"), Answer("Sim.", 0, "stop")),
        (reply(["Si", {"type": "output_text", "text": "m."}]), Answer("Sim.", 0, "stop")),
        (
            reply([{"type": "reasoning", "text": "Hm.."}, "Sim."], usage=written(9)),
            Answer("Sim.", 8, "stop", None, 4),
        ),
    ],
)
def test_the_answer_of_a_reply(value: Any, expected: Answer) -> None:
    assert read_reply(value, LIMIT) == expected


@pytest.mark.parametrize(
    ("words", "end"),
    [
        (("stop", "stop_sequence", "eos", "eos_token", "end_turn", "end_of_turn", "EOS"), "stop"),
        (("length", "max_tokens", "max_length", "max_new_tokens", "Length"), "length"),
    ],
)
def test_the_words_for_how_an_answer_ended(words: tuple[str, ...], end: str) -> None:
    for word in words:
        for value in (word, {"type": word}):
            assert read_reply(reply(reason=value), LIMIT).finish_reason == end


FINISH = "choices[0].finish_reason"


@pytest.mark.parametrize(
    ("value", "field", "lasting"),
    [
        (None, NO_BODY, False),
        ([], "choices", False),
        ({}, "choices", False),
        ({"choices": []}, "choices", False),
        ({"choices": ["x"]}, "choices", False),
        ({"choices": {"0": {}}}, "choices", False),
        ({"choices": [{}]}, "choices[0].message", False),
        *[
            (reply(reason=word), f"{FINISH} is {word}", True)
            for word in ("content_filter", "safety", "refusal", "recitation")
        ],
        (reply(reason="SAFETY"), f"{FINISH} is safety", True),
        (reply(reason="abort"), FINISH, False),
        (reply(reason=3), FINISH, False),
        (reply(reason={"kind": "stop"}), FINISH, False),
        (reply(reasoning=["Hm"]), "choices[0].message.reasoning", False),
        (reply(None), "choices[0].message.content", False),
        (reply(None, refusal="No."), "choices[0].message.refusal", True),
        (reply(3), "choices[0].message.content", False),
        (reply([{"type": "image", "text": "x"}]), "choices[0].message.content", False),
        (reply([{"type": "text", "text": None}]), "choices[0].message.content", False),
        (reply([3]), "choices[0].message.content", False),
    ],
)
def test_the_fault_of_a_reply(value: Any, field: str, lasting: bool) -> None:
    with pytest.raises(NoAnswer) as caught:
        read_reply(value, LIMIT)
    assert (caught.value.field, caught.value.lasting) == (field, lasting)
    assert str(caught.value) == f"unusable reply: {field}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sim.", ("", "Sim.")),
        ("<think>Hm.</think> Sim.", ("<think>Hm.</think>", "Sim.")),
        ("a</think>b</think> c", ("a</think>b</think>", "c")),
        ("</think>", ("</think>", "")),
        ("<think>Hm.", ("<think>Hm.", None)),
        ("Hm.</think>Sim.<think>", ("Hm.</think>Sim.<think>", None)),
    ],
)
def test_a_thought_and_the_answer_after_it(text: str, expected: tuple[str, str | None]) -> None:
    assert split_text(text) == expected


@pytest.mark.parametrize(
    ("value", "error", "status"),
    [
        ({"error": {"code": 503}}, {"code": 503}, 503),
        ({"error": {"status": 429}}, {"status": 429}, 429),
        ({"error": {"code": 400}}, {"code": 400}, 400),
        ({"error": {"code": 599}}, {"code": 599}, 599),
        ({"error": {"code": 399}}, {"code": 399}, 400),
        ({"error": {"code": 600}}, {"code": 600}, 400),
        ({"error": {"code": "429"}}, {"code": "429"}, 400),
        ({"error": "full"}, {"message": "full"}, 400),
        ({"object": "error", "code": 404}, {"object": "error", "code": 404}, 404),
        ({"detail": "x"}, {"detail": "x"}, 400),
        ({"detail": "x", "object": "chat.completion"}, None, None),
        ({"object": "list"}, None, None),
        ({"choices": [1], "error": {"code": 500}}, None, None),
        ({"choices": [], "error": {"code": 500}}, {"code": 500}, 500),
        ([], None, None),
    ],
)
def test_the_error_in_a_reply_and_its_status(value: Any, error: Any, status: int | None) -> None:
    assert error_of(value) == error
    assert error is None or status_of(error) == status


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("This model's maximum context length is 8192 tokens", Refusal.TOO_LONG),
        ("longer than the maximum model length of 8192", Refusal.TOO_LONG),
        ("exceed_context_size_error", Refusal.TOO_LONG),
        ("the context window is full", Refusal.TOO_LONG),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096", Refusal.TOO_LONG),
        ("Prompt is too long", Refusal.TOO_LONG),
        ("max_tokens must be at least 1, got -186", Refusal.TOO_LONG),
        ("Use max_completion_tokens instead: context length", Refusal.OLD_LIMIT),
        ("System role not supported", Refusal.NO_SYSTEM_ROLE),
        ("Conversation roles must alternate user/assistant", Refusal.NO_SYSTEM_ROLE),
        ("Conversations must start with a user prompt", Refusal.NO_SYSTEM_ROLE),
        ("does not support the system role", Refusal.NO_SYSTEM_ROLE),
        ("temperature is out of range", None),
    ],
)
def test_why_a_request_was_refused(message: str, expected: Refusal | None) -> None:
    for error in ({"message": message}, message, {"a": {"b": {"c": message}}}, {"a": [message]}):
        assert refusal_of({"error": error}) == expected
    # Deeper than servers nest it, or the request itself.
    for error in ({"a": {"b": {"c": {"d": message}}}}, {"input": message}, {"body": [message]}):
        assert refusal_of({"error": error}) is None
    assert refusal_of({"choices": [1], "error": message}) is None


BODY = {"choices": [{"message": {"content": "Sim."}, "finish_reason": "stop"}], "usage": None}


def events(*chunks: Any, end: str = "data: [DONE]\n") -> bytes:
    return ("".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end).encode()


def delta(reason: str | None = None, **parts: Any) -> dict[str, Any]:
    return {"choices": [{"delta": parts, "finish_reason": reason}]}


def joined(reason: str | None, usage: Any = None, **message: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": None, **message}, "finish_reason": reason}], "usage": usage}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (events(delta(content="Si"), delta("stop", content="m.")), joined("stop", content="Sim.")),
        (events(delta(content="Si")), joined(None, content="Si")),
        (events(delta(content="Si"), end=""), None),
        (events(delta("stop", content="Si"), end=""), joined("stop", content="Si")),
        (events(delta("length"), delta()), joined("length")),
        (
            events(delta(reasoning="H", reasoning_content="h", role="x", content=None), delta(reasoning="m")),
            joined(None, reasoning="Hm", reasoning_content="h"),
        ),
        (events(delta("stop"), {"choices": [], "usage": {"a": 1}}), joined("stop", {"a": 1})),
        (events({"usage": {"a": 1}, **delta("stop")}, delta()), joined("stop", {"a": 1})),
        # Of several choices the first counts.
        (
            events({"choices": [*delta("stop", content="a")["choices"], *delta("stop", content="b")["choices"]]}),
            joined("stop", content="a"),
        ),
        (events({"choices": [{"delta": None, "finish_reason": "stop"}]}), joined("stop")),
        (events(delta(content="Si"), {"error": {"code": 500}}), {"error": {"code": 500}}),
        (events({"x": 1}), None),
        (events([1]), None),
        (events(), None),
        (b"data: {\n", None),
        (b"Bad gateway", None),
        (b": comment\nevent: x\ndata:" + json.dumps(delta("stop")).encode() + b"\n\n", joined("stop")),
    ],
)
def test_a_stream_of_events_is_read_as_one_completion(content: bytes, expected: Any) -> None:
    assert read_body(content) == expected


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        (" GZIP ", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("identity", bytes),
        (None, bytes),
    ],
)
def test_a_packed_body(encoding: str | None, pack: Any) -> None:
    content = pack(json.dumps(BODY).encode())
    assert read_body(content, encoding) == BODY
    assert read_body(content[:-1], encoding) is None
    assert encoding is None or pack is bytes or read_body(b"plain", encoding) is None


def test_a_body_that_unpacks_to_more_than_any_translation_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for size, expected in ((99, 1), (100, 1), (101, None)):
        monkeypatch.setattr(reply_body, "MOST_BYTES", 100)
        assert read_body(gzip.compress(b"1".rjust(size)), "gzip") == expected
