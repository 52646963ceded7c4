"""Whether a model's chat template takes the turns that hubkit writes, found before anything is translated."""

from __future__ import annotations

from typing import Any

from hubkit.errors import UsageError
from hubkit.translation.prompt import Prompt

SAMPLE = "The lungs are clear."


def check_template(tokenizer: Any, model: str, prompt: Prompt) -> None:
    """Write a sample request with the chat template of `model`.

    Raises:
        UsageError: there is no template, it refuses the turns of `prompt.template`, or leaves one out.
    """
    from jinja2 import TemplateError

    if tokenizer.chat_template is None:
        raise UsageError(
            "the model has no chat template, so it cannot be asked",
            where=model,
            hint="set [translation] model to an instruction-tuned model",
        )
    sample = prompt.messages("findings", SAMPLE)
    try:
        written = tokenizer.apply_chat_template(sample, tokenize=False, add_generation_prompt=True)
    # A template that expects a text where there is a list, or a list where there is a text, raises TypeError.
    except (TemplateError, TypeError):
        written = ""
    if SAMPLE in written and (prompt.template == "translategemma" or prompt.system.strip() in written):
        return
    if prompt.template == "system":
        raise no_system_role(model)
    raise UsageError(
        f"the chat template of this model does not take requests of template {prompt.template!r}",
        where=model,
        hint="set [translation] template to another of system, user, translategemma",
    )


def no_system_role(model: str) -> UsageError:
    """The error for a model whose chat template takes no turn of the system."""
    return UsageError(
        "the chat template of this model takes no system turn",
        where=model,
        hint='set [translation] template = "user", or "translategemma" for that model',
    )
