"""Fine-tuning as hubkit does it against the configuration of the study that it reproduces.

    python benchmarks/finetune.py [--model FOLDER] [--studies 32] [--validate 16] [--epochs 4] [--device auto]

Same base, same studies, same number of optimiser steps, each configuration in a process of its own:

    hubkit    sdpa attention, adapter on the language model, evaluation every `eval_steps`
    original  eager attention, adapter on all linear layers, lm_head and embed_tokens trained whole and saved with the
              adapter, evaluation after every optimiser step

Without --model a small Gemma 3 vision-language model with random weights is built; the studies are drawn and invented.
Prints a JSON object: seconds in all and evaluating, CPU seconds (which other work on the machine disturbs less),
steps per second between evaluations, peak memory, adapter bytes.
"""

from __future__ import annotations

import argparse
import json
import resource
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
from hubkit.finetuning.run import build_trainer
from hubkit.models.loading import pick_device
from hubkit.models.samples import read_samples

ORIGINAL = {"target_modules": "all-linear", "modules_to_save": ("lm_head", "embed_tokens"), "eval_steps": 1}


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Train once under `arguments.configuration`, and return what it cost."""
    import torch

    with tempfile.TemporaryDirectory(prefix="hubkit-bench-") as folder:
        home = Path(folder)
        workspace = fill_workspace(home / "work", train=arguments.studies, validate=arguments.validate, test=0)
        train, validate = (
            read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")
        )
        original = arguments.configuration == "original"
        settings = Finetuning(
            model=str(arguments.model),
            epochs=arguments.epochs,
            patience=0,
            save_steps=10**6,
            device=arguments.device,
            **ORIGINAL if original else {},
        )
        device = pick_device(arguments.device)
        options = training_arguments(settings, 42, home / "run", device, evaluates=True)
        trainer = build_trainer(settings, options, Generation().prompt, train, validate)
        if original:
            trainer.model.get_base_model().set_attn_implementation("eager")
        started, started_cpu = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, seconds_cpu = time.perf_counter() - started, time.process_time() - started_cpu
        evaluating = sum(entry.get("eval_runtime", 0.0) for entry in trainer.state.log_history)
        trainer.model.save_pretrained(home / "adapter", save_embedding_layers=False)
        cuda = device.startswith("cuda")
        return {
            "optimiser_steps": trainer.state.global_step,
            "seconds": seconds,
            "cpu_seconds": seconds_cpu,
            "seconds_evaluating": evaluating,
            "steps_per_second": trainer.state.global_step / (seconds - evaluating),
            "peak_bytes": torch.cuda.max_memory_allocated()
            if cuda
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "adapter_bytes": (home / "adapter" / "adapter_model.safetensors").stat().st_size,
            "trained_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        }


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both configurations one after the other, and return them with their ratios, original over hubkit."""
    measured: dict[str, Any] = {}
    for configuration in ("hubkit", "original"):
        options = [f"--{name}={value}" for name, value in vars(arguments).items() if name != "configuration"]
        command = [sys.executable, __file__, *options, f"--configuration={configuration}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        measured[configuration] = json.loads(done.stdout.splitlines()[-1])
    hubkit, original = measured["hubkit"], measured["original"]
    measured["original_over_hubkit"] = {name: round(original[name] / hubkit[name], 2) for name in hubkit}
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--studies", type=int, default=32)
    parser.add_argument("--validate", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=4.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--configuration", choices=["hubkit", "original"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkit-bench-model-") as folder:
        if arguments.model is None:
            arguments.model = build_vision_model(Path(folder))
        result = measure(arguments) if arguments.configuration else compare(arguments)
        print(json.dumps(result, indent=None if arguments.configuration else 2))


if __name__ == "__main__":
    main()
