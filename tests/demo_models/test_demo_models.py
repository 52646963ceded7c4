"""The shipped models do what they are shipped for, on reports that their training did not draw."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from demo_models.captions import DESCRIBE, caption
from demo_models.encoders import Draw, f1_matrix, rephrased, translated, with_error
from demo_models.pictures import show_studies
from hubkit.config import Translation
from hubkit.demo.config import ENCODER_LAYERS, MODELS
from hubkit.demo.corpus import Study, sample_studies
from hubkit.models.conversation import encode
from hubkit.models.loading import load_language_model, load_vision_model
from hubkit.translation.prompt import Prompt

MEGABYTES = 12


@pytest.fixture(scope="module")
def test_split() -> list[Study]:
    return [study for study in sample_studies(300, 0) if study.split == "test"]


def batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    yield from (items[at : at + size] for at in range(0, len(items), size))


def test_all_models_fit_into_the_package() -> None:
    files = [path for folder in MODELS.values() for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MEGABYTES * 10**6
    assert {path.parent.name for path in files if path.name == "model.safetensors"} == set(MODELS)


# On the whole test split; tests/translation/test_translate_demo.py reads forty reports in every run.
@pytest.mark.long
def test_nine_held_out_reports_in_ten_are_translated_exactly(test_split: list[Study]) -> None:
    import torch

    model, tokenizer = load_language_model(str(MODELS["translator"]), None, "fp32", "cpu")
    sections = [(study.study_id, section) for study in test_split for section in study.report.sections]
    wrong = set()
    for batch in batches(sorted(sections, key=lambda pair: len(pair[1].source)), 32):
        requests = [Prompt.of(Translation(rules=False)).messages(section.name, section.source) for _, section in batch]
        inputs = tokenizer.apply_chat_template(
            requests, add_generation_prompt=True, return_dict=True, return_tensors="pt", padding=True
        )
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=200, do_sample=False)
        answers = tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        for (study_id, section), answer in zip(batch, answers, strict=True):
            if answer.strip() != section.translation:
                wrong.add(study_id)
    assert len(wrong) <= 0.1 * len(test_split)


def describe(question: str) -> list[tuple[str, str]]:
    """What the vision model, in 4 bits, says of 48 studies that it was not trained on, and what is to be seen."""
    import torch
    from PIL import Image

    model, processor = load_vision_model(str(MODELS["vision"]), None, "nf4", "cpu")
    shown, said = show_studies(48, "held out"), []
    for several in (True, False):
        group = [study for study in shown if (len(study.pictures) > 1) == several]
        asked = [
            [
                {
                    "role": "user",
                    "content": [
                        *({"type": "image", "image": Image.fromarray(gray).convert("RGB")} for gray in study.pictures),
                        {"type": "text", "text": question},
                    ],
                }
            ]
            for study in group
        ]
        inputs = encode(processor, asked).to("cpu", dtype=model.dtype)
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=48, do_sample=False)
        answers = processor.tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        said += [(answer.strip(), caption(study.facts)) for answer, study in zip(answers, group, strict=True)]
    return said


def test_images_are_described_in_english_and_mostly_rightly() -> None:
    said = describe(DESCRIBE[0])
    assert all(answer.startswith(("The image shows ", "The images show ")) for answer, _ in said)
    assert sum(answer == right for answer, right in said) > len(said) / 2


def f1(name: str, references: list[str], candidates: list[str]) -> list[float]:
    """BERTScore F1 of each reference with its candidate."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODELS[name])
    model = AutoModel.from_pretrained(MODELS[name], dtype=torch.float32).eval()

    def embed(texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        encoded = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(**encoded, output_hidden_states=True).hidden_states[ENCODER_LAYERS]
        return torch.nn.functional.normalize(hidden, dim=-1), encoded["attention_mask"].bool()

    return f1_matrix(*embed(references), *embed(candidates)).diagonal().tolist()


TURNED = [
    ("There is no pneumothorax.", "Não há pneumotórax.", "Há pneumotórax."),
    ("Small left pleural effusion.", "Pequeno derrame pleural à esquerda.", "Pequeno derrame pleural à direita."),
    ("The lungs are clear.", "Os pulmões estão limpos.", "Há opacidade heterogênea no lobo superior direito."),
    ("No evidence of pneumonia.", "Sem evidência de pneumonia.", "Evidência de pneumonia."),
    ("There is mild pulmonary edema.", "Há edema pulmonar leve.", "Há edema pulmonar acentuado."),
    ("The heart is normal in size.", "O coração tem tamanho normal.", "O coração está acentuadamente aumentado."),
]


@pytest.mark.parametrize("name", ["bertimbau", "xlm-roberta"])
def test_a_right_translation_scores_above_one_with_side_or_negation_turned(name: str) -> None:
    references = [english if name == "xlm-roberta" else right for english, right, _ in TURNED]
    right = f1(name, references, [right for _, right, _ in TURNED])
    wrong = f1(name, references, [wrong for _, _, wrong in TURNED])
    assert all(above > below + 0.02 for above, below in zip(right, wrong, strict=True))


# The weights are shipped: what the six pairs above do not show changes only when they are trained again.
@pytest.mark.long
@pytest.mark.parametrize(("name", "draw"), [("bertimbau", rephrased), ("xlm-roberta", translated)])
def test_right_texts_score_above_wrong_ones(name: str, draw: Draw) -> None:
    rng = random.Random("held out")
    pairs = [draw(rng, whole) for whole in (True, False) for _ in range(75)]
    triples = [(*pair, wrong) for pair in pairs if (wrong := with_error(pair[1], rng))]
    assert len(triples) > 100
    references, right, wrong = (list(texts) for texts in zip(*triples, strict=True))
    above = [one > other for one, other in zip(f1(name, references, right), f1(name, references, wrong), strict=True)]
    assert sum(above) >= 0.9 * len(triples)
