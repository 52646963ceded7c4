"""How far the adapter continues a training report, from whichever of its words on.

An answer that is written out ends its repetition at the first word that the adapter gets wrong, and
may never come back to the report. Here the report itself stands before each word: what is asked is
which word follows. A stretch without a wrong word is what greedy decoding writes after the words
before it, so that one pass over a report tries every beginning.

Source: Carlini et al., "Quantifying Memorization Across Neural Language Models" (2023), where a text
counts as extractable if some words before it make the model write it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubkit.audit.completions import NO_MEMORY, in_black
from hubkit.audit.losses import report_logits
from hubkit.finetuning.collator import IGNORED, Collator
from hubkit.finetuning.run import as_rows
from hubkit.generation.decoding import batches
from hubkit.models.device_errors import device_errors
from hubkit.models.loading import Loaded
from hubkit.models.samples import Sample
from hubkit.progress import Progress
from hubkit.workspace import write_json

EVERY_WORD = "every_word"
"""The name of this probe among those of `hubkit.audit.completions`."""


def continuations(loaded: Loaded, collator: Collator, samples: Sequence[Sample], size: int, folder: Path) -> list[str]:
    """For each report, what the adapter writes in the place of each of its tokens, shown black images.

    Each batch is kept in `folder`, as `answers` keeps its own.

    Args:
        size: studies a batch.

    Raises:
        HubkitError: memory is full.
    """
    black = [sample._replace(images=in_black(sample.images, folder / "images")) for sample in samples]
    kept = folder / EVERY_WORD
    known = {int(study): text for path in kept.glob("*.json") for study, text in _read(path).items()}
    with Progress("audit: continuations", len(samples), len(known)) as progress, device_errors(NO_MEMORY):
        for batch in batches(black, size):
            if all(sample.study_id in known for sample in batch):
                continue
            made = dict(
                zip((sample.study_id for sample in batch), _continued(loaded, collator(as_rows(batch))), strict=True)
            )
            write_json(kept / f"{batch[0].study_id}.json", made)
            known |= made
            progress.advance(len(batch))
    return [known[sample.study_id] for sample in samples]


def _read(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _continued(loaded: Loaded, batch: dict[str, Any]) -> list[str]:
    logits, wanted = report_logits(loaded.model, batch)
    said, asked = logits.argmax(dim=-1), wanted != IGNORED
    tokenizer = loaded.processor.tokenizer
    return [tokenizer.decode(row[which], skip_special_tokens=True) for row, which in zip(said, asked, strict=True)]
