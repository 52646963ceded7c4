"""What is wrong with a translation: the flags that the engine's own word gives."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hubkit.translation.engines import Answer

Span = tuple[int, int]


class Flag(NamedTuple):
    """What a check found.

    Attributes:
        name: of the check, such as "truncated".
        severity: an error makes the unit flagged; a warning is stored beside it.
        source_span: start and end of what it saw in the source, in characters.
        translation_span: the same in the translation.
    """

    name: str
    severity: Literal["error", "warning"]
    source_span: Span | None
    translation_span: Span | None


def find(source: str, answer: Answer) -> list[Flag]:
    """Return what is wrong with an answer; nothing for one that is not there."""
    if answer.text is None:
        return []
    if answer.finish_reason == "length":
        return [Flag("truncated", "error", None, (len(answer.text), len(answer.text)))]
    return [] if answer.text else [Flag("empty", "error", (0, len(source)), None)]
