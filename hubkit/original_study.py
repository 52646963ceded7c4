"""The study that a release reproduces, with its published figures: they stand beside a release's own."""

from __future__ import annotations

from typing import NamedTuple


class OriginalStudy(NamedTuple):
    """Where the study is, and what it reported over its 965 test studies.

    Attributes:
        f1: mean F1 by (setup, condition); the BERTimbau figures are means read off its plots.
        eval_loss: lowest, with its step.
        eval_entropy: lowest.
        eval_accuracy: highest mean token accuracy.
    """

    name: str
    url: str
    test_studies: int
    f1: dict[tuple[str, str], float]
    eval_loss: float
    eval_loss_step: int
    eval_entropy: float
    eval_accuracy: float
    hours: str


ORIGINAL_STUDY = OriginalStudy(
    name="GustavoFA/MIMIC-CXR-PT-BR",
    url="https://github.com/GustavoFA/MIMIC-CXR-PT-BR",
    test_studies=965,
    f1={
        ("xlm-roberta", "zero_shot"): 0.824,
        ("xlm-roberta", "few_shot"): 0.826,
        ("xlm-roberta", "lora"): 0.837,
        ("bertimbau", "zero_shot"): 0.582,
        ("bertimbau", "few_shot"): 0.655,
        ("bertimbau", "lora"): 0.660,
    },
    eval_loss=0.9206,
    eval_loss_step=120,
    eval_entropy=0.4062,
    eval_accuracy=0.7911,
    hours="13 h 37 min",
)
