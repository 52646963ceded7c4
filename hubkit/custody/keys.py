"""The keys of a release: HKDF-SHA256 of a top folder's digest and the release's name and version."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from hubkit.custody.digests import OwnCorpus
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

SALT = b"hubkit custody 1"
CHECK_BYTES = 16
NONCE_BYTES = 12


class GroupKey:
    """The key of one folder under one release. It has no readable repr: logs and tracebacks show nothing of it.

    Args:
        digest: the folder's digest.
        release: the release's repo, `namespace/name`.
        version: its version.
        group: name of the folder.
    """

    __slots__ = ("_nonce_key", "check", "cipher")

    cipher: AESGCMSIV
    check: bytes

    def __init__(self, digest: bytes, release: str, version: str, group: str):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        def derive(use: str, length: int) -> bytes:
            info = f"{release}/{version}/{group}/{use}".encode()
            return HKDF(SHA256(), length, salt=SALT, info=info).derive(digest)

        self.cipher = AESGCMSIV(derive("cell", 32))
        self._nonce_key = derive("nonce", 32)
        self.check = derive("check", CHECK_BYTES)
        """Public: tells whether a corpus fits, and nothing of the other keys."""

    def nonce(self, header: bytes, plaintext: bytes) -> bytes:
        """A nonce that the same cell always has and no other one: HMAC-SHA256, cut to 12 bytes."""
        message = len(header).to_bytes(8, "big") + header + plaintext
        return hmac.digest(self._nonce_key, message, "sha256")[:NONCE_BYTES]


class Keyring:
    """The keys of a release, derived from a corpus when they are first asked for.

    Args:
        corpus: the researcher's own copy.
        release: the release's dataset repo, `namespace/name`: two people's releases of one name have keys of their own.
        version: its version.

    Raises:
        HubkitError: `release` is no repo, or `version` holds a slash.
    """

    def __init__(self, corpus: OwnCorpus, release: str, version: str):
        # As many slashes everywhere: then no two places, and no two infos of HKDF, can be written alike.
        if not re.fullmatch(r"[^/]+/[^/]+", release) or not re.fullmatch(r"[^/]+", version):
            raise HubkitError(
                "is not namespace/name and a version, such as lab/mimic-cxr-ptbr 1.0.0", where=f"{release} {version}"
            )
        self.corpus, self.release, self.version = corpus, release, version
        self._keys: dict[str, GroupKey] = {}

    def key(self, group: str) -> GroupKey:
        """The key of a folder.

        Raises:
            HubkitError: the corpus does not have the folder.
        """
        if group not in self._keys:
            self._keys[group] = GroupKey(self.corpus.digest(group), self.release, self.version, group)
        return self._keys[group]
