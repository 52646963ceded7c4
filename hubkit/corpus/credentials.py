"""The account at PhysioNet: from the environment, netrc or the keyring; its password is never shown."""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from hubkit.errors import HubkitError
from hubkit.tokens import check_account


class Credentials(NamedTuple):
    """A PhysioNet account; its password is not shown."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r})"


def find_credentials(url: str) -> Credentials:
    """The account for `url`: PHYSIONET_USERNAME and PHYSIONET_PASSWORD, else netrc, else the keyring.

    Raises:
        HubkitError: there is none, or it cannot be sent.
    """
    host = urlsplit(url).hostname or ""
    user, password = os.environ.get("PHYSIONET_USERNAME"), os.environ.get("PHYSIONET_PASSWORD")
    if user and password:
        check_account(user, password, "PHYSIONET_USERNAME and PHYSIONET_PASSWORD")
        return Credentials(user, password)
    found = _from_netrc(host) or _from_keyring(host, user)
    if found is None:
        if bool(user) != bool(password):
            missing = "PHYSIONET_PASSWORD" if user else "PHYSIONET_USERNAME"
            given = "PHYSIONET_USERNAME" if user else "PHYSIONET_PASSWORD"
            raise HubkitError(f"{given} is set and {missing} is not", hint=f"set {missing}")
        raise HubkitError(
            f"no PhysioNet account for {host}",
            hint="set PHYSIONET_USERNAME and PHYSIONET_PASSWORD, or add the host to ~/.netrc or the keyring",
        )
    return found


def _from_netrc(host: str) -> Credentials | None:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if not path.is_file():
        return None
    try:
        entry = netrc.netrc(path).hosts.get(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        raise HubkitError("cannot be read as netrc", where=path, hint=f"correct its line for {host}") from None
    if not entry or not entry[0] or not entry[2]:
        return None
    check_account(entry[0], entry[2], f"{path}, line for {host}")
    return Credentials(entry[0], entry[2])


def _from_keyring(host: str, user: str | None) -> Credentials | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        found = keyring.get_credential(host, user)
    except KeyringError:
        # A machine without a keyring has no password in it.
        return None
    if found is None:
        return None
    check_account(found.username, found.password, f"the keyring, {host}")
    return Credentials(found.username, found.password)
