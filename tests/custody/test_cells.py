"""A cell opens in its own place, unchanged, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.custody.cells import seal
from hubkit.custody.sealed import MAX_PLACE, CellPlace, GroupKey, Keyring, from_json, open_cell, read_place, unseal
from hubkit.errors import HubkitError
from hubkit.tables import CHEXPERT_LABELS

PLACE = CellPlace("lab/mimic-cxr-ptbr", "1.0.0", "default", "train", 12, "report", "string", 10_000_100, 50_000_000, 3)
KEY = GroupKey(bytes(range(32)), "lab/mimic-cxr-ptbr", "1.0.0", "p10")
TEXT = "IMPRESSÃO: sem alterações."
LABELS = dict.fromkeys(CHEXPERT_LABELS) | {"Edema": 1, "Fracture": -1}

VALUES = st.one_of(st.none(), st.text(), st.integers(-(2**63), 2**63 - 1), st.lists(st.text()))


@given(VALUES)
def test_what_is_sealed_opens(value: Any) -> None:
    place = PLACE.header()
    cell = seal(value, place, KEY)
    assert unseal(cell, place, KEY) == value
    assert cell == seal(value, place, KEY)


@pytest.mark.parametrize(("value", "kind"), [(LABELS, "chexpert"), (None, "chexpert"), (0.1, "float"), (True, "bool")])
def test_every_kind_comes_back(value: Any, kind: str) -> None:
    place = PLACE._replace(kind=kind).header()
    assert from_json(unseal(seal(value, place, KEY), place, KEY), kind) == value


@pytest.mark.parametrize(
    "other",
    [
        {"release": "lab/mimic-cxr-en"},
        {"release": "bal/mimic-cxr-ptbr"},
        {"version": "1.0.1"},
        {"config": "generations"},
        {"split": "test"},
        {"rows": 11},
        {"column": "impression"},
        {"kind": "strings"},
        {"subject": 10_000_101},
        {"subject": 11_000_100},
        {"study": 50_000_007},
        {"row": 4},
    ],
    ids=str,
)
def test_a_cell_opens_at_no_other_place(other: dict[str, Any]) -> None:
    cell = seal(TEXT, PLACE.header(), KEY)
    place = PLACE._replace(**other).header()
    for forged in (cell, place + cell[len(PLACE.header()) :]):
        with pytest.raises(HubkitError, match="does not open"):
            unseal(forged, place, KEY)


def test_no_bit_of_a_cell_can_be_changed(keys: Keyring) -> None:
    cell = seal(TEXT, PLACE.header(), keys.key("p10"))
    assert open_cell(cell, keys) == TEXT
    for at in range(len(cell)):
        for bit in range(8):
            changed = bytearray(cell)
            changed[at] ^= 1 << bit
            with pytest.raises(HubkitError):
                open_cell(bytes(changed), keys)


def test_a_cell_cannot_be_cut(keys: Keyring) -> None:
    cell = seal(TEXT, PLACE.header(), keys.key("p10"))
    for length in range(len(cell)):
        with pytest.raises(HubkitError):
            open_cell(cell[:length], keys)
    with pytest.raises(HubkitError):
        open_cell(cell + b"\0", keys)


@given(st.binary(max_size=120))
def test_wild_bytes_are_no_cell(wild: bytes) -> None:
    for cell in (wild, b"\x01" + wild):
        try:
            place = read_place(cell)
        except HubkitError:
            continue
        assert cell[2 : 2 + cell[1]].count(b"/") == len(place)


def test_two_texts_at_one_place_share_no_nonce_and_tell_nothing_of_one_another() -> None:
    start = len(PLACE.header())
    one, other = (seal(text, PLACE.header(), KEY) for text in ("Coração normal.", "Coração normal!"))
    assert one[start : start + 12] != other[start : start + 12]
    same = sum(a == b for a, b in zip(one[start + 12 :], other[start + 12 :], strict=True))
    assert same < 12  # of 144 bytes; chance gives less than one


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        ((None, "", "Sem alterações.", "Sem evidência de pneumotórax ou derrame pleural."), 1),
        (([], ["findings:negation_added"], ["impression:failed"]), 1),
        ((LABELS, dict.fromkeys(CHEXPERT_LABELS), dict.fromkeys(CHEXPERT_LABELS, -1), None), 1),
        ((0.0, 0.8371236324310303), 1),
        (("x" * 126, "x" * 127, "x" * 254, "x" * 255), 3),
    ],
)
def test_lengths_tell_little(values: tuple[Any, ...], sizes: int) -> None:
    assert len({len(seal(value, PLACE.header(), KEY)) for value in values}) == sizes


def test_what_cannot_be_sealed_is_said_without_the_value() -> None:
    with pytest.raises(HubkitError, match="a value that JSON does not know") as error:
        seal(float("nan"), PLACE.header(), KEY)
    assert "default/train" in str(error.value)
    with pytest.raises(HubkitError, match=f"{MAX_PLACE} at most"):
        PLACE._replace(column="x" * 300).header()
