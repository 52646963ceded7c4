"""What transformers and sentence-transformers push and load; prints a JSON object: "" or the fault by act."""

from __future__ import annotations

import json
from collections.abc import Callable

import torch
from huggingface_hub import HfApi
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

MODEL, SENTENCES = "maintainer/tiny-bert", "maintainer/tiny-sentences"
FOUND: dict[str, str] = {}


def act(function: Callable[[], None]) -> None:
    try:
        function()
        FOUND[function.__name__] = ""
    except Exception as error:  # noqa: BLE001
        FOUND[function.__name__] = f"{type(error).__name__}: {error}"


WORDS = {
    word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "derrame", "pleural"])
}
CONFIG = BertConfig(
    vocab_size=len(WORDS), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
)
BERT = BertModel(CONFIG).eval()


@act
def transformers_pushes() -> None:
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    BERT.push_to_hub(MODEL)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).push_to_hub(MODEL)


@act
def transformers_loads() -> None:
    loaded, tokenizer = AutoModel.from_pretrained(MODEL).eval(), AutoTokenizer.from_pretrained(MODEL)
    words = tokenizer("derrame pleural", return_tensors="pt")
    assert words["input_ids"].tolist() == [[5, 6]]
    with torch.no_grad():
        assert torch.equal(loaded(**words).last_hidden_state, BERT(**words).last_hidden_state)


@act
def transformers_pushes_to_a_branch_and_as_a_pull_request() -> None:
    HfApi().create_branch(MODEL, branch="dev")
    BERT.push_to_hub(MODEL, revision="dev", commit_message="To a branch")
    BERT.push_to_hub(MODEL, create_pr=True, commit_message="Propose")
    assert AutoModel.from_pretrained(MODEL, revision="dev").config.hidden_size == 8


@act
def sentence_transformers_pushes_and_loads() -> None:
    body = Transformer(MODEL)
    model = SentenceTransformer(modules=[body, Pooling(8)], device="cpu")
    model.push_to_hub(SENTENCES)
    loaded = SentenceTransformer(SENTENCES, device="cpu")
    assert loaded.encode("derrame pleural").tolist() == model.encode("derrame pleural").tolist()
    assert "sentence-transformers" in HfApi().model_info(SENTENCES).tags


print(json.dumps(FOUND))
