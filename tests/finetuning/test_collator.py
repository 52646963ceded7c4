"""Real samples through the collator: which ids are there, and which of them the loss sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_vision import fill_workspace

from hubkit.errors import HubkitError
from hubkit.finetuning.collator import IGNORED, Collator
from hubkit.finetuning.run import as_dataset
from hubkit.models.conversation import ask, encode
from hubkit.models.loading import load_vision_model
from hubkit.models.samples import Sample, read_samples

PROMPT = "Dê o diagnóstico das imagens apresentadas"


@pytest.fixture(scope="module")
def processor(vision_model: Path):
    return load_vision_model(str(vision_model), None, "fp32", "cpu").processor


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    workspace = fill_workspace(tmp_path_factory.mktemp("collated"), train=6)
    return read_samples(workspace, "train", "findings_impression").kept


@pytest.mark.parametrize("rows", [1, 2, 6])
def test_labels_cover_the_answer_and_the_end_of_its_turn(processor, samples: list[Sample], rows: int) -> None:
    batch = Collator(processor, PROMPT)(list(as_dataset(samples[:rows])))
    tokenizer = processor.tokenizer
    for ids, labels, mask, types, sample in zip(
        *(batch[name] for name in ("input_ids", "labels", "attention_mask", "token_type_ids")),
        samples[:rows],
        strict=True,
    ):
        asked = encode(processor, [ask(sample.images, PROMPT)])["input_ids"][0]
        answered = labels != IGNORED
        assert tokenizer.decode(labels[answered]) == f"{sample.reference}<end_of_turn>"
        assert torch.equal(ids[: len(asked)], asked), "the question is that of generation, token for token"
        assert torch.equal(ids[answered], labels[answered])
        assert not answered[: len(asked)].any()
        assert torch.equal(mask.bool(), (torch.arange(len(ids)) < len(asked) + answered.sum()))
        assert ids[0] == tokenizer.bos_token_id
        assert (ids == tokenizer.bos_token_id).sum() == 1
        assert torch.equal(types.bool(), ids == tokenizer.image_token_id)
        assert types.sum() == 4 * len(sample.images)
    assert batch["pixel_values"].shape == (sum(len(sample.images) for sample in samples[:rows]), 3, 32, 32)
    assert batch["study_ids"].tolist() == [sample.study_id for sample in samples[:rows]]


def test_max_length_cuts_the_answer_and_never_the_images(processor, samples: list[Sample]) -> None:
    row = list(as_dataset(samples[:1]))
    asked = encode(processor, [ask(samples[0].images, PROMPT)])["input_ids"].shape[1]
    batch = Collator(processor, PROMPT, max_length=asked + 5)(row)
    assert batch["input_ids"].shape == (1, asked + 5)
    assert (batch["labels"] != IGNORED).sum() == 5
    assert (batch["input_ids"] == processor.tokenizer.image_token_id).sum() == 8
    with pytest.raises(HubkitError, match="study 1: the question with its images has"):
        Collator(processor, PROMPT, max_length=asked)(row)
