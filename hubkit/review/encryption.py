"""Encrypts what holds text of the corpus with a passphrase, in a way that browsers know (WebCrypto)."""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from hubkit.artifacts.review import Cipher, Envelope, KeyDerivation
from hubkit.errors import HubkitError, UsageError

ITERATIONS = 600_000
"""OWASP's number for PBKDF2 with SHA-256 (2023). A browser takes under half a second for it."""

SHORTEST = 15
"""Characters of a passphrase. Whoever has the file can try as many as they like; 15 is what NIST SP 800-63B-4 asks of a
password that nothing else protects."""

SALT_BYTES = 16  # no two files share a key, whatever the password
IV_BYTES = 12
"""What AES-GCM takes without hashing it first."""


class Key:
    """A key of a passphrase.

    Args:
        kdf: how it is derived; None draws a salt.

    Raises:
        HubkitError: the salt is not base64.
    """

    def __init__(self, passphrase: str, kdf: KeyDerivation | None = None):
        salt = os.urandom(SALT_BYTES) if kdf is None else _decode(kdf.salt)
        self.kdf = kdf or KeyDerivation(name="PBKDF2", hash="SHA-256", iterations=ITERATIONS, salt=_encode(salt))
        # One keyboard composes an accent, another does not: both are the same passphrase.
        typed = unicodedata.normalize("NFKC", passphrase).encode()
        derived = PBKDF2HMAC(SHA256(), 32, salt, self.kdf.iterations).derive(typed)
        self._cipher = AESGCM(derived)

    def encrypt(self, content: bytes, label: str) -> tuple[Cipher, bytes]:
        """The nonce, and ciphertext with tag; it opens under the same label alone."""
        iv = os.urandom(IV_BYTES)
        return Cipher(name="AES-GCM", iv=_encode(iv)), self._cipher.encrypt(iv, content, label.encode())

    def decrypt(self, cipher: Cipher, content: bytes, label: str) -> bytes:
        """What was encrypted.

        Raises:
            HubkitError: another passphrase, another label, or a byte was changed.
        """
        try:
            return self._cipher.decrypt(_decode(cipher.iv), content, label.encode())
        except (InvalidTag, ValueError):
            raise HubkitError(
                "the passphrase does not open it, or it was changed",
                hint="give the passphrase of the review; or ask the reader for the file again",
            ) from None


def check_passphrase(passphrase: str, where: str) -> str:
    """Refuse a passphrase that is too short.

    Raises:
        UsageError: it has under 15 characters.
    """
    if len(passphrase) < SHORTEST:
        raise UsageError(
            f"the passphrase has {len(passphrase)} characters, {SHORTEST} are needed",
            where=where,
            hint="take four or five words that have nothing to do with one another",
        )
    return passphrase


def label(review: str, reader: str, part: str = "result") -> str:
    """What binds data to its review, its reader and its part: AES-GCM's additional data.

    Args:
        part: "result" of what a page exports.
    """
    return f"hubkit review 1/{review}/{reader}/{part}"


def close_envelope(content: dict[str, Any], review: str, reader: str, key: Key | None) -> Envelope:
    """Put content into an envelope, encrypted where there is a key."""
    if key is None:
        return Envelope(hubkit_review=1, review=review, reader=reader, cipher=None, data=content)
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    cipher, data = key.encrypt(plain, label(review, reader))
    return Envelope(hubkit_review=1, review=review, reader=reader, kdf=key.kdf, cipher=cipher, data=_encode(data))


def open_envelope(envelope: Envelope, passphrase: str | None) -> dict[str, Any]:
    """The content of an envelope.

    Args:
        passphrase: not needed where it is in clear.

    Raises:
        HubkitError: the passphrase is missing or another, or something was changed.
    """
    if envelope.cipher is None:
        if not isinstance(envelope.data, dict):
            raise HubkitError(
                "is not in clear, and does not say how it is encrypted",
                hint="ask the reader for the file again, as the page exported it",
            )
        return envelope.data
    if envelope.kdf is None or not isinstance(envelope.data, str):
        raise HubkitError(
            "does not say how it is encrypted", hint="ask the reader for the file again, as the page exported it"
        )
    if passphrase is None:
        raise HubkitError("is encrypted", hint="give the passphrase of the review")
    plain = Key(passphrase, envelope.kdf).decrypt(
        envelope.cipher, _decode(envelope.data), label(envelope.review, envelope.reader)
    )
    try:
        content = json.loads(plain)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise HubkitError(
            "does not hold a JSON object", hint="ask the reader for the file again, as the page exported it"
        )
    return content


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise HubkitError(
            "is not base64, or was changed", hint="ask the reader for the file again, as the page exported it"
        ) from None
