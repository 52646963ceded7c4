"""The parts of generation: answers of one batch, which tasks leave for one another and a later run finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hubkit.artifacts.model import Model, read_model, to_json
from hubkit.artifacts.thoughts import Thoughts
from hubkit.workspace import write_json


class GeneratedRow(Model):
    """The answer for a study, as a row of generations/CONDITION.parquet.

    Attributes:
        finish_reason: stop or length.
        thought_tokens: tokens of the thought before the answer.
    """

    subject_id: int
    study_id: int
    condition: str
    reference: str
    generated: str
    finish_reason: str
    thought_tokens: int = 0


class GenerationPart(Model):
    """Answers that were made together. The defaults are those of a part from before a value was kept.

    Attributes:
        device: on which they were made.
        quantization: of the base; None in a part of 0.1.0, which had one precision.
        batches: the studies of each batch: one batch, or its pieces where memory did not hold it.
        markers: of thoughts, by their start and end.
        thinking_tokens: that a thought might have.
        rows: the answers.
    """

    device: str
    quantization: str | None = None
    batches: tuple[tuple[int, ...], ...]
    markers: tuple[tuple[str, str], ...] = ()
    thinking_tokens: int = 0
    rows: tuple[GeneratedRow, ...]


def read_parts(folder: Path) -> list[GenerationPart]:
    """All parts of a condition, by name.

    Raises:
        HubkitError: one is not whole, incomplete, or of another format.
    """
    hint = "the same hubkit command again, which asks for what is missing"
    return [read_model(GenerationPart, "generation_part", path, hint) for path in sorted(folder.glob("*.json"))]


def write_part(folder: Path, part: GenerationPart) -> None:
    """Add a part to those that `read_parts` reads. It has no number, which stands for format 1, as in every version."""
    write_json(folder / f"{part.rows[0].study_id}.json", to_json(part))


def rows_of(parts: Iterable[GenerationPart]) -> list[GeneratedRow]:
    """The answers of all parts."""
    return [row for part in parts for row in part.rows]


def count_thoughts(rows: Sequence[GeneratedRow]) -> Thoughts:
    """How many answers came after a thought. One that is empty after a thought is unfinished."""
    return Thoughts(
        thoughts=sum(row.thought_tokens > 0 for row in rows),
        tokens=sum(row.thought_tokens for row in rows),
        unfinished=sum(row.thought_tokens > 0 and not row.generated for row in rows),
    )
