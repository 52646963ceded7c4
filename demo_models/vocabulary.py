"""Tokenizers of the demo's models, trained on its grammar: built as Gemma's, BERT's and XLM-R's are, but small."""

from __future__ import annotations

import json
import math
import random
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.demo.grammar import sample_report

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")

IMAGE_TOKENS = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}

GEMMA_SPECIAL = (
    "<pad>",
    "<eos>",
    "<bos>",
    "<unk>",
    "<mask>",
    "<start_of_turn>",
    "<end_of_turn>",
    *IMAGE_TOKENS.values(),
)


def sample_texts(reports: int, languages: tuple[int, ...] = (1, 2)) -> Iterator[str]:
    """Yield the sections of reports from the grammar: language 1 is English, 2 Portuguese."""
    rng = random.Random("vocabulary")
    for _ in range(reports):
        for section in sample_report(rng)[1].sections:
            yield from (section[language] for language in languages)


def gemma_tokenizer(texts: Iterable[str], size: int = 2048) -> PreTrainedTokenizerBase:
    """Train a tokenizer as Gemma 3 has it: BPE with byte fallback, spaces as "▁", digits one by one, chat template."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import AddedToken, GemmaTokenizer

    learner = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    learner.normalizer = normalizers.Replace(" ", "▁")
    # No merge crosses a word, a digit or a mark, so that words are the units, as in a vocabulary of 262,000 entries.
    learner.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁?_+|▁?\p{L}+|▁?\p{N}|▁?[^\p{L}\p{N}_▁]|▁"), "isolated")
    special = [*GEMMA_SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    learner.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    model: Any = json.loads(learner.to_str())["model"]
    tokenizer = GemmaTokenizer(
        vocab=model["vocab"],
        merges=[tuple(merge) for merge in model["merges"]],  # type: ignore[misc]
        extra_special_tokens=IMAGE_TOKENS,
        add_bos_token=True,
    )
    turns = [AddedToken(token, special=True) for token in ("<start_of_turn>", "<end_of_turn>")]
    tokenizer.add_tokens(turns, special_tokens=True)
    tokenizer.chat_template = CHAT_TEMPLATE.read_text(encoding="utf-8")
    return tokenizer


def bert_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """Make a cased WordPiece tokenizer of the words in `texts`; as BERTimbau's, it names no longest input.

    The words are counted and not learnt: the trainers of WordPiece and Unigram give another vocabulary each time.
    """
    from tokenizers import pre_tokenizers
    from transformers import BertTokenizer

    splitter = pre_tokenizers.BertPreTokenizer()
    words = Counter(word for text in texts for word, _ in splitter.pre_tokenize_str(text))
    letters = sorted({letter for word in words for letter in word} | set(string.printable.strip()))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    entries = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *_by_count(words)])
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    return BertTokenizer(vocab=vocabulary, do_lower_case=False, strip_accents=False)


def xlm_roberta_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """Make a Unigram tokenizer as XLM-R has it of the words in `texts`, for inputs of 512 tokens at the most."""
    from tokenizers import Regex, pre_tokenizers
    from transformers import XLMRobertaTokenizer

    splitter = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex(r"[^\p{L}_]"), "isolated")]
    )
    # The split also gives the offset at which a word begins: the first of a line or one after a space opens with "▁".
    words = Counter(
        ("▁" if start == 0 or text[start - 1] == " " else "") + word
        for text in texts
        for word, (start, _) in splitter.pre_tokenize_str(text)
    )
    letters = sorted({letter for word in words for letter in word} | set(string.printable.strip()))
    scores = dict.fromkeys(letters, RARE)
    scores |= {word: math.log(words[word] / words.total()) for word in _by_count(words)}
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    return XLMRobertaTokenizer(vocab=[*special, *scores.items(), ("<mask>", 0.0)], model_max_length=512)


RARE = -20.0
"""Log-probability of a single letter in the Unigram tokenizer: below that of any word."""


def _by_count(words: Counter[str]) -> list[str]:
    return sorted(words, key=lambda word: (-words[word], word))
