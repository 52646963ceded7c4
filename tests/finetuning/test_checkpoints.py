"""Which checkpoint a run goes on from, when it counts as whole, and when a run counts as done."""

from __future__ import annotations

import errno
import json
import random
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_vision import fill_workspace, tiny_config

import hubkit.finetuning.run
from hubkit.errors import HubkitError
from hubkit.finetuning.checkpoints import (
    WHOLE,
    full_disk,
    last_checkpoint,
    mark_whole,
    require_space,
)
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.run import DONE


def write_checkpoints(folder: Path, whole: list[int], cut: list[int] = ()) -> Path:
    for step in (*whole, *cut):
        checkpoint = folder / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "optimizer.pt").write_bytes(b"state")
        if step in whole:
            # By its name: runs of earlier versions are resumed too.
            (checkpoint / "whole").touch()
    return folder


@pytest.mark.parametrize(
    ("whole", "cut", "last"),
    [
        ([8, 10], [], 10),
        ([10, 8], [], 10),
        ([2, 100, 20], [], 100),
        ([8, 10], [12], 10),
        ([8], [10], 8),
        ([], [2, 4], None),
        ([], [], None),
    ],
)
def test_the_newest_whole_checkpoint_counts(tmp_path: Path, whole: list[int], cut: list[int], last: int | None) -> None:
    found = last_checkpoint(write_checkpoints(tmp_path, whole, cut))
    assert found == (None if last is None else tmp_path / f"checkpoint-{last}")
    assert {path.name for path in tmp_path.iterdir()} == {f"checkpoint-{step}" for step in whole}


def test_only_the_first_process_deletes_what_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert last_checkpoint(write_checkpoints(tmp_path, [2], [4])) == tmp_path / "checkpoint-2"
    assert (tmp_path / "checkpoint-4").exists()


@pytest.mark.parametrize(("saved_under", "now", "said"), [(True, False, "under FSDP"), (False, True, "without FSDP")])
def test_a_checkpoint_of_another_way_to_share_the_base_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved_under: bool, now: bool, said: str
) -> None:
    checkpoint = write_checkpoints(tmp_path, [2]) / "checkpoint-2"
    if saved_under:
        (checkpoint / "pytorch_model_fsdp.bin").touch()
    monkeypatch.setenv("ACCELERATE_USE_FSDP", str(saved_under).lower())
    assert last_checkpoint(tmp_path) == checkpoint
    monkeypatch.setenv("ACCELERATE_USE_FSDP", str(now).lower())
    with pytest.raises(HubkitError, match=f"was written {said}"):
        last_checkpoint(tmp_path)


@pytest.mark.parametrize(("missing", "refused"), [(1, True), (0, False), (-1, False)])
def test_room_for_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: int, refused: bool) -> None:
    # A weight and two moments of AdamW, each of 4 bytes.
    free = 1000 * 12 - missing
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(HubkitError, match="a checkpoint needs") if refused else nullcontext():
        require_space(tmp_path, 1000)


FULL = "No space left on device"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ENOSPC, FULL, "x"), f" ({FULL})"),
        (RuntimeError(f"I/O error: {FULL} (os error {errno.ENOSPC})"), f" ({FULL})"),
        (RuntimeError("[enforce fail at inline_container.cc:659] . unexpected pos 64 vs 0"), ""),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "x"), " (Disk quota exceeded)"),
        (OSError(errno.EFBIG, "File too large", "x"), " (File too large)"),
        (RuntimeError("PytorchStreamWriter failed writing file"), ""),
        (RuntimeError("basic_ios::clear: iostream error"), ""),
        (HubkitError(f"[Errno {errno.ENOSPC}] of another folder"), None),
        (RuntimeError("shapes cannot be multiplied"), None),
        (ValueError("PytorchStreamWriter"), None),
        (OSError(errno.EACCES, "Permission denied", "x"), None),
    ],
)
def test_what_counts_as_a_full_disk(tmp_path: Path, error: Exception, why: str | None) -> None:
    with pytest.raises(Exception, match=r"\w") as raised, full_disk(tmp_path):
        raise error
    if why is None:
        assert raised.value is error
    else:
        assert isinstance(raised.value, HubkitError)
        assert f"could not be written to its end{why}; " in str(raised.value)


