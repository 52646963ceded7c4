"""TRL's SFTTrainer where it has to do more: stop at a NaN, save checkpoints that are whole, resume its counters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy
from trl import SFTTrainer

from hubkit.errors import HubkitError
from hubkit.finetuning.checkpoints import mark_whole, require_space
from hubkit.finetuning.live import write_out
from hubkit.finetuning.lora import trained_tensors
from hubkit.models.conversation import named


class AdapterTrainer(SFTTrainer):
    """Trains the adapter on batches that carry the `study_ids` they come from.

    Attributes:
        by_study: whether evaluation gives means over studies, as it does with one study a batch, however many share a
            batch. Otherwise each batch gives the mean over its tokens.
    """

    by_study = False

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Compute the loss of a batch.

        Raises:
            HubkitError: the loss is not finite; names step and studies.
        """
        studies = inputs.pop("study_ids")
        if (features := inputs.pop("image_features", None)) is not None:
            # What the tower would give; a namespace, since DDP takes apart what it knows.
            inputs["mm_encoder_outputs"] = {"image": SimpleNamespace(pooler_output=features)}
        if self.by_study and not model.training and not return_outputs and len(studies) > 1:
            return self._loss_by_study(model, inputs, studies)
        result = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        loss = result[0] if return_outputs else result
        self._check_finite(loss, model, studies)
        return result

    def _loss_by_study(self, model: Any, inputs: dict[str, Any], studies: torch.Tensor) -> torch.Tensor:
        """The mean over studies of what each would give in a batch of its own; entropy and accuracy likewise."""
        outputs = model(**inputs, fused_lm_head=True)
        tokens = outputs.label_mask.sum(dim=1).clamp(min=1)
        losses = -outputs.log_probs.sum(dim=1) / tokens
        for name, values in (("entropy", outputs.entropy), ("mean_token_accuracy", outputs.is_top1)):
            means = self.accelerator.gather_for_metrics(values.sum(dim=1) / tokens)
            self._metrics["eval"][name].extend(means.tolist())
        self._metrics["eval"]["num_tokens"] = [self._total_train_tokens]
        self._check_finite(losses, model, studies)
        mean: torch.Tensor = losses.mean()
        return mean

    def _check_finite(self, losses: torch.Tensor, model: Any, studies: torch.Tensor) -> None:
        """Stop at a loss that is not a number; of one loss a study, name the studies that it is of."""
        wrong = ~torch.isfinite(losses)
        if not wrong.any():
            return
        step = self.state.global_step
        raise HubkitError(
            f"the loss is {losses[wrong].flatten()[0].item()} "
            + (f"at step {step + 1}" if model.training else f"in the evaluation after step {step}"),
            where=named(studies[wrong].tolist() if wrong.ndim else studies.tolist()),
            hint="lower [finetuning] learning_rate or max_grad_norm, or look at the images of these studies",
        )

    def create_accelerator_and_postprocess(self) -> None:
        """Under FSDP, compute in bf16 and sum gradients in fp32; accelerate's default rounds the loss to bf16 too."""
        super().create_accelerator_and_postprocess()
        if self.is_fsdp_enabled:
            computed = torch.bfloat16 if self.args.bf16 else None
            policy = MixedPrecisionPolicy(param_dtype=computed, reduce_dtype=torch.float32)
            self.accelerator.state.fsdp_plugin.mixed_precision_policy = policy

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the adapter; under FSDP transformers would put the whole base together for it on the first process."""
        if self.is_fsdp_enabled:
            self._save(output_dir, state_dict=trained_tensors(self.model))
        else:
            super().save_model(output_dir, _internal_call)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir or "")
        require_space(folder, sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad))
        write_out(self)
        super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            mark_whole(folder / f"checkpoint-{self.state.global_step}")

    def _load_callback_state(self) -> None:
        super()._load_callback_state()
        # TRL counts tokens from 0 again after a resume.
        counts = [entry["num_tokens"] for entry in self.state.log_history if "num_tokens" in entry]
        self._total_train_tokens = int(counts[-1]) if counts else 0
