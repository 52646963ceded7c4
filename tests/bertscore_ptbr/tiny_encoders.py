"""Encoders of the two architectures with random weights, and sentences to score; both are made up here."""

from __future__ import annotations

import random
from pathlib import Path

SIDES = ("à direita", "à esquerda", "bilateral", "nas bases", "no lobo superior direito")
FINDINGS = ("derrame pleural", "pneumotórax", "opacidade", "consolidação", "atelectasia laminar", "fratura de costela")
OPENINGS = ("Não há", "Há", "Nota-se pequeno volume de", "Sem sinais de", "Persiste discreta imagem de")
ENDINGS = (".", ", sem alteração em relação ao exame anterior.", "; o coração tem tamanho normal.", " (3 cm).")


def sentences(count: int, seed: int = 0) -> list[str]:
    """Invented sentences of one to four clauses, some of them twice."""
    draw = random.Random(seed)

    def clause() -> str:
        return f"{draw.choice(OPENINGS)} {draw.choice(FINDINGS)} {draw.choice(SIDES)}{draw.choice(ENDINGS)}"

    return [" ".join(clause() for _ in range(draw.randint(1, 4))) for _ in range(count)]


def save_bert(folder: Path, *, knows_length: bool = True) -> Path:
    """A BERT of 4 layers with a WordPiece tokenizer; without `knows_length` the tokenizer has no model_max_length."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(sentences(400), trainers.WordPieceTrainer(vocab_size=160, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=64,
            initializer_range=0.3,
        )
    ).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        **({"model_max_length": 512} if knows_length else {}),
    ).save_pretrained(folder)
    return folder


def save_xlm_roberta(folder: Path) -> Path:
    """An XLM-R of 3 layers with a Unigram tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=special, unk_token="<unk>")
    tokenizer.train_from_iterator(sentences(400), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    torch.manual_seed(1)
    XLMRobertaModel(
        XLMRobertaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=24,
            num_hidden_layers=3,
            num_attention_heads=3,
            intermediate_size=48,
            max_position_embeddings=514,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            initializer_range=0.3,
        )
    ).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=512,
    ).save_pretrained(folder)
    return folder
