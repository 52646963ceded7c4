"""What a request asks for, by JSON or in its query: refused where it is not of the shape that is going to be read."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

from hubkit.localhub.errors import Refusal

SHA256 = re.compile(r"[0-9a-f]{64}")

_NAMES = {str: "a string", int: "an integer", bool: "a boolean", dict: "an object", list: "an array"}


def body(request: Request, shape: Any) -> Any:
    """The JSON of a request, in the shape that `fitting` describes.

    Raises:
        Refusal: it is not JSON, or has another shape (400).
    """
    return fitting(parsed(request.state.body), shape)


def parsed(text: bytes) -> Any:
    """Read JSON.

    Raises:
        Refusal: it is none (400).
    """
    try:
        value = json.loads(text)
        # Half a surrogate pair is valid JSON, and no text that could be kept.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal(400, "Malformed JSON") from None
    return value


def fitting(value: Any, shape: Any, name: str = "The body") -> Any:
    """`value`, without the keys that `shape` does not have.

    Args:
        shape: a type; a pattern that a text has to match; `[shape]` for an array; or a dict of shapes by key, of which
            `"key?"` may be missing, and null is as good as missing.
        name: what a refusal calls the value.

    Raises:
        Refusal: it does not fit (400).
    """
    if isinstance(shape, re.Pattern):
        if not shape.fullmatch(fitting(value, str, name)):
            raise Refusal(400, f"{name} is not valid")
        return value
    kind = shape if isinstance(shape, type) else type(shape)
    fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    if not fits:
        raise Refusal(400, f"{name} must be {_NAMES[kind]}")
    if isinstance(shape, list):
        return [fitting(item, shape[0], f"Each item of {name}") for item in value]
    return _fields(value, shape) if isinstance(shape, dict) else value


def number(request: Request, name: str, default: int, least: int = 0) -> int:
    """A number in the query of a request.

    Raises:
        Refusal: it is not a whole number, or less than `least` (400).
    """
    text = request.query_params.get(name, str(default))
    if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
        raise Refusal(400, f'"{name}" must be an integer of at least {least}')
    return int(text)


def _fields(value: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, wanted in shape.items():
        name = key.removesuffix("?")
        if value.get(name) is not None:
            found[name] = fitting(value[name], wanted, f'"{name}"')
        elif name == key:
            raise Refusal(400, f'"{name}" is required')
    return found
