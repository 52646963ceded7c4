"""How the published metric compares with bert-score 0.3.13: the same numbers, sooner, in less memory.

    python benchmarks/bertscore.py speed [--studies 965] [--hidden 768] [--layer 12] [--repeated 0.2] [--device cuda]
    python benchmarks/bertscore.py speed --encoder FOLDER --layer N --reports FOLDER
    python benchmarks/bertscore.py memory [--pairs 100000]
    python benchmarks/bertscore.py parity --encoder FOLDER --layer N --reports FOLDER [--sentences 500]

`speed` scores three systems against the same references: with one bert-score call a system, with one bert-score call
a pair (the original study's loop, timed on a few pairs and multiplied), and with the metric in float32 and bfloat16. It
stands beside the time that the products with the weights alone take, at the rate of a single product here. Without
--encoder it is a BERT of BERTimbau's shape with random weights; without --reports the texts are invented words, all
different unless --repeated says what share of a system's reports are one and the same. With --reports, references and
systems are different reports of the collection, which repeat themselves as often as they do.

`memory` is the peak of a process that scores so many pairs of distinct texts with an encoder of XLM-R large's shape up
to layer 17. After the first pairs its layers are held and not run, since they hold no more than they did by then.
`parity` compares scores on sentences of reports, which are read from XML files and never shown.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import re
import resource
import tempfile
import time
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hubkit.published import published

SYLLABLES = re.findall(r"\w+", "de ra me pleu ral con so li da ção tó rax pul mo nar ves i")
LOOP_PAIRS = 20
SYSTEMS = 3


class Timed(NamedTuple):
    """What came out, and the seconds by the clock and of the processor: on a busy machine these say more."""

    result: Any
    clock: float
    cpu: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "memory", "parity"])
    parser.add_argument("--encoder", help="folder of an encoder; without it a BERT with random weights")
    parser.add_argument("--layer", type=int, default=12)
    parser.add_argument("--hidden", type=int, default=768, help="dimensions of the random encoder")
    parser.add_argument("--device", default="cpu", help="where speed is measured")
    parser.add_argument("--batch-size", type=int, default=64, help="texts a batch of bert-score's")
    parser.add_argument("--studies", type=int, default=965)
    parser.add_argument("--words", type=int, default=60, help="words a report, the median")
    parser.add_argument("--repeated", type=float, default=0.0, help="share of a system's reports that are the same")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--reports", type=Path, help="folder of OpenI's XML files")
    parser.add_argument("--sentences", type=int, default=500)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("HF_HOME", home)
        {"speed": speed, "memory": memory, "parity": parity}[options.what](options, Path(home))


def speed(options: argparse.Namespace, home: Path) -> None:
    """Time for three systems, with bert-score and with the metric."""
    import torch

    encoder = options.encoder or str(random_encoder(home / "encoder", hidden=options.hidden, layers=options.layer))
    model = {"encoder": encoder, "layer": options.layer, "device": options.device}
    references, *systems = corpora(options)
    distinct = len({text for texts in (references, *systems) for text in texts})
    reports = f"{SYSTEMS} systems of {len(references)} reports, {distinct} distinct texts"
    print(f"{reports}, {torch.get_num_threads()} threads")
    texts = {"batch_size": options.batch_size}
    batched = timed("bert-score, a call a system", lambda: [theirs(s, references, **model, **texts) for s in systems])
    few = zip(systems[0][:LOOP_PAIRS], references[:LOOP_PAIRS], strict=True)
    loop = timed(f"bert-score, a call a pair ({LOOP_PAIRS})", lambda: [theirs([s], [r], **model) for s, r in few])
    calls = SYSTEMS * len(references) / LOOP_PAIRS
    print(f"  all pairs at that pace: {loop.clock * calls:.0f} s")
    stacked, repeated = [text for system in systems for text in system], references * SYSTEMS
    for dtype in ("float32", "bfloat16"):
        script("ENCODERS").cache_clear()  # bert-score's calls load theirs as well
        found = timed(f"the metric, {dtype}", functools.partial(ours, stacked, repeated, **model, dtype=dtype))
        pace = f"{batched.clock / found.clock:.2f} by the clock, {batched.cpu / found.cpu:.2f} in CPU seconds"
        print(f"  times as fast as the call a system: {pace}")
        print(f"  times as fast as the call a pair: {loop.clock * calls / found.clock:.1f} by the clock")
        print(f"  largest difference {np.abs(np.concatenate(batched.result) - found.result).max():.1e}")
        print(f"  {limit(references, systems, dtype=dtype, **model)}", flush=True)


def memory(options: argparse.Namespace, home: Path) -> None:
    """Peak memory over pairs of distinct texts."""
    import torch

    encoder = str(random_encoder(home / "encoder", hidden=1024, layers=17, vocabulary=250_002))
    draw = random.Random(0)
    texts = invented(draw, 2 * options.pairs, options.words)
    ours(texts[:64], texts[64:128], encoder, 17, "cpu")
    before, loaded = peak(), script("load_encoder")(encoder, 17, None, "cpu")
    held, loaded.model.encoder.layer = loaded.model.encoder.layer, torch.nn.ModuleList()
    timed(f"the metric, {options.pairs} pairs", lambda: ours(*halves(texts), encoder, 17, "cpu"))
    print(f"  peak {peak():.2f} GiB, of which {before:.2f} GiB after the first 64 pairs through {len(held)} layers")


def parity(options: argparse.Namespace, home: Path) -> None:
    """The largest difference between the two on real sentences, with and without idf."""
    found = {text for report in openi(options.reports) for text in re.split(r"(?<=[.!?])\s+", report)}
    sentences = sorted(text.strip() for text in found if text.strip())
    random.Random(0).shuffle(sentences)
    predictions, references = halves(sentences[: 2 * options.sentences])
    print(f"{len(predictions)} pairs of sentences")
    model = (options.encoder, options.layer, "cpu")
    for idf in (False, True):
        expected = theirs(predictions, references, *model, idf=idf, nthreads=0)
        for dtype in ("float32", "bfloat16"):
            difference = np.abs(expected - ours(predictions, references, *model, idf=idf, dtype=dtype)).max()
            print(f"  idf {idf}, {dtype}: largest difference {difference:.1e}")


def corpora(options: argparse.Namespace) -> list[list[str]]:
    """References and three systems, a report a study."""
    draw, count = random.Random(0), options.studies
    texts = openi(options.reports) if options.reports else invented(draw, (1 + SYSTEMS) * count, options.words)
    draw.shuffle(texts)
    found = [texts[at * count : (at + 1) * count] for at in range(1 + SYSTEMS)]
    for system in found[1:]:
        same = round(options.repeated * count)
        system[:same] = [system[0]] * same
    return found


def limit(references: list[str], systems: list[list[str]], encoder: str, layer: int, device: str, dtype: str) -> str:
    """The time of the products with the encoder's weights alone, each distinct text once."""
    import torch
    from torch.utils.benchmark import Timer

    loaded = script("load_encoder")(encoder, layer, None, device)
    texts = list({text for corpus in (references, *systems) for text in corpus})
    tokens = sum(len(text.ids) for text in loaded.tokenize(texts, 512))
    weights = sum(m.weight.numel() for m in loaded.model.encoder.modules() if isinstance(m, torch.nn.Linear))
    width = loaded.model.config.hidden_size
    one = torch.nn.Linear(width, 4 * width, device=device, dtype=getattr(torch, dtype))
    batch = torch.randn(1024, width, device=device, dtype=getattr(torch, dtype))
    timer = Timer("one(batch)", globals={"one": one, "batch": batch}, num_threads=torch.get_num_threads())
    rate = 2 * batch.numel() * 4 * width / timer.blocked_autorange(min_run_time=2).median
    return f"the products alone: {2 * weights * tokens / rate:.1f} s at {rate / 1e9:.0f} GFLOP/s"


