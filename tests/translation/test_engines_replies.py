"""Replies as servers give them: what is whole is an answer, and of the rest the error names the part at fault."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.artifacts.translator import Served, read_translator
from hubkit.config import Translation, parse_config
from hubkit.errors import HubkitError, UsageError
from hubkit.models.thinking import UNFINISHED
from hubkit.release import run_one
from hubkit.report.outcomes import outcome
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Answer, Request
from hubkit.translation.engines.completion import NoAnswer, read_reply, whole_text
from hubkit.translation.engines.refusals import Refusal, refusal_of
from hubkit.translation.engines.reply_body import read_body
from hubkit.translation.engines.served import PRECISION_OF_FILE
from hubkit.translation.prompt import Prompt

SECRET = "Canary opacity in the left base."


class Formed(BaseHTTPRequestHandler):
    """Answers a chat with `server.form(body)`, and a question with `server.told[path]`: (status, headers, bytes)."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        told = self.server.told.get(self.path)
        self._send(404 if told is None else 200, {}, json.dumps(told or {}).encode())

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body)
        self._send(*self.server.form(body))

    def _send(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        return


@contextlib.contextmanager
def forming(form, told=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Formed)
    server.daemon_threads = True
    server.form, server.told, server.seen, server.asked = form, told or {}, [], []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def settings(server, **changes):
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Translation(engine="openai", model="a/model", base_url=url, timeout=5, **changes)


def ask(server, count=1, **changes):
    table = settings(server, **changes)
    with open_engine(table, pause=0) as engine:
        answers = dict(engine.answer([Request(Prompt.of(table).messages("findings", SECRET), 48)] * count))
    return [answers[place] for place in range(count)]


def completion(content="Sim.", reason="stop", tokens=7, **message):
    usage = {} if tokens is None else {"usage": {"completion_tokens": tokens}}
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": reason}], **usage}


def as_json(value, status=200):
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def packed(value, encoding):
    content = json.dumps(value).encode()
    content = gzip.compress(content) if encoding == "gzip" else zlib.compress(content)
    return 200, {"Content-Encoding": encoding}, content


def stream(*chunks, end="data: [DONE]\n\n"):
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return 200, {"Content-Type": "text/event-stream"}, (events + end).encode()


def delta(reason=None, **parts):
    return {"choices": [{"delta": parts, "finish_reason": reason}]}


SPOKEN = (delta(role="assistant", content=""), delta(content="Si"), delta(content="m."), delta("stop"))
USAGE = {"choices": [], "usage": {"completion_tokens": 7}}
YES = Answer("Sim.", 6, "stop")

WHOLE = {
    "as the protocol says": (as_json(completion()), YES),
    "no reason": (as_json(completion(reason=None)), YES),
    "no reason, at the limit": (as_json(completion(reason=None, tokens=48)), Answer("Sim.", 48, "length")),
    "eos_token": (as_json(completion(reason="eos_token")), YES),
    "STOP": (as_json(completion(reason="STOP")), YES),
    "MAX_TOKENS": (as_json(completion(reason="MAX_TOKENS")), Answer("Sim.", 7, "length")),
    "a reason in a table": (as_json(completion(reason={"type": "stop", "matched": 106})), YES),
    "parts": (as_json(completion([{"type": "text", "text": "Si"}, {"type": "text", "text": "m."}])), YES),
    "parts with a thought": (
        as_json(completion([{"type": "thinking", "thinking": "Hm.."}, {"type": "text", "text": "Sim."}])),
        Answer("Sim.", 6, "stop", None, 3),
    ),
    "null content, cut while it reasons": (
        as_json(completion(None, "length", reasoning_content="Hm.")),
        Answer(None, 7, "error", UNFINISHED, 7),
    ),
    "null content after reasoning": (
        as_json(completion(None, reasoning_content="Hm.")),
        Answer(None, 7, "error", UNFINISHED, 7),
    ),
    "gzip": (packed(completion(), "gzip"), YES),
    "deflate": (packed(completion(), "deflate"), YES),
    "a stream": (stream(*SPOKEN, USAGE), YES),
    "a stream without an end mark": (stream(*SPOKEN, end=""), Answer("Sim.", 0, "stop")),
    "half a surrogate": (as_json(completion("Si\ud83dm.")), Answer("Si\ufffdm.", 6, "stop")),
    "a pair in two parts": (
        as_json(completion([{"type": "text", "text": "\ud83d"}, {"type": "text", "text": "\ude00"}])),
        Answer("\U0001f600", 6, "stop"),
    ),
    "n/a tokens": (as_json(completion(tokens="n/a")), Answer("Sim.", 0, "stop")),
    "too many tokens to keep": (as_json(completion(tokens=2**40)), Answer("Sim.", 0, "stop")),
    "infinite tokens": (as_json(completion(tokens=float("inf"))), Answer("Sim.", 0, "stop")),
    "tokens as text": (as_json(completion(tokens="7")), YES),
    "usage as a list": (as_json(completion(tokens=None) | {"usage": []}), Answer("Sim.", 0, "stop")),
    "a byte order mark": ((200, {}, b"\xef\xbb\xbf" + json.dumps(completion()).encode()), YES),
}


@pytest.mark.parametrize(("form", "expected"), WHOLE.values(), ids=WHOLE)
def test_what_is_whole_is_an_answer_at_once(form, expected):
    with forming(lambda body: form) as server:
        assert ask(server) == [expected]
    assert len(server.seen) == 1


BROKEN = {
    "content_filter": (as_json(completion("Si", "content_filter")), 1, "choices[0].finish_reason is content_filter"),
    "a refusal": (as_json(completion(None, refusal=SECRET)), 1, "choices[0].message.refusal"),
    "an unknown reason": (as_json(completion(reason=SECRET)), 2, "choices[0].finish_reason"),
    "no content": (as_json(completion(None)), 2, "choices[0].message.content"),
    "an image": (as_json(completion([{"type": "image_url", "text": SECRET}])), 2, "choices[0].message.content"),
    "content of numbers": (as_json(completion(7)), 2, "choices[0].message.content"),
    "reasoning of numbers": (as_json(completion(reasoning=7)), 2, "choices[0].message.reasoning"),
    "no message": (as_json({"choices": [{"text": SECRET, "finish_reason": "stop"}]}), 2, "choices[0].message"),
    "no choice": (as_json({"choices": []}), 2, "choices"),
    "a list": (as_json([completion()]), 2, "choices"),
    "a page": ((200, {}, f"<html>{SECRET}".encode()), 5, "the body is neither JSON nor a whole stream"),
    "half a stream": (stream(*SPOKEN[:2], end=""), 5, "the body is neither JSON nor a whole stream"),
    "half a package": (
        (200, {"Content-Encoding": "gzip"}, gzip.compress(b"[1]" * 99)[:-9]),
        5,
        "the body is neither JSON nor a whole stream",
    ),
    "brackets": ((200, {}, b"[" * 100_000), 5, "the body is neither JSON nor a whole stream"),
}


@pytest.mark.parametrize(("form", "requests", "field"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_whole_is_named_without_a_word_of_it(form, requests, field):
    with forming(lambda body: form) as server:
        assert ask(server) == [Answer(None, 0, "error", f"unusable reply: {field}")]
    assert len(server.seen) == requests


@pytest.mark.parametrize("name", ["an unknown reason", "no choice"])
def test_a_server_whose_replies_are_all_useless_is_told_after_a_few(make_workspace, name):
    """16 units took 80 requests, and the error named no field."""
    form, _, field = BROKEN[name]
    workspace = make_workspace([{"findings": f"{SECRET} {number}"} for number in range(16)])
    with forming(lambda body: form) as server:
        table = settings(server, concurrency=1).model_dump(mode="json", exclude_unset=True)
        with pytest.raises(HubkitError) as caught:
            run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    assert f"no reply of the server can be used: {field} (" in str(caught.value)
    assert "Canary" not in str(caught.value)
    assert len(server.seen) <= 10


@pytest.mark.parametrize(
    ("error", "status", "trouble", "requests"),
    [
        ({"error": {"message": SECRET, "code": 503}}, 200, "HTTP 200 with an error of status 503", 5),
        ({"error": SECRET}, 200, "HTTP 200 with an error of status 400", 5),
        ({"object": "error", "message": SECRET, "code": 422}, 200, "HTTP 200 with an error of status 422", 1),
    ],
)
def test_an_error_in_a_reply_of_200_counts_as_its_status(error, status, trouble, requests):
    with forming(lambda body: as_json(error, status)) as server:
        assert ask(server) == [Answer(None, 0, "error", trouble)]
    assert len(server.seen) == requests


def test_an_error_of_401_in_a_reply_of_200_stops_the_stage():
    with (
        forming(lambda body: as_json({"error": {"code": 401}})) as server,
        pytest.raises(HubkitError, match="refuses requests: HTTP 401"),
    ):
        ask(server)


def test_a_server_that_wants_max_completion_tokens_gets_it_from_then_on():
    def form(body):
        if "max_tokens" in body:
            return as_json({"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}}, 400)
        return as_json(completion())

    with forming(form) as server:
        assert ask(server, count=5, concurrency=1) == [YES] * 5
    assert ["max_tokens" in body for body in server.seen] == [True] + [False] * 5
    assert server.seen[-1]["max_completion_tokens"] == 48


SYSTEM_REFUSED = [
    (400, {"object": "error", "message": "System role not supported", "code": 400}),
    (500, {"error": {"message": "Jinja Exception: System role not supported at row 1", "code": 500}}),
    (400, {"error": {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}}),
    (400, {"detail": [{"msg": "Conversations must start with a user prompt."}]}),
]


@pytest.mark.parametrize(("status", "error"), SYSTEM_REFUSED)
def test_a_refused_system_turn_is_told_at_the_first_request(status, error):
    def form(body):
        refused = body["messages"][0]["role"] == "system"
        return as_json(error, status) if refused else as_json(completion())

    with forming(form) as server:
        with pytest.raises(UsageError, match=r'takes no system turn \(set \[translation\] template = "user"'):
            ask(server, count=16, concurrency=1)
        assert len(server.seen) < 4
        assert ask(server, template="user") == [YES]


TOO_LONG = [
    (400, {"message": "This model's maximum context length is 64 tokens. However, you requested 99."}),
    (400, {"error": {"message": "max_tokens must be at least 1, got -186.", "code": 400}}),
    (400, {"error": {"type": "exceed_context_size_error", "n_ctx": 256}}),
    (500, {"error": {"message": "the request exceeds the available context size", "code": 500}}),
    (400, {"object": "error", "message": "The input (99 tokens) is longer than the model's context length (64)."}),
    (422, {"error": "`inputs` tokens + `max_new_tokens` must be <= 64"}),
    (413, {}),
    (200, {"error": {"code": "context_length_exceeded"}}),
]


@pytest.mark.parametrize(("status", "error"), TOO_LONG)
def test_what_is_too_long_for_the_server_is_known_from_its_answer(status, error):
    with forming(lambda body: as_json({"object": "error"} | error, status)) as server:
        assert ask(server) == [Answer(None, 0, "error", "too_long")]
    assert len(server.seen) == 1


@pytest.mark.parametrize(("context", "error", "requests"), [(100, "too_long", 1), (4096, "HTTP 400", 5)])
def test_a_refusal_without_a_reason_is_compared_with_the_context_which_is_asked_once(context, error, requests):
    told = {"/v1/models": {"data": [{"id": "a/model", "max_model_len": context}]}}
    with forming(lambda body: as_json({}, 400), told) as server:
        assert [answer.error for answer in ask(server, count=3)] == [error] * 3
    assert len(server.seen) == 3 * requests
    assert server.asked == ["/v1/models"]


LONG = "The lungs are clear. No acute disease. The heart is mildly enlarged."


def within(words):
    """A server whose context holds so many words of a report."""

    def form(body):
        text = body["messages"][-1]["content"]
        if len(text.split()) > words:
            return as_json({"error": {"type": "exceed_context_size_error"}}, 400)
        return as_json(completion(text.upper()))

    return form


@pytest.mark.parametrize(
    ("retries", "words", "statuses", "requests"),
    [(1, 6, {LONG: "flagged", "Cough.": "flagged"}, 5), (0, 6, {LONG: "failed"}, 2), (2, 4, {LONG: "failed"}, 5)],
)
def test_what_is_too_long_is_translated_by_sentence(make_workspace, capsys, retries, words, statuses, requests):
    """Each unit was tried five times, and the chunk stopped the stage."""
    workspace = make_workspace([{"findings": LONG, "indication": "Cough."}])
    with forming(within(words)) as server:
        table = settings(server, retries=retries, checkpoint=1, max_flagged=1.0)
        values = {"corpus": {"kind": "demo"}, "translation": table.model_dump(mode="json", exclude_unset=True)}
        run_one("translate", parse_config(values), workspace)
    rows = {row["source"]: row for row in pq.read_table(workspace.machine_translations).to_pylist()}
    assert {source: rows[source]["status"] for source in statuses} == statuses
    if statuses[LONG] == "flagged":
        assert rows[LONG]["translation"] == LONG.upper()
    else:
        assert "no translation of 1 distinct texts: 1 too_long" in capsys.readouterr().err
    assert len([body for body in server.seen if body["messages"][-1]["content"] in LONG]) <= requests


def test_a_chunk_that_is_too_long_does_not_stop_the_others(make_workspace):
    workspace = make_workspace([{"findings": "The heart is mildly enlarged.", "indication": "Cough."}])
    with forming(within(2)) as server:
        table = settings(server, checkpoint=1, max_flagged=1.0).model_dump(mode="json", exclude_unset=True)
        run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    rows = pq.read_table(workspace.machine_translations).to_pylist()
    assert [row["translation"] for row in rows] == ["COUGH.", None]


def test_half_a_surrogate_ends_no_stage(make_workspace):
    workspace = make_workspace([{"findings": SECRET}])
    with forming(lambda body: as_json(completion("Opacidade \ud83d à esquerda."))) as server:
        table = settings(server, max_flagged=1.0).model_dump(mode="json", exclude_unset=True)
        run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    (row,) = pq.read_table(workspace.machine_translations).to_pylist()
    assert (row["translation"], row["status"]) == ("Opacidade \ufffd à esquerda.", "flagged")


COMMIT = "0123456789abcdef0123456789abcdef01234567"
VLLM = {
    "/v1/models": {"data": [{"id": "a/model", "owned_by": "vllm", "root": "/data/m/", "max_model_len": 4096}]},
    "/version": {"version": "0.32.0"},
}
SGLANG = {
    "/v1/models": {"data": [{"id": "other", "owned_by": "sglang"}]},
    "/get_server_info": {"version": "0.5.5", "model_path": "a/model", "dtype": "bfloat16", "revision": COMMIT},
}
LLAMACPP = {
    "/v1/models": {"data": [{"id": "a/model", "owned_by": "llamacpp"}]},
    "/props": {
        "build_info": "b6123-0a1b2c3",
        "model_path": "/data/gemma-3-27b-it-Q4_K_M.gguf",
        "default_generation_settings": {"n_ctx": 8192},
    },
}
LIBRARY = {
    "/v1/models": {"data": [{"id": "model.gguf", "owned_by": "llamacpp"}]},
    "/props": {
        "build_info": "b0-unknown",
        "model_path": "model.gguf",
        "model_ftype": "Q4_K - Medium",
        "default_generation_settings": {"n_ctx": 2048},
    },
}
LISTED = {"/v1/models": {"data": [{"id": "b/other@main"}, {"id": f"a/model@{COMMIT}"}]}}


@pytest.mark.parametrize(
    ("told", "served", "revision"),
    [
        (VLLM, Served(software="vLLM 0.32.0", model="m", context=4096), None),
        (SGLANG, Served(software="SGLang 0.5.5", model="a/model", precision="bfloat16", revision=COMMIT), COMMIT),
        (
            LLAMACPP,
            Served(
                software="llama.cpp b6123-0a1b2c3", model="gemma-3-27b-it-Q4_K_M.gguf", precision="Q4_K_M", context=8192
            ),
            None,
        ),
        (LIBRARY, Served(software="llama.cpp", model="model.gguf", precision="Q4_K - Medium", context=2048), None),
        (LISTED, Served(model="a/model", revision=COMMIT), COMMIT),
        ({"/v1/models": {"data": [{"id": "a/model@main"}]}}, Served(model="a/model", revision="main"), None),
        ({"/v1/models": {"data": "all of them"}}, Served(), None),
        ({}, Served(), None),
    ],
    ids=[
        "vLLM",
        "SGLang",
        "llama.cpp",
        "llama.cpp as a library",
        "transformers serve",
        "a branch",
        "nonsense",
        "nothing",
    ],
)
def test_what_is_served_is_asked_for_and_recorded(make_workspace, told, served, revision):
    workspace = make_workspace([{"findings": "No acute disease."}])
    with forming(lambda body: as_json(completion("Sem doença aguda.")), told) as server:
        table = settings(server).model_dump(mode="json", exclude_unset=True)
        run_one("translate", parse_config({"corpus": {"kind": "demo"}, "translation": table}), workspace)
    translator = read_translator(workspace)
    assert (translator.engine, translator.served) == ("openai", (served,))
    software, precision = served.software or "an unnamed server", served.precision or "unknown precision"
    assert (outcome("translate", workspace) or "").endswith(f", by {software} ({precision})")
    assert pq.read_table(workspace.machine_translations)["revision"].to_pylist() == [revision]


def test_what_the_server_does_not_say_stands_in_its_command_line(tmp_path):
    from hubkit.translation.engines.private_http import Client
    from hubkit.translation.engines.served import ask_server

    command = ["vllm", "serve", "m", "--dtype", "bfloat16", f"--revision={COMMIT}"]
    with forming(None, VLLM) as server:
        client = Client(f"http://127.0.0.1:{server.server_port}/v1", timeout=5)
        served = ask_server(client, "a/model", command)
        assert (served.precision, served.revision) == ("bfloat16", COMMIT)
        assert ask_server(client, "a/model", [*command, "--quantization", "fp8"]).precision == "fp8"
        assert ask_server(client, "a/model", ["vllm", "serve", "m", "--dtype", "auto"]).precision is None


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("gemma-3-27b-it-Q4_K_M.gguf", "Q4_K_M"),
        ("model-IQ2_XXS.gguf", "IQ2_XXS"),
        ("m.bf16.gguf", "bf16"),
        ("medgemma-27b.gguf", None),
    ],
)
def test_the_precision_in_the_name_of_a_file(name, precision):
    found = PRECISION_OF_FILE.search(name)
    assert (found and found[1]) == precision


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "content",
                    "finish_reason",
                    "usage",
                    "completion_tokens",
                    "error",
                    "type",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_server_sends_is_an_answer_or_has_a_named_fault(value):
    refusal_of(value)
    with contextlib.suppress(NoAnswer):
        answer = read_reply(value, 48)
        assert answer.text is None or answer.text.encode()
        assert 0 <= answer.tokens < 2**31


@given(st.binary(max_size=60) | st.just(b"data: {}\n\ndata: [DONE]"), st.sampled_from([None, "gzip", "deflate", "br"]))
def test_no_body_stops_the_reader(content, encoding):
    read_body(content, encoding)


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_texts_can_be_written_whatever_half_characters_they_hold(text):
    whole = whole_text(text)
    assert whole.encode().decode() == whole
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert whole == text


def test_the_words_of_a_report_in_an_error_are_no_reason():
    said = [{"msg": "Extra inputs are not permitted", "input": "context length. System role not supported."}]
    assert refusal_of({"detail": said}) is None
    assert refusal_of({"detail": [{"msg": "Input is too long"}]}) is Refusal.TOO_LONG


def test_translategemma_gets_a_text_and_the_languages_alone():
    table = Translation(template="translategemma", context=True)
    item = {"type": "text", "source_lang_code": "en", "target_lang_code": "pt-BR", "text": SECRET}
    assert Prompt.of(table).messages("findings", SECRET, "rest", "erro") == [{"role": "user", "content": [item]}]
    with forming(lambda body: as_json(completion())) as server:
        assert ask(server, template="translategemma") == [YES]
    (body,) = server.seen
    assert body["messages"] == [{"role": "user", "content": [item]}]
    assert body["chat_template_kwargs"] == {"source_lang_code": "en", "target_lang_code": "pt-BR"}
