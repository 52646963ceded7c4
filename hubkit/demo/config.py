"""The settings of the demo release, sized for two cores, and where its models lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hubkit.config import (
    Corpus,
    Encoder,
    Finetuning,
    Generation,
    Hub,
    Release,
    ReleaseConfig,
    Scoring,
    Sensitivity,
    Translation,
)

MODELS = {
    name: Path(__file__).with_name("models") / name for name in ("translator", "vision", "bertimbau", "xlm-roberta")
}
"""The shipped models by name, as demo_models/train.py writes them."""

ENCODER_LAYERS = 3
"""All layers that the tiny encoders have: they were trained on BERTScore at the last one."""


def computes_in_bf16() -> bool:
    """Whether this machine multiplies in bf16, as NF4 does; on most laptops it takes many times as long."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return torch.cuda.is_available() or (supported is not None and bool(supported()))


def demo_config(corpus: Path, endpoint: str, namespace: str, models: Mapping[str, tuple[str, str]]) -> ReleaseConfig:
    """The configuration of the demo release.

    Args:
        corpus: the folder that `hubkit.demo.corpus.write_corpus` wrote.
        endpoint: the Hub on loopback.
        namespace: the user there who owns the release.
        models: repo id (or folder) and revision of each model in `MODELS`.
    """
    (translator, translator_revision), (vision, vision_revision) = models["translator"], models["vision"]
    encoders = {
        name: Encoder(model=models[name][0], revision=models[name][1], layer=ENCODER_LAYERS)
        for name in ("bertimbau", "xlm-roberta")
    }
    return ReleaseConfig(
        release=Release(title="Demo of MIMIC-CXR PT-BR (synthetic)"),
        corpus=Corpus(kind="demo", root=corpus, subset="all", image_size=112),
        translation=Translation(
            model=translator,
            revision=translator_revision,
            quantization="fp32",
            rules=False,
            # The tiny translator is flagged often, and the demo shows what flags look like on a card.
            flagged="publish",
            max_new_tokens=256,
            batch_tokens=8192,
            checkpoint=64,
        ),
        finetuning=Finetuning(
            model=vision,
            revision=vision_revision,
            quantization="nf4" if computes_in_bf16() else "fp32",
            dropout=0.0,
            epochs=4,
            learning_rate=4e-3,
            schedule="cosine",
            batch_size=16,
            gradient_accumulation=1,
            max_grad_norm=1.0,
            gradient_checkpointing=False,
            eval_steps=13,
            save_steps=13,
        ),
        generation=Generation(max_new_tokens=192, batch_size=32),
        scoring=Scoring(
            bertimbau=encoders["bertimbau"],
            xlm_roberta=encoders["xlm-roberta"],
            resamples=2000,
            error_profile=True,
            subgroups=("view",),
            # Of its 36 test patients 12 were taken in bed: with the default minimum no group would be shown.
            subgroup_minimum=10,
        ),
        # All of its few validation patients: a fraction of them would be too few for the combinations.
        sensitivity=Sensitivity(fraction=1.0),
        hub=Hub(namespace=namespace, endpoint=endpoint),
    )
