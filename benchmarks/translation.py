"""How many reports a second are translated, beside one `generate` a report as in the original study.

    python benchmarks/translation.py [--model FOLDER] [--reports 9600] [--loop 120] [--quantization bf16] [--threads 2]

The same model on the same machine translates the same texts, in the same precision, with as many threads: by the loop,
by hubkit in this process (whole reports, sections, sections with the translation memory), and by hubkit's executor
`local` with a worker a thread. Loading the model and everything that the stage does besides (checks, checkpoints,
tables) counts; what is imported does not, but in the workers, which have to start. The loop translates a sample of all
lengths, half of it before and half of it after. Texts are sentences of the demo's grammar, which say nothing of any
patient; reports have a median of 60 words and a 95th percentile of about 137 (log-normal), and half of the impressions
are one of 20, about as in the open reports of Indiana University.

Where there is a CUDA device, a model of random weights in the shape of MedGemma's 27B answers by continuous batching
besides, and its output tokens a second are printed beside what the device's memory bandwidth allows.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import torch
from bandwidth import measure_bandwidth

from hubkit.config import Translation, parse_config
from hubkit.demo.config import MODELS
from hubkit.demo.grammar import sample_sentence
from hubkit.models.loading import load_language_model
from hubkit.tables import STUDIES
from hubkit.translation.prompt import Prompt
from hubkit.translation.translate import translate
from hubkit.workspace import Workspace, read_table, write_table

MEDIAN_WORDS, SPREAD = 60, 0.5
COMMON_IMPRESSIONS, COMMON_SHARE = 20, 0.5

MEDGEMMA_27B: dict[str, Any] = {
    "vocab_size": 262144,
    "hidden_size": 5376,
    "intermediate_size": 21504,
    "num_hidden_layers": 62,
    "num_attention_heads": 32,
    "num_key_value_heads": 16,
    "head_dim": 128,
    "query_pre_attn_scalar": 168,
    "sliding_window": 1024,
}
"""The shape of google/medgemma-27b-text-it, from its config.json."""


class Rate(NamedTuple):
    """Reports a second, and output tokens a report."""

    reports: float
    tokens: float


class Text(NamedTuple):
    findings: str
    impression: str

    @property
    def report(self) -> str:
        return f"{self.findings} {self.impression}"


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    texts = sample_texts(arguments.reports, seed=7)
    words = sorted(len(text.report.split()) for text in texts)
    print(f"{len(texts)} reports, words: median {words[len(words) // 2]}, 95 % under {words[len(words) * 95 // 100]}")
    table = {
        "model": str(arguments.model),
        "quantization": arguments.quantization,
        "rules": False,
        "retries": 0,
        "max_flagged": 1.0,
        "device": arguments.device,
        "batch_tokens": arguments.batch_tokens,
        "max_new_tokens": 512,
    }
    loop(texts[:1], Translation(**table))  # imports
    by_length = sorted(texts, key=lambda text: len(text.report))
    step = len(texts) // arguments.loop
    sample = by_length[step // 2 :: step]
    # Half of it before and half of it after the others, since other work on the machine comes and goes.
    before = loop(sample[::2], Translation(**table))
    rates = {name: stage(texts, {**table, **way}) for name, way in _ways(arguments.threads).items()}
    after = loop(sample[1::2], Translation(**table))
    base = Rate(2 / (1 / before.reports + 1 / after.reports), (before.tokens + after.tokens) / 2)
    print(f"the loop before and after: {before.reports:.2f} and {after.reports:.2f} reports/s")
    print(f"{'':<40}{'reports/s':>10}{'faster':>9}{'tokens/report':>15}")
    for name, rate in {"one generate a report": base, **rates}.items():
        print(f"{name:<40}{rate.reports:>10.2f}{rate.reports / base.reports:>8.1f}x{rate.tokens:>15.1f}")
    if torch.cuda.is_available():
        saturate(MEDGEMMA_27B, requests=256, prompt=180, new=150)


def _ways(threads: int) -> dict[str, dict[str, Any]]:
    workers = {"tasks": threads, "workers": threads, "checkpoint": 256}
    return {
        "hubkit, whole reports": {"units": "report", "memory": False},
        "hubkit, sections": {"memory": False},
        "hubkit, sections and memory": {},
        f"hubkit, whole reports, {threads} workers": {"units": "report", "memory": False, **workers},
        f"hubkit, sections, {threads} workers": {"memory": False, **workers},
        f"hubkit, sections and memory, {threads} workers": workers,
    }


def sample_texts(count: int, seed: int) -> list[Text]:
    """Draw reports of sentences in any order, findings four fifths of the words."""
    rng = random.Random(seed)
    common = [_sentences(rng, 8) for _ in range(COMMON_IMPRESSIONS)]
    texts = []
    for _ in range(count):
        words = min(max(rng.lognormvariate(0, SPREAD) * MEDIAN_WORDS, 10), 250)
        impression = rng.choice(common) if rng.random() < COMMON_SHARE else _sentences(rng, words / 5)
        texts.append(Text(_sentences(rng, words - len(impression.split())), impression))
    return texts


def _sentences(rng: random.Random, words: float) -> str:
    said = [sample_sentence(rng)[0]]
    while sum(len(sentence.split()) for sentence in said) < words - 3:
        said.append(sample_sentence(rng)[0])
    return " ".join(said)


def loop(texts: list[Text], settings: Translation) -> Rate:
    """The rate of the original study's way: one after another, greedy, to the same limit as hubkit's."""
    started, tokens = time.perf_counter(), 0
    model, tokenizer = load_language_model(settings.model, settings.revision, settings.quantization, settings.device)
    for text in texts:
        chat = Prompt.of(settings).messages("report", text.report)
        inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True, return_tensors="pt")
        with torch.inference_mode():
            limit = min(settings.max_new_tokens, 32 + len(text.report))
            output = model.generate(**inputs.to(model.device), max_new_tokens=limit, do_sample=False)
        written = output[0, inputs["input_ids"].shape[1] :]
        tokenizer.decode(written, skip_special_tokens=True)
        tokens += len(written)
    return Rate(len(texts) / (time.perf_counter() - started), tokens / len(texts))


def stage(texts: list[Text], table: dict[str, Any]) -> Rate:
    """The rate of the stage translate, from studies.parquet to translations.parquet."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder), Path(folder) / "partial")
        rows = [
            {
                "subject_id": 10000000 + number,
                "study_id": 50000000 + number,
                "split": "train",
                **text._asdict(),
                "report": text.report,
                "images": [],
                "labels": {},
            }
            for number, text in enumerate(texts)
        ]
        write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
        config = parse_config({"corpus": {"kind": "demo"}, "translation": table})
        started = time.perf_counter()
        translate(config, workspace)
        seconds = time.perf_counter() - started
        rows = read_table(workspace.translations).to_pylist()
    tokens = sum(row["output_tokens"] for row in rows if not row["reused"])
    return Rate(len(texts) / seconds, tokens / len(texts))


