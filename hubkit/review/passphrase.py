"""The passphrase of a review: from a file, the environment or the terminal, and never from the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from hubkit.errors import HubkitError, UsageError
from hubkit.review.encryption import check_passphrase

VARIABLE = "HUBKIT_REVIEW_PASSPHRASE"


def read_passphrase(path: Path | None, twice: bool) -> str:
    """The passphrase: the first line of a file, else the environment's, else what is typed.

    Blanks around it do not count, on the page too: they come along where a passphrase is copied, and nobody sees them.

    Args:
        path: the file; None where none is given.
        twice: whether it is new, and typed a second time.

    Raises:
        UsageError: it is too short, or there is none and no terminal to ask at.
        HubkitError: the file cannot be read.
    """
    if path is not None:
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError):
            raise HubkitError(
                "cannot be read as text", where=path, hint="a text file with the passphrase in its first line"
            ) from None
        return check_passphrase(lines[0].strip() if lines else "", str(path))
    if found := os.environ.get(VARIABLE):
        return check_passphrase(found.strip(), VARIABLE)
    if not sys.stdin.isatty():
        raise UsageError("there is no passphrase", hint=f"set {VARIABLE}, or give --passphrase-file")
    typed: str = click.prompt("Passphrase of the review", hide_input=True, confirmation_prompt=twice, err=True)
    return check_passphrase(typed.strip(), "the passphrase")
