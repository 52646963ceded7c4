"""Fine-tuning as hubkit does it against the configuration of the study that it reproduces.

    python benchmarks/finetune.py [--model FOLDER | --shape tiny|medgemma-4b] [--steps 20] [--samples 1] [--device auto]

Same base, same studies, same number of optimiser steps, each configuration in a process of its own, in turns:

    hubkit    sdpa attention, adapter on the language model, prepared images kept, evaluation and a checkpoint every 20
              steps
    original  plain TRL: eager attention, adapter on all linear layers, lm_head and embed_tokens trained whole and saved
              with the adapter, prompt in the loss, images prepared anew, evaluation after every step, no checkpoint

The study took 240 steps of 16 samples and evaluated 473 studies after each. Here a step has --samples of them, and as
many studies are evaluated for each sample as there, 473 / 16. Few samples a step make the optimiser's share larger than
it was, so the last line puts the measured parts together as the study had them: 240 times 16 samples and one update,
and its evaluations.

Without --model a Gemma 3 vision-language model with random weights is built; the studies are drawn and invented. Other
work on the machine disturbs seconds more than seconds of the processor (which say nothing on a GPU): both are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tiny_vision import build_vision_model, fill_workspace

from hubkit.config import Finetuning, Generation
from hubkit.finetuning.arguments import training_arguments
from hubkit.finetuning.run import as_dataset, build_trainer
from hubkit.models.conversation import ask
from hubkit.models.devices import pick_device
from hubkit.models.loading import UNQUANTIZED, nf4
from hubkit.models.quiet import quiet
from hubkit.models.samples import Sample, read_samples

STEPS, SAMPLES, EVALUATED = 240, 16, 473
"""Optimiser steps of the study, samples a step, and studies evaluated after each."""

SENTENCES = 6
"""In each of the two sections of a report: some 100 tokens a report, as in the study."""

IMAGE_SIZE = 896
PROMPT = Generation().prompt


def hubkit(model: Path, folder: Path, options: argparse.Namespace, splits: dict[str, list[Sample]]) -> Any:
    """The trainer of `hubkit finetune`."""
    settings = Finetuning(
        model=str(model),
        epochs=1,
        gradient_accumulation=options.samples,
        patience=0,
        device=options.device,
        trainer={"max_steps": options.steps},
    )
    arguments = training_arguments(settings, 42, folder, pick_device(options.device), evaluates=True)
    return build_trainer(settings, arguments, PROMPT, splits["train"], splits["validate"])


def original(model: Path, folder: Path, options: argparse.Namespace, splits: dict[str, list[Sample]]) -> Any:
    """The study's configuration in plain TRL."""
    import torch
    from peft import LoraConfig
    from transformers import AutoProcessor, Gemma3ForConditionalGeneration
    from trl import SFTConfig, SFTTrainer

    device = pick_device(options.device)
    cpu = device == "cpu"
    processor = AutoProcessor.from_pretrained(model)
    processor.tokenizer.padding_side = "right"
    base = Gemma3ForConditionalGeneration.from_pretrained(
        model,
        attn_implementation="eager",
        dtype=torch.bfloat16,
        device_map={"": device},
        # The study quantised the vision tower too; bitsandbytes cannot evaluate that on a CPU.
        quantization_config=nf4(UNQUANTIZED if cpu else None),
    )
    arguments = SFTConfig(
        output_dir=str(folder),
        max_steps=options.steps,
        per_device_train_batch_size=1,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=options.samples,
        gradient_checkpointing=True,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        optim="adamw_torch_fused",
        logging_steps=1,
        save_strategy="no",
        eval_strategy="steps",
        eval_steps=1,
        learning_rate=2e-4,
        bf16=True,
        max_grad_norm=0.3,
        warmup_steps=0.03,
        lr_scheduler_type="linear",
        report_to=[],
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        label_names=["labels"],
        use_cpu=cpu,
        dataloader_pin_memory=not cpu,
        disable_tqdm=True,
    )
    adapter = LoraConfig(
        r=16,
        lora_alpha=16,
        lora_dropout=0.05,
        bias="none",
        target_modules="all-linear",
        modules_to_save=["lm_head", "embed_tokens"],
        task_type="CAUSAL_LM",
    )
    return SFTTrainer(
        model=base,
        args=arguments,
        train_dataset=as_dataset(splits["train"]),
        eval_dataset=as_dataset(splits["validate"]),
        data_collator=lambda rows: whole_conversation(processor, rows),
        processing_class=processor,
        peft_config=adapter,
    )


