"""What the adapter says when it is asked to repeat a training report: probes, and their answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.audit.verbatim import WORD
from hubkit.config import Generation
from hubkit.generation.batch_size import ON_CPU
from hubkit.generation.decoding import decoding
from hubkit.models.conversation import ask, encode
from hubkit.models.device_errors import device_errors
from hubkit.models.loading import Loaded
from hubkit.models.samples import Sample
from hubkit.progress import Progress
from hubkit.workspace import write_json

TOKENS = 160
"""Tokens of an answer: more than LENGTHS[-1] words of Portuguese, which come to some two tokens each."""

NO_MEMORY = "set [generation] batch_size lower"

PROBES = ("first_words", "black", "other", "own")
"""The first words of the report with black images; the prompt with black images, with those of a study that was not
trained on, and with the study's own. Shown these, a good adapter says what the report says, which proves no memory."""

BLIND = ("first_words", "black")
"""The probes in which no image shows anything: what is repeated there comes from memory. A good description of a test
study's images may equal a training report by chance, above all where reports are alike."""


BEAMS = 2
"""Beams of a second answer to each blind probe. Greedy decoding ends its repetition at one word that is second best;
of 20 planted reports three ended so, after 14, 17 and 31 of 62 words. Two beams get past it at twice the cost."""


class Probe(NamedTuple):
    """What is asked.

    Attributes:
        kind: one of PROBES.
        images: the images that are shown.
        begun: the words with which the answer is made to begin; empty where it is free.
        beams: of the search for the answer; 1: greedy.
    """

    study_id: int
    kind: str
    images: tuple[Path, ...]
    begun: str
    beams: int = 1


def probes(samples: Sequence[Sample], strange: Sequence[Sample], words: int, folder: Path) -> list[Probe]:
    """The probes of studies, in order; each blind one is asked greedily and with BEAMS.

    Args:
        samples: studies of the training split.
        strange: studies that were not trained on, whose images are shown in place of theirs.
        words: of the report that are given.
        folder: where black images are kept.
    """
    found = []
    for at, sample in enumerate(samples):
        other = strange[at % len(strange)]
        black, begun = in_black(sample.images, folder), first_words(sample.reference, words)
        for beams in (1, BEAMS):
            found += [
                Probe(sample.study_id, "first_words", black, begun, beams),
                Probe(sample.study_id, "black", black, "", beams),
            ]
        found += [
            Probe(sample.study_id, "other", other.images, ""),
            Probe(sample.study_id, "own", sample.images, ""),
        ]
    return found


def first_words(text: str, count: int) -> str:
    """The beginning of a text up to its word number `count`, at most half of its words: the rest is for the adapter."""
    words = list(WORD.finditer(text))
    kept = words[: min(count, len(words) // 2)]
    return text[: kept[-1].end()] if kept else ""


def answers(loaded: Loaded, settings: Generation, asked: Sequence[Probe], folder: Path) -> dict[str, list[str]]:
    """The answers to all probes, by kind; what was given to begin with is not in them.

    Each batch is kept in `folder`, so that a run that was cut off goes on with the next. The folder holds what the
    adapter wrote and goes away with the stage. Probes that are alike, as most with black images are, are asked once.
    """
    short = settings.model_copy(update={"max_new_tokens": min(TOKENS, settings.max_new_tokens), "do_sample": False})
    known = {name: text for path in folder.glob("*.json") for name, text in _read(path).items()}
    first = {_question(probe): probe for probe in reversed(asked)}
    alone = [probe for probe in asked if first[_question(probe)] is probe]
    with Progress("audit: completions", len(alone), len(known)) as progress, device_errors(NO_MEMORY):
        for batch in _batches(alone, settings.batch_size or ON_CPU):
            if all(_name(probe) in known for probe in batch):
                continue
            said = _answer(loaded, short, batch)
            made = {_name(probe): text for probe, text in zip(batch, said, strict=True)}
            write_json(folder / f"{_name(batch[0])}.json", made)
            known |= made
            progress.advance(len(batch))
    return {kind: [known[_name(first[_question(probe)])] for probe in asked if probe.kind == kind] for kind in PROBES}


def _question(probe: Probe) -> tuple[Any, ...]:
    return (probe.kind, *probe[2:])


def _read(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _batches(asked: Sequence[Probe], size: int) -> list[list[Probe]]:
    """Probes of one kind with one number of images, `size` beams at a time."""
    groups: dict[tuple[str, int, int], list[Probe]] = {}
    for probe in asked:
        groups.setdefault((probe.kind, len(probe.images), probe.beams), []).append(probe)
    return [
        group[at : at + step]
        for (_, _, beams), group in sorted(groups.items())
        for step in [max(1, size // beams)]
        for at in range(0, len(group), step)
    ]


def _answer(loaded: Loaded, settings: Generation, batch: Sequence[Probe]) -> list[str]:
    import torch

    questions = [ask(probe.images, settings.prompt) for probe in batch]
    inputs = encode(loaded.processor, questions, [probe.study_id for probe in batch])
    tokenizer = loaded.processor.tokenizer
    begun = [tokenizer(probe.begun, add_special_tokens=False)["input_ids"] for probe in batch]
    inputs = _continued(inputs, begun, tokenizer.pad_token_id).to(loaded.model.device, dtype=loaded.model.dtype)
    config = decoding(loaded.model, settings)
    config.update(num_beams=batch[0].beams)
    with torch.inference_mode():
        output = loaded.model.generate(**inputs, generation_config=config)
    new = output[:, inputs["input_ids"].shape[1] :]
    return [tokenizer.decode(tokens, skip_special_tokens=True).strip() for tokens in new]


def _continued(inputs: Any, begun: Sequence[Sequence[int]], padding: int) -> Any:
    """Put the tokens that an answer begins with behind each question, and pad on the left again."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    asked = inputs["attention_mask"].bool()
    empty = {"input_ids": padding, "attention_mask": 0, "token_type_ids": 0}
    more = [torch.tensor(tokens, dtype=torch.long) for tokens in begun]
    for name, value in empty.items():
        added = more if name == "input_ids" else [torch.full_like(one, int(name == "attention_mask")) for one in more]
        rows = [torch.cat([row[kept], new]) for row, kept, new in zip(inputs[name], asked, added, strict=True)]
        inputs[name] = pad_sequence(rows, batch_first=True, padding_value=value, padding_side="left")
    return inputs


def in_black(images: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Black images of the same sizes, which are kept in `folder`."""
    return tuple(_black(image, folder) for image in images)


def _black(image: Path, folder: Path) -> Path:
    """A black image of the same size."""
    from PIL import Image

    with Image.open(image) as shown:
        size: Any = shown.size
    path = folder / f"black-{size[0]}x{size[1]}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size).save(path)
    return path


def _name(probe: Probe) -> str:
    return f"{probe.kind}-{probe.study_id}-{probe.beams}"
