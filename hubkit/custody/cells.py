"""Making cells; `hubkit.custody.sealed` says how they are built, and opens them."""

from __future__ import annotations

import json
from typing import Any

from hubkit.custody.sealed import CHEXPERT_LABELS, SPANS, CellPlace, GroupKey
from hubkit.errors import HubkitError

KIND = CellPlace._fields.index("kind") + 1
"""Where a place names the kind; the release's name is two of its parts."""

SHORT, STEP = 128, 256
"""Lengths tell little: a normal impression is as long as any other short one. Finer steps tell more, coarser ones
double the files."""


FIXED = {"chexpert": 72, "spans": 80, "float": 32, "double": 32}
"""Bytes of the cells of kinds whose values take about as many: 14 labels are 71 at most, six spans of a report of
fewer than 10,000 words 73, a number 24. One size for all tells nothing, however small it is."""


def seal(value: Any, place: bytes, key: GroupKey) -> bytes:
    """The cell of `value` whose first bytes, as `header` gives them, are `place`.

    Raises:
        HubkitError: JSON does not know the value, such as a number that is none.
    """
    text = _json(value, place)
    fixed = FIXED.get(place[2:].split(b"/")[KIND].decode(), 0)
    plaintext = text.ljust(fixed) if len(text) <= fixed else pad(text)
    nonce = key.nonce(place, plaintext)
    return place + nonce + key.cipher.encrypt(nonce, plaintext, place)


def pad(text: bytes) -> bytes:
    """Spaces after `text` up to 128 bytes, else up to a multiple of 256: what follows JSON does not change it."""
    return text.ljust(SHORT if len(text) <= SHORT else -(-len(text) // STEP) * STEP)


def _json(value: Any, place: bytes) -> bytes:
    if isinstance(value, dict):
        value = [value[label] for label in CHEXPERT_LABELS]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        # In a fixed order and without names, so that the length does not tell which sections a report has.
        places = {span["section"]: (span["start"], span["stop"]) for span in value}
        value = [places.get(name) for name in SPANS]
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise HubkitError(
            "holds a value that JSON does not know",
            where=place[2:].decode(),
            hint="numbers that are not finite cannot be sealed; correct the table, then: hubkit release",
        ) from None