def test_a_checkpoint_is_on_the_disk_before_it_is_marked(
    tmp_path: Path, disk_calls: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "checkpoint-2"
    checkpoint.mkdir()
    for name in ("adapter_model.safetensors", "optimizer.pt", "trainer_state.json"):
        (checkpoint / name).write_text("state")
    touch = Path.touch

    def record_touch(path: Path) -> None:
        disk_calls.append(("mark", path))
        touch(path)

    monkeypatch.setattr(Path, "touch", record_touch)
    mark_whole(checkpoint)
    assert (checkpoint / WHOLE).exists()
    marked = disk_calls.index(("mark", checkpoint / WHOLE))
    assert {path.name for _, path in disk_calls[:marked]} == {
        *("adapter_model.safetensors", "optimizer.pt", "trainer_state.json"),
        "checkpoint-2",
    }
    assert disk_calls[marked + 1 :] == [("fsync", checkpoint)], "the mark is on the disk when saving ends"


def test_a_run_is_done_when_all_its_files_are_on_the_disk_and_is_read_back_then(
    vision_model: Path, tmp_path: Path, disk_calls: list[tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = fill_workspace(tmp_path, train=4, validate=2, test=0)
    running = workspace.running("finetune", "key")
    seen: dict[str, set[str]] = {}
    write, move = hubkit.finetuning.run.write_json, Path.rename

    def write_done(path: Path, value: dict[str, object]) -> None:
        assert path.name == DONE
        assert not path.exists()
        adapter = path.parent / str(value["adapter"])
        seen["adapter"] = {file.name for file in adapter.iterdir()}
        seen["synced"] = {file.name for call, file in disk_calls if call == "fsync" and file.parent == adapter}
        seen["checkpoints"] = {file.name for file in path.parent.glob("checkpoint-*")}
        write(path, value)
        seen["after"] = {file.name for file in adapter.iterdir()}

    def rename(source: Path, target: Path) -> Path:
        if target == workspace.adapter:
            seen["published"] = {file.name for file in source.iterdir()}
            seen["published synced"] = {
                file.name for call, file in disk_calls if call == "fsync" and file.parent == source
            }
        return move(source, target)

    monkeypatch.setattr(hubkit.finetuning.run, "write_json", write_done)
    monkeypatch.setattr(Path, "rename", rename)
    config = tiny_config(vision_model, epochs=1, quantization="fp32")
    config = config.model_copy(update={"release": config.release.model_copy(update={"seed": 5})})
    finetune(config, running)
    files = {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "processor_config.json"}
    assert files <= seen["adapter"] == seen["after"]
    assert seen["adapter"] <= seen["synced"], "a run that is done has no more checkpoints to go on from"
    assert seen["checkpoints"], "until the run is done, it can be continued"
    assert not list(running.partial.glob("run-001/checkpoint-*"))
    assert {"hubkit_generation.json", "training.json", "log_history.jsonl", *files} <= seen["published"]
    assert seen["published"] == {file.name for file in workspace.adapter.iterdir()}
    assert seen["published"] <= seen["published synced"]

    # Once it is done nothing is trained again: that would need the images.
    first = {path.name: path.read_bytes() for path in workspace.adapter.iterdir()}
    shutil.rmtree(workspace.adapter)
    shutil.rmtree(workspace.images)
    finetune(config, running)
    assert {path.name: path.read_bytes() for path in workspace.adapter.iterdir()} == first

    # What is recorded of the seed: the examples of few-shot, and the seed of training and of sampling.
    recipe, training = (json.loads(first[name]) for name in ("hubkit_generation.json", "training.json"))
    assert (recipe["few_shot_study_ids"], recipe["seed"], training["seed"]) == (
        random.Random(5).sample([1, 2, 3, 4], 1),
        *(5, 5),
    )
    assert random.Random(5).sample([1, 2, 3, 4], 1) != random.Random(42).sample([1, 2, 3, 4], 1)
