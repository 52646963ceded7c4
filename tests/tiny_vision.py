"""A Gemma 3 vision-language model with random weights, and a workspace of studies for it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from hubkit.config import ReleaseConfig, parse_config
from hubkit.tables import STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, write_table

SENTENCES = (
    "Coração de tamanho normal.",
    "Derrame pleural pequeno à esquerda.",
    "Derrame pleural grande à direita.",
    "Sem pneumotórax.",
    "Pulmões limpos.",
    "Opacidade na base direita.",
)
SPECIALS = {
    "pad_token": "<pad>",
    "eos_token": "<eos>",
    "bos_token": "<bos>",
    "unk_token": "<unk>",
    "boi_token": "<start_of_image>",
    "eoi_token": "<end_of_image>",
    "image_token": "<image_soft_token>",
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<start_of_image>{% else %}{{ part['text'] | trim }}{% endif %}"
    "{% endfor %}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
IMAGE_SIZE = 32


def build_vision_model(folder: Path) -> Path:
    """Write model and processor to `folder`; the tokenizer adds a BOS of its own, as Gemma's does."""
    import torch
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
        GenerationConfig,
    )

    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    ids = tokenizer.convert_tokens_to_ids
    config = Gemma3Config(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 32,
            "sliding_window": 64,
            "layer_types": ["sliding_attention", "full_attention"],
            "max_position_embeddings": 512,
            "bos_token_id": ids("<bos>"),
            "eos_token_id": ids("<eos>"),
            "pad_token_id": ids("<pad>"),
        },
        vision_config={
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": IMAGE_SIZE,
            "patch_size": 8,
        },
        mm_tokens_per_image=4,
        boi_token_index=ids("<start_of_image>"),
        eoi_token_index=ids("<end_of_image>"),
        image_token_index=ids("<image_soft_token>"),
        eos_token_id=[ids("<eos>"), ids("<end_of_turn>")],
    )
    model = Gemma3ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        bos_token_id=ids("<bos>"),
        pad_token_id=ids("<pad>"),
        eos_token_id=[ids("<eos>"), ids("<end_of_turn>")],
        do_sample=True,
        top_k=64,
    )
    model.save_pretrained(folder)
    images = Gemma3ImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})
    Gemma3Processor(images, tokenizer, chat_template=TEMPLATE, image_seq_length=4).save_pretrained(folder)
    return folder


def build_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [*SPECIALS.values(), "<start_of_turn>", "<end_of_turn>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*SENTENCES, "ACHADOS: IMPRESSÃO: user model"], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A $B", special_tokens=[("<bos>", tokenizer.token_to_id("<bos>"))]
    )
    extra = {name: SPECIALS[name] for name in ("boi_token", "eoi_token", "image_token")}
    plain = {name: token for name, token in SPECIALS.items() if name not in extra}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, extra_special_tokens=extra, **plain)


def fill_workspace(
    root: Path,
    train: int = 6,
    validate: int = 3,
    test: int = 5,
    failed: tuple[int, ...] = (),
    sentences: int = 1,
    size: int = IMAGE_SIZE,
) -> Workspace:
    """Write studies, prepared images and translations; every third study has one image, the others two.

    Study ids count from 1 through train, validate and test; those in `failed` have a translation that failed. Each of
    the two sections has so many `sentences`; images are `size` pixels high and wide.
    """
    workspace = Workspace(root)
    studies, translations = [], []
    splits = ["train"] * train + ["validate"] * validate + ["test"] * test
    for study, split in enumerate(splits, start=1):
        names = [f"image-{study}-{number}" for number in range(1 if study % 3 == 0 else 2)]
        for number, name in enumerate(names):
            draw_image(workspace.images / f"{name}.jpg", study, number, size)
        images = [{"dicom_id": name, "view": "PA", "path": f"files/{name}.jpg"} for name in names]
        studies.append({"subject_id": 100 + study, "study_id": study, "split": split, "report": "x", "images": images})
        for first, section in enumerate(("findings", "impression"), start=study):
            status = "failed" if study in failed and section == "impression" else "ok"
            said = " ".join(SENTENCES[(first + number) % 6] for number in range(sentences))
            text = None if status == "failed" else said
            translations.append({"study_id": study, "section": section, "translation": text, "status": status})
    write_table(workspace.studies, pa.Table.from_pylist(studies, schema=STUDIES))
    for path in (workspace.translations, workspace.training_translations):
        write_table(path, pa.Table.from_pylist(translations, schema=TRANSLATIONS))
    return workspace


def tiny_config(model: Path, **finetuning: object) -> ReleaseConfig:
    """Settings under which a workspace of `fill_workspace` takes seconds; `finetuning` changes its table."""
    settings = {
        "model": str(model),
        "epochs": 2,
        "gradient_accumulation": 2,
        "gradient_checkpointing": False,
        "learning_rate": 1e-3,
        "eval_steps": 2,
        "save_steps": 2,
    }
    generation = {"max_new_tokens": 12, "batch_size": 2}
    # A base in a folder needs no public name where the corpus is not credentialed.
    tables = {"corpus": {"kind": "demo"}, "finetuning": settings | finetuning, "generation": generation}
    return parse_config(tables)


def draw_image(path: Path, study: int, number: int, size: int) -> None:
    from PIL import Image, ImageDraw

    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", (IMAGE_SIZE, IMAGE_SIZE), 40 * number)
    place = study * 3 % (IMAGE_SIZE - 8)
    ImageDraw.Draw(image).ellipse((place, 4, place + 8, 24), fill=200)
    image.resize((size, size)).save(path, quality=95)
