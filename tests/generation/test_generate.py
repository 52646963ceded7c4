"""The stage `generate` on a random tiny model: three conditions, resumed where it was cut off."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
from tiny_vision import fill_workspace, tiny_config

import hubkit.generation.generate as stage
from hubkit.errors import HubkitError
from hubkit.finetuning.finetune import finetune
from hubkit.generation.decoding import account_for, batches
from hubkit.models import device_errors
from hubkit.models.samples import Sample
from hubkit.tables import CONDITIONS, GENERATIONS
from hubkit.workspace import Workspace, read_table


@pytest.fixture(scope="module")
def trained(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("generated"), train=4, validate=2, test=7, failed=(8,))
    finetune(tiny_config(vision_model, learning_rate=2e-2), workspace.running("finetune", "key"))
    return workspace


@pytest.fixture(scope="module")
def generated(vision_model: Path, trained: Workspace) -> dict[str, bytes]:
    stage.generate(tiny_config(vision_model), trained.running("generate", "unbroken"))
    return {condition: trained.generations(condition).read_bytes() for condition in CONDITIONS}


def test_a_row_per_study_sorted(trained: Workspace, generated: dict[str, bytes]) -> None:
    for condition in CONDITIONS:
        table = read_table(trained.generations(condition))
        assert table.schema.remove_metadata() == GENERATIONS
        assert table["study_id"].to_pylist() == [7, 9, 10, 11, 12, 13]
        assert set(table["condition"].to_pylist()) == {condition}
        assert all(reference.startswith("ACHADOS: ") for reference in table["reference"].to_pylist())


def test_conditions_differ(trained: Workspace, generated: dict[str, bytes]) -> None:
    answers = {name: tuple(read_table(trained.generations(name))["generated"].to_pylist()) for name in CONDITIONS}
    assert len(set(answers.values())) == 3


def test_prompt_is_not_in_the_answer(trained: Workspace, generated: dict[str, bytes], vision_model: Path) -> None:
    prompt = tiny_config(vision_model).generation.prompt
    for condition in CONDITIONS:
        for text in read_table(trained.generations(condition))["generated"].to_pylist():
            assert prompt not in text
            assert "<" not in text


def test_tasks_share_the_batches_and_end_with_the_same_bytes(
    trained: Workspace, generated: dict[str, bytes], vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the tasks are forked: to start each afresh, as the tests below do, takes 7 s of imports."""
    import torch

    config = tiny_config(vision_model)
    config = config.model_copy(update={"generation": config.generation.model_copy(update={"tasks": 2})})
    real, this_process, threads = stage.answer, os.getpid(), torch.get_num_threads()

    def answer_elsewhere(*arguments):
        assert os.getpid() != this_process, "this process answered what the tasks had to answer"
        return real(*arguments)

    forked = multiprocessing.get_context("fork")
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: forked)
    monkeypatch.setattr(stage, "answer", answer_elsewhere)
    # Whoever gave work to threads of this process's pool would wait for good: a forked one has none of them.
    torch.set_num_threads(1)
    try:
        stage.generate(config, trained.running("generate", "tasks"))
    finally:
        torch.set_num_threads(threads)
    assert {name: trained.generations(name).read_bytes() for name in CONDITIONS} == generated
    assert made(trained) == (2, {})


