"""Cells: one value of one row, sealed with AES-256-GCM-SIV (RFC 8452) and bound to its place.

A cell is: one byte, the version of the format (1); one byte n; n bytes, its place in UTF-8; 12 bytes, the nonce; the
rest, ciphertext and 16 bytes of tag. All before the nonce is the associated data. The plaintext is the value as JSON,
with spaces after it up to a length step, so that a length tells little.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hubkit.custody.digests import group_of
from hubkit.custody.keys import NONCE_BYTES, GroupKey, Keyring
from hubkit.errors import HubkitError
from hubkit.tables import CHEXPERT_LABELS

FORMAT = 1
SHORT, STEP = 128, 256
MAX_PLACE = 255


class CellPlace(NamedTuple):
    """Where a cell belongs; written with a slash between its parts.

    Attributes:
        release: the release's repo, `namespace/name`.
        version: its version.
        config: the dataset's config.
        split: its split on the Hub.
        rows: rows of that split of that config.
        column: name of the column.
        kind: type of the value: string, int8, int32, float32, strings (a list) or chexpert (the 14 labels).
        subject: the subject's id; its first two digits name the folder of the corpus, and with it the key.
        study: the study's id.
        row: the row's number in its split, from 0.
    """

    release: str
    version: str
    config: str
    split: str
    rows: int
    column: str
    kind: str
    subject: int
    study: int
    row: int

    def header(self) -> bytes:
        """The first bytes of a cell of this place."""
        return header("/".join(str(part) for part in self).encode())


def header(place: bytes) -> bytes:
    """Version of the format, length of the place, place.

    Raises:
        HubkitError: the place is too long.
    """
    if len(place) > MAX_PLACE:
        raise HubkitError(
            f"the place of a cell has {len(place)} bytes, and {MAX_PLACE} at most fit", where=place.decode()
        )
    return bytes((FORMAT, len(place))) + place


def read_place(cell: bytes) -> CellPlace:
    """The place that a cell claims, which opening it proves.

    Raises:
        HubkitError: it is no cell, or of another version of the format.
    """
    if not cell or cell[0] != FORMAT:
        raise HubkitError(
            "a sealed cell is damaged, or written by another version of hubkit", hint="update hubkit, download it again"
        )
    try:
        parts = cell[2 : 2 + cell[1]].decode().split("/")
        namespace, name, version, config, split, rows, column, kind, subject, study, row = parts
        release, numbers = f"{namespace}/{name}", (int(subject), int(study), int(row))
        return CellPlace(release, version, config, split, int(rows), column, kind, *numbers)
    except (ValueError, IndexError):
        raise HubkitError("the place of a sealed cell cannot be read", hint="download the file again") from None


def seal(value: Any, place: bytes, key: GroupKey) -> bytes:
    """The cell of `value` whose first bytes, as `header` gives them, are `place`.

    Raises:
        HubkitError: JSON does not know the value, such as a number that is none.
    """
    plaintext = pad(_json(value, place))
    nonce = key.nonce(place, plaintext)
    return place + nonce + key.cipher.encrypt(nonce, plaintext, place)


def unseal(cell: bytes, place: bytes, key: GroupKey) -> Any:
    """The value of a cell that starts with `place`.

    Raises:
        HubkitError: it was changed, or the key is not its own.
    """
    from cryptography.exceptions import InvalidTag

    start = len(place)
    try:
        if not cell.startswith(place):
            raise InvalidTag
        plaintext = key.cipher.decrypt(cell[start : start + NONCE_BYTES], cell[start + NONCE_BYTES :], place)
        return json.loads(plaintext.decode())
    except (InvalidTag, ValueError):
        # A nonce that is cut short is a ValueError. No cause is kept: it would hold the key's methods in the traceback.
        raise _does_not_open(place) from None


def open_cell(cell: bytes, keys: Keyring) -> Any:
    """The value of a cell at the place that it claims itself, as `Sealed` reads it: labels as a dict.

    Raises:
        HubkitError: it is of another release, was changed, or the corpus does not fit.
    """
    place = read_place(cell)
    if (place.release, place.version) != (keys.release, keys.version):
        raise HubkitError(
            f"a cell of {place.release} {place.version} stands among those of {keys.release} {keys.version}"
        )
    return from_json(unseal(cell, place.header(), keys.key(group_of(place.subject))), place.kind)


def from_json(value: Any, kind: str) -> Any:
    """A value as the plain table has it, from its JSON."""
    if kind == "chexpert" and value is not None:
        return dict(zip(CHEXPERT_LABELS, value, strict=True))
    return value


def pad(text: bytes) -> bytes:
    """Spaces after `text` up to 128 bytes, else up to a multiple of 256: what follows JSON does not change it."""
    return text.ljust(SHORT if len(text) <= SHORT else -(-len(text) // STEP) * STEP)


def _json(value: Any, place: bytes) -> bytes:
    if isinstance(value, dict):
        value = [value[label] for label in CHEXPERT_LABELS]
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise HubkitError("holds a value that JSON does not know", where=place[2:].decode()) from None


def _does_not_open(place: bytes) -> HubkitError:
    found = read_place(place)
    return HubkitError(
        f"{found.column} of study {found.study} does not open: it was changed, or the folder"
        f" {group_of(found.subject)} of your corpus is not that of {found.release} {found.version}",
        where=f"{found.config}/{found.split}",
        hint="hubkit unseal says which reports are missing or too many",
    )
