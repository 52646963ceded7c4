"""Whether a Hub on loopback is one that hubkit started: an address alone may be a tunnel or a proxy.

The Hub writes a secret into its folder, readable by its user alone, with its port and this boot of the machine. It
answers a challenge with a digest under that secret. What forwards the challenge listens on another port, another user
cannot write the file, and another machine has another boot, also where both share the folder.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from hubkit.endpoint import is_loopback, trusted_certificates
from hubkit.workspace import atomic

CHALLENGE = "/api/hubkit/challenge"

SECRET_FILE = "own-hub.json"

SECONDS_TO_ANSWER = 10
"""A Hub on this machine answers at once; what takes longer forwards to something else, or hangs."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Another value at each start of a machine; where there is none, the machine's name has to do."""


class OwnHub(NamedTuple):
    """What a Hub proves itself with; `root` is its folder."""

    root: Path
    port: int
    secret: str

    def answer(self, nonce: str) -> dict[str, str]:
        """The answer to a challenge, with the folder in which to look for the secret."""
        return {"root": str(self.root), "answer": _digest(self.secret, nonce, self.port)}


def make_own(root: Path, port: int) -> OwnHub:
    """Write a new secret into a Hub's folder."""
    own = OwnHub(root, port, secrets.token_hex(32))
    with atomic(root / SECRET_FILE) as path:
        path.write_text(json.dumps({"secret": own.secret, "port": port, "boot": _boot()}), encoding="utf-8")
    return own


def is_own_hub(endpoint: str) -> bool:
    """Whether hubkit started the Hub at `endpoint`, on this machine and for this user."""
    if not is_loopback(endpoint):
        return False
    import httpx

    nonce = secrets.token_hex(32)
    try:
        address = f"{endpoint.rstrip('/')}{CHALLENGE}"
        # Past any proxy of the environment: what listens on this very port has to answer.
        with httpx.Client(
            trust_env=False, timeout=SECONDS_TO_ANSWER, follow_redirects=False, verify=trusted_certificates()
        ) as client:
            said = client.get(address, params={"nonce": nonce}).json()
        written = _own_file(Path(said["root"]) / SECRET_FILE)
        answer, secret, port = str(said["answer"]), str(written["secret"]), int(written["port"])
    except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError):
        return False
    here = port == urlsplit(endpoint).port and written.get("boot") == _boot()
    return here and hmac.compare_digest(answer, _digest(secret, nonce, port))


def _own_file(path: Path) -> dict[str, Any]:
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise PermissionError("the secret is not this user's alone")
        found: dict[str, Any] = json.loads(file.read(4096))
    return found


def _digest(secret: str, nonce: str, port: int) -> str:
    return hmac.new(bytes.fromhex(secret), f"{nonce} {port}".encode(), hashlib.sha256).hexdigest()


def _boot() -> str:
    return _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else os.uname().nodename
