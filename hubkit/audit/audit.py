"""The stage `audit`: what the adapter remembers of the reports that it was trained on."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from hubkit.artifacts.memorisation import Memorisation, write_memorisation
from hubkit.audit.completions import BLIND, answers, probes
from hubkit.audit.continuations import EVERY_WORD, continuations
from hubkit.audit.identifiers import identifiers
from hubkit.audit.losses import REFERENCE, split_losses
from hubkit.audit.membership import ENOUGH, Losses, compare, shared
from hubkit.audit.plots import draw_plots
from hubkit.audit.verbatim import Report, Runs, counted
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.finetuning.collator import Collator
from hubkit.finetuning.lora import keep_packing
from hubkit.generation.batch_size import ON_CPU
from hubkit.generation.generate import Conditions, check_base
from hubkit.models.loading import Loaded
from hubkit.models.quiet import quiet
from hubkit.models.samples import Sample, read_samples
from hubkit.tables import SPLITS
from hubkit.workspace import Workspace, read_table

RESAMPLES, CONFIDENCE = 2000, 0.95
"""Of the intervals."""


@quiet()
def audit(config: ReleaseConfig, workspace: Workspace) -> None:
    """Measure what the adapter tells of its training studies, and write `workspace.memorisation` and its plots.

    No file of it holds text.

    Raises:
        HubkitError: the adapter was trained on another base, or a file of an earlier stage is missing.
    """
    check_base(config, workspace)
    settings, seed = config.audit, config.release.seed
    samples = {split: read_samples(workspace, split, config.generation.reference).kept for split in SPLITS}
    loaded = load(config, workspace)
    drawn = {
        split: draw(found, settings.studies, seed) for split, found in samples.items() if found or split != "validate"
    }
    collator = Collator(loaded.processor, config.generation.prompt, config.finetuning.max_length, keep=0)
    losses = _losses(config, workspace, loaded, collator, drawn)
    membership = None
    if min(len(losses[split].base) for split in ("train", "test")) >= ENOUGH:
        membership = compare(losses, _templates(drawn, samples), RESAMPLES, CONFIDENCE, seed)
    members = draw(samples["train"], settings.completions, seed)
    asked = probes(members, samples["test"], settings.first_words, workspace.partial / "images")
    said = answers(loaded, config.generation, asked, workspace.partial / "answers")
    batch = config.generation.batch_size or ON_CPU
    said[EVERY_WORD] = continuations(loaded, collator, members, batch, workspace.partial)
    runs = Runs(
        [
            Report(sample.reference, sample.subject_id, split == "train")
            for split, found in samples.items()
            for sample in found
        ]
    )
    repeats = {kind: counted(texts, runs) for kind, texts in said.items()}
    generated = read_table(workspace.generations("lora"), ["generated"])["generated"].to_pylist()
    found = Memorisation(
        confidence=CONFIDENCE,
        membership=membership,
        extraction=repeats,
        longest=max(repeats[kind].longest for kind in (*BLIND, EVERY_WORD)) if asked else None,
        whole=repeats["black"].whole,
        identifiers=identifiers([*generated, *(text for texts in said.values() for text in texts)], _ids(workspace)),
    )
    write_memorisation(workspace, found)
    if not samples["validate"]:
        print("  audit: no validation studies: training is compared with test studies alone", file=sys.stderr)
    if membership is None:
        print(f"  audit: train and test need {ENOUGH} studies each for an attack by losses", file=sys.stderr)
    else:
        draw_plots(workspace.memorisation.parent, losses, membership)


def load(config: ReleaseConfig, workspace: Workspace) -> Loaded:
    """The base with the adapter, and with the adapter of other studies where one is at hand.

    Raises:
        HubkitError: the other adapter is missing or does not fit the base.
    """
    return with_reference(config, Conditions(config, workspace).model("lora"))


def with_reference(config: ReleaseConfig, loaded: Loaded) -> Loaded:
    """A base with an adapter, and with the adapter of other studies where one is at hand, ready to be measured.

    Raises:
        HubkitError: the other adapter is missing or does not fit the base.
    """
    keep_packing(loaded.model)
    other = config.audit.reference_adapter
    if other is not None:
        try:
            loaded.model.load_adapter(str(other), REFERENCE)
        except (OSError, RuntimeError, ValueError) as error:
            raise HubkitError(
                f"is not an adapter of this base: {str(error).splitlines()[0]}",
                where="[audit] reference_adapter",
                hint="give the folder of an adapter of the same base that was trained on other studies",
            ) from None
    return Loaded(loaded.model.eval(), loaded.processor)


def draw(samples: Sequence[Sample], count: int, seed: int) -> list[Sample]:
    """At most `count` of the samples by `seed`, in their order."""
    chosen = random.Random(seed).sample(range(len(samples)), min(count, len(samples)))
    return [samples[at] for at in sorted(chosen)]


def _losses(
    config: ReleaseConfig, workspace: Workspace, loaded: Loaded, collator: Collator, drawn: dict[str, list[Sample]]
) -> dict[str, Losses]:
    folder = workspace.partial / "losses"
    return {
        split: split_losses(loaded, collator, found, config.generation.batch_size or ON_CPU, folder / split, split)
        for split, found in drawn.items()
    }


def _templates(drawn: dict[str, list[Sample]], samples: dict[str, list[Sample]]) -> dict[str, np.ndarray]:
    """By split, which of the drawn studies have a report that stands in the training split as well, and of training
    studies which have one that stands outside it."""
    train = [sample.reference for sample in samples["train"]]
    outside = [sample.reference for split in ("validate", "test") for sample in samples[split]]
    return {
        split: shared([sample.reference for sample in found], outside if split == "train" else train)
        for split, found in drawn.items()
    }


def _ids(workspace: Workspace) -> list[Any]:
    table = read_table(workspace.studies, ["subject_id", "study_id"])
    return [*table["subject_id"].to_pylist(), *table["study_id"].to_pylist()]
