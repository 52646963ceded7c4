"""Tokens and passwords: what looks like one, and those of this machine by their value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.leakguard.identifiers import VOCABULARIES, any_of

TOKEN_KIND, PASSWORD_KIND = "a token", "a user and password in an address"

TOKEN = re.compile(
    r"\b(?:hf_(?:[A-Za-z]{30,}\b|(?=[\w-]{0,64}\d)(?=[\w-]{0,64}[A-Z])[\w-]{16,})|api_org_[A-Za-z]{30,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{22,}|glpat-[\w-]{20,}"
    r"|sk-[A-Za-z0-9_-]{20,}|[rs]k_(?:live|test)_\w{16,}|gsk_\w{40,}|xai-\w{40,}|nvapi-[\w-]{40,}"
    r"|pplx-\w{40,}|r8_\w{30,}|dapi[0-9a-f]{32}\b"  # OpenAI, Anthropic and other hosts of models
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}\b|AIza[\w-]{35}(?![\w-])|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}"  # AWS, GCP
    r"|(?:Account|SharedAccess)Key=[\w+/]{40,}|sig=[\w%+/-]{40,}|\w{3}\dQ~[\w~.-]{31,34}"  # Azure
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{20,}|hooks\.slack\.com/(?:services|workflows)/\w+/\w+"
    r"|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{40,}|dckr_pat_[\w-]{20,}|do[opr]_v1_[0-9a-f]{60,}"
    r"|SG\.[\w-]{16,32}\.[\w-]{16,}|\d{8,10}:AA[\w-]{33}(?![\w-])"  # SendGrid, Telegram
    r"|(?<!-)eyJ[\w-]{10,}\.eyJ[\w-]{10,}"
    r"|[Aa]uthorization\b\W{1,8}(?:Basic|Bearer)\s{1,4}(?=[^\s\"']{0,64}\d)[\w+/=.~-]{12,})"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
)

NAMED_KEY = re.compile(
    r"(?:(?:api|account|access|secret|secret_?access)[_-]?key|(?:access|auth|refresh)[_-]?token|client[_-]?secret"
    r"|passw(?:or)?d|passphrase)[\"'`]?\s{0,4}\Z",
    re.IGNORECASE,
)
ITS_VALUE = re.compile(r"[:=]\s{0,4}[\"'`]?(?=[^\s\"']{0,80}\d)(?=[^\s\"']{0,80}[A-Za-z])[\w/+=~-]{20,}")
"""A long value with letters and figures: keys that have no mark of their own, as those of AWS and of W&B."""

PASSWORD_IN_ADDRESS = re.compile(r"://(?![${<])[^\s/:@\"'<>?#]{1,100}:(?![${<])[^\s/@\"'<>?#]{1,200}@[\w\[]")

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBKIT_GRANTED_TOKEN", "HUBKIT_UNGRANTED_TOKEN")
ACCOUNT = ("PHYSIONET_PASSWORD", "PHYSIONET_USERNAME")
LOGIN = "`hf auth login`"

STANDS_OUT = 8
"""Characters from which on a secret that is not a word stands nowhere by chance."""

BEFORE = re.compile(
    # Between a key and its value stands a mark, as in .env, JSON, YAML, XML, tables and calls; prose has a space alone.
    r"(?i:user(?:[_-]?name)?|usu[aá]rio|login|account|pass(?:word|wd|phrase)?|pwd|senha|secret|token|credentials?|auth)"
    r"(?=[^\w\n]{0,8}[:=|>,(])\W{1,12}\Z"
    # .netrc, on a line of its own or all in one.
    r"|(?m:(?:^[ \t]*|\bmachine[ \t]+\S{1,100}[ \t]+(?:login[ \t]+\S{1,100}[ \t]+)?)"
    r"(?:login|user|account|password)[ \t]+)\Z"
    # An option, with a user and a colon before a password.
    r"|(?<!\S)--?(?i:[a-z-]{0,20}(?:user|pass|login|token)[a-z-]{0,20}|u)[= \t]{1,4}[\"']?(?:[^\s:]{0,64}:)?\Z"
)
"""What says that a user or password follows."""

IN_ADDRESS = re.compile(r"://(?:[^\s/@:]{0,100}:)?\Z")
AT_A_HOST = re.compile(r"(?::[^\s/@]{0,100})?@")

CONTEXT = 240
"""Characters before a value that are looked at: the longest line of .netrc that the pattern takes."""


class Secret(NamedTuple):
    """A secret of this machine: the variable that holds it, and its value."""

    name: str
    value: str

    @property
    def kind(self) -> str:
        """How a message names it: never by its value."""
        return f"a secret of this machine, the value of {self.name}"


def machine_secrets(config: ReleaseConfig) -> list[Secret]:
    """Tokens and passwords of this machine that may stand in no file."""
    from huggingface_hub import get_token

    known = [Secret(name, os.environ.get(name, "")) for name in (*TOKENS, *ACCOUNT)]
    values = {secret.value for secret in known}
    # The stored token, or again the one of the environment.
    stored = get_token() or ""
    known += [] if stored in values else [Secret(LOGIN, stored)]
    # Somebody may be called the same at PhysioNet and on the Hub.
    public = {"", config.hub.namespace, config.release.contact, *config.packaging.authors}
    return [secret for secret in known if secret.value not in public]


def secret_places(name: str, text: str, secrets: Sequence[Secret]) -> Iterator[tuple[int, str]]:
    """Yield (place, kind) of the tokens and passwords in the text of the file `name`.

    In a vocabulary every word stands, so that a password which is one would be found in each: only what looks like a
    token is sought there.
    """
    yield from ((found.start(), TOKEN_KIND) for found in TOKEN.finditer(text))
    if name.endswith(VOCABULARIES):
        return
    yield from ((found.start(), PASSWORD_KIND) for found in PASSWORD_IN_ADDRESS.finditer(text))
    for value in ITS_VALUE.finditer(text):
        if NAMED_KEY.search(text[max(0, value.start() - 40) : value.start()]):
            yield value.start(), TOKEN_KIND
    for secret in secrets:
        known = any_of([secret.value])
        for found in known.finditer(text) if known else ():
            if _stands_out(secret) or _is_login(text, found):
                yield found.start(), secret.kind


def _is_login(text: str, found: re.Match[str]) -> bool:
    """Whether a user or password stands where this was found."""
    before = text[max(0, found.start() - CONTEXT) : found.start()]
    return bool(BEFORE.search(before) or (IN_ADDRESS.search(before) and AT_A_HOST.match(text, found.end())))


def _stands_out(secret: Secret) -> bool:
    """Whether a secret is found wherever it stands, and not only next to what says that it is one.

    A token is. A user or password is one if it is as long as two words and more than letters (`correct horse`), or
    mixes capitals, small letters, figures and signs; `central`, `mimic-cxr` and `consolidation` are words of a card.
    """
    value = secret.value
    if len(value) < STANDS_OUT:
        return False
    if secret.name not in ACCOUNT:
        return True
    classes = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    used = sum(any(map(of_class, value)) for of_class in classes)
    return used >= 3 or (used == 2 and len(value) > 12 and not value.isalpha())
