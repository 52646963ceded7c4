"""How the published metric compares with bert-score 0.3.13: the same numbers, sooner, in less memory.

    python benchmarks/bertscore.py speed [--studies 965] [--encoder FOLDER --layer N]
    python benchmarks/bertscore.py memory [--pairs 100000] [--words 60]
    python benchmarks/bertscore.py parity --encoder FOLDER --layer N --reports FOLDER [--sentences 500]

`speed` scores three systems against the same references: with one bert-score call a system, with one bert-score call
a pair (the original study's loop, timed on a few pairs), and with the metric in float32 and bfloat16. `memory` is the
peak of a process that scores so many pairs of distinct texts. `parity` compares scores on sentences of reports, which
are read from XML files and never shown. Without --encoder the weights are random, and the text is invented words.
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
from typing import Any

import numpy as np

from hubkit.published import published

SYLLABLES = (
    "de",
    "ra",
    "me",
    "pleu",
    "ral",
    "con",
    "so",
    "li",
    "da",
    "ção",
    "tó",
    "rax",
    "pul",
    "mo",
    "nar",
    "ves",
    "i",
)
LOOP_PAIRS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "memory", "parity"])
    parser.add_argument("--encoder", help="folder of an encoder; without it one of e5-small's size with random weights")
    parser.add_argument("--layer", type=int, default=12)
    parser.add_argument("--studies", type=int, default=965)
    parser.add_argument("--words", type=int, default=60, help="words a report, on average")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--reports", type=Path, help="folder of OpenI's XML files")
    parser.add_argument("--sentences", type=int, default=500)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("HF_HOME", home)
        {"speed": speed, "memory": memory, "parity": parity}[options.what](options, Path(home))


def speed(options: argparse.Namespace, home: Path) -> None:
    """Seconds for three systems, of which a fifth of the reports repeat one another as generated reports do."""
    encoder = options.encoder or str(random_encoder(home / "encoder", hidden=384, layers=options.layer))
    draw = random.Random(0)
    vocabulary = [word(draw) for _ in range(2000)]
    references = [report(draw, vocabulary, options.words) for _ in range(options.studies)]
    systems = [[report(draw, vocabulary, options.words) for _ in references] for _ in range(3)]
    for system in systems:
        system[::5] = [system[0]] * len(system[::5])
    print(f"three systems of {len(references)} reports of about {options.words} words")
    baseline = timed(
        "bert-score, a call a system", lambda: [theirs(s, references, encoder, options.layer) for s in systems]
    )
    loop = timed(
        f"bert-score, a call a pair ({LOOP_PAIRS} pairs)",
        lambda: [
            theirs(systems[0][at : at + 1], references[at : at + 1], encoder, options.layer) for at in range(LOOP_PAIRS)
        ],
    )
    print(f"  all pairs at that pace: {loop * 3 * len(references) / LOOP_PAIRS:.0f} s")
    stacked, repeated = [text for system in systems for text in system], references * 3
    for dtype in ("float32", "bfloat16"):
        score = functools.partial(ours, encoder=encoder, layer=options.layer, dtype=dtype)
        score(stacked[:1], references[:1])  # loads the encoder
        seconds = timed(f"the metric, {dtype}", functools.partial(score, stacked, repeated))
        print(f"  {baseline / seconds:.2f} times as fast as bert-score's batched call")


def memory(options: argparse.Namespace, home: Path) -> None:
    """Peak memory over pairs of distinct texts, with embeddings as wide as BERTimbau's out of one small layer."""
    encoder = str(random_encoder(home / "encoder", hidden=768, layers=1, intermediate=64))
    draw = random.Random(0)
    vocabulary = [word(draw) for _ in range(2000)]
    texts = [report(draw, vocabulary, options.words) for _ in range(2 * options.pairs)]
    ours(texts[:1], texts[:1], encoder, 1)
    before = peak()
    timed(
        f"the metric, {options.pairs} pairs",
        lambda: ours(texts[: options.pairs], texts[options.pairs :], encoder, 1),
    )
    print(f"  peak {peak():.2f} GiB, of which {before:.2f} GiB before the first of them")


def parity(options: argparse.Namespace, home: Path) -> None:
    """The largest difference between the two on real sentences, with and without idf."""
    found: set[str] = set()
    for path in sorted(options.reports.rglob("*.xml")):
        for part in ElementTree.parse(path).iter("AbstractText"):
            found.update(
                re.split(r"(?<=[.!?])\s+", part.text or "") if part.get("Label") in ("FINDINGS", "IMPRESSION") else []
            )
    sentences = sorted(text.strip() for text in found if text.strip())
    random.Random(0).shuffle(sentences)
    predictions, references = sentences[: options.sentences], sentences[options.sentences : 2 * options.sentences]
    print(f"{len(predictions)} pairs of sentences")
    model = (options.encoder, options.layer)
    for idf in (False, True):
        expected = theirs(predictions, references, *model, idf=idf, nthreads=0)
        for dtype in ("float32", "bfloat16"):
            difference = np.abs(expected - ours(predictions, references, *model, idf=idf, dtype=dtype)).max()
            print(f"  idf {idf}, {dtype}: largest difference {difference:.1e}")


def theirs(predictions: list[str], references: list[str], encoder: str, layer: int, **settings: Any) -> np.ndarray:
    """bert-score's precision, recall and F1, pairs x 3."""
    import bert_score

    scores = bert_score.score(predictions, references, model_type=encoder, num_layers=layer, **settings)
    return np.stack([column.numpy() for column in scores], axis=1)


def ours(predictions: list[str], references: list[str], encoder: str, layer: int, **settings: Any) -> np.ndarray:
    """The published metric's precision, recall and F1, pairs x 3."""
    import evaluate

    metric = evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))
    found = metric.compute(
        predictions=predictions, references=references, model_type=encoder, num_layers=layer, **settings
    )
    return np.stack([found[measure] for measure in ("precision", "recall", "f1")], axis=1)


def random_encoder(folder: Path, hidden: int, layers: int, intermediate: int | None = None) -> Path:
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
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        intermediate_size=intermediate or 4 * hidden,
    )
    BertModel(config).save_pretrained(folder)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **names).save_pretrained(folder)
    return folder


def word(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=draw.randint(1, 4)))


def report(draw: random.Random, vocabulary: list[str], words: int) -> str:
    """A text whose length varies as that of reports does, by a factor of three to either side."""
    return " ".join(draw.choices(vocabulary, k=max(1, int(words * 3 ** draw.uniform(-1, 1)))))


def timed(what: str, work: Callable[[], object]) -> float:
    """Run `work`, and give the CPU seconds that it took: on a busy machine they say more than the clock does."""
    started, clock = time.process_time(), time.perf_counter()
    work()
    seconds = time.process_time() - started
    print(f"  {what}: {seconds:.1f} s of CPU, {time.perf_counter() - clock:.1f} s by the clock", flush=True)
    return seconds


def peak() -> float:
    """The most memory that this process ever held, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
