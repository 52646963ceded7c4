"""The prompts that are tried: those of a file, and the one that is set."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.errors import UsageError

SHIPPED = Path(__file__).with_name("prompts.toml")

SET = "set"
"""What the set prompt is called where the file does not have it."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}")
"""Short, so that a table of all conditions fits a screen of 80 columns."""

PLACEHOLDER = re.compile(r"\{[^{}]*\}|<[^<>]*>|\[[^\[\]]*\]")
"""Where a template expects a value: {indication}, <laudo>, [exame]. A question has images and this text, no more."""


class Prompt(NamedTuple):
    """A question to the model.

    Attributes:
        is_set: whether it is that of [generation] prompt.
    """

    name: str
    text: str
    is_set: bool


def read_prompts(path: Path | None, set_prompt: str) -> list[Prompt]:
    """The prompts of a file, or those that hubkit ships, and the set one if it is not among them.

    Raises:
        UsageError: the file is missing or not TOML, or a prompt in it cannot be used.
    """
    where = path or SHIPPED
    texts = _texts(where)
    if len(texts) < 2:
        raise UsageError(f"has {len(texts)} prompt: to compare takes two", where=where, hint="add one below [prompts]")
    found = [Prompt(name, text, text == set_prompt) for name, text in texts.items()]
    if not any(prompt.is_set for prompt in found):
        if SET in texts:
            hint = f"give it another name: {SET} is the one of [generation] prompt"
            raise UsageError(f"[prompts] {SET} is not the set prompt", where=where, hint=hint)
        found.append(Prompt(SET, set_prompt, True))
    return found


def _texts(path: Path) -> dict[str, str]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "set [sensitivity] prompts to a TOML file, or leave it out"
        raise UsageError("is missing", where=path, hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=path, hint="it has to be a TOML file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        hint = 'below [prompts] a line for each: name = "text"'
        raise UsageError(f"is not TOML: {error}", where=path, hint=hint) from None
    table = values.get("prompts")
    if not isinstance(table, dict) or not table:
        raise UsageError("has no prompts", where=path, hint='below [prompts] a line for each: name = "text"')
    texts: dict[str, str] = {}
    for name, text in table.items():
        problem = _problem(name, text, texts)
        if problem:
            raise UsageError(f"[prompts] {name[:40]}: {problem[0]}", where=path, hint=problem[1])
        texts[name] = text
    return texts


def _problem(name: str, text: Any, others: dict[str, str]) -> tuple[str, str] | None:
    """What is wrong with a prompt, and what helps."""
    if not NAME.fullmatch(name):
        return "is not a name", "at most 20 lower-case letters, digits, - and _"
    if not isinstance(text, str) or not text.strip():
        return "has no text", f'{name} = "text"'
    if placeholder := PLACEHOLDER.search(text):
        return f"nothing fills in {placeholder[0][:40]}", "write the prompt as the model should read it"
    if text in others.values():
        return "is the text of another prompt", "leave one of them out"
    return None