def theirs(
    predictions: list[str], references: list[str], encoder: str, layer: int, device: str, **settings: Any
) -> Any:
    """bert-score's precision, recall and F1, pairs x 3."""
    import bert_score

    settings |= {"model_type": encoder, "num_layers": layer, "device": device}
    return np.stack([column.numpy() for column in bert_score.score(predictions, references, **settings)], axis=1)


def ours(predictions: list[str], references: list[str], encoder: str, layer: int, device: str, **settings: Any) -> Any:
    """The published metric's precision, recall and F1, pairs x 3."""
    settings |= {"model_type": encoder, "num_layers": layer, "device": device}
    found = metric().compute(predictions=predictions, references=references, **settings)
    return np.stack([found[measure] for measure in ("precision", "recall", "f1")], axis=1)


@functools.cache
def metric() -> Any:
    import evaluate

    return evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))


def script(name: str) -> Any:
    """A name of the metric's script, as `evaluate` imported it."""
    return type(metric())._compute.__globals__[name]


def random_encoder(folder: Path, hidden: int, layers: int, vocabulary: int = 29_794) -> Path:
    """A BERT with random weights and a WordPiece tokenizer learned from the invented words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    draw = random.Random(1)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=1000, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator((word(draw) for _ in range(5000)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": hidden // 64}
    BertModel(BertConfig(vocab_size=vocabulary, intermediate_size=4 * hidden, **sizes)).save_pretrained(folder)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names).save_pretrained(folder)
    return folder


def openi(folder: Path) -> list[str]:
    """Findings and impression of each report, in the order of the files' names."""
    found = []
    for path in sorted(folder.rglob("*.xml")):
        parts = [part for part in ElementTree.parse(path).iter("AbstractText") if part.text]
        found.append(" ".join(part.text for part in parts if part.get("Label") in ("FINDINGS", "IMPRESSION")))
    return [text for text in found if text.strip()]


def invented(draw: random.Random, count: int, words: int) -> list[str]:
    """Texts whose lengths vary as those of reports do, by a factor of three to either side."""
    vocabulary = [word(draw) for _ in range(2000)]
    return [" ".join(draw.choices(vocabulary, k=max(1, int(words * 3 ** draw.uniform(-1, 1))))) for _ in range(count)]


def word(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=draw.randint(1, 4)))


def halves(texts: list[str]) -> tuple[list[str], list[str]]:
    return texts[: len(texts) // 2], texts[len(texts) // 2 :]


def timed(what: str, work: Callable[[], Any]) -> Timed:
    """Run `work`, and say what it took."""
    clock, cpu = time.perf_counter(), time.process_time()
    found = Timed(work(), time.perf_counter() - clock, time.process_time() - cpu)
    print(f"  {what}: {found.clock:.1f} s by the clock, {found.cpu:.1f} s of CPU", flush=True)
    return found


def peak() -> float:
    """The most memory that this process ever held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
