"""A review by readers: review/NAME/review.json, and the result file that a reader's page exports.

Spans are counted in characters of Unicode, as Python slices a text, and not in JavaScript's UTF-16 units.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from hubkit.artifacts.model import Model, read_model, to_json, write_model
from hubkit.workspace import Workspace

ReviewKind = Literal["translation", "generation"]
Language = Literal["pt", "en"]
Verdict = Literal["correct", "acceptable", "wrong", "unreadable"]
Severity = Literal["neutral", "minor", "major", "critical"]
Side = Literal["a", "b"]
Better = Literal["a", "b", "same"]

ErrorType = Literal[
    "accuracy/mistranslation",
    "accuracy/omission",
    "accuracy/addition",
    "accuracy/untranslated",
    "terminology",
    "fluency",
]
"""What may be wrong with a translation: the part of MQM's typology that medical reports need."""

Dimension = Literal[
    "existence_missed",
    "existence_invented",
    "side",
    "place",
    "severity",
    "size",
    "trend",
    "certainty",
    "device",
]
"""What may be wrong with a generated report, by what the checks compare too."""

REVIEW_KINDS: tuple[ReviewKind, ...] = get_args(ReviewKind)
LANGUAGES: tuple[Language, ...] = get_args(Language)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
ERROR_TYPES: tuple[ErrorType, ...] = get_args(ErrorType)
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)

REPEAT = "#2"
"""How the id of an item ends that a reader sees for the second time."""

SIMULATED = "simulated-"
"""How the ids of readers begin whose answers a program makes."""

ReaderId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
"""The name of a reader's files."""


def _in_order(span: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= span[0] < span[1]:
        raise ValueError("a span ends before it starts")
    return span


Span = Annotated[tuple[int, int], AfterValidator(_in_order)]
"""Start and end in a text."""


class Confirmation(Model):
    """That PhysioNet lets a reader see the corpus: as whom, and the day on which somebody saw it."""

    who: str
    when: datetime.date


class Confirmations(Model):
    """review/readers.json: the confirmations on record, by the id of the reader."""

    readers: dict[ReaderId, Confirmation] = {}  # noqa: RUF012 - the model is frozen


class Reader(Model):
    """Who reads; `confirmation` is there where the corpus is credentialed."""

    id: ReaderId
    confirmation: Confirmation | None = None


class Stratum(Model):
    """A part of the rows that was drawn from by itself: how many rows it has, and how many were drawn."""

    name: str
    size: int
    sampled: int


class Item(Model):
    """What is read once: a section of a study and its translation, or the generated reports of a study.

    Attributes:
        section: None where whole reports are compared.
        probability: of being drawn; its inverse weights the item.
        flags: what the automatic checks found, which the page does not show.
    """

    id: str
    study_id: int
    section: str | None = None
    stratum: str
    probability: Annotated[float, Field(gt=0, le=1)]
    flags: tuple[str, ...] = ()


class Review(Model):
    """What was given to whom; it holds no text of the corpus.

    Attributes:
        language: of the page, where a reader chooses no other.
        corpus: its kind.
        order: item ids by reader, in the order in which they see them; a repeat has the id ITEM#2.
        blinding: by reader and id in `order`, which condition stands at "a" and "b".
        texts: SHA-256 of the texts of each item.
        digest: of kind, items, texts, order and blinding; a result file names it.
    """

    kind: ReviewKind
    language: Language = "pt"
    seed: int
    created: datetime.datetime
    corpus: str
    readers: tuple[Reader, ...]
    strata: tuple[Stratum, ...]
    items: tuple[Item, ...]
    order: dict[str, tuple[str, ...]]
    blinding: dict[str, dict[str, dict[Side, str]]] = {}  # noqa: RUF012 - the model is frozen
    texts: dict[str, str]
    digest: str


class MarkedError(Model):
    """An error of a translation; `source` and `target` are where it is, if the reader marked it."""

    type: ErrorType
    severity: Severity
    source: Span | None = None
    target: Span | None = None
    note: str = ""


class TranslationAnswer(Model):
    """What a reader says of a translation; `correction` is what should stand there instead."""

    item: str
    seconds: float
    verdict: Verdict
    errors: tuple[MarkedError, ...] = ()
    correction: str | None = None


class ClinicalError(Model):
    """An error of a generated report."""

    dimension: Dimension
    severity: Severity
    note: str = ""


class GenerationAnswer(Model):
    """What a reader says of two reports of one study: which is better, what is wrong, whether they would sign it."""

    item: str
    seconds: float
    better: Better
    errors: dict[Side, tuple[ClinicalError, ...]] = {}  # noqa: RUF012
    would_sign: dict[Side, bool]


class Reading(Model):
    """What a reader's page exports, once it is decrypted. Items without an answer were skipped.

    Attributes:
        review: digest of the review.
        language: in which the page was read.
        started, saved: UTC.
        may_be_named: their name, where they agreed to be named.
        years: of experience, where they gave it; 80 at most, as on the page.
    """

    review: str
    reader: ReaderId
    kind: ReviewKind
    language: Language
    started: datetime.datetime
    saved: datetime.datetime
    may_be_named: str | None = None
    years: Annotated[int, Field(ge=0, le=80)] | None = None
    answers: tuple[TranslationAnswer, ...] | tuple[GenerationAnswer, ...]

    @model_validator(mode="after")
    def _of_one_kind(self) -> Reading:
        wanted = TranslationAnswer if self.kind == "translation" else GenerationAnswer
        if not all(isinstance(answer, wanted) for answer in self.answers):
            raise ValueError(f"the answers are not those of a review of {self.kind}")
        return self


class KeyDerivation(Model):
    """How the key comes of the passphrase; the salt is in base64."""

    name: Literal["PBKDF2"]
    hash: Literal["SHA-256"]
    iterations: Annotated[int, Field(ge=1, le=100_000_000)]
    salt: str


class Cipher(Model):
    """How the data is encrypted; the nonce is in base64."""

    name: Literal["AES-GCM"]
    iv: str


class Envelope(Model):
    """The result file READER.review.json, and the data of a page: what it belongs to, and its content.

    Attributes:
        hubkit_review: the number of the format.
        cipher: None where the corpus allows the content to stand there in clear.
        data: ciphertext and tag in base64; the content itself where it is in clear.
    """

    hubkit_review: Literal[1]
    review: str
    reader: ReaderId
    kdf: KeyDerivation | None = None
    cipher: Cipher | None = None
    data: str | dict[str, Any]


def text_digest(texts: Sequence[str]) -> str:
    """SHA-256 of the texts of an item, in the order in which the page has them."""
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False).encode()).hexdigest()


