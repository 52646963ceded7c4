"""Who there is on the Hub: users, organisations, and tokens, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hubkit.errors import UsageError
from hubkit.localhub.errors import Refusal
from hubkit.localhub.plans import Settings
from hubkit.localhub.repos import is_name
from hubkit.localhub.scopes import Scopes
from hubkit.workspace import write_json

Role = Literal["read", "write"]


class Account(NamedTuple):
    """Who is asking, and what the token allows.

    Attributes:
        name: the user's name, which is a namespace that they own.
        role: whether the token may write; a fine-grained one may where its scopes say so.
        organisations: the organisations that they are a member of, whose repos they own as well.
        scopes: what a fine-grained token may do; None for one that may do what its role says.
        barred: organisations that do not let this token in, with what they say.
    """

    name: str
    role: Role
    organisations: frozenset[str] = frozenset()
    scopes: Scopes | None = None
    barred: Mapping[str, str] = {}

    @property
    def namespaces(self) -> frozenset[str]:
        return self.organisations | {self.name}

    def may(self, permission: str, namespace: str, repo: str | None = None) -> bool:
        """Whether the token allows `permission` on a namespace, or on one of its repos (`datasets/namespace/name`)."""
        if self.scopes is None:
            return self.role == "write" or permission.endswith(".read")
        return self.scopes.allow(permission, namespace, repo)


class Accounts:
    """The accounts of a Hub, in `accounts.json`; other processes add to it too, so the file is watched."""

    def __init__(self, root: Path):
        self.path = root / "accounts.json"
        self._seen: tuple[int, int] | None = None
        self._tokens: dict[str, dict[str, Any]] = {}
        self._users: dict[str, str] = {}
        self._organisations: dict[str, dict[str, Any]] = {}
        self._settings: dict[str, dict[str, Any]] = {}

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

    def settings(self, name: str) -> Settings:
        """What is set for a user or an organisation."""
        self._refresh()
        return Settings(**self._settings.get(name, {}))

    def configure(self, name: str, **values: Any) -> None:
        """Set some of the `Settings` of a user or an organisation.

        Raises:
            UsageError: an account cannot be called this.
        """
        _check_name(name)
        self._refresh()
        self._settings[name] = {**self._settings.get(name, {}), **values}
        self._keep()

    def mint(
        self,
        name: str,
        role: Role = "write",
        expires: float | None = None,
        fullname: str | None = None,
        scopes: Scopes | None = None,
    ) -> str:
        """Make a token for `name`, and the account where it is new; the token is returned once and never kept.

        Args:
            expires: seconds since the epoch after which the token is refused.
            scopes: makes a fine-grained token, which may do nothing else.

        Raises:
            UsageError: an account cannot be called this.
        """
        _check_name(name)
        self._refresh()
        token = f"hf_{secrets.token_urlsafe(32)}"
        made: dict[str, Any] = {"name": name, "role": role, "expires": expires}
        if scopes is not None:
            made |= {"scopes": scopes._asdict(), "approved": []}
        self._tokens[_hash(token)] = made
        self._users[name] = fullname or self._users.get(name, name)
        self._keep()
        return token

    def expire(self, token: str) -> None:
        """Refuse `token` from now on."""
        self._refresh()
        self._tokens[_hash(token)]["expires"] = 0.0
        self._keep()

    def approve(self, token: str, organisation: str) -> None:
        """Let a fine-grained token into an organisation that wants to approve each."""
        self._refresh()
        self._tokens[_hash(token)]["approved"].append(organisation)
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
        scopes = Scopes(**entry["scopes"]) if "scopes" in entry else None
        barred = {key: said for key in joined if (said := self._barred(key, entry))}
        return Account(name, "write" if entry["role"] == "write" else "read", frozenset(joined), scopes, barred)

    def _barred(self, organisation: str, token: dict[str, Any]) -> str | None:
        """Why an organisation does not let a token of a member in: hub-docs, enterprise-tokens-management.md."""
        policy = self.settings(organisation).tokens
        if policy != "any" and "scopes" not in token:
            # security-tokens.md promises a 403; its words are not documented.
            return "This organization only allows access via fine-grained tokens."
        if policy == "approval" and organisation not in token["approved"]:
            return (
                "Due to the organization token policy, your token needs to be approved by the organization before you"
                " can access this resource."
            )
        return None

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            values = json.loads(self.path.read_text(encoding="utf-8"))
            self._tokens, self._users = values["tokens"], values["users"]
            self._organisations, self._settings = values["organisations"], values.get("settings", {})
            self._seen = seen

    def _keep(self) -> None:
        values = {"users": self._users, "organisations": self._organisations, "tokens": self._tokens}
        write_json(self.path, {**values, "settings": self._settings})


def _check_name(name: str) -> None:
    if not is_name(name):
        raise UsageError(
            f"an account cannot be called {name!r}", hint="use up to 96 letters, digits, dots, hyphens and underscores"
        )


def _hash(token: str) -> str:
    # A token is 256 random bits: nothing can be guessed, so a plain hash keeps it as well as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()
