"""Who there is on the Hub, and their tokens, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Literal, NamedTuple

from hubkit.localhub.answers import Refusal
from hubkit.workspace import write_json

Role = Literal["read", "write"]


class Account(NamedTuple):
    """Who is asking, and what the token allows.

    Attributes:
        name: the user's name, which is the namespace that they own.
        role: whether the token may write.
    """

    name: str
    role: Role


class Accounts:
    """The accounts of a Hub, in `accounts.json`; tokens are added by other processes too, so the file is watched."""

    def __init__(self, root: Path):
        self.path = root / "accounts.json"
        self._seen: tuple[int, int] | None = None
        self._tokens: dict[str, dict[str, object]] = {}
        self._names: set[str] = set()

    @property
    def names(self) -> set[str]:
        self._refresh()
        return self._names

    def mint(self, name: str, role: Role = "write", expires: float | None = None) -> str:
        """Make a token for `name`, and the account where it is new; the token is returned once and never kept.

        Args:
            expires: seconds since the epoch after which the token is refused.
        """
        self._refresh()
        token = f"hf_{secrets.token_urlsafe(32)}"
        self._tokens[_hash(token)] = {"name": name, "role": role, "expires": expires}
        self._names.add(name)
        write_json(self.path, {"names": sorted(self._names), "tokens": self._tokens})
        return token

    def of_header(self, authorization: str | None) -> Account | None:
        """The account of an `Authorization` header; None where there is none.

        Raises:
            Refusal: the token is unknown or has expired (401).
        """
        if not authorization:
            return None
        scheme, _, token = authorization.partition(" ")
        self._refresh()
        entry = self._tokens.get(_hash(token.strip())) if scheme.lower() == "bearer" else None
        if entry is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        expires = entry["expires"]
        if isinstance(expires, (int, float)) and time.time() > expires:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return Account(str(entry["name"]), "write" if entry["role"] == "write" else "read")

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            self._tokens, self._names, self._seen = values["tokens"], set(values["names"]), seen


def _hash(token: str) -> str:
    # A token is 256 random bits: nothing can be guessed, so a plain hash keeps it as well as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()
