"""What hubkit says when something is wrong: what, where, and a hint."""

from __future__ import annotations

from pathlib import Path


class HubkitError(Exception):
    """The work failed: a check, a push, a verification. Shown without traceback, exit code 1.

    Args:
        what: what is wrong, in one sentence. Never corpus text, a token or a password.
        where: the file, repo or setting it concerns.
        hint: the command or setting that helps.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path | None = None, hint: str | None = None):
        self.what = what
        self.where = None if where is None else str(where)
        self.hint = hint
        super().__init__(what, self.where, hint)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{cure}"

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes hand their errors back by pickle, which would call __init__ with positional arguments.
        return _rebuild, (type(self), self.what, self.where, self.hint)


class UsageError(HubkitError):
    """The command or the configuration is wrong: exit code 2."""

    exit_code = 2


class Interrupted(HubkitError):
    """Somebody ended the work: exit code 130, as shells expect after an interrupt."""

    exit_code = 130


def _rebuild(kind: type[HubkitError], what: str, where: str | None, hint: str | None) -> HubkitError:
    return kind(what, where=where, hint=hint)
