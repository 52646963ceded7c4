"""The files of a review: what its digest covers, what a result file may hold, and who can open it."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hubkit.artifacts.review import (
    Envelope,
    Item,
    Reader,
    Reading,
    Review,
    Stratum,
    envelope_json,
    read_review,
    review_digest,
    text_digest,
    write_review,
)
from hubkit.errors import HubkitError, UsageError
from hubkit.review.encryption import Key, check_passphrase, close_envelope, open_envelope

ITEM = Item(id="i0001", study_id=50000001, section="findings", stratum="all", probability=0.5, flags=("side",))
TEXTS = {"i0001": text_digest(["No effusion.", "Sem derrame."])}
ORDER = {"ana": ("i0001", "i0001#2")}
DIGEST = "d" * 64
PASSPHRASE = "quatro palavras sem relação"
READING = {
    "review": DIGEST,
    "reader": "ana",
    "kind": "translation",
    "language": "pt",
    "started": "2026-01-02T10:00:00Z",
    "saved": "2026-01-02T11:00:00Z",
    "may_be_named": None,
    "years": 12,
}
ERROR = {"type": "terminology", "severity": "minor", "source": None, "target": [0, 3], "note": ""}
TRANSLATION = {"item": "i0001", "seconds": 3.5, "verdict": "wrong", "errors": [ERROR], "correction": "Sem derrame."}
GENERATION = {
    "item": "i0001",
    "seconds": 9.0,
    "better": "a",
    "would_sign": {"a": True, "b": False},
    "errors": {"a": [], "b": [{"dimension": "side", "severity": "critical", "note": "esquerda"}]},
}


def test_a_review_comes_back_as_it_was_written(tmp_path: Path) -> None:
    review = Review(
        kind="translation",
        seed=7,
        created=datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        corpus="demo",
        readers=(Reader(id="ana"),),
        strata=(Stratum(name="all", size=2, sampled=1),),
        items=(ITEM,),
        order=ORDER,
        texts=TEXTS,
        digest=review_digest("translation", [ITEM], TEXTS, ORDER, {}),
    )
    write_review(tmp_path, review)
    assert read_review(tmp_path) == review
    with pytest.raises(HubkitError, match=r"review.json: is missing \(hubkit review make\)"):
        read_review(tmp_path / "other")


def test_the_digest_covers_kind_items_texts_and_sides() -> None:
    first = review_digest("translation", [ITEM], TEXTS, ORDER, {})
    # Frozen: pages that were sent out name it.
    assert first == "80bb2451f4afc0327cfe4cb5b8920b95be72f5e9880a91354aa8dad0bfd8a6a8"
    others = [
        review_digest("generation", [ITEM], TEXTS, ORDER, {}),
        review_digest("translation", [ITEM], TEXTS, {"rui": ("i0001",)}, {}),
        review_digest("translation", [ITEM], TEXTS, ORDER, {"ana": {"i0001": {"a": "lora", "b": "zero_shot"}}}),
        review_digest("translation", [ITEM.model_copy(update={"flags": ()})], TEXTS, ORDER, {}),
        review_digest("translation", [ITEM], {"i0001": text_digest(["No effusion.", "Com derrame."])}, ORDER, {}),
    ]
    assert len({first, *others}) == 6
    assert text_digest(["a", "bc"]) != text_digest(["ab", "c"])


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"answers": [TRANSLATION]}, None),
        ({"answers": []}, None),
        ({"kind": "generation", "answers": [GENERATION]}, None),
        ({"answers": [GENERATION]}, "not those of a review of translation"),
        ({"kind": "generation", "answers": [TRANSLATION]}, "not those of a review of generation"),
        ({"answers": [TRANSLATION | {"verdict": "good"}]}, "answers"),
        ({"answers": [TRANSLATION | {"errors": [ERROR | {"type": "spelling"}]}]}, "answers"),
        ({"answers": [TRANSLATION | {"errors": [ERROR | {"target": [3, 3]}]}]}, "ends before it starts"),
        ({"answers": [TRANSLATION | {"errors": [ERROR | {"source": [-1, 3]}]}]}, "ends before it starts"),
        ({"reader": "../ana", "answers": []}, "reader"),
        ({"years": -1, "answers": []}, "years"),
        ({"years": 81, "answers": []}, "years"),
    ],
)
def test_what_a_result_may_hold(values: dict[str, Any], wrong: str | None) -> None:
    if wrong is None:
        assert Reading.model_validate(READING | values).answers == Reading.model_validate(READING | values).answers
        return
    with pytest.raises(ValidationError, match=wrong):
        Reading.model_validate(READING | values)


def sealed(**changed: Any) -> Envelope:
    """A result file as a page writes it, with some of its values changed afterwards."""
    envelope = close_envelope({"answers": [TRANSLATION]}, DIGEST, "ana", Key(PASSPHRASE))
    return Envelope.model_validate(json.loads(json.dumps(envelope_json(envelope) | changed)))


def test_a_result_opens_with_its_passphrase() -> None:
    envelope = sealed()
    assert "derrame" not in json.dumps(envelope_json(envelope))
    assert open_envelope(envelope, PASSPHRASE) == {"answers": [TRANSLATION]}
    # An accent that is typed as a letter and a mark is the same passphrase.
    assert open_envelope(envelope, PASSPHRASE.replace("çã", "c\u0327a\u0303")) == {"answers": [TRANSLATION]}


def test_what_a_corpus_allows_in_clear_says_so() -> None:
    envelope = envelope_json(close_envelope({"answers": []}, DIGEST, "ana", None))
    assert envelope == {
        "hubkit_review": 1,
        "review": DIGEST,
        "reader": "ana",
        "cipher": None,
        "data": {"answers": []},
    }
    assert open_envelope(Envelope.model_validate(envelope), None) == {"answers": []}


@pytest.mark.parametrize(
    ("changed", "passphrase", "wrong"),
    [
        ({}, "another passphrase", "the passphrase does not open it, or it was changed"),
        ({}, None, r"is encrypted \(give the passphrase of the review\)"),
        ({"reader": "ben"}, PASSPHRASE, "the passphrase does not open it, or it was changed"),
        ({"review": "e" * 64}, PASSPHRASE, "the passphrase does not open it, or it was changed"),
        ({"data": "AAAA"}, PASSPHRASE, "the passphrase does not open it, or it was changed"),
        ({"data": "not base64"}, PASSPHRASE, "is not base64, or was changed"),
        ({"data": {}}, PASSPHRASE, "does not say how it is encrypted"),
        ({"kdf": None}, PASSPHRASE, "does not say how it is encrypted"),
        ({"cipher": None}, PASSPHRASE, "is not in clear, and does not say how it is encrypted"),
    ],
)
def test_a_result_that_was_changed_is_refused(changed: dict[str, Any], passphrase: str | None, wrong: str) -> None:
    with pytest.raises(HubkitError, match=wrong):
        open_envelope(sealed(**changed), passphrase)


def test_the_same_text_is_never_encrypted_alike() -> None:
    key = Key(PASSPHRASE)
    (first, one), (second, other) = (key.encrypt(b"text", "label") for _ in range(2))
    assert first.iv != second.iv
    assert one != other
    assert Key(PASSPHRASE).kdf.salt != key.kdf.salt


def test_a_short_passphrase_is_refused() -> None:
    assert check_passphrase("a" * 15, "FILE") == "a" * 15
    with pytest.raises(UsageError, match="FILE: the passphrase has 14 characters, 15 are needed"):
        check_passphrase("a" * 14, "FILE")