def review_digest(
    kind: ReviewKind,
    items: Sequence[Item],
    texts: Mapping[str, str],
    order: Mapping[str, Sequence[str]],
    blinding: Mapping[str, Mapping[str, Mapping[Side, str]]],
) -> str:
    """The digest of a review: SHA-256 of its kind, its items, the digests of their texts, and who sees what on which
    side, as canonical JSON.

    Two reviews of the same texts differ in the sides: an answer "a is better" of one means another report in the other.
    """
    parts = {
        "kind": kind,
        "items": [item.model_dump(mode="json") for item in items],
        "texts": texts,
        "order": order,
        "blinding": blinding,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_review(folder: Path) -> Review:
    """The review in a folder.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Review, "review", folder / "review.json", "hubkit review make")


def write_review(folder: Path, review: Review) -> None:
    """Write what `read_review` reads."""
    write_model("review", folder / "review.json", review)


def read_confirmations(workspace: Workspace) -> Confirmations:
    """Whose access is on record; nobody's where there is no file.

    Raises:
        HubkitError: the file is not whole, incomplete, or of another format.
    """
    path = workspace.review("readers.json")
    return read_model(Confirmations, "review", path, "hubkit review confirm") if path.exists() else Confirmations()


def write_confirmations(workspace: Workspace, confirmations: Confirmations) -> None:
    """Write what `read_confirmations` reads."""
    write_model("review", workspace.review("readers.json"), confirmations)


def envelope_json(envelope: Envelope) -> dict[str, Any]:
    """An envelope as it stands in a file, with `cipher` also where it is null."""
    return to_json(envelope) | {"cipher": to_json(envelope.cipher) if envelope.cipher else None}