def whole_conversation(processor: Any, rows: list[dict[str, Any]]) -> Any:
    """A batch as the study had it: rendered first, then tokenised, labels on everything but padding and images."""
    import torch

    texts, images = [], []
    for row in rows:
        question = ask([Path(path) for path in row["images"]], PROMPT)
        images.append([part["image"] for part in question[0]["content"] if part["type"] == "image"])
        answer = {"role": "assistant", "content": [{"type": "text", "text": row["answer"]}]}
        texts.append(processor.apply_chat_template([*question, answer], tokenize=False))
    batch = processor(text=texts, images=images, return_tensors="pt", padding=True)
    tokenizer = processor.tokenizer
    left_out = torch.tensor([tokenizer.pad_token_id, tokenizer.image_token_id, tokenizer.boi_token_id])
    batch["labels"] = batch["input_ids"].masked_fill(torch.isin(batch["input_ids"], left_out), -100)
    return batch


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Train once under `options.configuration`, and return what it cost."""
    import torch

    with tempfile.TemporaryDirectory(prefix="hubkit-bench-") as folder, quiet():
        home = Path(folder)
        evaluated = round(options.samples * EVALUATED / SAMPLES)
        workspace = fill_workspace(
            home / "work", options.steps * options.samples, evaluated, 0, sentences=SENTENCES, size=IMAGE_SIZE
        )
        splits = {split: read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")}
        build = {"hubkit": hubkit, "original": original}[options.configuration]
        trainer = build(options.model, home / "run", options, splits)
        spent = watch(trainer, pick_device(options.device))
        started, started_cpu = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
        trainer.model.save_pretrained(home / "adapter", save_embedding_layers=False)
        written = next((home / "run").glob("best-*"), home / "adapter") / "adapter_model.safetensors"
        evaluating = sum(spent["evaluation"])
        return {
            "optimiser_steps": trainer.state.global_step,
            "evaluations": len(spent["evaluation"]),
            "studies_evaluated": evaluated,
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "seconds_evaluating": evaluating,
            "steps_per_second": trainer.state.global_step / (seconds - evaluating),
            "seconds_a_sample": statistics.median(spent["sample"]),
            "seconds_an_update": statistics.median(spent["update"]),
            "seconds_a_study_evaluated": statistics.median(spent["evaluation"]) / evaluated,
            "peak_bytes": torch.cuda.max_memory_allocated()
            if torch.cuda.is_available()
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "adapter_bytes": written.stat().st_size,
            "trained_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        }


def clock(device: str) -> float:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def watch(trainer: Any, device: str) -> dict[str, list[float]]:
    """Seconds that the trainer will have spent on each sample, each update of the optimiser and each evaluation."""
    from transformers import TrainerCallback

    spent: dict[str, list[float]] = {"sample": [], "update": [], "evaluation": []}

    def timed(function: Any, what: str) -> Any:
        def run(*arguments: Any, **options: Any) -> Any:
            started = clock(device)
            result = function(*arguments, **options)
            spent[what].append(clock(device) - started)
            return result

        return run

    class Updates(TrainerCallback):
        def on_pre_optimizer_step(self, *arguments: Any, **options: Any) -> None:
            self.started = clock(device)

        def on_optimizer_step(self, *arguments: Any, **options: Any) -> None:
            spent["update"].append(clock(device) - self.started)

    trainer.training_step = timed(trainer.training_step, "sample")
    trainer.evaluate = timed(trainer.evaluate, "evaluation")
    trainer.add_callback(Updates())
    return spent


def as_the_study(measured: dict[str, float], every: int) -> float:
    """Seconds that the study's 240 steps would take, with an evaluation of 473 studies after every so many of them."""
    training = STEPS * (SAMPLES * measured["seconds_a_sample"] + measured["seconds_an_update"])
    return training + STEPS / every * EVALUATED * measured["seconds_a_study_evaluated"]


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the configurations in turns, and return the median of each figure."""
    rounds: dict[str, list[dict[str, float]]] = {"hubkit": [], "original": []}
    for number in range(options.rounds):
        for configuration, results in rounds.items():
            given = [f"--{name}={value}" for name, value in vars(options).items() if value is not None]
            command = [sys.executable, __file__, *given, f"--configuration={configuration}"]
            # Threads that spin while they wait take many times as long on a machine with other work.
            environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            results.append(json.loads(done.stdout.splitlines()[-1]))
            took = results[-1]["seconds"]
            print(f"round {number + 1}, {configuration}: {took:.1f} s", file=sys.stderr)
    measured: dict[str, Any] = {
        name: {key: statistics.median(result[key] for result in results) for key in results[0]}
        for name, results in rounds.items()
    }
    for name, every in (("hubkit", Finetuning().eval_steps), ("original", 1)):
        measured[name]["seconds_as_the_study"] = as_the_study(measured[name], every)
    return measured


def table(measured: dict[str, Any]) -> str:
    """The figures side by side; the ratio is original over hubkit, so that more is better for hubkit but in speed."""
    lines = [f"{'':28}{'hubkit':>16}{'original':>16}{'ratio':>9}"]
    for key, ours in measured["hubkit"].items():
        theirs = measured["original"][key]
        figures = [f"{value:,.0f}" if value >= 1000 else f"{value:.4g}" for value in (ours, theirs)]
        lines.append(f"{key:28}{figures[0]:>16}{figures[1]:>16}{theirs / ours if ours else 0:>8.2f}x")
    return "\n".join(lines)


def build(shape: str, folder: Path) -> Path:
    """A base with random weights: the tests' tiny one, or one of MedGemma 4B's shape behind its tokenizer."""
    import torch
    from transformers import AutoProcessor, Gemma3Config, Gemma3ForConditionalGeneration

    build_vision_model(folder)
    if shape == "tiny":
        return folder
    config = Gemma3Config.from_pretrained(folder)
    text, vision = config.text_config, config.vision_config
    text.update({"vocab_size": 262208, "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34})
    text.update({"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 1024})
    text.update({"layer_types": ["full_attention" if at % 6 == 5 else "sliding_attention" for at in range(34)]})
    text.update({"max_position_embeddings": 131072})
    vision.update({"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16})
    vision.update({"image_size": 896, "patch_size": 14})
    config.mm_tokens_per_image = 256
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    Gemma3ForConditionalGeneration(config).save_pretrained(folder)
    torch.set_default_dtype(before)
    processor = AutoProcessor.from_pretrained(folder)
    processor.image_seq_length = 256
    processor.full_image_sequence = processor.full_image_sequence.replace(
        processor.image_token * 4, processor.image_token * 256
    )
    processor.image_processor.size = {"height": 896, "width": 896}
    processor.save_pretrained(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder")
    parser.add_argument("--shape", choices=["tiny", "medgemma-4b"], default="tiny", help="of a random base")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--samples", type=int, default=1, help="studies a step")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--configuration", choices=["hubkit", "original"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkit-bench-model-") as folder:
        options.model = options.model or build(options.shape, Path(folder))
        if options.configuration:
            print(json.dumps(measure(options)))
        else:
            print(table(compare(options)))


if __name__ == "__main__":
    main()