def saturate(shape: dict[str, Any], requests: int, prompt: int, new: int) -> None:
    """Print output tokens a second of a random model by continuous batching, and what memory bandwidth allows.

    The limit: a step reads every weight once and the cache of each request it serves, and gives each one token.

    Args:
        shape: of the Gemma 3 language model.
        requests: how many there are.
        prompt: tokens of each prompt.
        new: tokens of each answer.
    """
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GenerationConfig

    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = Gemma3ForCausalLM(Gemma3TextConfig(**shape)).eval()
    torch.set_default_dtype(torch.float32)
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    a_token = shape["num_hidden_layers"] * 2 * shape["num_key_value_heads"] * shape["head_dim"] * 2
    together = min(requests, int(0.9 * torch.cuda.mem_get_info()[0]) // (a_token * (prompt + new)))
    bandwidth = measure_bandwidth(2**31)
    limit = together * bandwidth / (weights + together * a_token * (prompt + new / 2))
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(10, shape["vocab_size"], (requests, prompt), generator=generator).tolist()
    settings = GenerationConfig(do_sample=False, max_new_tokens=new, eos_token_id=-1, pad_token_id=0)
    model.generate_batch(prompts[:8], generation_config=settings)
    torch.cuda.synchronize()
    started = time.perf_counter()
    outputs = model.generate_batch(prompts, generation_config=settings)
    seconds = time.perf_counter() - started
    tokens = sum(len(output.generated_tokens) for output in outputs.values())
    print(f"\n{torch.cuda.get_device_name()}: {weights / 1e9:.1f} GB of weights, {bandwidth / 1e9:.0f} GB/s measured")
    print(f"{len(outputs)} of {requests} requests, {tokens} output tokens in {seconds:.1f} s")
    print(f"{tokens / seconds:.0f} output tokens/s, bandwidth allows {limit:.0f} with {together} requests at a time")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODELS["translator"], help="the model, a folder")
    parser.add_argument("--quantization", default="bf16", choices=["nf4", "bf16", "fp32"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--reports", type=int, default=9600, help="reports that hubkit translates")
    parser.add_argument("--loop", type=int, default=120, help="how many of them the loop translates")
    parser.add_argument("--batch-tokens", type=int, default=131072, help="that a model this small has memory for")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
