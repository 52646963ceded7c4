"""Checks and figures on one GPU, with random weights of the real models' shapes and without a network.

    python benchmarks/gpu.py [--out gpu.json] [--parts cache,faults,training] [--cap 23.6]
    python benchmarks/gpu.py --small

    cache     the 27B in NF4 answers 64 prompts by hubkit's continuous batching, with the library's defaults and with
              hubkit's: requests in flight, peak memory, tokens a second beside what the memory's bandwidth allows; then
              the cost of a token at 16, 64 and 256 requests
    faults    memory runs out in a step, and CUDA reports an error: every prompt is answered, or the error is told
    training  the 4B in NF4 through the real trainer, two images of 896 pixels a study: 3 optimiser steps and 16
              evaluations, with and without checkpointing; peak memory beside what doctor counts

--cap lets CUDA give no more than so many GiB, as a small card would. --small runs everything on a CPU with tiny shapes:
it shows that the script works, and its times say nothing. The figures go to one JSON, with device, date and versions.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import datetime
import importlib.metadata
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import finetune
import hardware
from bandwidth import measure_bandwidth
from tiny_vision import fill_workspace

from hubkit.config import Translation, parse_config
from hubkit.doctor import needs
from hubkit.doctor.shapes import device_of
from hubkit.errors import HubkitError
from hubkit.finetuning.arguments import training_arguments
from hubkit.finetuning.run import build_trainer
from hubkit.models.devices import pick_device
from hubkit.models.memory import free_memory
from hubkit.models.samples import read_samples
from hubkit.translation.engines import paged_cache
from hubkit.translation.engines.continuous import Continuous

PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes", "flash-attn", "flash-attn-3", "triton")

PROMPT, NEW = 210, 90
"""Tokens of a prompt and of its answer: instructions with a section, and its translation."""

GIB = 2**30


class Size(NamedTuple):
    """How large a run is: the real shapes, or tiny ones for a CPU."""

    text: Gemma3TextConfig
    prompts: int
    new: int
    costs: tuple[int, ...]
    vision: str
    image: int
    steps: int
    evaluated: int


def sizes(small: bool) -> Size:
    """The real shapes, or tiny ones."""
    if not small:
        return Size(hardware.text_config("27B"), 64, NEW, (16, 64, 256), "medgemma-4b", 896, 3, 16)
    text = Gemma3TextConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        sliding_window=64,
        layer_types=["sliding_attention", "full_attention"],
    )
    return Size(text, 6, 4, (2, 4), "tiny", 32, 2, 2)


def random_model(text: Gemma3TextConfig, device: str) -> Any:
    """A language model with random weights, its linear layers in NF4, made on the device itself.

    Layer by layer, so that a card of 24 GB holds it: in bf16 a layer takes 0.8 GB, and all of them 50.
    """
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    first = copy.deepcopy(text)
    first.num_hidden_layers, first.layer_types = 1, text.layer_types[:1]
    with torch.device(device):
        model = Gemma3ForCausalLM(first).eval()
        make_layer = type(model.model.layers[0])
        text._attn_implementation = model.config._attn_implementation
        model.config = model.model.config = text
        model.model.rotary_emb = type(model.model.rotary_emb)(text)
        model.model.layers = torch.nn.ModuleList()
        for number in range(text.num_hidden_layers):
            model.model.layers.append(pack(make_layer(text, number).eval(), device))
            free_memory()
    torch.set_default_dtype(before)
    return model


def pack(layer: torch.nn.Module, device: str) -> torch.nn.Module:
    """Put the linear layers of `layer` into NF4."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for name, module in list(layer.named_modules()):
        if isinstance(module, torch.nn.Linear):
            packed = Linear4bit(
                module.in_features, module.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4"
            )
            weight = Params4bit(module.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True)
            packed.weight = weight.to(device)
            parent, _, child = name.rpartition(".")
            setattr(layer.get_submodule(parent), child, packed)
    return layer


def stored_bytes(model: Any) -> int:
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


class Measured(NamedTuple):
    """What a run of the engine came to; peak and requests in flight are of the whole run."""

    seconds: float
    tokens: int
    in_flight: int
    peak_gib: float | None
    answered: int


