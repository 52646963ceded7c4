"""The question to a model: one BOS, images where they belong, examples before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_vision import fill_workspace

from hubkit.errors import HubkitError
from hubkit.models.conversation import answer_text, ask, encode, open_image
from hubkit.models.loading import load_vision_model
from hubkit.models.samples import choose_examples, read_samples
from hubkit.workspace import Workspace

PROMPT = "Dê o diagnóstico das imagens apresentadas"


@pytest.fixture(scope="module")
def processor(vision_model: Path):
    return load_vision_model(str(vision_model), None, "fp32", "cpu").processor


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fill_workspace(tmp_path_factory.mktemp("studies"), train=6, test=2, failed=(4,))


@pytest.mark.parametrize("shots", [0, 1, 2])
def test_exactly_one_bos_and_an_image_token_run_per_image(processor, workspace: Workspace, shots: int) -> None:
    train = read_samples(workspace, "train", "findings_impression").kept
    questions = [ask(sample.images, PROMPT, train[3 : 3 + shots]) for sample in train[:3]]
    encoded = encode(processor, questions)
    tokenizer = processor.tokenizer
    for ids, mask, types, question in zip(
        encoded["input_ids"], encoded["attention_mask"], encoded["token_type_ids"], questions, strict=True
    ):
        kept = ids[mask.bool()].tolist()
        images = sum(part["type"] == "image" for message in question for part in message["content"])
        assert kept[0] == tokenizer.bos_token_id
        assert kept.count(tokenizer.bos_token_id) == 1
        assert kept.count(tokenizer.image_token_id) == 4 * images
        assert types.sum() == 4 * images
        assert mask.tolist() == sorted(mask.tolist()), "padding is on the left"


def test_examples_come_with_their_reports_before_the_question(processor, workspace: Workspace) -> None:
    train = read_samples(workspace, "train", "findings_impression").kept
    text = processor.tokenizer.decode(encode(processor, [ask(train[0].images, PROMPT, train[1:2])])["input_ids"][0])
    assert text.index(train[1].reference) < text.rindex(PROMPT)
    assert text.count(PROMPT) == 2
    assert train[0].reference not in text


def test_answer_ends_its_turn(processor, workspace: Workspace) -> None:
    sample = read_samples(workspace, "train", "findings_impression").kept[0]
    assert answer_text(processor, ask(sample.images, PROMPT), sample.reference) == f"{sample.reference}<end_of_turn>"


def test_examples_are_drawn_by_seed_from_the_train_split(workspace: Workspace) -> None:
    train = read_samples(workspace, "train", "findings_impression").kept
    drawn = {seed: [sample.study_id for sample in choose_examples(train, 2, seed)] for seed in range(8)}
    assert drawn[3] == [sample.study_id for sample in choose_examples(train, 2, 3)]
    assert len({tuple(ids) for ids in drawn.values()}) > 1
    assert all(study in {1, 2, 3, 5, 6} for ids in drawn.values() for study in ids)
    with pytest.raises(HubkitError, match="lower"):
        choose_examples(train, 6, 0)


def test_a_study_with_a_failed_section_has_no_reference(workspace: Workspace) -> None:
    samples = read_samples(workspace, "train", "findings_impression")
    assert [sample.study_id for sample in samples.kept] == [1, 2, 3, 5, 6]
    assert samples.left_out == [4]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "is missing"), (b"", "cannot be decoded"), (b"\xff\xd8\xff\xe0cut", "cannot be decoded")],
)
def test_an_image_that_cannot_be_read(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "image.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(HubkitError, match=said):
        open_image(path)


@pytest.mark.parametrize(
    ("prompt", "size", "said"),
    [
        (
            "Descreva <start_of_image>",
            (32, 32),
            "study 7: the processor refuses .* total 2 <start_of_image> tokens and 1 images",
        ),
        (
            "Descreva",
            (8, 20),
            "study 7: the processor refuses the images or the prompt: .* inhomogeneous shape .*look at the",
        ),
    ],
)
def test_what_the_processor_refuses_is_named(
    processor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, prompt: str, size: tuple[int, int], said: str
) -> None:
    from PIL import Image

    images = [tmp_path / "1.png"] if size == (32, 32) else [tmp_path / "1.png", tmp_path / "2.png"]
    for path, shape in zip(images, (size, (32, 32)), strict=False):
        Image.new("L", shape).save(path)
    monkeypatch.setattr(processor.image_processor, "do_resize", False)
    with pytest.raises(HubkitError, match=said):
        encode(processor, [ask(images, prompt)], [7])
