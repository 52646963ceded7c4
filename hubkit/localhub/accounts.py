"""Who there is on the Hub: users, organisations, and tokens, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hubkit.errors import UsageError
from hubkit.localhub.errors import Refusal
from hubkit.localhub.repos import is_name
from hubkit.workspace import write_json

Role = Literal["read", "write"]


class Account(NamedTuple):
    """Who is asking, and what the token allows.

    Attributes:
        name: the user's name, which is a namespace that they own.
        role: whether the token may write.
        organisations: the organisations that they are a member of, whose repos they own as well.
    """

    name: str
    role: Role
    organisations: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> frozenset[str]:
        return self.organisations | {self.name}


class Accounts:
    """The accounts of a Hub, in `accounts.json`; other processes add to it too, so the file is watched."""

    def __init__(self, root: Path):
        self.path = root / "accounts.json"
        self._seen: tuple[int, int] | None = None
        self._tokens: dict[str, dict[str, Any]] = {}
        self._users: dict[str, str] = {}
        self._organisations: dict[str, dict[str, Any]] = {}

    @property
    def users(self) -> dict[str, str]:
        """The full name of each user."""
        self._refresh()
        return self._users

    @property
    def organisations(self) -> dict[str, dict[str, Any]]:
        """`fullname`, `members` and `private` of each organisation."""
        self._refresh()
        return self._organisations

    def mint(self, name: str, role: Role = "write", expires: float | None = None, fullname: str | None = None) -> str:
        """Make a token for `name`, and the account where it is new; the token is returned once and never kept.

        Args:
            expires: seconds since the epoch after which the token is refused.

        Raises:
            UsageError: an account cannot be called this.
        """
        _check_name(name)
        self._refresh()
        token = f"hf_{secrets.token_urlsafe(32)}"
        self._tokens[_hash(token)] = {"name": name, "role": role, "expires": expires}
        self._users[name] = fullname or self._users.get(name, name)
        self._keep()
        return token

    def expire(self, token: str) -> None:
        """Refuse `token` from now on."""
        self._refresh()
        self._tokens[_hash(token)]["expires"] = 0.0
        self._keep()

    def join(self, organisation: str, user: str, fullname: str | None = None, private: bool = False) -> None:
        """Make `user` a member of `organisation`, and the organisation where it is new.

        Args:
            private: whether its repos are private where nothing else is asked for.

        Raises:
            UsageError: an organisation cannot be called this.
        """
        _check_name(organisation)
        self._refresh()
        known = self._organisations.get(organisation, {"fullname": organisation, "members": [], "private": private})
        members = list(dict.fromkeys([*known["members"], user]))
        self._organisations[organisation] = {**known, "fullname": fullname or known["fullname"], "members": members}
        self._keep()

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
        if entry is None or (entry["expires"] is not None and time.time() > entry["expires"]):
            raise Refusal(401, "Invalid credentials in Authorization header")
        name = str(entry["name"])
        joined = {key for key, known in self._organisations.items() if name in known["members"]}
        return Account(name, "write" if entry["role"] == "write" else "read", frozenset(joined))

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            self._tokens, self._users = values["tokens"], values["users"]
            self._organisations, self._seen = values["organisations"], seen

    def _keep(self) -> None:
        values = {"users": self._users, "organisations": self._organisations, "tokens": self._tokens}
        write_json(self.path, values)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise UsageError(
            f"an account cannot be called {name!r}", hint="use up to 96 letters, digits, dots, hyphens and underscores"
        )


def _hash(token: str) -> str:
    # A token is 256 random bits: nothing can be guessed, so a plain hash keeps it as well as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()
