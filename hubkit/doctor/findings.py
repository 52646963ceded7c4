"""What a check of this machine found: one line, and a hint where something is wrong."""

from __future__ import annotations

from typing import Literal, NamedTuple

from hubkit.errors import HubkitError

Status = Literal["ok", "warning", "failed"]


class Finding(NamedTuple):
    """One line of `hubkit doctor`.

    Attributes:
        check: what was looked at.
        status: ok; warning, where the release goes on but somebody should know; failed, where it would stop.
        what: what was found.
        hint: the command or setting that helps.
    """

    check: str
    status: Status
    what: str
    hint: str | None = None

    def line(self) -> str:
        cure = f" ({self.hint})" if self.hint else ""
        return f"{self.status:<8} {self.check}: {self.what}{cure}"


def ok(check: str, what: str) -> Finding:
    return Finding(check, "ok", what)


def warning(check: str, what: str, hint: str | None = None) -> Finding:
    return Finding(check, "warning", what, hint)


def failed(check: str, what: str, hint: str | None = None) -> Finding:
    return Finding(check, "failed", what, hint)


def from_error(check: str, error: HubkitError) -> Finding:
    """The finding that `error` would have stopped the release."""
    place = f"{error.where}: " if error.where else ""
    return failed(check, f"{place}{error.what}", error.hint)
