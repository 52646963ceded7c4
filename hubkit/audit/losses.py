"""The loss of each study under the base, and under base and adapter: what an attacker with the images could compute."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hubkit.audit.membership import Losses
from hubkit.errors import HubkitError
from hubkit.finetuning.collator import IGNORED, Collator
from hubkit.finetuning.run import as_rows
from hubkit.generation.decoding import batches
from hubkit.models.device_errors import device_errors
from hubkit.models.loading import Loaded
from hubkit.models.samples import Sample
from hubkit.progress import Progress
from hubkit.workspace import write_json

BASE, ADAPTER, REFERENCE = "base", "default", "reference"
"""What is put on the base: nothing, the adapter under PEFT's name for it, the adapter of other studies."""

NO_MEMORY = "set [generation] batch_size lower, or [audit] studies"


def split_losses(
    loaded: Loaded, collator: Collator, samples: Sequence[Sample], size: int, folder: Path, split: str
) -> Losses:
    """The losses of the studies of a split, in the order of `samples`.

    Each batch is kept in `folder` as soon as it is computed, so that a run that was cut off goes on with the next.

    Args:
        loaded: a PEFT model, and where there is a reference adapter that one as well, under the name REFERENCE.
        size: studies a batch.

    Raises:
        HubkitError: a loss is not finite, or memory is full.
    """
    adapters = [BASE, *sorted(loaded.model.peft_config)]
    known = {int(study): values for path in folder.glob("*.json") for study, values in _read(path).items()}
    plan = batches(samples, size)
    with Progress(f"audit: losses, {split}", len(samples), len(known)) as progress, device_errors(NO_MEMORY):
        for batch in plan:
            if all(sample.study_id in known for sample in batch):
                continue
            collated = collator(as_rows(batch))
            found = {name: _losses(loaded, collated, name) for name in adapters}
            made = {
                sample.study_id: {name: values[at] for name, values in found.items()} for at, sample in enumerate(batch)
            }
            write_json(folder / f"{batch[0].study_id}.json", made)
            known |= made
            progress.advance(len(batch))
    columns = {name: np.array([known[sample.study_id][name] for sample in samples]) for name in adapters}
    patients = np.array([sample.subject_id for sample in samples])
    return Losses(patients, columns[BASE], columns[ADAPTER], columns.get(REFERENCE))


def _read(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _losses(loaded: Loaded, batch: dict[str, Any], adapter: str) -> list[float]:
    """The mean loss over the tokens of each report; question and images carry no loss."""
    import torch

    studies = batch["study_ids"].tolist()
    with _wearing(loaded.model, adapter):
        logits, wanted = report_logits(loaded.model, batch)
    losses = torch.nn.functional.cross_entropy(
        logits.float().transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none"
    )
    means = losses.sum(dim=1) / (wanted != IGNORED).sum(dim=1).clamp(min=1)
    found: list[float] = means.tolist()
    for study, value in zip(studies, found, strict=True):
        if not np.isfinite(value):
            raise HubkitError(f"the loss is {value}", where=f"study {study}", hint="look at the images of this study")
    return found


def report_logits(model: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """One pass over questions and reports: for each token of a report, the logits after what stands before it.

    Args:
        batch: of the collator.

    Returns:
        The logits, (studies, tokens, vocabulary), and the tokens of the reports, (studies, tokens), IGNORED where a
        report is shorter than the longest.
    """
    import torch

    labels = batch["labels"]
    tensors = {name: tensor for name, tensor in batch.items() if name not in {"study_ids", "labels"}}
    inputs = {
        name: tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
        for name, tensor in tensors.items()
    }
    answered = int((labels != IGNORED).any(dim=0).int().argmax())
    with torch.inference_mode():
        # Of a vocabulary of 262,144 words the logits of a question with its images would be most of the memory.
        logits = model(**inputs, logits_to_keep=labels.shape[1] - answered + 1).logits[:, :-1]
    return logits, labels[:, answered:].to(logits.device)


@contextlib.contextmanager
def _wearing(model: Any, adapter: str) -> Iterator[None]:
    """A PEFT model with one of its adapters, or with none."""
    if adapter == BASE:
        with model.disable_adapter():
            yield
    else:
        model.set_adapter(adapter)
        yield
