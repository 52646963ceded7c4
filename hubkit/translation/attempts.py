"""One unit, up to a few attempts: what is flagged is asked again, and the best attempt is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hubkit.checks import check_or_flag
from hubkit.checks.flags import Flag, describe
from hubkit.config import Translation
from hubkit.models.thinking import UNFINISHED, UNMARKED
from hubkit.translation.engines import Answer, Engine, Request
from hubkit.translation.engines.base import FinishReason
from hubkit.translation.engines.refusals import TOO_LONG
from hubkit.translation.prompt import messages
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
        """Whether the model wrote a thought and nothing else that can be told apart."""
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


def translate_units(
    units: Sequence[Unit], engine: Engine, translation: Translation, done: Callable[[], None] = lambda: None
) -> list[Result]:
    """Translate `units` in their order.

    Flagged ones, and those of which the model wrote a thought alone, are asked again up to
    `translation.retries` times. The first further attempt names the finding, the second goes sentence
    by sentence, later ones do both. What is too long for the server goes by sentence at once, and so
    does every text for TranslateGemma, which takes no finding.

    Args:
        units: what is translated.
        engine: who translates.
        translation: the settings.
        done: called whenever a unit has its first answer.
    """
    best = _attempt([Trial(unit, [unit.text], None) for unit in units], engine, translation, done)
    for attempt in range(1, translation.retries + 1):
        doubtful = {at: result for at, result in enumerate(best) if result.doubtful}
        trials = {at: _next_trial(result, attempt, translation.template) for at, result in doubtful.items()}
        wanted = {at: trial for at, trial in trials.items() if trial is not None}
        for at, result in zip(wanted, _attempt(list(wanted.values()), engine, translation), strict=True):
            kept = result if result.better_than(best[at]) else best[at]
            best[at] = kept._replace(attempts=best[at].attempts + 1)
    return best


class Trial(NamedTuple):
    """How a unit is asked for: its text, or sentences and the gaps between them in turn."""

    unit: Unit
    pieces: list[str]
    finding: str | None


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


def _attempt(
    trials: Sequence[Trial], engine: Engine, translation: Translation, done: Callable[[], None] = lambda: None
) -> list[Result]:
    requests = []
    for unit, pieces, finding in trials:
        for text in pieces[::2]:
            chat = messages(translation, unit.section, text, unit.context, finding)
            requests.append(Request(chat, min(translation.max_new_tokens, 32 + len(text))))
    answers: dict[int, Answer] = {}
    for place, answer in engine.answer(requests):
        answers[place] = answer
        done()
    in_order = (answers[place] for place in range(len(requests)))
    results = []
    for unit, pieces, _ in trials:
        answer = _joined([next(in_order) for _ in pieces[::2]], pieces[1::2])
        results.append(Result(unit, answer, find(unit.text, answer), 1))
    return results


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
