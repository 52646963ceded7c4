"""Which environment variables reach a process that runs code of others."""

from __future__ import annotations

import os
import re
from collections.abc import Collection

KEPT = (
    *("PATH", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
KEPT_PREFIXES = ("LC_", "CUDA_", "NVIDIA_")
"""An allow-list: which variables hold a password, a token or a cloud's key cannot be listed."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
PROXIES = (*_PROXIES, *map(str.upper, _PROXIES))
"""For processes that download. They may hold a password, so others' code does not get them."""

SECRET_NAME = re.compile(
    r"(?:^|_)(?:(?:API|AUTH)?(?:KEYS?|TOKEN)|PASS(?:WORD|WD|PHRASE|CODE)?|SECRETS?|CREDENTIALS?|AUTH|PAT)"
    r"(?:_(?!(?:PATH|FILE|DIR|SOCK)$)|$)|_PWD$|^PHYSIONET_",
    re.IGNORECASE,
)
"""A name that says it holds a secret, by one of its parts: HF_TOKEN, AWS_ACCESS_KEY_ID, LAB_PASSWORD."""

SECRET_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]*@")
"""An address with a password: of a proxy, a database, an index of packages."""


def kept_environment(more: Collection[str] = ()) -> dict[str, str]:
    """The variables of this process that a process for others' code may see: none that could hold a secret.

    Args:
        more: further names.
    """
    names = {*KEPT, *more}
    return {
        name: value
        for name, value in os.environ.items()
        if name in names or (name.startswith(KEPT_PREFIXES) and not _is_secret(name, value))
    }


def environment_without_secrets(more: Collection[str] = ()) -> dict[str, str]:
    """The variables of this process but those that hold a secret by their name or value.

    Args:
        more: names that are kept all the same.
    """
    return {name: value for name, value in os.environ.items() if name in more or not _is_secret(name, value)}


def _is_secret(name: str, value: str) -> bool:
    return SECRET_NAME.search(name) is not None or SECRET_ADDRESS.search(value) is not None
