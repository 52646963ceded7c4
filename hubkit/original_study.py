"""The study that a release reproduces, with its published figures: they are shown next to a release's own."""

from __future__ import annotations

from typing import NamedTuple


class StudyDifference(NamedTuple):
    """What the study does otherwise than a release under default settings, where that changes results.

    Attributes:
        study, here: what each does.
        setting: what brings the study's way back; empty where nothing does.
    """

    what: str
    study: str
    here: str
    setting: str = ""


class OriginalStudy(NamedTuple):
    """Where the study is, and what it reported over its 965 test studies.

    Attributes:
        f1: mean F1 by (setup, condition); the BERTimbau figures are means read off its plots.
        eval_loss: lowest, with its step.
        eval_entropy: lowest.
        eval_accuracy: highest mean token accuracy. These three are over prompt and answer.
        differences: all that are known to change results.
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
    differences: tuple[StudyDifference, ...]


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
    differences=(
        StudyDifference("loss, entropy, token accuracy", "over prompt and answer", "over the answer alone"),
        StudyDifference("text that is scored", "the prompt together with the answer", "the answer alone"),
        StudyDifference(
            "precision and recall", "exchanged: the reference is given as the prediction", "as defined; F1 is the same"
        ),
        StudyDifference(
            "decoding",
            "sampled (top_k and top_p of the base)",
            "greedy",
            "[generation] do_sample = true, with top_k of transformers",
        ),
        StudyDifference(
            "few-shot example", "its report as text inside the question, no images", "an answered turn with its images"
        ),
        StudyDifference("prompt", "one in training, another in inference", "the same in both"),
        StudyDifference("end of the question", "no generation prompt in inference", "the generation prompt"),
        StudyDifference("order in the question", "text, then images", "images, then text"),
        StudyDifference(
            "layers with LoRA",
            "language model and vision tower",
            "language model",
            '[finetuning] target_modules = "all-linear"',
        ),
        StudyDifference("vision tower in training", "NF4", "bf16, not quantised"),
        StudyDifference(
            "modules trained whole",
            "lm_head and embed_tokens",
            "none",
            '[finetuning] modules_to_save = ["lm_head", "embed_tokens"]',
        ),
        StudyDifference(
            "evaluation",
            "after every step",
            "after every 20 steps; training stops early",
            "[finetuning] eval_steps = 1, patience = 0",
        ),
        StudyDifference("unit of translation", "the whole report", "each section", '[translation] units = "report"'),
        StudyDifference(
            "translation prompt", "one sentence", "that sentence, then rules of style", "[translation] rules = false"
        ),
        StudyDifference(
            "reference",
            "the whole report",
            "findings and impression",
            '[generation] reference = "report"',
        ),
    ),
)
