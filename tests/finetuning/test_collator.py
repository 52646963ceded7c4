"""Real samples through the collator: which ids are there, and which of them the loss sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_vision import fill_workspace

from hubkit.errors import HubkitError, UsageError
from hubkit.finetuning.collator import IGNORED, Collator, in_one_line
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


@pytest.mark.parametrize(("room", "kept"), [(0, []), (1, [1]), (2, [1, 2])])
def test_prepared_images_are_kept_while_there_is_room(processor, tmp_path: Path, room: int, kept: list[int]) -> None:
    """Room for so many samples and not a byte more; whoever is kept is not read again."""
    workspace = fill_workspace(tmp_path, train=2)
    rows = list(as_dataset(read_samples(workspace, "train", "findings_impression").kept))
    sizes = []
    for row in rows:
        batch = Collator(processor, PROMPT)([row])
        tokens = sum(tensor.nbytes for name, tensor in batch.items() if name not in ("study_ids", "pixel_values"))
        sizes.append(tokens + batch["pixel_values"].numel())  # a byte each, where a batch has four
    collator = Collator(processor, PROMPT, keep=sum(sizes[:room]))
    before = [collator([row]) for row in rows]
    for number in (1, 2):
        (workspace.images / f"image-{number}-1.jpg").unlink()
    for row, first in zip(rows, before, strict=True):
        if row["study_id"] in kept:
            assert all(torch.equal(tensor, first[name]) for name, tensor in collator([row]).items())
        else:
            with pytest.raises(HubkitError, match="the prepared image is missing"):
                collator([row])


def test_padding_comes_last_and_counts_for_nothing(processor, samples: list[Sample]) -> None:
    rows = list(as_dataset(samples[:3]))
    alone, batch = [Collator(processor, PROMPT)([row]) for row in rows], Collator(processor, PROMPT)(rows)
    padding = {"input_ids": processor.tokenizer.pad_token_id, "labels": IGNORED, "attention_mask": 0}
    assert len({one["input_ids"].shape[1] for one in alone}) > 1
    for name, value in (padding | {"token_type_ids": 0}).items():
        for row, one in zip(batch[name], alone, strict=True):
            length = one[name].shape[1]
            assert torch.equal(row[:length], one[name][0])
            assert (row[length:] == value).all()
    assert torch.equal(batch["pixel_values"], torch.cat([one["pixel_values"] for one in alone]))


def test_a_study_without_images_and_an_answer_that_fits_exactly(processor, samples: list[Sample]) -> None:
    row = {"study_id": 9, "images": [], "answer": "Pulmões limpos."}
    whole = Collator(processor, PROMPT)([row])
    assert "pixel_values" not in whole
    length = whole["input_ids"].shape[1]
    for limit, expected in ((length, length), (length + 1, length), (length - 1, length - 1)):
        assert Collator(processor, PROMPT, max_length=limit)([row])["input_ids"].shape[1] == expected
    mixed = Collator(processor, PROMPT)([row, *as_dataset(samples[:1])])
    assert mixed["pixel_values"].shape[0] == len(samples[0].images)


@pytest.mark.parametrize(
    ("said", "kind", "expected"),
    [
        ("the loss is nan", HubkitError, "the loss is nan"),
        (
            "Caught in worker 0.\nTraceback:\nhubkit.errors.HubkitError: /a/b.jpg: is missing",
            HubkitError,
            "/a/b.jpg: is missing",
        ),
        ("Caught in worker 0.\nhubkit.errors.UsageError: is gone\n", UsageError, "is gone"),
    ],
)
def test_what_a_worker_found_is_one_line(said: str, kind: type[HubkitError], expected: str) -> None:
    with pytest.raises(kind) as error, in_one_line():
        raise kind(said)
    assert (str(error.value), type(error.value)) == (expected, kind)
