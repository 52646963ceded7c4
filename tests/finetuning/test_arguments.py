"""[finetuning.trainer] against SFTConfig: what passes, what is refused, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.config import Finetuning
from hubkit.errors import UsageError
from hubkit.finetuning.arguments import accumulation, training_arguments
from hubkit.finetuning.check import check_settings, check_trainer_keys, rehearse


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("push_to_hub", "could send data out"),
        ("hub_model_id", "could send data out"),
        ("hub_token", "could send data out"),
        ("hub_strategy", "could send data out"),
        ("report_to", "could send data out"),
        ("trackio_space_id", "could send data out"),
        ("trackio_bucket_id", "could send data out"),
        ("output_dir", "is decided by hubkit"),
        ("resume_from_checkpoint", "is decided by hubkit"),
        ("save_only_model", "is decided by hubkit"),
        ("trust_remote_code", "is decided by hubkit"),
        ("metric_for_best_model", "is decided by hubkit"),
        ("logging_strategy", "is decided by hubkit"),
        ("project", "is decided by hubkit"),
        ("run_name", "is decided by hubkit"),
        ("deepspeed", "run: hubkit finetune --launch"),
        ("fsdp", "run: hubkit finetune --launch"),
        ("learning_rate", "set learning_rate instead"),
        ("num_train_epochs", "set epochs instead"),
        ("gradient_checkpointing", "set gradient_checkpointing instead"),
        ("seed", r"set \[release\] seed instead"),
        ("learnig_rate", "SFTConfig has no such key"),
    ],
)
def test_refused(key: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        check_trainer_keys({"weight_decay": 0.1, key: 1})


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("weight_decay", "high", "should be a valid number"),
        ("adam_beta1", "0.9", "should be a valid number"),
        ("dataloader_num_workers", 2.5, "should be a valid integer"),
        ("optim_target_modules", 3, "should be a valid"),
    ],
)
def test_a_value_of_another_type(key: str, value: object, said: str) -> None:
    with pytest.raises(UsageError, match=rf"\[finetuning.trainer\] {key}: .*{said}"):
        check_trainer_keys({key: value})


def test_any_other_key_of_sftconfig_arrives(tmp_path: Path) -> None:
    passed = {"weight_decay": 0.1, "optim": "sgd", "adam_beta2": 0.99, "dataloader_num_workers": 2, "loss_type": "dft"}
    arguments = training_arguments(Finetuning(trainer=passed), 7, tmp_path, "cpu", evaluates=True)
    assert {name: getattr(arguments, name) for name in passed} == passed


def test_the_defaults_of_the_study(tmp_path: Path) -> None:
    arguments = training_arguments(Finetuning(), 7, tmp_path, "cpu", evaluates=True)
    expected = {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 16,
        "num_train_epochs": 4,
        "learning_rate": 2e-4,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.03,
        "max_grad_norm": 0.3,
        "optim": "adamw_torch_fused",
        "weight_decay": 0.0,
        "bf16": True,
        "gradient_checkpointing": True,
        "seed": 7,
        "report_to": [],
        "push_to_hub": False,
    }
    assert {name: getattr(arguments, name) for name in expected} == expected


EVERY_SETTING = {
    "batch_size": 3,
    "gradient_accumulation": 5,
    "epochs": 2.5,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup_ratio": 0.25,
    "max_grad_norm": 0.7,
    "gradient_checkpointing": False,
    "eval_steps": 11,
    "save_steps": 13,
    "quantization": "fp32",
}


@pytest.mark.parametrize(
    ("settings", "device", "evaluates", "expected"),
    [
        (
            EVERY_SETTING,
            "cpu",
            True,
            {
                "per_device_train_batch_size": 3,
                "per_device_eval_batch_size": 3,
                "gradient_accumulation_steps": 5,
                "num_train_epochs": 2.5,
                "learning_rate": 1e-3,
                "lr_scheduler_type": "cosine",
                "warmup_steps": 0.25,
                "max_grad_norm": 0.7,
                "activation_checkpointing": False,
                "eval_strategy": "steps",
                "eval_steps": 11,
                "save_strategy": "steps",
                "save_steps": 13,
                "bf16": False,
                "use_cpu": True,
                "dataloader_pin_memory": False,
                "report_to": [],
                # What hubkit resumes by, and reads its curves from.
                "logging_steps": 1,
                "save_total_limit": 2,
                "max_length": None,
                "remove_unused_columns": False,
                "restore_callback_states_from_checkpoint": True,
                "disable_tqdm": True,
                "project": "hubkit",
            },
        ),
        ({}, "cpu", False, {"eval_strategy": "no", "bf16": True}),
        ({"quantization": "bf16"}, "cpu", True, {"bf16": True, "eval_strategy": "steps"}),
        ({"quantization": "fp32"}, "cuda:0", True, {"use_cpu": False, "dataloader_pin_memory": True}),
        # Keys that have no setting of their own take the place of hubkit's values.
        (
            {"trainer": {"logging_steps": 4, "per_device_eval_batch_size": 6, "bf16": False}},
            "cpu",
            True,
            {"logging_steps": 4, "per_device_eval_batch_size": 6, "bf16": False, "per_device_train_batch_size": 1},
        ),
    ],
    ids=["every setting", "nothing to evaluate", "bf16", "a GPU", "keys of the trainer"],
)
def test_settings_arrive_where_the_trainer_reads_them(
    tmp_path: Path, settings: dict[str, object], device: str, evaluates: bool, expected: dict[str, object]
) -> None:
    folder = tmp_path / "finetune-0123" / "run-002"
    arguments = training_arguments(Finetuning(**settings), 7, folder, device, evaluates)
    assert {name: getattr(arguments, name) for name in expected} == expected
    assert (arguments.output_dir, arguments.run_name) == (str(folder), "finetune-0123-run-002")


def test_a_value_that_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SFTConfig refuses it"):
        training_arguments(Finetuning(trainer={"optim": "uphill"}), 7, tmp_path, "cpu", evaluates=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"target_modules": "("}, r"\[finetuning\] target_modules: is not a regular expression: missing \)"),
        ({"trainer": {"nonsense": 1}}, r"\[finetuning.trainer\] nonsense: SFTConfig has no such key"),
        ({"sweep": {"r": [0]}}, r"\[finetuning.sweep\] r: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_on_any_machine(settings: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_settings(Finetuning(**settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"use_liger_kernel": True}, "liger-kernel .* is not available"),
        ({"lr_scheduler_kwargs": {"nope": 1}}, "unexpected keyword argument 'nope'"),
        ({"per_device_eval_batch_size": 0}, "batch_size should be a positive integer"),
        ({"optim": "lomo"}, "need to install `lomo_optim`"),
        ({"train_sampling_strategy": "group_by_length"}, "Can only automatically infer lengths"),
    ],
)
def test_what_the_trainer_refuses_is_said_before_a_base_is_loaded(
    tmp_path: Path, settings: dict[str, object], said: str
) -> None:
    arguments = training_arguments(Finetuning(trainer=settings), 7, tmp_path, "cpu", evaluates=True)
    with pytest.raises(UsageError, match=said) as refused:
        rehearse(arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"schedule": "cosine_with_min_lr", "trainer": {"lr_scheduler_kwargs": {"min_lr": 1e-5}}},
        {"trainer": {"optim": "paged_adamw_8bit", "dataloader_num_workers": 2, "dataloader_prefetch_factor": 2}},
    ],
)
def test_what_a_trainer_takes_passes_the_rehearsal(tmp_path: Path, settings: dict[str, object]) -> None:
    rehearse(training_arguments(Finetuning(**settings), 7, tmp_path, "cpu", evaluates=True))


@pytest.mark.parametrize(("processes", "share"), [(1, 16), (2, 8), (16, 1)])
def test_processes_share_the_micro_batches(monkeypatch: pytest.MonkeyPatch, processes: int, share: int) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    assert accumulation(Finetuning()) == share


@pytest.mark.parametrize("processes", [3, 32])
def test_processes_that_cannot_share_them(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    with pytest.raises(UsageError, match=f"set a multiple of {processes}"):
        accumulation(Finetuning())