@pytest.mark.long
def test_tasks_that_are_started_afresh_answer_everything(
    trained: Workspace, generated: dict[str, bytes], vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config(vision_model)
    config = config.model_copy(update={"generation": config.generation.model_copy(update={"tasks": 2})})

    def answer_here(*arguments):
        raise AssertionError("a process that has the test's module answered")

    # A process that is started afresh imports `generate` without this change, and a forked one has it.
    monkeypatch.setattr(stage, "answer", answer_here)
    stage.generate(config, trained.running("generate", "spawned"))
    assert {name: trained.generations(name).read_bytes() for name in CONDITIONS} == generated
    assert made(trained) == (2, {})


@pytest.mark.long
def test_a_task_that_fails_says_why_and_the_others_go_on(trained: Workspace, vision_model: Path) -> None:
    config = tiny_config(vision_model)
    config = config.model_copy(update={"generation": config.generation.model_copy(update={"tasks": 2})})
    running, image = trained.running("generate", "failing"), trained.images / "image-13-0.jpg"
    whole = image.read_bytes()
    try:
        image.write_bytes(b"no image")
        with pytest.raises(
            HubkitError, match=r"task \d of 2: .*image-13-0.jpg: the image cannot be decoded.*run again"
        ):
            stage.generate(config, running)
    finally:
        image.write_bytes(whole)
    assert len(list(running.partial.glob("*/*.json"))) >= 4


class Killed(BaseException):
    pass


def cut_after(calls: int):
    real, left = stage.answer, [calls]

    def until(*arguments):
        if not left[0]:
            raise Killed
        left[0] -= 1
        return real(*arguments)

    return until


@pytest.mark.parametrize("calls", [1, 4, 8])
def test_a_run_that_was_cut_off_ends_with_the_same_bytes(
    trained: Workspace,
    generated: dict[str, bytes],
    vision_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    running = trained.running("generate", f"cut-{calls}")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(stage, "answer", cut_after(calls))
        stage.generate(tiny_config(vision_model), running)
    stage.generate(tiny_config(vision_model), running)
    assert {name: trained.generations(name).read_bytes() for name in CONDITIONS} == generated
    assert made(trained) == (2, {})


def made(workspace: Workspace) -> tuple[int, dict[str, list[list[int]]]]:
    said = json.loads(workspace.decoding.read_text())
    assert said["devices"] == ["cpu"]
    return said["batches"]["size"], said["batches"]["others"]


def test_a_run_that_goes_on_under_another_size_says_so(
    trained: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test studies by their number of images: 9 and 12; 7, 10, 11 and 13."""
    larger = tiny_config(vision_model)
    larger = larger.model_copy(update={"generation": larger.generation.model_copy(update={"batch_size": 4})})
    running = trained.running("generate", "larger")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(stage, "answer", cut_after(5))
        stage.generate(tiny_config(vision_model), running)
    stage.generate(larger, running)
    assert made(trained) == (2, {"lora": [[7, 10, 11, 13]]})


def test_batches_never_mix_numbers_of_images() -> None:
    images = {1: 2, 2: 1, 3: 2, 4: 2, 5: 1}
    samples = [Sample(0, study, (Path("x"),) * count, "r") for study, count in images.items()]
    plan = [[sample.study_id for sample in batch] for batch in batches(samples, 2)]
    assert plan == [[2, 5], [1, 3], [4]]


REGULAR = [(2, 5), (1, 3), (4,)]


@pytest.mark.parametrize(
    ("few_shot", "lora", "size", "others"),
    [
        (REGULAR, REGULAR, 2, {}),
        (REGULAR, [(2,), (5,), (1, 3), (4,)], 2, {"lora": [(2,), (5,)]}),
        ([(2,), (5,), (1,), (3,), (4,)], [(2, 5), (1,), (3,), (4,)], 1, {"lora": [(2, 5)]}),
        ([(2, 5), (1, 3, 4)], [(2, 5), (1, 3, 4)], 8, {}),
        ([(2, 5), (1, 3, 4)], REGULAR, 2, {"few_shot": [(1, 3, 4)]}),
    ],
    ids=["as configured", "one halved", "most halved", "fewer studies than a batch", "one under another size"],
)
def test_batches_are_accounted_for(few_shot, lora, size: int, others) -> None:
    images = {1: 2, 2: 1, 3: 2, 4: 2, 5: 1}
    samples = [Sample(0, study, (Path("x"),) * count, "r") for study, count in images.items()]
    configured = 8 if size == 8 else 2
    assert account_for({"few_shot": few_shot, "lora": lora}, samples, configured) == (size, others)


def test_a_batch_that_does_not_fit_into_memory_is_halved(
    trained: Workspace, generated: dict[str, bytes], vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import Gemma3ForConditionalGeneration

    real, sizes = Gemma3ForConditionalGeneration.generate, []

    def one_at_most(self, **inputs):
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return real(self, **inputs)

    monkeypatch.setattr(Gemma3ForConditionalGeneration, "generate", one_at_most)
    stage.generate(tiny_config(vision_model), trained.running("generate", "halved"))
    assert sorted(sizes) == [1] * 18 + [2] * 9
    assert made(trained) == (1, {})
    for condition in CONDITIONS:
        assert read_table(trained.generations(condition))["study_id"].to_pylist() == [7, 9, 10, 11, 12, 13]


def test_a_fault_of_the_gpu_keeps_its_kind(
    trained: Workspace, vision_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import Gemma3ForConditionalGeneration

    def broken(self, **inputs):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(device_errors, "_broken", [])
    monkeypatch.setattr(Gemma3ForConditionalGeneration, "generate", broken)
    with pytest.raises(HubkitError, match=r"accessed memory illegally \(AcceleratorError\) \(update driver and torch"):
        stage.generate(tiny_config(vision_model), trained.running("generate", "fault"))


@pytest.mark.parametrize(("ends_with_padding", "reason"), [(True, "stop"), (False, "length")])
def test_empty_and_truncated_answers_are_counted_and_kept(
    vision_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    ends_with_padding: bool,
    reason: str,
) -> None:
    """A base whose last layer norm gives 0 has equal logits everywhere, so that token 0, the padding, is its answer."""
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(vision_model, tmp_path / "mute")
    tensors = load_file(base / "model.safetensors")
    (norm,) = [name for name in tensors if name.endswith("model.norm.weight")]
    tensors[norm].fill_(-1.0)
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})
    if ends_with_padding:
        settings = json.loads((base / "generation_config.json").read_text())
        ends = [*settings["eos_token_id"], settings["pad_token_id"]]
        (base / "generation_config.json").write_text(json.dumps(settings | {"eos_token_id": ends}))

    workspace = fill_workspace(tmp_path / "work", train=2, validate=1, test=3)
    config = tiny_config(base, epochs=1)
    finetune(config, workspace.running("finetune", "key"))
    stage.generate(config, workspace.running("generate", "key"))
    said = capsys.readouterr().err
    for condition in CONDITIONS:
        table = read_table(workspace.generations(condition))
        assert table["generated"].to_pylist() == ["", "", ""]
        assert table["finish_reason"].to_pylist() == [reason] * 3
        assert f"{condition}: 3 answers, 3 empty, {0 if ends_with_padding else 3} cut at the limit" in said
