"""What a server says of its model: which of its answers counts, and what each field becomes."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from hubkit.artifacts.translator import Served
from hubkit.translation.engines.served import ask_server, known_commit


class Reply(NamedTuple):
    status: int
    value: Any


class Answers:
    """Answers the questions of a table by their path; 404 for others, and an error for `gone`."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.asked = answers, list[str]()

    def request(self, method: str, path: str) -> Reply:
        assert method == "GET"
        self.asked.append(path)
        answer = self.answers.get(path, Reply(404, {"version": "of an error", "id": "of an error"}))
        if answer == "gone":
            raise ConnectionResetError
        return answer if isinstance(answer, Reply) else Reply(200, answer)


def served(answers: dict[str, Any], *command: str) -> Served | None:
    found = ask_server(Answers(answers), "lab/model", command)  # type: ignore[arg-type]
    # What is not said is None, and no other value that is false.
    assert found is None or all(value is None or value for value in found.model_dump().values())
    return found


def models(**entry: Any) -> dict[str, Any]:
    return {"data": [{"id": "lab/model", **entry}]}


VLLM = models(owned_by="vllm", root="lab/root", max_model_len=4096)
SGLANG = models(owned_by="sglang", max_model_len=2048)
LLAMA = models(owned_by="llamacpp")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"/models": VLLM, "//version": {"version": "0.9"}},
            Served(software="vLLM 0.9", model="lab/root", context=4096),
        ),
        ({"/models": VLLM}, Served(software="vLLM", model="lab/root", context=4096)),
        ({"/models": models(owned_by="vllm")}, Served(software="vLLM", model="lab/model")),
        (
            {
                "/models": SGLANG,
                "//get_server_info": {
                    "version": "0.5",
                    "dtype": "bfloat16",
                    "quantization": "fp8",
                    "revision": "main",
                    "model_path": "lab/path",
                    "context_length": 99,
                },
                "//get_model_info": {"model_path": "not looked at"},
            },
            Served(software="SGLang 0.5", model="lab/path", revision="main", precision="fp8", context=2048),
        ),
        (
            {"/models": models(owned_by="sglang"), "//server_info": {"dtype": "half", "context_length": 99}},
            Served(software="SGLang", model="lab/model", precision="half", context=99),
        ),
        (
            {"/models": SGLANG, "//get_model_info": {"dtype": "auto", "model_path": "lab/path"}},
            Served(software="SGLang", model="lab/path", context=2048),
        ),
        (
            {
                "/models": LLAMA,
                "//props": {
                    "model_path": "/home/me/models/m-q4_k_m.gguf",
                    "build_info": "b6000",
                    "default_generation_settings": {"n_ctx": 512},
                },
            },
            Served(software="llama.cpp b6000", model="m-q4_k_m.gguf", precision="Q4_K_M", context=512),
        ),
        (
            {"/models": LLAMA, "//props": {"model_path": "m-Q8_0.gguf", "model_ftype": "Q6_K"}},
            Served(software="llama.cpp", model="m-Q8_0.gguf", precision="Q6_K"),
        ),
        (
            {"/models": LLAMA, "//props": {"default_generation_settings": [512]}},
            Served(software="llama.cpp", model="lab/model"),
        ),
        (
            {"/models": models(id="lab/model@abc", max_model_len=7)},
            Served(model="lab/model", revision="abc", context=7),
        ),
        ({"/models": models(owned_by="library")}, Served(model="lab/model")),
        # The one of that name among several, the only one under another name, else none.
        ({"/models": {"data": [{"id": "a"}, {"id": "lab/model@b"}]}}, Served(model="lab/model", revision="b")),
        ({"/models": {"data": [{"id": "a"}]}}, Served(model="a")),
        ({"/models": {"data": ["x", {"id": "a"}]}}, Served(model="a")),
        ({"/models": {"data": [{"id": "a"}, {"id": "b"}]}}, Served()),
        ({"/models": {"data": {"id": "a"}}}, Served()),
        ({"/models": {"data": []}}, Served()),
        ({"/models": []}, Served()),
        ({}, Served()),
        # A path is this machine's own.
        *[
            ({"/models": {"data": [{"id": name}]}}, Served(model=shown))
            for name, shown in [
                *[("/data/model/", "model"), ("./model", "model"), ("~/model", "model"), ("a/b/c", "c")],
                *[("lab/model", "lab/model"), ("model", "model"), ("x" * 300, "x" * 200)],
            ]
        ],
        # No number of tokens.
        *[({"/models": models(max_model_len=value)}, Served(model="lab/model")) for value in (0, -1, "9", 9.5, None)],
        ({"/models": models(max_model_len=1)}, Served(model="lab/model", context=1)),
        ({"/models": "gone"}, None),
        ({"/models": VLLM, "//version": "gone"}, None),
    ],
)
def test_what_a_server_says(answers: dict[str, Any], expected: Served | None) -> None:
    assert served(answers) == expected


@pytest.mark.parametrize(
    ("command", "revision", "precision"),
    [
        (("serve", "m", "--revision", "v1", "--dtype", "half"), "v1", "half"),
        (("serve", "--revision=v1", "--dtype=half", "--quantization=fp8"), "v1", "fp8"),
        (("serve", "--quantization", "fp8", "-q", "awq"), None, "fp8"),
        (("serve", "-q", "awq", "--dtype", "half"), None, "awq"),
        (("serve", "--dtype", "auto"), None, None),
        (("revision=v1",), None, None),
        ((), None, None),
    ],
)
def test_what_the_command_line_says_where_the_server_does_not(
    command: tuple[str, ...], revision: str | None, precision: str | None
) -> None:
    assert served({"/models": models()}, *command) == Served(model="lab/model", revision=revision, precision=precision)


def test_what_the_server_says_counts_before_its_command_line() -> None:
    answers = {"/models": SGLANG, "//server_info": {"revision": "said", "dtype": "half"}}
    found = served(answers, "--revision", "given", "--dtype", "float")
    assert found is not None
    assert (found.revision, found.precision) == ("said", "half")


def test_questions_are_asked_in_turn_until_one_is_answered() -> None:
    for answers, asked in [
        ({"//get_server_info": {"a": 1}}, ["//get_server_info"]),
        ({"//server_info": {"a": 1}}, ["//get_server_info", "//server_info"]),
        ({}, ["//get_server_info", "//server_info", "//get_model_info"]),
    ]:
        client = Answers({"/models": SGLANG, **answers})
        ask_server(client, "lab/model")  # type: ignore[arg-type]
        assert client.asked == ["/models", *asked]


@pytest.mark.parametrize(
    ("revision", "commit"),
    [("0123456789abcdef" * 2 + "01234567", True), ("a" * 39, False), ("a" * 41, False), ("main", False), (None, False)],
)
def test_only_a_commit_says_what_was_served(revision: str | None, commit: bool) -> None:
    assert known_commit(revision) == (revision if commit else None)
