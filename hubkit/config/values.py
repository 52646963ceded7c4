"""What a setting may hold: kinds of values that several tables share, and what a table itself is."""

from __future__ import annotations

import re
import shlex
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from hubkit.distribution import NAME


class _Runtime:
    """Marks a setting that does not change what a stage writes."""


Runtime = _Runtime()


class Formerly(NamedTuple):
    """Marks a setting that was renamed: digests go on calling it `name`."""

    name: str


Quantization = Literal["nf4", "bf16", "fp32"]
Positive = Annotated[int, Field(gt=0)]
NonNegative = Annotated[int, Field(ge=0)]
NonEmptyStr = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something."""
OneLine = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f|<>`][^\x00-\x1f\x7f|<>`]{0,499}$")]
"""A text of one line, without what Markdown or HTML would take for its own."""
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$"), Runtime]


_PLACE = r"[A-Za-z0-9.-]+(?::\d+)?/[A-Za-z0-9._~/%+-]+"
"""Host and path, without a user, and without what a shell would read: cards print it as part of a command."""
_PINNED = re.compile(rf"https://{_PLACE}#sha256=[0-9a-f]{{64}}|git\+https://{_PLACE}@[0-9a-f]{{40}}")


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        named = parts.port != 0 and bool((parts.hostname or "").encode("idna"))
    except ValueError:  # of the port, of an address in brackets, or of a name that no host can have
        named = False
    if not named or parts.scheme not in ("http", "https") or any(mark.isspace() for mark in text):
        raise ValueError("is no http URL, such as http://127.0.0.1:8000")
    return text


def _install(text: str) -> str:
    address = text.removeprefix(f"{NAME} @ ")
    if not _PINNED.fullmatch(address):
        raise ValueError(
            "name one file with its hash or one commit, such as"
            f" {NAME} @ https://host/hubkit_release-0.2.0-py3-none-any.whl#sha256=<64 hex digits>"
            " or git+https://host/path@<40 hex digits>; whoever takes a name, moves a branch"
            " or replaces a file would run code with your readers' corpus"
        )
    return text


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"is no command line: {error}") from None
    if not words or words[0] in ("", "{port}", "{task}"):
        raise ValueError("is no command line: it names no program")
    return text


ModelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
"""A repo of the Hub, OWNER/NAME."""
Url = Annotated[str, AfterValidator(_url)]
Install = Annotated[str, AfterValidator(_install)]
"""Where an installer gets hubkit: one file with its SHA-256, or one commit."""
Command = Annotated[str, AfterValidator(_command)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    def deciding(self) -> dict[str, Any]:
        """Every setting that decides what comes out, as plain JSON values: for records and cards, not for digests."""
        kept = {name for name, field in type(self).model_fields.items() if Runtime not in field.metadata}
        return self.model_dump(mode="json", include=kept)
