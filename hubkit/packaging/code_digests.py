"""The code that a release tells people to run, and its SHA-256s: on the cards, in the receipt and for `verify`."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

import hubkit
from hubkit.config import ReleaseConfig
from hubkit.custody import READER
from hubkit.errors import HubkitError
from hubkit.published import published
from hubkit.terms.kinds import terms_of

LOADER = "mimic_cxr_ptbr.py"
METRIC = "bertscore_ptbr.py"

WRITTEN = ("REPOSITORY", "REVISION", "PROMPT", "REFERENCE", "CORPUS", "INCLUDE_SOURCE")
"""The values that `package` writes into the loader."""


class Code(NamedTuple):
    """A file of a release that its card tells people to run.

    Attributes:
        artifact: whose repo holds it: dataset or metric.
        path: in that repo.
        sha256: of its bytes.
    """

    artifact: str
    path: str
    sha256: str


def code_digests(config: ReleaseConfig) -> dict[str, Code]:
    """The loader, the metric where it has a Space, and of a sealed release the reader, byte for byte as `package` does.

    Raises:
        HubkitError: hubkit is not installed as a whole.
    """
    found = {"loader": Code("dataset", f"loader/{LOADER}", _sha256(loader_script(config).encode()))}
    if "metric" in config.repos():
        metric = (published("bertscore_ptbr") / METRIC).read_bytes()
        found["metric"] = Code("metric", f"{config.hub.metric}.py", _sha256(metric))
    if config.custody.mode == "sealed":
        found["reader"] = Code("dataset", f"loader/{READER}", _sha256(reader_source().encode()))
    return found


def reader_source() -> str:
    """What opens a sealed release, as it is published: hubkit's own module."""
    return (Path(hubkit.__file__).parent / "custody" / READER).read_text(encoding="utf-8")


def loader_script(config: ReleaseConfig) -> str:
    """The loader, with the release that it belongs to written into it."""
    values: dict[str, str | bool] = dict(
        zip(
            WRITTEN,
            (
                config.hub.repo("dataset"),
                config.release.tag,
                config.generation.prompt,
                config.generation.reference,
                terms_of(config.corpus).title(config.corpus.version),
                config.packaging.include_source,
            ),
            strict=True,
        )
    )
    source = (published("loading_script") / LOADER).read_text(encoding="utf-8")
    for name, value in values.items():
        written = repr(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
        source, count = re.subn(rf"^{name} = .*$", lambda _: f"{name} = {written}", source, flags=re.MULTILINE)  # noqa: B023
        if count != 1:
            raise HubkitError(f"has no line {name}", where=LOADER, hint="install hubkit again")
    return source


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
