"""Studies -> tensors of a training step: the labels cover the answer alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError
from hubkit.finetuning.tower import Features
from hubkit.models.conversation import answer_text, ask, encode

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""The label of positions that the loss leaves out."""

Sample = dict[str, Any]
"""The tensors of one study; its pixels are kept in uint8."""


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


class Pixels:
    """Packs pixels as the processor gives them into a quarter of their bytes, and gives back the same bits.

    A processor that rescales and normalises makes one float of each of 256 values: the value is kept in its place.
    Pixels that are none of those floats stay as they are.
    """

    def __init__(self, processor: Any):
        from PIL import Image

        size = processor.image_processor.size
        values = np.resize(np.arange(256, dtype=np.uint8), (size["height"], size["width"]))
        image = Image.fromarray(np.stack([values] * 3, axis=-1))
        made = processor.image_processor(images=[image], return_tensors="pt")["pixel_values"][0]
        self.floats = made.flatten(1)[:, :256].numpy()

    def pack(self, pixels: torch.Tensor) -> torch.Tensor:
        """From (images, channels, height, width) to the same in uint8, or to what was given."""
        import torch

        low, high = (self.floats[:, at, None, None] for at in (0, -1))
        if self.floats.shape[1] < 256 or not (high > low).all():
            return pixels
        values = np.rint((pixels.numpy() - low) / (high - low) * 255).clip(0, 255).astype(np.uint8)
        packed = torch.from_numpy(values)
        return packed if torch.equal(self.unpack(packed), pixels) else pixels

    def unpack(self, packed: torch.Tensor) -> torch.Tensor:
        import torch

        if packed.dtype != torch.uint8:
            return packed
        channels = zip(self.floats, packed.numpy().swapaxes(0, 1), strict=True)
        return torch.from_numpy(np.stack([floats[values] for floats, values in channels], axis=1))


class Collator:
    """Builds a batch from rows with `study_id`, `images` (paths) and `answer`.

    The question is encoded as in generation; the tokens of the answer and of the end of its turn follow. Labels are
    `IGNORED` on question, images and padding, which comes last.

    Args:
        prompt: the question to the model.
        max_length: tokens that a sample may have; the answer is cut, never the images. None: no limit.
        keep: bytes of prepared studies that are kept for the next epoch, in each process that prepares them. 1 GiB
            holds 220 studies of two images of 896 pixels.
        features: of the images of all studies, in place of their pixels.
    """

    def __init__(
        self,
        processor: Any,
        prompt: str,
        max_length: int | None = None,
        keep: int = 1 << 30,
        features: Features | None = None,
    ):
        self.processor, self.prompt, self.max_length = processor, prompt, max_length
        self.features, self._pixels = features, Pixels(processor)
        self._room = keep
        self._kept: dict[int, Sample] = {}

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return ids, mask, token types and labels of shape (rows, tokens), `pixel_values` and `study_ids`.

        Where the features of the images are kept, `image_features` takes the place of `pixel_values`.
        """
        import torch
        from torch.nn.utils.rnn import pad_sequence

        samples = [self._kept.get(row["study_id"]) or self._sample(row) for row in rows]
        padding = {"input_ids": self.processor.tokenizer.pad_token_id, "labels": IGNORED}
        batch = {
            name: pad_sequence([sample[name] for sample in samples], True, padding.get(name, 0))
            for name in ("input_ids", "attention_mask", "token_type_ids", "labels")
        }
        pixels = [self._pixels.unpack(sample["pixel_values"]) for sample in samples if "pixel_values" in sample]
        if pixels:
            batch["pixel_values"] = torch.cat(pixels)
        if self.features is not None and (shown := [row["study_id"] for row in rows if row["images"]]):
            batch["image_features"] = torch.cat([self.features.read(study) for study in shown])
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
        if "pixel_values" in encoded and self.features is None:
            sample["pixel_values"] = self._pixels.pack(encoded["pixel_values"])
        size = sum(tensor.nbytes for tensor in sample.values())
        if size <= self._room:
            self._room -= size
            self._kept[row["study_id"]] = sample
        return sample
