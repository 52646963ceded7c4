"""One unit, up to a few attempts: what is flagged is asked again, and the best attempt is kept."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from hubkit.checks import check_or_flag
from hubkit.checks.flags import Flag, describe
from hubkit.config import Translation
from hubkit.models.thinking import UNFINISHED, UNMARKED
from hubkit.translation.engines import Answer, Request
from hubkit.translation.engines.base import FinishReason
from hubkit.translation.engines.refusals import TOO_LONG
from hubkit.translation.prompt import Prompt
from hubkit.translation.units import Unit

THOUGHT_ALONE = "o raciocínio tomou o lugar da tradução; responda diretamente, sem raciocinar por escrito"
"""The finding that is named where an attempt held a thought and nothing else."""

SENTENCE_END = re.compile(r"(?<=[.!?])(\s+)(?=[A-Z_(\d])")


class Result(NamedTuple):
    """The best attempt at a unit.

    Attributes:
        unit: what was translated.
        answer: what the engine answered; tokens are those of this attempt alone.
        flags: what the checks found in it.
        attempts: how many attempts were made.
    """

    unit: Unit
    answer: Answer
    flags: list[Flag]
    attempts: int

    @property
    def status(self) -> str:
        if self.answer.text is None:
            return "failed"
        return "flagged" if self._errors else "ok"

    @property
    def _errors(self) -> int:
        return sum(flag.severity == "error" for flag in self.flags)

    @property
    def thought_alone(self) -> bool:
        """Whether the model wrote a thought and nothing else that can be separated."""
        return self.answer.error in (UNFINISHED, UNMARKED)

    @property
    def doubtful(self) -> bool:
        """Whether another attempt may do better."""
        return self.status == "flagged" or self.thought_alone or self.too_long

    @property
    def too_long(self) -> bool:
        """Whether the request was longer than the server's context."""
        return self.answer.error == TOO_LONG

    def better_than(self, other: Result) -> bool:
        def faults(result: Result) -> tuple[bool, int, int]:
            return result.answer.text is None, result._errors, len(result.flags)

        return faults(self) < faults(other)


class Trial(NamedTuple):
    """How a unit is asked for: its text, or sentences and the gaps between them in turn."""

    unit: Unit
    pieces: list[str]
    finding: str | None


Attempting = Generator[list[Request], list[Answer], Result]
"""The attempts at a unit while they are made."""


class Attempts(NamedTuple):
    """How units are asked for.

    What is flagged, and what has a thought alone for an answer, is asked again. The first further
    attempt names the finding, the second goes sentence by sentence, later ones do both. What is too
    long for the server goes by sentence at once, and so does every text for TranslateGemma, which
    takes no finding.

    Attributes:
        prompt: what a request holds apart from the text.
        retries: further attempts, at most.
        max_new_tokens: tokens that an answer may have, at most.
    """

    prompt: Prompt
    retries: int
    max_new_tokens: int

    @classmethod
    def of(cls, settings: Translation) -> Attempts:
        """The attempts of a configuration."""
        return cls(Prompt.of(settings), settings.retries, settings.max_new_tokens)

    def translate(self, unit: Unit) -> Attempting:
        """Yield the requests of an attempt, be sent their answers, and so on; return the best attempt."""
        best = yield from self._attempt(Trial(unit, [unit.text], None))
        for attempt in range(1, self.retries + 1):
            trial = _next_trial(best, attempt, self.prompt.template) if best.doubtful else None
            if trial is None:
                break
            result = yield from self._attempt(trial)
            kept = result if result.better_than(best) else best
            best = kept._replace(attempts=best.attempts + 1)
        return best

    def _attempt(self, trial: Trial) -> Attempting:
        unit, pieces, finding = trial
        answers = yield [
            Request(
                self.prompt.messages(unit.section, text, unit.context, finding),
                min(self.max_new_tokens, 32 + len(text)),
            )
            for text in pieces[::2]
        ]
        answer = _joined(answers, pieces[1::2])
        return Result(unit, answer, find(unit.text, answer), 1)


def _next_trial(result: Result, attempt: int, template: str) -> Trial | None:
    pieces = split_sentences(result.unit.text)
    if result.too_long or template == "translategemma":
        # The same sentences would get the same answers once more.
        return Trial(result.unit, pieces, None) if attempt == 1 and len(pieces) > 1 else None
    described = describe(result.flags, result.unit.text, result.answer.text or "")
    named = THOUGHT_ALONE if result.thought_alone else described
    if attempt == 1:
        return Trial(result.unit, [result.unit.text], named)
    return Trial(result.unit, pieces, named if attempt > 2 else None) if len(pieces) > 1 else None


def find(source: str, answer: Answer) -> list[Flag]:
    """Return what is wrong with an answer; nothing for one that is not there."""
    if answer.text is None:
        return []
    flags = check_or_flag(source, answer.text)
    if answer.finish_reason == "length":
        end = len(answer.text)
        flags = [*(flag for flag in flags if flag.name != "truncated"), Flag("truncated", "error", None, (end, end))]
    return flags


def split_sentences(text: str) -> list[str]:
    """Return sentences and the white space between them in turn: `"".join` gives the text back."""
    return SENTENCE_END.split(text)


def _joined(answers: list[Answer], gaps: list[str]) -> Answer:
    if len(answers) == 1:
        return answers[0]
    tokens, thought = (
        sum(counts) for counts in zip(*((one.tokens, one.thought_tokens) for one in answers), strict=True)
    )
    failed = next((answer for answer in answers if answer.text is None), None)
    if failed is not None:
        return failed._replace(tokens=tokens, thought_tokens=thought)
    text = "".join(f"{answer.text}{gap}" for answer, gap in zip(answers, [*gaps, ""], strict=True))
    reason: FinishReason = "length" if any(answer.finish_reason == "length" for answer in answers) else "stop"
    return Answer(text, tokens, reason, None, thought)
