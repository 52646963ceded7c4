from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from translation_server import SENTENCES, translation_server

from hubkit.tables import STUDIES
from hubkit.workspace import Workspace, write_table

TEMPLATE = (
    "{{ bos_token }}{% set first = messages[0] %}{% for m in messages[1:] %}<start_of_turn>"
    "{{ 'model' if m.role == 'assistant' else 'user' }}\n{% if loop.first %}{{ first.content }}\n\n{% endif %}"
    "{{ m.content }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def build_model(folder, layers=2, hidden=64, vocabulary=400, seed=0):
    """Save a Gemma 3 language model with random weights and a tokenizer trained on the sentences above."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, PreTrainedTokenizerFast

    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=specials, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        chat_template=TEMPLATE,
    )
    torch.manual_seed(seed)
    config = Gemma3TextConfig(
        vocab_size=len(fast),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=hidden // 2,
        max_position_embeddings=2048,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )
    model = Gemma3ForCausalLM(config)
    model.generation_config.eos_token_id = [1, fast.convert_tokens_to_ids("<end_of_turn>")]
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    return build_model(tmp_path_factory.mktemp("models") / "tiny-gemma3")


@pytest.fixture
def make_workspace(tmp_path):
    """A function that lays out a workspace with studies of the given sections."""

    def make(studies, name="work"):
        workspace = Workspace(tmp_path / name)
        rows = [
            {
                "subject_id": 10000000 + number,
                "study_id": 50000000 + number,
                "split": "train",
                "report": "\n".join(text for text in sections.values() if text),
                "images": [],
                "labels": {},
                **sections,
            }
            for number, sections in enumerate(studies)
        ]
        write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
        return workspace

    return make


@pytest.fixture
def studies():
    """Twelve studies; impressions repeat, one has neither findings nor impression, and one has blank findings."""
    found = []
    for number in range(12):
        findings = " ".join(SENTENCES[(number + step) % 6] for step in range(1 + number % 4))
        found.append({"indication": "Cough.", "findings": findings, "impression": SENTENCES[5 * (number % 2)]})
    found[3] = {"last_paragraph": SENTENCES[2]}
    found[4]["findings"] = " "
    return found


@pytest.fixture
def moody():
    """A server on loopback that translates as it is told to."""
    server = translation_server()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
