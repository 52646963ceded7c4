"""Models that think aloud: where a thought ends and the answer begins.

MedGemma 27B and 1.5 write `<unused94>thought ... <unused95>` before they answer. Decoding without special tokens drops
the markers and leaves the thought, which would pass for a part of the answer. So thoughts are cut by tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from hubkit.artifacts.thoughts import Thoughts
from hubkit.models.folders import public_name

MARKERS = (("<unused94>", "<unused95>"), ("<think>", "</think>"))
"""What thoughts begin and end with: those of MedGemma, and of Qwen, DeepSeek and models derived from them."""

KNOWN = re.compile(r"medgemma-(27b|1\.5)", re.IGNORECASE)
"""Names of models that think without being asked to. Gemma's vocabulary has the markers in every model of the family,
so that it does not tell which of them think."""

BUDGET = 2048
"""Tokens that a thought of a known model may have: a few times what a report takes. It was not measured."""

UNFINISHED = "thought without an end"
"""Why there is no answer: all that the model wrote is a thought."""

UNMARKED = "thought without its markers"
"""Why there is no answer: a server left out the markers, so that thought and answer cannot be separated."""

HINTS = {
    UNFINISHED: "raise [translation] thinking_tokens, or set curb_thinking = true",
    UNMARKED: "let the server separate thoughts (a reasoning parser) or keep special tokens in its answers",
}
"""What helps where a chunk of units has no other answers."""

TAIL = 8
"""Tokens at the end of a prompt among which a marker that the chat template wrote is looked for."""


class Thought(NamedTuple):
    """What a model thought before it answered.

    Attributes:
        length: how many tokens were written up to the end of the thought, its marker among them.
        ended: whether the answer began; True where nothing was thought.
    """

    length: int
    ended: bool


class Thinking(NamedTuple):
    """How a model's thoughts are marked, and how long they may be.

    Attributes:
        markers: the markers that the tokenizer has, as text.
        starts: tokens that begin a thought.
        ends: tokens that end one.
        budget: tokens that may be written on top of those of an answer where there is a thought.
    """

    markers: tuple[tuple[str, str], ...]
    starts: frozenset[int]
    ends: frozenset[int]
    budget: int

    def opens(self, prompt: Sequence[int]) -> bool:
        """Whether a prompt ends within a thought, as some chat templates have it."""
        marks = [token in self.starts for token in prompt[-TAIL:] if token in self.starts | self.ends]
        return bool(marks) and marks[-1]

    def thought(self, written: Sequence[int], opened: bool = False) -> Thought:
        """Find the thought in what was written: it reaches to the last end marker.

        Args:
            opened: whether the prompt ends within a thought.
        """
        length = next((at for at in range(len(written), 0, -1) if written[at - 1] in self.ends), 0)
        unended = (opened and not length) or any(token in self.starts for token in written[length:])
        return Thought(len(written), ended=False) if unended else Thought(length, ended=True)

    def most(self, written: Sequence[int], limit: int, opened: bool = False) -> int:
        """How many tokens may be written in all, after what is written so far.

        Args:
            limit: tokens that the answer may have.
        """
        thought = self.thought(written, opened)
        return limit + (min(self.budget, thought.length) if thought.ended else self.budget)

    def trim(self, written: Sequence[int], limit: int, opened: bool = False) -> list[int]:
        """Return what `most` lets a model write, where it was let write on."""
        length, thinks = 0, opened
        for count, token in enumerate(written):
            if count >= limit + (self.budget if thinks else min(self.budget, length)):
                return list(written[:count])
            if token in self.ends:
                length, thinks = count + 1, False
            thinks = thinks or token in self.starts
        return list(written)


def thoughts_told(counts: Thoughts) -> str:
    """Counts of thoughts in words; "" where there was none."""
    if not counts.thoughts:
        return ""
    unfinished = f", {counts.unfinished} without an end" if counts.unfinished else ""
    plural = "" if counts.thoughts == 1 else "s"
    return f"{counts.thoughts:,} thought{plural} of {counts.tokens:,} tokens{unfinished}"


def thinking_of(tokenizer: Any, budget: int) -> Thinking:
    """What a tokenizer knows of thoughts. Markers that are several tokens to it mark nothing."""
    vocabulary = tokenizer.get_vocab()
    markers = tuple(pair for pair in MARKERS if all(marker in vocabulary for marker in pair))
    starts, ends = (frozenset(vocabulary[pair[side]] for pair in markers) for side in (0, 1))
    return Thinking(markers, starts, ends, budget if markers else 0)


def thinking_budget(configured: int | None, model: str, model_id: str | None) -> int:
    """Tokens that a thought may have: as configured, else those of a model that is known to think."""
    if configured is not None:
        return configured
    return BUDGET if KNOWN.search(public_name(model, model_id)) else 0
