"""Read a chat completion as servers of the OpenAI protocol send it, and cut a thought off the answer."""

from __future__ import annotations

import re
from typing import Any

from hubkit.models.thinking import MARKERS, UNFINISHED, UNMARKED
from hubkit.translation.engines.base import Answer

ENDS = re.compile(r"(?:\s*<(?:end_of_turn|eos|/s|\|im_end\||\|endoftext\||\|eot_id\|)>)+\s*$")
"""Tokens that end a turn: a server that keeps special tokens may keep these too."""

BARE = "thought\n"
"""What MedGemma's thought begins with where a server left out its markers."""


class NoAnswer(ValueError):
    """The server replied with something else than a chat completion."""


def read_reply(value: Any, limit: int) -> Answer:
    """Read a reply.

    Args:
        limit: tokens that an answer without a thought may have.

    Raises:
        NoAnswer: it is not a chat completion.
    """
    try:
        choice = value["choices"][0]
        message, reason = choice["message"], choice["finish_reason"]
        text, usage = message["content"], value.get("usage") or {}
        # vLLM's reasoning parsers call it either, by version; SGLang and llama.cpp the latter.
        reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
        tokens = int(usage.get("completion_tokens") or 0)
        counted = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise NoAnswer from None
    if not isinstance(reasoning, str) or reason not in ("stop", "length"):
        raise NoAnswer
    if not isinstance(text, str) and not (text is None and reasoning):
        raise NoAnswer
    thought, answer = split_text(ENDS.sub("", text or ""))
    if answer is None or (reasoning and reason == "length" and not answer):
        return Answer(None, tokens, "error", UNFINISHED, tokens)
    if not thought and answer.startswith(BARE):
        return Answer(None, tokens, "error", UNMARKED, tokens)
    thought_tokens = _share(reasoning + thought, answer, tokens) if counted is None else int(counted)
    # The token that ends a turn is counted too.
    cut = reason == "length" or (tokens > limit + 1 and not reasoning + thought)
    return Answer(answer, tokens, "length" if cut else "stop", None, thought_tokens)


def split_text(text: str) -> tuple[str, str | None]:
    """Return a thought and the answer after it, as text: "" where nothing was thought, None where nothing else was."""
    end = max(text.rfind(end) + len(end) if end in text else 0 for _, end in MARKERS)
    if any(start in text[end:] for start, _ in MARKERS):
        return text, None
    return text[:end], text[end:].strip()


def _share(thought: str, answer: str, tokens: int) -> int:
    return round(tokens * len(thought) / max(len(thought) + len(answer), 1))
