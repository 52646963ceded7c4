"""What a server's error means. Its words are looked at here and go no further: they may repeat the report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any

TOO_LONG = "too_long"
"""Why there is no answer: the request is longer than the server's context."""


class Refusal(Enum):
    """Why a server refused a request, where its error says."""

    TOO_LONG = auto()
    NO_SYSTEM_ROLE = auto()
    OLD_LIMIT = auto()
    """It wants `max_completion_tokens` instead of `max_tokens`."""


# vLLM: "maximum context length is", "longer than the maximum model length"; SGLang: "longer than the model's context
# length"; llama.cpp: "exceed_context_size_error"; text-generation-inference: "`inputs` tokens + `max_new_tokens` must".
# Where the prompt alone fills the context, vLLM counts what is left for the answer: "at least 1, got -186".
_LONG = re.compile(
    r"context[ _](?:length|size|window)|maximum model length|max_model_len|too many tokens"
    r"|(?:prompt|input|request) is too long|inputs?`? tokens \+"
    r"|max_(?:completion_)?tokens must be at least 1",
    re.IGNORECASE,
)
# What the chat templates of Gemma 2, Mistral and TranslateGemma raise for a turn of the system.
_SYSTEM = re.compile(
    r"system (?:role|prompt|message|turn)s? (?:is |are )?(?:not|un)[ -]?supported"
    r"|(?:not support|unsupported|invalid)\S* (?:the )?(?:system|role)"
    r"|roles must alternate|must start with a user",
    re.IGNORECASE,
)


def error_of(value: Any) -> Mapping[str, Any] | None:
    """The error in a reply's value: {"error": {...}}, {"error": "..."} and vLLM's {"object": "error", ...}."""
    if not isinstance(value, Mapping) or value.get("choices"):
        return None
    error = value.get("error")
    if isinstance(error, Mapping):
        return error
    if error:
        return {"message": error}
    is_error = value.get("object") == "error" or ("detail" in value and "object" not in value)
    return value if is_error else None


def status_of(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error in a reply of 200 stands for."""
    code = error.get("code", error.get("status"))
    return code if isinstance(code, int) and 400 <= code <= 599 else 400


def refusal_of(value: Any) -> Refusal | None:
    """Why a request was refused; None where the error does not say, or is none of these."""
    error = error_of(value)
    words = "\n".join(_words(error)) if error is not None else ""
    if "max_completion_tokens" in words:
        return Refusal.OLD_LIMIT
    if _LONG.search(words):
        return Refusal.TOO_LONG
    return Refusal.NO_SYSTEM_ROLE if _SYSTEM.search(words) else None


def _words(value: Any, depth: int = 3) -> Iterator[str]:
    """The words of an error. `input` repeats the request, and is left out."""
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in ("input", "body"):
                yield from _words(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _words(inner, depth - 1)
