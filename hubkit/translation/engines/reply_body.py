"""Read the body of a server's reply: JSON, packed or not, or a stream of events that nobody asked for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from typing import Any

MOST_BYTES = 64 * 2**20
"""The largest body that is unpacked. A translation takes kilobytes; what packs better is a fault or an attack."""

PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Content encodings, and the window bits that zlib takes for each. Some proxies pack what nobody asked them to."""

STREAM_END = "[DONE]"


def read_body(content: bytes, encoding: str | None = None) -> Any:
    """Return the JSON value of a body, of a stream of chat chunks the whole completion.

    Args:
        encoding: the header Content-Encoding.

    Returns:
        None where the body is neither, or is cut off.
    """
    unpacked = _unpack(content, (encoding or "").strip().lower())
    if unpacked is None:
        return None
    try:
        return json.loads(unpacked)
    # A body of 100,000 brackets is nested too deeply.
    except (ValueError, RecursionError):
        return _completion_of(unpacked)


def _unpack(content: bytes, encoding: str) -> bytes | None:
    if encoding not in PACKED:
        return content
    unpacker = zlib.decompressobj(PACKED[encoding])
    try:
        unpacked = unpacker.decompress(content, MOST_BYTES)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None


def _completion_of(content: bytes) -> Any:
    """Join server-sent events; None where they are not whole: without `[DONE]` and without a reason why they end."""
    lines = [line[5:].strip() for line in content.decode("utf-8", "replace").splitlines() if line.startswith("data:")]
    try:
        chunks = [json.loads(line) for line in lines if line and line != STREAM_END]
    except (ValueError, RecursionError):
        return None
    failed = next((chunk for chunk in chunks if isinstance(chunk, dict) and chunk.get("error")), None)
    if failed is not None or not chunks:
        return failed
    try:
        joined = _joined(chunks)
    except (KeyError, IndexError, TypeError, AttributeError):
        return None
    whole = STREAM_END in lines or joined["choices"][0]["finish_reason"] is not None
    return joined if whole else None


def _joined(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, str] = {}
    reason = usage = None
    for chunk in chunks:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"][:1]:
            reason = choice.get("finish_reason") or reason
            for name, text in (choice.get("delta") or {}).items():
                if name in ("content", "reasoning", "reasoning_content") and text:
                    message[name] = message.get(name, "") + text
    return {"choices": [{"message": {"content": None, **message}, "finish_reason": reason}], "usage": usage}