def answer(engine: Continuous, prompts: list[list[int]], new: int) -> Measured:
    """Answer the prompts, and count how many are in flight at a time."""
    counts = [0]

    def count(*_: Any) -> None:
        counts.append(len(engine.manager.batch_processor.scheduler.active_requests))

    # The first answer makes the cache, which is no part of the time.
    list(engine.answers(prompts[:1], [1]))
    hook = engine.model.register_forward_pre_hook(count)
    reset_peak()
    started = time.perf_counter()
    answers = dict(engine.answers(prompts, [new] * len(prompts)))
    seconds = time.perf_counter() - started
    hook.remove()
    told = [tokens for tokens in answers.values() if not isinstance(tokens, str)]
    return Measured(seconds, sum(map(len, told)), max(counts), peak(), len(told))


def open_engine(model: Any, changes: dict[str, Any] | None) -> Continuous:
    """hubkit's engine with its own settings of the cache and `changes`; None: with the library's defaults."""
    text, device = model.config.get_text_config(), model.device
    tuned = paged_cache.cache_settings(
        text,
        paged_cache.attention_of(model),
        paged_cache.free_bytes(device),
        paged_cache.CacheLimits.of(Translation(quantization="nf4")),
    )
    cache = {} if changes is None else tuned | changes
    if device.type == "cpu":
        # By the memory of the machine, a CPU would get a cache of many GiB.
        cache = {"max_batch_tokens": 256, "num_blocks": 32 if changes is None else 128} | cache
    greedy = GenerationConfig(do_sample=False, eos_token_id=[-1], pad_token_id=0, use_cache=True)
    return Continuous(model, greedy, cache, "take a larger GPU")


@contextlib.contextmanager
def running(engine: Continuous) -> Iterator[Continuous]:
    try:
        yield engine
    finally:
        engine.close()


