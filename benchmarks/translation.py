"""How many reports a second of processor time translates, against one `generate` a report as in the original study.

    python benchmarks/translation.py [--reports 2400] [--loop 60] [--quantization bf16] [--serve COMMAND]

The same model on the same machine translates the same texts, in the same precision: by the loop, by hubkit in this
process (whole reports, sections, sections with the translation memory), with --threads 2 or more by hubkit's executor
`local` with a worker a thread, and with --serve by a server such as vLLM through hubkit's engine openai.

What counts is processor time, of this process and of all that it starts: on a machine that others use,
times by the clock mean nothing. Each side runs twice: all sides in one order, then all in the other. A
ratio is printed where the halves of both its sides agree within 1.3. Loading the model and all that the
stage does (checks, checkpoints, tables) counts. What is imported does not, but in the workers, which have
to start; nor does the start of a server. The loop translates a sample of all lengths, every second one in
each half. Texts are sentences of the demo's grammar, which say nothing of any patient. Reports have a
median of 60 words and a 95th percentile of about 137 (log-normal), and half of the impressions are one of
20, about as in the open reports of Indiana University.

Where there is a CUDA device, a model of random weights in the shape of MedGemma's 27B answers by continuous batching
besides, and its output tokens a second are printed beside what the device's memory bandwidth allows.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pyarrow as pa
import torch
from bandwidth import measure_bandwidth

from hubkit.config import Translation, parse_config
from hubkit.demo.config import MODELS
from hubkit.demo.grammar import sample_sentence
from hubkit.models.loading import load_language_model
from hubkit.tables import STUDIES
from hubkit.translation.engines.private_http import Client
from hubkit.translation.engines.server import Server
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


AGREED = 1.3
"""The halves of a side may differ by this factor. Beyond it, the machine was measured and not the code."""


class Rate(NamedTuple):
    """Reports, output tokens, and the seconds of processor time that they took."""

    reports: int
    tokens: int
    seconds: float

    @property
    def speed(self) -> float:
        return self.reports / self.seconds


class Side(NamedTuple):
    """One way of translating, measured twice."""

    first: Rate
    second: Rate

    @property
    def speed(self) -> float:
        return (self.first.reports + self.second.reports) / (self.first.seconds + self.second.seconds)

    @property
    def tokens(self) -> float:
        return (self.first.tokens + self.second.tokens) / (self.first.reports + self.second.reports)

    @property
    def spread(self) -> float:
        """How many times as fast the faster half was."""
        return max(self.first.speed, self.second.speed) / min(self.first.speed, self.second.speed)


def faster(side: Side, base: Side) -> str:
    """The ratio of two sides, or that there is none."""
    if max(side.spread, base.spread) > AGREED:
        return "none"
    return f"{side.speed / base.speed:.1f}x"


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
    sides: dict[str, Callable[[int], Rate]] = {
        "one generate a report": lambda half: loop(sample[half::2], Translation(**table))
    }
    for name, way in _ways(arguments.threads).items():
        sides[name] = lambda half, way=way: stage(texts, {**table, **way})  # type: ignore[misc]
    if arguments.serve:
        sides["the server, sections"] = lambda half: served(texts, table, arguments.serve, arguments.model)
    tell(measure(sides))
    if torch.cuda.is_available():
        saturate(MEDGEMMA_27B, requests=256, prompt=180, new=150)


def measure(sides: dict[str, Callable[[int], Rate]]) -> dict[str, Side]:
    """Measure each side twice: all of them in one order, then all in the other, so that none has the quiet hour."""
    first = {name: side(0) for name, side in sides.items()}
    second = {name: side(1) for name, side in reversed(sides.items())}
    return {name: Side(first[name], second[name]) for name in sides}


def tell(sides: dict[str, Side]) -> None:
    """Print the sides, each against the first."""
    base = next(iter(sides.values()))
    print(f"{'':<40}{'reports per processor second':>30}{'halves':>16}{'faster':>9}{'tokens/report':>15}")
    for name, side in sides.items():
        halves = f"{side.first.speed:.2f}, {side.second.speed:.2f}"
        print(f"{name:<40}{side.speed:>30.2f}{halves:>16}{faster(side, base):>9}{side.tokens:>15.1f}")
    unsteady = [name for name, side in sides.items() if side.spread > AGREED]
    if unsteady:
        print(f"no ratio: the halves differ by more than {AGREED} for {', '.join(unsteady)}; measure again")


def _ways(threads: int) -> dict[str, dict[str, Any]]:
    ways: dict[str, dict[str, Any]] = {
        "hubkit, whole reports": {"units": "report", "memory": False},
        "hubkit, sections": {"memory": False},
        "hubkit, sections and memory": {},
    }
    workers = {"tasks": threads, "workers": threads, "checkpoint": 256}
    together = {f"{name}, {threads} workers": {**way, **workers} for name, way in ways.items()}
    return ways | (together if threads > 1 else {})


def processor_seconds(servers: list[psutil.Process] | None = None) -> float:
    """Seconds of processor time so far, of this process, of those that it started and that ended, and of `servers`."""
    times = psutil.Process().cpu_times()
    own = times.user + times.system + times.children_user + times.children_system
    running = [process.cpu_times() for process in servers or []]
    return own + sum(one.user + one.system for one in running)


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
    started, tokens = processor_seconds(), 0
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
    return Rate(len(texts), tokens, processor_seconds() - started)


def served(texts: list[Text], table: dict[str, Any], command: str, model: Path) -> Rate:
    """The rate of the stage translate by a server; its processes are counted from when it is healthy."""
    server = Server(command.replace("{model}", str(model)), None)
    server.start(Client(server.url))
    try:
        family = psutil.Process(server._process.pid).children(recursive=True)  # type: ignore[union-attr]
        way = {"engine": "openai", "base_url": server.url, "concurrency": 128, "memory": False}
        return stage(texts, {**table, **way}, family)
    finally:
        server.stop()


def stage(texts: list[Text], table: dict[str, Any], servers: list[psutil.Process] | None = None) -> Rate:
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
        started = processor_seconds(servers)
        translate(config, workspace)
        seconds = processor_seconds(servers) - started
        rows = read_table(workspace.machine_translations).to_pylist()
    tokens = sum(row["output_tokens"] for row in rows if not row["reused"])
    return Rate(len(texts), tokens, seconds)


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
    parser.add_argument("--reports", type=int, default=2400, help="reports that hubkit translates")
    parser.add_argument("--loop", type=int, default=60, help="how many of them the loop translates")
    parser.add_argument("--batch-tokens", type=int, default=131072, help="that a model this small has memory for")
    parser.add_argument("--threads", type=int, default=1, help="of each side; with 2 or more, workers run too")
    parser.add_argument("--serve", help="the command line of a server, with {model} and {port} filled in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
