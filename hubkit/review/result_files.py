"""The result files that readers send back: opened, and held to the review that they belong to."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from hubkit.artifacts.model import AnyModel
from hubkit.artifacts.review import LANGUAGES, Envelope, Reading, Review
from hubkit.errors import HubkitError
from hubkit.review.encryption import open_envelope

AGAIN = "export it from the page once more"

Passphrase = Callable[[], str]
"""Asks for the passphrase of a review, when a file needs it."""


class ResultFile(NamedTuple):
    """What a file holds, and the SHA-256 of its bytes."""

    path: Path
    content: bytes
    sha256: str
    reading: Reading


def review_named_in(path: Path) -> str | None:
    """The digest of the review that a file says it belongs to; None where it says nothing."""
    try:
        values = _parsed(path.read_bytes())
    except (OSError, ValueError):
        return None
    review = values.get("review") if isinstance(values, dict) else None
    return review if isinstance(review, str) else None


def why_no_review(path: Path) -> str:
    """Why a file belongs to no review of a workspace, as a line that names it."""
    try:
        _envelope(_content(path), path)
    except HubkitError as error:
        return str(error)
    return f"{path}: belongs to no review of this workspace"


def read_results_of(review: Review, paths: Sequence[Path], passphrase: Passphrase, in_clear: bool) -> list[ResultFile]:
    """Read result files, one of each reader; `in_clear` as in `read_result`.

    Raises:
        HubkitError: some cannot be taken; it has a line for each.
    """
    found: dict[str, ResultFile] = {}
    faults: list[str] = []
    for path in paths:
        try:
            result = read_result(review, path, passphrase, in_clear)
        except HubkitError as error:
            faults.append(str(error))
            continue
        first = found.setdefault(result.reading.reader, result)
        if first is not result and first.sha256 != result.sha256:
            faults.append(f"{path}: answers of {result.reading.reader}, as in {first.path}: give one of them")
    refuse(faults, len(paths))
    return list(found.values())


def refuse(faults: Sequence[str], files: int) -> None:
    """Stop where files cannot be taken, with a line for each.

    Raises:
        HubkitError: there are some.
    """
    if faults:
        lines = "\n  ".join(faults)
        hint = "leave them out, or replace them"
        raise HubkitError(f"{len(faults)} of {files} files cannot be taken, and nothing was:\n  {lines}\n", hint=hint)


def read_result(review: Review, path: Path, passphrase: Passphrase, in_clear: bool) -> ResultFile:
    """Read one result file.

    Args:
        in_clear: whether the terms of the corpus allow a page that does not encrypt. Where they do not, no page wrote
            a file in clear, and anybody may have changed it.

    Raises:
        HubkitError: it is cut, edited, of another review, reader or language, or the passphrase is another.
    """
    content = _content(path)
    envelope = _envelope(content, path)
    if envelope.review != review.digest:
        raise HubkitError(
            "belongs to another review", where=path, hint="choose the review: hubkit review collect --name NAME"
        )
    if envelope.reader not in review.order:
        raise HubkitError(
            f"{envelope.reader} is not a reader of this review", where=path, hint="choose the review with --name"
        )
    if envelope.cipher is None and not in_clear:
        raise HubkitError("is in clear, and the pages of this review encrypt", where=path, hint=AGAIN)
    try:
        values = open_envelope(envelope, passphrase() if envelope.cipher else None)
    except HubkitError as error:
        raise HubkitError(error.what, where=path, hint=error.hint or AGAIN) from None
    return ResultFile(path, content, hashlib.sha256(content).hexdigest(), _reading(review, envelope, values, path))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HubkitError(f"cannot be read: {error.strerror}", where=path, hint="check who may read it") from None


def _parsed(content: bytes) -> Any:
    """JSON; nested as deep as no page writes it, it counts as none (ValueError)."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _envelope(content: bytes, path: Path) -> Envelope:
    try:
        values = _parsed(content)
    except ValueError:
        if content.lstrip()[:9].lower() == b"<!doctype":
            hint = "ask the reader for READER.review.json: the page writes it under Finish"
            raise HubkitError("is the page, and not what it exports", where=path, hint=hint) from None
        raise HubkitError("is not whole", where=path, hint=AGAIN) from None
    if not isinstance(values, dict) or "hubkit_review" not in values:
        raise HubkitError("is not a result file of a review", where=path, hint="give the file that the page exports")
    if values["hubkit_review"] != 1:
        raise HubkitError("is of another format", where=path, hint="use the version of hubkit that made the page")
    return _checked(Envelope, values, path)


def _reading(review: Review, envelope: Envelope, values: dict[str, Any], path: Path) -> Reading:
    if values.get("language") not in LANGUAGES:
        raise HubkitError(f"its language is none of {', '.join(LANGUAGES)}", where=path, hint=AGAIN)
    reading = _checked(Reading, values, path)
    if (reading.review, reading.reader, reading.kind) != (envelope.review, envelope.reader, review.kind):
        raise HubkitError("was edited: its content is of another review or reader", where=path, hint=AGAIN)
    given = Counter(answer.item for answer in reading.answers)
    unknown = given.keys() - set(review.order[reading.reader])
    if unknown:
        raise HubkitError(f"was edited: {reading.reader} was not given item {min(unknown)}", where=path, hint=AGAIN)
    twice = [item for item, count in given.items() if count > 1]
    if twice:
        raise HubkitError(f"was edited: item {twice[0]} is answered twice", where=path, hint=AGAIN)
    if not all(math.isfinite(answer.seconds) and answer.seconds >= 0 for answer in reading.answers):
        raise HubkitError("was edited: an answer took less than no time", where=path, hint=AGAIN)
    if not reading.answers:
        raise HubkitError("holds no answers", where=path, hint="export it when items have been read")
    return reading


def _checked(model: type[AnyModel], values: dict[str, Any], path: Path) -> AnyModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # The place alone: what stands there may be text of the corpus.
        place = ".".join(map(str, error.errors(include_input=False, include_context=False)[0]["loc"]))
        raise HubkitError(
            f"was edited: {place or 'its content'} is not as the page writes it", where=path, hint=AGAIN
        ) from None