def prompts_for(model: Any, count: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(10, model.config.vocab_size, (count, PROMPT), generator=generator).tolist()


def cache_part(model: Any, size: Size) -> dict[str, Any]:
    """Requests in flight, peak, tokens a second and their limit; the cost of a token by requests."""
    prompts, found = prompts_for(model, max(size.prompts, *size.costs)), {}
    for name, changes in (("defaults", None), ("hubkit", {})):
        with running(open_engine(model, changes)) as engine:
            try:
                measured = answer(engine, prompts[: size.prompts], size.new)
                found[name] = measured._asdict() | {"tokens_per_second": measured.tokens / measured.seconds}
            except HubkitError as error:
                found[name] = {"error": str(error)}
    found["limit_tokens_per_second"] = limit(model, found["hubkit"].get("in_flight", 0))
    found["ms_per_token"] = {}
    for requests in size.costs:
        with running(open_engine(model, {"max_requests_per_batch": requests})) as engine:
            measured = answer(engine, prompts[:requests], size.new)
            found["ms_per_token"][requests] = 1000 * measured.seconds / measured.tokens
    return found


def limit(model: Any, requests: int) -> float | None:
    """Tokens a second where each step reads all weights once: what the memory's bandwidth allows. None on a CPU."""
    if model.device.type != "cuda":
        return None
    return requests * measure_bandwidth(GIB) / stored_bytes(model)


def faults_part(model: Any, size: Size) -> dict[str, Any]:
    """Every prompt is answered after memory ran out, and an error of CUDA is told by its kind."""
    prompts, found = prompts_for(model, size.prompts), {}
    with running(open_engine(model, {})) as engine:
        list(engine.answers(prompts[:1], [1]))
        with shortage(model):
            answers = dict(engine.answers(prompts, [size.new] * len(prompts)))
        found["out_of_memory"] = {
            "answered": sum(not isinstance(tokens, str) for tokens in answers.values()),
            "of": len(prompts),
            "cache": {name: str(value) for name, value in engine.cache.items()},
        }
    forward = model.forward

    def broken(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with running(open_engine(model, {})) as engine:
        list(engine.answers(prompts[:1], [1]))
        model.forward = broken
        try:
            found["cuda_error"] = {"told": str(dict(engine.answers(prompts, [1] * len(prompts))))[:200]}
        except HubkitError as error:
            found["cuda_error"] = {"told": str(error)}
        finally:
            model.forward = forward
    return found


@contextlib.contextmanager
def shortage(model: Any) -> Iterator[None]:
    """Leave 64 MiB beside the cache: a real shortage on a GPU. On a CPU, the first step says that there is one."""
    if model.device.type == "cuda":
        free_memory()
        ballast = torch.empty(max(torch.cuda.mem_get_info()[0] - 64 * 2**20, 0), dtype=torch.uint8, device="cuda")
        try:
            yield
        finally:
            del ballast
            free_memory()
        return
    forward, left = model.forward, [1]

    def scarce(*arguments: Any, **options: Any) -> Any:
        if left:
            left.pop()
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(*arguments, **options)

    model.forward = scarce
    try:
        yield
    finally:
        model.forward = forward


def training_part(size: Size, device: str, folder: Path) -> dict[str, Any]:
    """Steps and evaluations through the real trainer; what doctor counts for the same settings."""
    with torch.device(device):
        base = finetune.build(size.vision, folder / "base")
    free_memory()
    studies = 3 * size.steps
    workspace = fill_workspace(folder / "work", train=studies, validate=size.evaluated, test=0, size=size.image)
    splits = [read_samples(workspace, split, "findings_impression").kept for split in ("train", "validate")]
    found: dict[str, Any] = {}
    for name, checkpointed in (("checkpointing", True), ("kept", False)):
        config = parse_config(
            {
                "finetuning": {
                    "model": str(base),
                    "model_id": "maintainer/random",
                    "device": device,
                    "gradient_accumulation": 2,
                    "gradient_checkpointing": checkpointed,
                    "eval_steps": size.steps,
                    "trainer": {"max_steps": size.steps},
                }
            }
        )
        (need,) = needs.finetune(config, device_of(device))
        arguments = training_arguments(config.finetuning, 42, folder / name, pick_device(device), evaluates=True)
        trainer = build_trainer(config.finetuning, arguments, config.generation.prompt, *splits)
        graphs: list[bool] = []
        tower = trainer.model.get_base_model().model.vision_tower
        tower.register_forward_hook(lambda module, given, output, seen=graphs: seen.append(output[0].requires_grad))
        reset_peak()
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
        (entry,) = [entry for entry in trainer.state.log_history if "eval_runtime" in entry]
        found[name] = {
            "samples_per_second": 2 * size.steps / (seconds - entry["eval_runtime"]),
            "evaluated_per_second": size.evaluated / entry["eval_runtime"],
            "tower_has_graph": any(graphs),
            "peak_gib": peak(),
            "doctor_gib": need.total / GIB,
        }
        del trainer, tower
        free_memory()
    return found


def reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak() -> float | None:
    return torch.cuda.max_memory_allocated() / GIB if torch.cuda.is_available() else None


def cap_memory(gib: float) -> None:
    """Let CUDA give this process no more than so many GiB, and say so to whoever asks how much is free."""
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(min(gib * GIB / total, 1.0))

    def info(*_: Any) -> tuple[int, int]:
        return max(int(gib * GIB) - hardware.CONTEXT - torch.cuda.memory_reserved(), 0), int(gib * GIB)

    torch.cuda.mem_get_info = info


def environment(cap: float | None) -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    on_gpu = torch.cuda.is_available()
    return {
        "date": datetime.date.today().isoformat(),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "total_gib": torch.cuda.mem_get_info()[1] / GIB if on_gpu else None,
        "cap_gib": cap,
        "versions": versions,
    }


def run(small: bool, parts: list[str], cap: float | None) -> dict[str, Any]:
    """Run the parts; one that fails leaves its error, and the others go on."""
    device = "cpu" if small else "cuda"
    size, found = sizes(small), {"environment": environment(cap)}
    with tempfile.TemporaryDirectory(prefix="hubkit-gpu-") as folder:
        if {"cache", "faults"} & set(parts):
            model = random_model(size.text, device)
            found["environment"]["attention"] = paged_cache.attention_of(model)
            found["environment"]["weights_gib"] = stored_bytes(model) / GIB
            if cap is not None:
                cap_memory(cap)
            for name, part in (("cache", cache_part), ("faults", faults_part)):
                if name in parts:
                    found[name] = attempt(lambda part=part: part(model, size))
            del model
            free_memory()
        if "training" in parts:
            found["training"] = attempt(lambda: training_part(size, device, Path(folder)))
    return found


def attempt(part: Any) -> dict[str, Any]:
    try:
        result: dict[str, Any] = part()
        return result
    except (RuntimeError, HubkitError, ImportError) as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--parts", default="cache,faults,training")
    parser.add_argument("--cap", type=float, help="GiB that CUDA may give, as on a small card")
    parser.add_argument("--small", action="store_true", help="tiny shapes on a CPU")
    given = parser.parse_args()
    if not given.small and not torch.cuda.is_available():
        parser.error("there is no GPU; --small runs tiny shapes on a CPU")
    found = run(given.small, given.parts.split(","), given.cap)
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
