"""Tokens and passwords as they are read: one that no client can send is refused, without a character of it.

A client that cannot encode a header says so with the header's text, and so with the token. That would
stand in a terminal, and in the log of a cluster.
"""

from __future__ import annotations

import os
import re

from hubkit.errors import HubkitError, UsageError

HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""The variables in which the Hub's own clients look for a token, whether hubkit hands them one or not."""

_TOKEN = re.compile(r"[!-~]+")
"""What a bearer token may hold (RFC 6750): visible ASCII."""

_PASSWORD = re.compile(r"[ -~\xa0-\xff]+")
"""What basic authentication can send: it is encoded as Latin-1, and a control character would end the header."""


def environment_token(variable: str) -> str | None:
    """The token in an environment variable; None where it is not set or empty.

    Raises:
        UsageError: it cannot be sent.
    """
    token = os.environ.get(variable)
    return check_token(token, variable) if token else None


def hub_token() -> str | None:
    """The token for the Hub: that of the environment, else that of the Hub's own token store.

    Raises:
        UsageError: it cannot be sent.
    """
    from huggingface_hub import get_token

    check_hub_tokens()
    try:
        token = get_token()
    except UnicodeDecodeError:
        raise UsageError("the stored token is not text", hint="run: hf auth login") from None
    return check_token(token, "the stored token of the Hub") if token else None


def check_hub_tokens() -> None:
    """Refuse a token of the environment that cannot be sent, before a client of the Hub reads it.

    Raises:
        UsageError: it cannot be sent.
    """
    for variable in HUB_TOKENS:
        # Not left to get_token, which takes line ends out and glues together what is left.
        environment_token(variable)


def check_token(token: str, where: str) -> str:
    """The token itself.

    Raises:
        UsageError: it cannot be sent.
    """
    if not _TOKEN.fullmatch(token):
        what = "the token holds a space, a line end or a character outside ASCII, and cannot be sent"
        raise UsageError(what, where=where, hint="set it again, to the token alone")
    return token


def check_account(user: str, password: str, where: str) -> None:
    """Refuse an account that basic authentication cannot send.

    Args:
        where: what the account was read from.

    Raises:
        HubkitError: user or password cannot be sent.
    """
    if not _PASSWORD.fullmatch(user) or ":" in user:
        what = "the user name holds a colon, a control character or one outside Latin-1, and cannot be sent"
        raise HubkitError(what, where=where, hint="set it again, to the name alone")
    if not _PASSWORD.fullmatch(password):
        what = "the password holds a control character or one outside Latin-1, and cannot be sent"
        raise HubkitError(what, where=where, hint="set it again; if that is the password, change it at PhysioNet")
