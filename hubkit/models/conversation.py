"""The conversation with a vision-language model, the same in training and in generation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError
from hubkit.models.loading import first_line
from hubkit.models.samples import Sample

Message = dict[str, Any]


def ask(images: Sequence[Path], prompt: str, examples: Sequence[Sample] = ()) -> list[Message]:
    """Return the messages that ask for the report of `images`, after answered `examples`.

    Raises:
        HubkitError: an image cannot be read.
    """
    answered = [message for example in examples for message in _answered(example, prompt)]
    return [*answered, _question(images, prompt)]


def encode(processor: Any, conversations: list[list[Message]], studies: Sequence[int] = ()) -> Any:
    """Render and tokenise conversations in one step, so that there is exactly one BOS, and prepare their images.

    Args:
        studies: study_ids that the conversations are about, for the error.

    Returns:
        `input_ids`, `attention_mask` and `token_type_ids` (1 on image tokens) of shape (conversations, tokens), padded
        on the left; `pixel_values` of shape (images, channels, height, width) where there are images.

    Raises:
        HubkitError: the processor refuses an image or the prompt.
    """
    try:
        return processor.apply_chat_template(
            conversations,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )
    except (IndexError, TypeError, ValueError) as error:
        raise HubkitError(
            f"the processor refuses the images or the prompt: {first_line(error)}",
            where=named(studies),
            hint="look at the prepared images, [generation] prompt, and the processor files of the base",
        ) from error


def named(studies: Sequence[int]) -> str:
    """Studies as an error names them."""
    return ("study " if len(studies) == 1 else "studies ") + ", ".join(str(study) for study in studies)


def answer_text(processor: Any, question: list[Message], answer: str) -> str:
    """Return `answer` as the chat template writes it after `question`, with the end of the turn."""
    prompt = processor.apply_chat_template(question, add_generation_prompt=True, tokenize=False)
    turn = [*question, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]
    whole: str = processor.apply_chat_template(turn, tokenize=False)
    if not whole.startswith(prompt):
        raise HubkitError(
            "the chat template renders a question otherwise once it is answered: training would not fit generation",
            hint="take the chat template of the base model as it was published",
        )
    return whole[len(prompt) :].rstrip()


def open_image(path: Path) -> Any:
    """Read a prepared image as RGB.

    Raises:
        HubkitError: it is missing or cannot be decoded.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise HubkitError("the prepared image is missing", where=path, hint="run: hubkit read") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise HubkitError("the image cannot be decoded", where=path, hint="delete it and run: hubkit read") from None


def _question(images: Sequence[Path], prompt: str) -> Message:
    shown = [{"type": "image", "image": open_image(path)} for path in images]
    return {"role": "user", "content": [*shown, {"type": "text", "text": prompt}]}


def _answered(example: Sample, prompt: str) -> list[Message]:
    answer = {"role": "assistant", "content": [{"type": "text", "text": example.reference}]}
    return [_question(example.images, prompt), answer]
