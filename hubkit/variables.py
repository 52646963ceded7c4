"""Which environment variables reach a process that runs code of others: an allow-list."""

from __future__ import annotations

import os
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


def kept_environment(more: Collection[str] = ()) -> dict[str, str]:
    """The variables of this process that a process for others' code may see: none that could hold a secret.

    Args:
        more: further names; "VLLM_*" is all that begin so.
    """
    names = {*KEPT, *more}
    prefixes = (*KEPT_PREFIXES, *(name[:-1] for name in more if name.endswith("*")))
    return {name: value for name, value in os.environ.items() if name in names or name.startswith(prefixes)}
