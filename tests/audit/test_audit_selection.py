"""[finetuning] select = "eval_loss within audit": the lowest loss of the checkpoints that stay under the bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from test_audit import fill
from tiny_vision import fill_workspace, tiny_config

from hubkit.artifacts.training import CheckpointSelection, Training, TrainingSettings, TriedCheckpoint, write_training
from hubkit.artifacts.training_log import LogEntry
from hubkit.audit.selection import CheckpointAuditor
from hubkit.config import Audit, ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.finetuning.finetune import finetune
from hubkit.finetuning.run import Run
from hubkit.finetuning.selection import chosen_otherwise, select
from hubkit.models.samples import Samples, read_samples
from hubkit.release import run_one
from hubkit.stages import STAGES
from hubkit.workspace import Workspace

WITHIN = "eval_loss within audit"
Found = tuple[float | None, int | None, int]


class Measured:
    """An auditor that knows what each checkpoint remembers: AUC, longest run, whole report, by "run-1/best-2"."""

    def __init__(self, found: Mapping[str, Found]):
        self.found = found
        self.asked: list[str] = []

    def check(self, splits: Mapping[str, Samples]) -> None:
        pass

    def measure(self, adapter: Path, commit: str | None) -> Found:
        self.asked.append(f"{adapter.parent.name}/{adapter.name}")
        return self.found[self.asked[-1]]


def run(name: str, losses: Mapping[int, float]) -> Run:
    history = [LogEntry(step=1, loss=9.0), *[LogEntry(step=step, eval_loss=loss) for step, loss in losses.items()]]
    best = min(losses, key=lambda step: losses[step])
    return Run(Path(name) / f"best-{best}", "c" * 40, history, 1, max(losses), best, losses[best], 1.0)


ONE = [run("run-1", {2: 0.5, 4: 0.3, 6: 0.4})]
SWEEP = [*ONE, run("run-2", {2: 0.35, 4: 0.2})]
CLEAN: Found = (0.5, 0, 0)


@pytest.mark.parametrize(
    ("runs", "settings", "found", "asked", "chosen"),
    [
        pytest.param(ONE, {}, {"run-1/best-4": CLEAN}, ["run-1/best-4"], (0, 4, 0.3), id="the lowest"),
        pytest.param(
            ONE,
            {"max_auc": 0.6},
            {"run-1/best-4": (0.61, 0, 0), "run-1/best-6": (0.7, 0, 0), "run-1/best-2": (0.6, 32, 0)},
            ["run-1/best-4", "run-1/best-6", "run-1/best-2"],
            (0, 2, 0.5),
            id="in the order of the losses",
        ),
        pytest.param(
            ONE,
            {"max_verbatim": 12},
            {"run-1/best-4": (0.5, 13, 0), "run-1/best-6": (1.0, 12, 0)},
            ["run-1/best-4", "run-1/best-6"],
            (0, 6, 0.4),
            id="a run too long, and no bound on the AUC",
        ),
        pytest.param(
            ONE,
            {},
            {"run-1/best-4": (0.5, 20, 20), "run-1/best-6": CLEAN},
            ["run-1/best-4", "run-1/best-6"],
            (0, 6, 0.4),
            id="a short report that came back whole",
        ),
        pytest.param(
            SWEEP,
            {},
            {"run-2/best-4": (0.5, 33, 0), "run-1/best-4": (0.5, 33, 0), "run-2/best-2": CLEAN},
            ["run-2/best-4", "run-1/best-4", "run-2/best-2"],
            (1, 2, 0.35),
            id="over all trials of a sweep",
        ),
    ],
)
def test_which_checkpoint_is_chosen(
    runs: list[Run], settings: dict[str, Any], found: dict[str, Found], asked: list[str], chosen: tuple[int, int, float]
) -> None:
    auditor = Measured(found)
    number, best, selection = select(Audit(**settings), runs, auditor)
    assert auditor.asked == asked
    assert (number, best.best_step, best.eval_loss) == chosen
    assert best.adapter == runs[number].adapter.with_name(f"best-{chosen[1]}")
    assert [one.excess is None for one in selection.tried] == [*[False] * (len(asked) - 1), True]


def test_where_no_checkpoint_is_under_the_bounds_it_says_how_near_they_came(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"run-1/best-4": (0.8, 40, 0), "run-1/best-6": (0.9, 50, 0), "run-1/best-2": (0.71, 33, 0)}
    with pytest.raises(HubkitError) as raised:
        select(Audit(max_auc=0.6), ONE, Measured(found))
    assert str(raised.value) == (
        "[finetuning] select: none of 3 checkpoints stays under the bounds of [audit]; the least that one has: AUC "
        "0.710 (max_auc 0.6), 33 words (max_verbatim 32) (fewer [finetuning] epochs, more dropout or a smaller r lower "
        'it; lower eval_steps for more checkpoints, raise the bound, or set [finetuning] select = "eval_loss")'
    )
    assert "step 4, evaluation loss 0.3000: AUC 0.800, longest run 40 words: left\n" in capsys.readouterr().err


def tried(step: int, auc: float | None, longest: int, excess: str | None = None) -> TriedCheckpoint:
    return TriedCheckpoint(step=step, eval_loss=1.0, auc=auc, longest=longest, excess=excess)


@pytest.mark.parametrize(
    ("settings", "differs"),
    [
        ({"max_auc": 0.6}, None),
        ({"max_auc": 0.65}, None),
        ({"max_auc": 0.7}, "the bounds of [audit] choose another checkpoint"),
        ({"max_auc": 0.55}, "the bounds of [audit] choose another checkpoint"),
        ({}, "the bounds of [audit] choose another checkpoint"),
        ({"max_auc": 0.6, "max_verbatim": 9}, "the bounds of [audit] choose another checkpoint"),
        ({"max_auc": 0.6, "max_verbatim": None}, None),
    ],
)
def test_training_is_repeated_where_other_bounds_choose_another_checkpoint(
    tmp_path: Path, settings: dict[str, Any], differs: str | None
) -> None:
    workspace = Workspace(tmp_path)
    workspace.adapter.mkdir()
    selection = CheckpointSelection(
        max_auc=0.6, max_verbatim=32, studies=9, completions=9, tried=[tried(4, 0.7, 9, "over"), tried(2, 0.58, 10)]
    )
    values: dict[str, Any] = dict.fromkeys(TrainingSettings.model_fields, 1) | {
        "quantization": "nf4",
        "target_modules": "language",
        "modules_to_save": [],
        "schedule": "linear",
    }
    write_training(workspace.adapter, Training(settings=TrainingSettings(**values), selection=selection))
    config = tiny_config(tmp_path, select=WITHIN).model_copy(update={"audit": Audit(**settings)})
    assert chosen_otherwise(config, workspace) == differs
    assert chosen_otherwise(tiny_config(tmp_path), workspace) is None


@pytest.mark.parametrize(
    ("settings", "sizes", "refused"),
    [
        ({}, (6, 0), "[finetuning] select: chooses by the validate split, which is empty (take validation studies"),
        ({"max_verbatim": None}, (6, 3), "[finetuning] select: there is no bound to stay under (set [audit] max_auc"),
        ({"completions": 0}, (6, 3), "[finetuning] select: there is no bound to stay under (set [audit] max_auc"),
        ({"max_auc": 0.6}, (12, 9), "needs 10 training and 10 validation studies; there are 12 and 9 (take more"),
        ({"max_auc": 0.6}, (9, 12), "needs 10 training and 10 validation studies; there are 9 and 12 (take more"),
        ({"max_auc": 0.6, "max_verbatim": None}, (10, 10), None),
        ({}, (6, 3), None),
    ],
)
def test_what_cannot_be_chosen_by_is_refused_before_training(
    tmp_path: Path, settings: dict[str, Any], sizes: tuple[int, int], refused: str | None
) -> None:
    workspace = fill_workspace(tmp_path, train=sizes[0], validate=sizes[1], test=1).running("finetune", "key")
    config = tiny_config(tmp_path / "no model", select=WITHIN).model_copy(update={"audit": Audit(**settings)})
    splits = {split: read_samples(workspace, split, "findings_impression") for split in ("train", "validate")}
    if refused is None:
        CheckpointAuditor(config, workspace).check(splits)
        return
    with pytest.raises(UsageError) as raised:
        finetune(config, workspace, CheckpointAuditor(config, workspace))
    assert refused in str(raised.value)


def settings_of(model: Path, **audit: Any) -> ReleaseConfig:
    learns = {"epochs": 8, "batch_size": 8, "gradient_accumulation": 1, "learning_rate": 2e-2, "r": 32, "dropout": 0}
    config = tiny_config(model, **learns, quantization="fp32", patience=0, eval_steps=8, select=WITHIN)
    generation = config.generation.model_copy(update={"max_new_tokens": 12, "batch_size": 12})
    changed = Audit(completions=4, first_words=3, **audit)
    return config.model_copy(update={"generation": generation, "audit": changed})


def test_the_adapter_is_the_checkpoint_that_the_audit_accepts(
    vision_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = fill(tmp_path / "work", seed=3, validate=12)
    # The loss on validation studies falls to the end, and so what the adapter remembers grows.
    with pytest.raises(HubkitError, match="none of 3 checkpoints stays under the bounds"):
        run_one("finetune", settings_of(vision_model, max_auc=0.501), workspace)
    # Other bounds are tried on the checkpoints that exist: nothing is trained again.
    monkeypatch.setattr("hubkit.finetuning.run.build_trainer", None)
    config = settings_of(vision_model, max_auc=0.6)
    run_one("finetune", config, workspace)

    made = json.loads((workspace.adapter / "training.json").read_text(encoding="utf-8"))
    curve = {
        entry["step"]: entry["eval_loss"]
        for entry in map(json.loads, workspace.log_history.read_text(encoding="utf-8").splitlines())
        if "eval_loss" in entry
    }
    tried = made["selection"]["tried"]
    assert [one["step"] for one in tried] == sorted(curve, key=lambda step: curve[step])[: len(tried)]
    assert [one["auc"] <= 0.6 for one in tried] == [*[False] * (len(tried) - 1), True]
    assert len(tried) > 1
    assert (made["best_step"], made["eval_loss"]) == (tried[-1]["step"], curve[tried[-1]["step"]])
    assert (made["selection"]["max_auc"], made["settings"]["select"]) == (0.6, WITHIN)
    # What lies in the workspace is that checkpoint: measured again, it gives the same.
    auditor = CheckpointAuditor(config, workspace.running("finetune", "again"))
    assert auditor.measure(workspace.adapter, None) == (tried[-1]["auc"], tried[-1]["longest"], tried[-1]["whole"])

    (stage,) = (stage for stage in STAGES if stage.name == "finetune")
    assert stage.difference(config, workspace) is None
    assert stage.difference(settings_of(vision_model, max_auc=1.0), workspace) is not None
