"""Trains the demo's encoders, so that BERTScore puts a right translation above a wrong one.

The loss is a contrast over BERTScore itself: the F1 of a text with what says the same must stand above its F1 with
texts of other studies and with the same text after one clinical error, such as a side or a negation turned round.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from demo_models.captions import english, portuguese
from demo_models.optimise import optimise, start
from demo_models.vocabulary import bert_tokenizer, sample_texts, xlm_roberta_tokenizer
from hubkit.demo.facts import sample_facts
from hubkit.demo.grammar import sample_sentence, write_report

if TYPE_CHECKING:
    import torch

STEPS = 400
BATCH = 16
TEMPERATURE = 0.05
SENTENCE_SHARE = 0.5
"""Share of batches of single sentences; the others are of whole reports."""

ERRORS = (
    ("esquerdo", "direito"),
    ("esquerda", "direita"),
    ("Não há", "Há"),
    ("Não se observa", "Observa-se"),
    ("Sem evidência", "Evidência"),
    ("sem ", "com "),
    ("superior", "inferior"),
    ("equeno", "oderado"),
    ("leve", "acentuado"),
    ("normal", "aumentado"),
    ("derrame", "espessamento"),
    ("derrame", "pneumotórax"),
    ("consolidação", "opacidade"),
    ("edema", "nódulo"),
    ("atelectasia", "pneumonia"),
    ("íntegras", "fraturadas"),
    ("limpos", "opacos"),
)
"""Words that a wrong translation has in place of one another."""


Draw = Callable[[random.Random, bool], tuple[str, str]]
"""Draws two texts that say the same: whole reports, or else sentences."""


class Triple(NamedTuple):
    """A text, another that says the same, and one with a clinical error in it."""

    anchor: str
    right: str
    wrong: str


SHAPE: dict[str, Any] = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


def train_bertimbau(folder: Path, steps: int = STEPS) -> None:
    """Train a BERT encoder of Portuguese, where right is the same report in other words, and write it to `folder`."""
    from transformers import BertConfig, BertModel

    start(seed=3)
    tokenizer = bert_tokenizer(sample_texts(3000, languages=(2,)))
    model = BertModel(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=512, **SHAPE))
    _train(model, tokenizer, rephrased, steps, "bertimbau")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def train_xlm_roberta(folder: Path, steps: int = STEPS) -> None:
    """Train an XLM-R encoder, where right is the Portuguese of an English text, and write it to `folder`."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    start(seed=4)
    tokenizer = xlm_roberta_tokenizer(sample_texts(3000))
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **SHAPE,
    )
    model = XLMRobertaModel(config)
    _train(model, tokenizer, translated, steps, "xlm-roberta")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _train(model: Any, tokenizer: Any, draw: Draw, steps: int, what: str) -> None:
    import torch

    target = torch.arange(BATCH)

    def loss(batch: list[Triple]) -> torch.Tensor:
        anchors, right, wrong = (_embed(model, tokenizer, list(texts)) for texts in zip(*batch, strict=True))
        with_all = f1_matrix(*anchors, *right)
        with_wrong = [f1_matrix(*(part[at, None] for part in (*anchors, *wrong))) for at in range(BATCH)]
        scores = torch.cat([with_all, torch.cat(with_wrong)], dim=1)
        return torch.nn.functional.cross_entropy(scores / TEMPERATURE, target)

    optimise(model, _batches(draw, what), loss, steps, what, rate=0.01, rate_rest=2e-3)
    lift(model)


def lift(model: Any) -> None:
    """Move all vectors of the last layer along one direction, so that cosines c become about (c + 1) / 2.

    Vectors of real encoders lie in a narrow cone. Without it unlike texts have cosines around 0, where the harmonic
    mean of precision and recall has a pole and BERTScore no meaning; the order of the scores stays.
    """
    model.encoder.layer[-1].output.LayerNorm.bias.data += 1.0


def _embed(model: Any, tokenizer: Any, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit vectors of the last layer (texts, tokens, hidden) and the mask of tokens that are no padding."""
    import torch

    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    hidden = model(**encoded).last_hidden_state
    return torch.nn.functional.normalize(hidden, dim=-1), encoded["attention_mask"].bool()


def f1_matrix(
    references: torch.Tensor, known: torch.Tensor, candidates: torch.Tensor, said: torch.Tensor
) -> torch.Tensor:
    """BERTScore F1 of each reference with each candidate (https://arxiv.org/abs/1904.09675), all tokens matched.

    Args:
        references: unit vectors of shape (references, tokens, hidden); `known` masks their padding.
        candidates: the same of the candidates; `said` masks theirs.

    Returns:
        F1 of shape (references, candidates).
    """
    import torch

    similar = torch.einsum("rth,cuh->rctu", references, candidates)
    similar = similar.masked_fill(~(known[:, None, :, None] & said[None, :, None, :]), -1.0)
    recall = (similar.amax(3) * known[:, None]).sum(2) / known.sum(1)[:, None]
    precision = (similar.amax(2) * said[None]).sum(2) / said.sum(1)[None]
    # Their harmonic mean has a pole where opposite vectors make the sum zero; trained encoders are far from it.
    recall, precision = recall.clamp(min=0.01), precision.clamp(min=0.01)
    return 2 * precision * recall / (precision + recall)


def _batches(draw: Draw, seed: str) -> Iterator[list[Triple]]:
    rng = random.Random(seed)
    while True:
        batch: dict[str, Triple] = {}
        whole = rng.random() > SENTENCE_SHARE
        while len(batch) < BATCH:
            anchor, right = draw(rng, whole)
            wrong = with_error(right, rng)
            if wrong is not None:
                batch[right] = Triple(anchor, right, wrong)
        yield list(batch.values())


def rephrased(rng: random.Random, whole: bool) -> tuple[str, str]:
    """Draw two Portuguese reports of the same facts, or a sentence twice."""
    if not whole:
        sentence = sample_sentence(rng)[1]
        return sentence, sentence
    facts = sample_facts(rng)
    return portuguese(write_report(facts, rng)), portuguese(write_report(facts, rng))


def translated(rng: random.Random, whole: bool) -> tuple[str, str]:
    """Draw an English report or sentence and its Portuguese."""
    if not whole:
        return sample_sentence(rng)
    report = write_report(sample_facts(rng), rng)
    return english(report), portuguese(report)


def with_error(text: str, rng: random.Random) -> str | None:
    """Return a Portuguese text with one clinical error put in, or None where there is nothing to get wrong."""
    errors = [pair for one, other in ERRORS for pair in ((one, other), (other, one)) if pair[0] in text]
    if not errors:
        return None
    right, wrong = rng.choice(errors)
    places = text.count(right)
    pieces = text.split(right)
    at = rng.randrange(places) + 1
    return right.join(pieces[:at]) + wrong + right.join(pieces[at:])
