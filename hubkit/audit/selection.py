"""The stage `finetune`, with the audit at hand where it chooses among the checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from hubkit.audit.audit import draw, with_reference
from hubkit.audit.completions import BLIND, answers, probes
from hubkit.audit.continuations import EVERY_WORD, continuations
from hubkit.audit.losses import split_losses
from hubkit.audit.membership import ENOUGH, auc
from hubkit.audit.verbatim import Report, Runs, counted
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.finetuning.collator import Collator
from hubkit.finetuning.finetune import finetune as train
from hubkit.finetuning.run import WITHIN_AUDIT
from hubkit.finetuning.selection import WHERE
from hubkit.generation.batch_size import ON_CPU
from hubkit.models.devices import pick_device
from hubkit.models.loading import Loaded, load_vision_model
from hubkit.models.memory import free_memory
from hubkit.models.quiet import quiet
from hubkit.models.samples import Samples, read_samples
from hubkit.tables import SPLITS
from hubkit.workspace import Workspace

BACK = f'or set {WHERE} = "eval_loss"'


def finetune(config: ReleaseConfig, workspace: Workspace) -> None:
    """Train the adapter, and choose its checkpoint as [finetuning] select says; see `hubkit.finetuning.finetune`."""
    train(config, workspace, CheckpointAuditor(config, workspace) if config.finetuning.select == WITHIN_AUDIT else None)


class CheckpointAuditor:
    """Measures an adapter as the stage `audit` does, on the same sample, against validation in place of test studies.

    Test studies stay out of it: what is scored on them later was not chosen by them.
    """

    def __init__(self, config: ReleaseConfig, workspace: Workspace):
        self.config, self.folder = config, workspace.partial / "selection"
        self.samples = {split: read_samples(workspace, split, config.generation.reference).kept for split in SPLITS}

    def check(self, splits: Mapping[str, Samples]) -> None:
        bounds, train, validate = self.config.audit, splits["train"].kept, splits["validate"].kept
        if not validate:
            raise UsageError(
                "chooses by the validate split, which is empty",
                where=WHERE,
                hint=f"take validation studies ([corpus] subset), {BACK}",
            )
        if bounds.max_auc is None and (bounds.max_verbatim is None or not bounds.completions):
            raise UsageError(
                "there is no bound to stay under",
                where=WHERE,
                hint=f"set [audit] max_auc, or max_verbatim and completions, {BACK}",
            )
        if bounds.max_auc is not None and min(len(train), len(validate)) < ENOUGH:
            raise UsageError(
                f"an attack by losses needs {ENOUGH} training and {ENOUGH} validation studies; there are "
                f"{len(train)} and {len(validate)}",
                where=WHERE,
                hint=f"take more studies ([corpus] subset), leave [audit] max_auc out, {BACK}",
            )

    @quiet()
    def measure(self, adapter: Path, commit: str | None) -> tuple[float | None, int | None, int]:
        # What was measured of another checkpoint must not be taken for this one's.
        shutil.rmtree(self.folder, ignore_errors=True)
        loaded = self._load(adapter, commit)
        collator = Collator(loaded.processor, self.config.generation.prompt, self.config.finetuning.max_length, keep=0)
        try:
            return self._auc(loaded, collator), *self._repeats(loaded, collator)
        finally:
            del loaded
            free_memory()

    def _load(self, adapter: Path, commit: str | None) -> Loaded:
        from peft import PeftModel

        settings, device = self.config.finetuning, pick_device(self.config.generation.device)
        base = load_vision_model(settings.model, commit, settings.quantization, device)
        return with_reference(
            self.config, Loaded(PeftModel.from_pretrained(base.model, adapter).eval(), base.processor)
        )

    def _auc(self, loaded: Loaded, collator: Collator) -> float | None:
        """The AUC of the strongest attack on training against validation studies; None where there are too few."""
        settings, size = self.config.audit, self.config.generation.batch_size or ON_CPU
        drawn = {
            split: draw(self.samples[split], settings.studies, self.config.release.seed)
            for split in ("train", "validate")
        }
        if min(map(len, drawn.values())) < ENOUGH:
            return None
        train, validate = (
            split_losses(loaded, collator, found, size, self.folder / split, split).scores()
            for split, found in drawn.items()
        )
        return max(auc(score, validate[name]) for name, score in train.items() if name != "base")

    def _repeats(self, loaded: Loaded, collator: Collator) -> tuple[int | None, int]:
        """The longest run of words without an image to call for it, and the longest report that came back whole."""
        settings, generation = self.config.audit, self.config.generation
        members = draw(self.samples["train"], settings.completions, self.config.release.seed)
        if not members:
            return None, 0
        runs = Runs(
            [
                Report(sample.reference, sample.subject_id, split == "train")
                for split, found in self.samples.items()
                for sample in found
            ]
        )
        asked = probes(members, members, settings.first_words, self.folder / "images")
        blind = [probe for probe in asked if probe.kind in BLIND]
        said = answers(loaded, generation, blind, self.folder / "answers")
        said[EVERY_WORD] = continuations(loaded, collator, members, generation.batch_size or ON_CPU, self.folder)
        found = {kind: counted(said[kind], runs) for kind in (*BLIND, EVERY_WORD)}
        return max(one.longest for one in found.values()), found["black"].whole
