"""Studies -> tensors of a training step: the labels cover the answer alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError
from hubkit.models.conversation import answer_text, ask, encode

IGNORED = -100
"""The label of positions that the loss leaves out."""

Sample = dict[str, Any]
"""The tensors of one study."""


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """Say what a worker of the DataLoader found in its own words: torch puts the worker's traceback around them."""
    try:
        yield
    except HubkitError as error:
        if "\n" not in error.what:
            raise
        _, _, said = error.what.rstrip().splitlines()[-1].partition(": ")
        raise type(error)(said) from None


class Collator:
    """Builds a batch from rows with `study_id`, `images` (paths) and `answer`.

    The question is encoded as in generation; the tokens of the answer and of the end of its turn follow. Labels are
    `IGNORED` on question, images and padding, which comes last.

    Args:
        prompt: the question to the model.
        max_length: tokens that a sample may have; the answer is cut, never the images. None: no limit.
        keep: bytes of prepared images that are kept for the next epoch.
    """

    def __init__(self, processor: Any, prompt: str, max_length: int | None = None, keep: int = 1 << 30):
        self.processor, self.prompt, self.max_length = processor, prompt, max_length
        self._room = keep
        self._kept: dict[int, Sample] = {}

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return ids, mask, token types and labels of shape (rows, tokens), `pixel_values` and `study_ids`."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        samples = [self._kept.get(row["study_id"]) or self._sample(row) for row in rows]
        padding = {"input_ids": self.processor.tokenizer.pad_token_id, "labels": IGNORED}
        batch = {
            name: pad_sequence([sample[name] for sample in samples], True, padding.get(name, 0))
            for name in ("input_ids", "attention_mask", "token_type_ids", "labels")
        }
        pixels = [sample["pixel_values"] for sample in samples if "pixel_values" in sample]
        if pixels:
            batch["pixel_values"] = torch.cat(pixels)
        return batch | {"study_ids": torch.tensor([row["study_id"] for row in rows])}

    def _sample(self, row: dict[str, Any]) -> Sample:
        import torch

        question = ask([Path(path) for path in row["images"]], self.prompt)
        encoded = encode(self.processor, [question], [row["study_id"]])
        asked = encoded["input_ids"][0]
        text = answer_text(self.processor, question, row["answer"])
        answer = self.processor.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"][0]
        if self.max_length is not None:
            answer = answer[: max(0, self.max_length - len(asked))]
            if not len(answer):
                raise HubkitError(
                    f"the question with its images has {len(asked)} tokens, which leaves none for the answer",
                    where=f"study {row['study_id']}",
                    hint="raise [finetuning] max_length",
                )
        ids = torch.cat([asked, answer])
        sample: Sample = {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "token_type_ids": torch.cat([encoded["token_type_ids"][0], torch.zeros_like(answer)]),
            "labels": torch.cat([torch.full_like(asked, IGNORED), answer]),
        }
        if "pixel_values" in encoded:
            sample["pixel_values"] = encoded["pixel_values"]
        size = sum(tensor.nbytes for tensor in sample.values())
        if size <= self._room:
            self._room -= size
            self._kept[row["study_id"]] = sample
        return sample
