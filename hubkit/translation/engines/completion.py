"""Read a chat completion as servers of the OpenAI protocol send it, and cut a thought off the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hubkit.models.thinking import MARKERS, UNFINISHED, UNMARKED
from hubkit.translation.engines.base import Answer

ENDS = re.compile(r"(?:\s*<(?:end_of_turn|eos|/s|\|im_end\||\|endoftext\||\|eot_id\|)>)+\s*$")
"""Tokens that end a turn: a server that keeps special tokens may keep these too."""

BARE = "thought\n"
"""What MedGemma's thought begins with where a server left out its markers."""

STOPPED = frozenset({"stop", "stop_sequence", "eos", "eos_token", "end_turn", "end_of_turn"})
"""Why a model ended its answer, in the words of several servers, in small letters."""

CUT = frozenset({"length", "max_tokens", "max_length", "max_new_tokens"})
"""The same where a limit ended it."""

WITHHELD = frozenset({"content_filter", "safety", "refusal", "recitation"})
"""The same where a filter did: such an answer is not whole, and asking again gives it again."""

MOST_TOKENS = 2**31 - 1
"""The largest count that the column output_tokens holds."""


NO_BODY = "the body is neither JSON nor a whole stream"
"""What is at fault where a proxy answered, or a connection broke: this may pass."""


class NoAnswer(ValueError):
    """The reply has no whole answer.

    Attributes:
        field: the part of the reply that is at fault, without a word of it.
        lasting: whether the same request would get the same reply.
    """

    def __init__(self, field: str, lasting: bool = False):
        self.field, self.lasting = field, lasting
        super().__init__(f"unusable reply: {field}")


class _Parts(NamedTuple):
    """What a message holds: its text, None where there is none, and a thought that the server gives apart."""

    text: str | None
    reasoning: str


def read_reply(value: Any, limit: int) -> Answer:
    """Read a reply.

    Args:
        limit: tokens that an answer without a thought may have.

    Raises:
        NoAnswer: it is not a chat completion, or its answer is not whole.
    """
    choice = _first_choice(value)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise NoAnswer("choices[0].message")
    usage = _mapping(value.get("usage"))
    written = _count(usage.get("completion_tokens")) or 0
    reason = _reason(choice.get("finish_reason"), written, limit)
    text, reasoning = _parts(message)
    thought, answer = split_text(ENDS.sub("", text or ""))
    if answer is None or (reasoning and not answer and (reason == "length" or text is None)):
        return Answer(None, written, "error", UNFINISHED, written)
    if not thought and answer.startswith(BARE):
        return Answer(None, written, "error", UNMARKED, written)
    cut = reason == "length" or (written > limit + 1 and not reasoning + thought)
    # Servers count the token that ends a turn, which the engine in this process does not.
    tokens = written if reason == "length" else max(written - 1, 0)
    counted = _count(_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    share = _share(reasoning + thought, answer, tokens)
    return Answer(answer, tokens, "length" if cut else "stop", None, share if counted is None else counted)


def split_text(text: str) -> tuple[str, str | None]:
    """Return a thought and the answer after it, as text: "" where nothing was thought, None where nothing else was."""
    end = max(text.rfind(end) + len(end) if end in text else 0 for _, end in MARKERS)
    if any(start in text[end:] for start, _ in MARKERS):
        return text, None
    return text[:end], text[end:].strip()


def _first_choice(value: Any) -> Mapping[str, Any]:
    if value is None:
        raise NoAnswer(NO_BODY)
    choices = value.get("choices") if isinstance(value, Mapping) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise NoAnswer("choices")
    return choices[0]


def _reason(value: Any, tokens: int, limit: int) -> str:
    """Why an answer ended: "stop" or "length". Without a reason, it is cut where it has all the tokens it may have."""
    if value is None:
        return "length" if tokens >= limit else "stop"
    kind = value.get("type") if isinstance(value, Mapping) else value
    word = kind.lower() if isinstance(kind, str) else ""
    if word in WITHHELD:
        raise NoAnswer(f"choices[0].finish_reason is {word}", lasting=True)
    if word not in STOPPED | CUT:
        raise NoAnswer("choices[0].finish_reason")
    return "stop" if word in STOPPED else "length"


def _parts(message: Mapping[str, Any]) -> _Parts:
    # vLLM's reasoning parsers call it either, by version; SGLang and llama.cpp the latter.
    reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
    if not isinstance(reasoning, str):
        raise NoAnswer("choices[0].message.reasoning")
    content = message.get("content")
    if content is None:
        if message.get("refusal"):
            raise NoAnswer("choices[0].message.refusal", lasting=True)
        if not reasoning:
            raise NoAnswer("choices[0].message.content")
        return _Parts(None, whole_text(reasoning))
    texts = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type") if isinstance(part, Mapping) else None
        text = part.get("text", part.get("thinking")) if isinstance(part, Mapping) else None
        if kind not in ("text", "output_text", "thinking", "reasoning") or not isinstance(text, str):
            raise NoAnswer("choices[0].message.content")
        if kind in ("thinking", "reasoning"):
            reasoning += text
        else:
            texts.append(text)
    return _Parts(whole_text("".join(texts)), whole_text(reasoning))


def whole_text(text: str) -> str:
    """Join the halves of surrogate pairs, and put U+FFFD for a half alone, which no file could hold."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _count(value: Any) -> int | None:
    """A count of tokens, None where it is none: servers send null, "n/a" and fractions as well."""
    try:
        count = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return count if 0 <= count <= MOST_TOKENS else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _share(thought: str, answer: str, tokens: int) -> int:
    return round(tokens * len(thought) / max(len(thought) + len(answer), 1))
