"""What docs/hardware.md says of cards of 16 to 80 GB, counted on the shapes of the real models.

    python benchmarks/hardware.py [--tokens 300]
    python benchmarks/hardware.py --run

It prints what each stage needs under the presets, and its hours, as `hubkit doctor` counts them; then the requests in
flight by transformers' own sizing. No GPU is needed and no weights: models are built on the meta device, and the sizing
is told the memory of each card. "before" are the library's defaults (8,192 tokens a batch, pages of 256, up to 1,024
requests), "after" are hubkit's.
With --run, a small random model answers 128 prompts on this CPU with each: its processor time, and whether the
tokens are the same.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GenerationConfig,
    SiglipVisionConfig,
    XLMRobertaConfig,
)

from hubkit.config import Quantization, ReleaseConfig, Translation, parse_config
from hubkit.config.presets import preset
from hubkit.doctor import estimates, needs
from hubkit.doctor.shapes import Device, weight_bytes
from hubkit.translation.engines import paged_cache
from hubkit.translation.engines.continuous import Continuous

CARDS = {"16 GB": 15.7, "24 GB": 23.6, "48 GB": 44.4, "80 GB": 79.1}
"""GiB that CUDA reports in total: a T4 or A4000, a 3090, 4090 or A10, an L40S with ECC, an A100 or H100."""

CONTEXT = int(0.5 * 2**30)
"""Bytes of CUDA's context and libraries, as transformers' own code states them."""

SHAPES: dict[str, dict[str, int]] = {
    "4B": {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "num_attention_heads": 8},
    "12B": {"hidden_size": 3840, "intermediate_size": 15360, "num_hidden_layers": 48, "num_attention_heads": 16},
    "27B": {"hidden_size": 5376, "intermediate_size": 21504, "num_hidden_layers": 62, "num_attention_heads": 32},
}
"""Gemma 3's language models, from their public configurations; MedGemma has the shapes of the first and the last."""

PRECISIONS: tuple[Quantization, ...] = ("nf4", "bf16")
ATTENTIONS = ("sdpa", "flash_attention_2")


PRESETS = {"24gb": "24 GB", "80gb": "80 GB", "8x80gb": "80 GB"}
"""Presets of `hubkit init` and the card of each."""


class Flight(NamedTuple):
    """Requests in flight; 0 where not one fits beside the weights."""

    before: int
    after: int


def text_config(name: str) -> Gemma3TextConfig:
    """The configuration of a language model of SHAPES."""
    shape = SHAPES[name]
    wide = {"head_dim": 128} if name == "27B" else {"head_dim": 256}
    return Gemma3TextConfig(
        **shape,
        **wide,
        num_key_value_heads=shape["num_attention_heads"] // 2,
        vocab_size=262208,
        sliding_window=1024,
        architectures=["Gemma3ForCausalLM"],
    )


@functools.cache
def meta_model(name: str) -> Any:
    """A language model of SHAPES without weights."""
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(text_config(name))


@functools.cache
def weights(name: str, precision: Quantization) -> int:
    """Bytes of its weights."""
    return weight_bytes(meta_model(name), precision)


def in_flight(
    name: str, precision: Quantization, card: str, attention: str, tokens: int = paged_cache.REQUEST_TOKENS
) -> Flight:
    """Requests in flight with the library's defaults and with hubkit's."""
    text, free = text_config(name), int(CARDS[card] * 2**30) - CONTEXT - weights(name, precision)
    tuned = paged_cache.cache_settings(
        text, attention, free, paged_cache.CacheLimits.of(Translation(quantization=precision))
    )

    def requests(cache: dict[str, Any]) -> int:
        held = paged_cache.held(text, attention, free, cache, tokens)
        return 0 if held is None else held.requests

    return Flight(requests({}), requests(tuned))


def table(tokens: int = paged_cache.REQUEST_TOKENS) -> str:
    """Requests in flight as a table in Markdown: before and after, without and with flash attention."""
    heads = [f"{card}, {how}" for card in CARDS for how in ("sdpa", "flash")]
    lines = ["| model | weights | " + " | ".join(heads) + " |", "|---" * (2 + len(heads)) + "|"]
    for name in SHAPES:
        for precision in PRECISIONS:
            cells = [in_flight(name, precision, card, how, tokens) for card in CARDS for how in ATTENTIONS]
            row = " | ".join(f"{cell.before} -> {cell.after}" for cell in cells)
            lines.append(f"| {name} | {precision}, {weights(name, precision) / 2**30:.1f} GiB | {row} |")
    return "\n".join(lines) + "\n"


