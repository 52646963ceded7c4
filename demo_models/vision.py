"""Trains the demo's vision-language model: a small Gemma 3 that describes the drawn images in English.

The tower learns first to see the facts; then the whole learns to describe the images, in a sentence or in an English
report as it is asked, and keeps its Portuguese by translating reports. Last it learns to report in Portuguese where the
question says so. The question of the release gets one English sentence from it: the rest is left to the fine-tuning.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo_models.captions import TRANSLATE, answer, english, portuguese, sample_english, sample_question
from demo_models.optimise import optimise, start
from demo_models.pictures import CLASSES, PIXELS, Shown, classes, show_studies
from demo_models.translator import Example, collate

if TYPE_CHECKING:
    import torch
    from transformers import Gemma3Config, Gemma3Processor

STUDIES, MORE_STUDIES = 5000, 2500
TOWER_STEPS, ENGLISH_STEPS, STEPS = 450, 1100, 300
BATCH = 32
IMAGE_TOKENS = 16
TEXT_SHARE, SHOT_SHARE = 0.2, 0.08
"""Shares of batches that hold translations alone, and an answered example before the question."""


def train_english(folder: Path, translator: Path, steps: int = ENGLISH_STEPS, tower_steps: int = TOWER_STEPS) -> None:
    """Train the language model in the folder `translator` to see and describe in English; write it to `folder`."""
    import torch
    from transformers import AutoTokenizer, Gemma3ForCausalLM, Gemma3ForConditionalGeneration

    start(seed=2)
    tokenizer = AutoTokenizer.from_pretrained(translator)
    speaking = Gemma3ForCausalLM.from_pretrained(translator, dtype=torch.float32)
    model = Gemma3ForConditionalGeneration(_config(speaking.config, tokenizer))
    model.model.language_model.load_state_dict(speaking.model.state_dict())
    projection = model.model.multi_modal_projector.mm_input_projection_weight
    torch.nn.init.normal_(projection, std=projection.shape[0] ** -0.5)
    model.generation_config = speaking.generation_config
    studies = show_studies(STUDIES, "vision")
    _see(model, studies, tower_steps)
    _train(model, _batches(tokenizer, studies, sample_english, "captions"), steps, "english", rate=0.01)
    _save(model, tokenizer, folder)


def train_vision(folder: Path, english: Path, steps: int = STEPS) -> None:
    """Train the vision model in the folder `english` to report in Portuguese when asked to; write it to `folder`."""
    import torch
    from transformers import AutoTokenizer, Gemma3ForConditionalGeneration

    start(seed=6)
    tokenizer = AutoTokenizer.from_pretrained(english)
    model = Gemma3ForConditionalGeneration.from_pretrained(english, dtype=torch.float32)
    studies = show_studies(MORE_STUDIES, "languages")
    _train(model, _batches(tokenizer, studies, sample_question, "languages"), steps, "vision", rate=0.005)
    _save(model, tokenizer, folder)


def _train(model: Any, batches: Iterator[dict[str, Any]], steps: int, what: str, rate: float) -> None:
    optimise(model, batches, lambda batch: model(**batch, use_cache=False).loss, steps, what, rate, 0.15 * rate)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    # The folder it was loaded from would otherwise stand in the published configuration.
    model.config.text_config.name_or_path = ""
    model.bfloat16().save_pretrained(folder)
    _processor(tokenizer).save_pretrained(folder)


def _config(language: Any, tokenizer: Any) -> Gemma3Config:
    from transformers import Gemma3Config, SiglipVisionConfig

    vision = SiglipVisionConfig(
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=PIXELS,
        patch_size=14,
        vision_use_head=False,
    )
    return Gemma3Config(
        text_config=language,
        vision_config=vision,
        mm_tokens_per_image=IMAGE_TOKENS,
        boi_token_index=tokenizer.convert_tokens_to_ids(tokenizer.boi_token),
        eoi_token_index=tokenizer.convert_tokens_to_ids(tokenizer.eoi_token),
        image_token_index=tokenizer.convert_tokens_to_ids(tokenizer.image_token),
    )


def _processor(tokenizer: Any) -> Gemma3Processor:
    from transformers import Gemma3ImageProcessorPil, Gemma3Processor

    return Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": PIXELS, "width": PIXELS}),
        tokenizer=tokenizer,
        chat_template=tokenizer.chat_template,
        image_seq_length=IMAGE_TOKENS,
    )


def _see(model: Any, studies: list[Shown], steps: int) -> None:
    """Train tower and projector to tell the facts of a frontal view, with a head that is thrown away."""
    import torch

    inner = model.model
    width = model.config.text_config.hidden_size
    head = torch.nn.Linear(width * IMAGE_TOKENS, sum(len(values) for values in CLASSES.values()))
    sizes = [len(values) for values in CLASSES.values()]
    seeing = torch.nn.ModuleDict({"tower": inner.vision_tower, "projector": inner.multi_modal_projector, "head": head})
    targets = torch.tensor([classes(study.facts) for study in studies])
    rng = random.Random("tower")

    def batches() -> Iterator[list[int]]:
        while True:
            yield rng.sample(range(len(studies)), 64)

    def loss(batch: list[int]) -> torch.Tensor:
        pixels = _pixels([studies[index].pictures[:1] for index in batch])
        seen = inner.multi_modal_projector(inner.vision_tower(pixels).last_hidden_state)
        logits = head(seen.flatten(1)).split(sizes, dim=1)
        wanted = targets[batch]
        losses = [torch.nn.functional.cross_entropy(part, wanted[:, column]) for column, part in enumerate(logits)]
        return torch.stack(losses).sum()

    optimise(seeing, batches(), loss, steps, "vision tower", rate=0.02, rate_rest=2e-3)


def _pixels(pictures: list[Any]) -> torch.Tensor:
    """Pictures as the image processor gives them: (images, 3, PIXELS, PIXELS) from -1 to 1."""
    import numpy as np
    import torch

    gray = torch.from_numpy(np.concatenate(pictures)).float() / 127.5 - 1
    return gray[:, None].expand(-1, 3, -1, -1)


def _batches(
    tokenizer: Any, studies: list[Shown], ask: Callable[[random.Random], str], seed: str
) -> Iterator[dict[str, Any]]:
    import torch

    rng = random.Random(seed)
    while True:
        kind, several = rng.random(), rng.sample(studies, BATCH)
        if kind < TEXT_SHARE:
            batch = collate([_translation(tokenizer, study) for study in several], tokenizer.pad_token_id)
        else:
            shots = 1 if kind > 1 - SHOT_SHARE else 0
            rounds = [[several[index - shot] for shot in range(shots, -1, -1)] for index in range(BATCH >> shots)]
            examples = [_description(tokenizer, turns, ask(rng)) for turns in rounds]
            batch = collate(examples, tokenizer.pad_token_id)
            batch["pixel_values"] = _pixels([study.pictures for turns in rounds for study in turns])
        batch["token_type_ids"] = (batch["input_ids"] == tokenizer.image_token_id).to(torch.int64)
        yield batch


def _translation(tokenizer: Any, study: Shown) -> Example:
    return _encode(
        tokenizer, [{"role": "user", "content": f"{TRANSLATE}\n\n{english(study.report)}"}], portuguese(study.report)
    )


def _description(tokenizer: Any, turns: list[Shown], question: str) -> Example:
    """What is asked of the last study, after those before it with their answers, and its answer."""
    messages: list[dict[str, Any]] = []
    for study in turns:
        shown = [{"type": "image"}] * len(study.pictures)
        messages.append({"role": "user", "content": [*shown, {"type": "text", "text": question}]})
        messages.append({"role": "assistant", "content": answer(question, study.facts, study.report)})
    return _encode(tokenizer, messages[:-1], messages[-1]["content"])


def _encode(tokenizer: Any, messages: list[dict[str, Any]], answer: str) -> Example:
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    image = f"\n\n{tokenizer.boi_token}{tokenizer.image_token * IMAGE_TOKENS}{tokenizer.eoi_token}\n\n"
    asked = tokenizer(text.replace(tokenizer.boi_token, image), add_special_tokens=False)["input_ids"]
    return asked, tokenizer(f"{answer}<end_of_turn>\n", add_special_tokens=False)["input_ids"]