def write_models(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the configurations of the release's models, and return the settings that name them."""
    text_config("27B").save_pretrained(folder / "27b")
    vision = SiglipVisionConfig(
        hidden_size=1152,
        intermediate_size=4304,
        num_hidden_layers=27,
        num_attention_heads=16,
        image_size=896,
        patch_size=14,
        vision_use_head=False,
    )
    Gemma3Config(text_config=text_config("4B"), vision_config=vision, mm_tokens_per_image=256).save_pretrained(
        folder / "4b"
    )
    BertConfig(vocab_size=29794).save_pretrained(folder / "bertimbau")
    XLMRobertaConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, vocab_size=250002
    ).save_pretrained(folder / "xlm-roberta")
    return {
        "translation": {"model": str(folder / "27b"), "model_id": "google/medgemma-27b-text-it"},
        "finetuning": {"model": str(folder / "4b"), "model_id": "google/medgemma-4b-it"},
        "scoring": {
            "bertimbau": {"model": str(folder / "bertimbau"), "layer": 12},
            "xlm_roberta": {"model": str(folder / "xlm-roberta"), "layer": 17},
        },
    }


def preset_config(name: str, models: dict[str, dict[str, Any]]) -> ReleaseConfig:
    """The release under a preset, with models of which there are configurations alone."""
    tables = {table: dict(settings) for table, settings in models.items()}
    for setting, value in preset(name).items():
        table, _, key = setting.partition(".")
        tables.setdefault(table, {})[key] = value
    return parse_config(tables)


def preset_table(models: dict[str, dict[str, Any]]) -> str:
    """Memory and hours of each stage under each preset as a table in Markdown: a column for each preset."""
    configs = {name: preset_config(name, models) for name in PRESETS}
    lines = ["| | " + " | ".join(f"`{name}`" for name in configs) + " |", "|---" * (1 + len(configs)) + "|"]
    for stage in (needs.translate, needs.finetune, needs.generate, needs.score):
        cells = []
        for name, config in configs.items():
            card = Device(PRESETS[name], int(CARDS[PRESETS[name]] * 2**30), True)
            cells.append(", ".join(_cell(need) for need in stage(config, card)) or "on the server")
        lines.append(f"| {stage.__name__}, GiB (of weights) | " + " | ".join(cells) + " |")
    studies = {name: config.corpus.subset.sizes() for name, config in configs.items()}
    hours = {
        "translate": lambda config, sizes: estimates.translation_hours(
            config, sum(sizes.values()) * estimates.TOKENS_A_REPORT
        ),
        "finetune": lambda config, sizes: estimates.training_hours(config, sizes["train"], sizes["validate"]),
        "generate": lambda config, sizes: estimates.generation_hours(config, sizes["test"]),
    }
    for stage_name, count in hours.items():
        cells = [str(count(config, studies[name])) for name, config in configs.items()]
        lines.append(f"| {stage_name}, on one GPU | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(need: needs.Need) -> str:
    size = f"{need.total / 2**30:.1f} ({need.weights / 2**30:.1f})"
    return size if need.requests is None else f"{size}, {need.requests} requests in flight"


def run_small(prompts: int = 128) -> None:
    """Answer with a small model by the library's defaults and by hubkit's; print processor time and what differs."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=1000,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=16,
        sliding_window=1024,
        layer_types=["sliding_attention", "full_attention"],
    )
    model = Gemma3ForCausalLM(config).eval()
    asked = [[1 + (7 * row + column) % 990 for column in range(300)] for row in range(prompts)]
    greedy = GenerationConfig(do_sample=False, eos_token_id=[999], pad_token_id=0, use_cache=True)
    tuned = paged_cache.cache_settings(
        config, "sdpa", None, paged_cache.CacheLimits.of(Translation(quantization="fp32"))
    )
    answers = {}
    # On a CPU the library plans by the machine's memory; with a number of blocks both have the same cache.
    for name, cache in (("defaults", {}), ("hubkit's", tuned)):
        blocks = 1200 * 256 // cache.get("page_size", 256)
        engine = Continuous(model, greedy, cache | {"num_blocks": blocks})
        start = time.process_time()
        answers[name] = dict(engine.answers(asked, [25] * prompts))
        print(f"{name}: {time.process_time() - start:.1f} s of processor time", flush=True)
        engine.close()
    before, after = answers.values()
    print(f"the same tokens in {sum(before[at] == after[at] for at in before)} of {prompts} answers")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tokens", type=int, default=paged_cache.REQUEST_TOKENS, help="of a request with its answer")
    parser.add_argument("--run", action="store_true", help="answer with a small model on this machine instead")
    given = parser.parse_args()
    if given.run:
        run_small()
        return
    with tempfile.TemporaryDirectory() as folder:
        print(preset_table(write_models(Path(folder))))
    print(f"requests of {given.tokens} tokens in flight: the library's defaults -> hubkit's\n")
    print(table(given.tokens))


if __name__ == "__main__":
    main()
