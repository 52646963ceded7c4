"""A salt for small files behind the gate that name studies.

A Hub may show size and SHA-1 of a small file to everybody, whatever its repo's gate. All else in such a
file can be guessed, so that ids could be tried until the digest fits. Large files are not shown so.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from hubkit.workspace import Workspace, write_json, write_text

GATED = ("adapter/hubkit_generation.json", "adapter/training.json")
"""Files behind the gate that name studies: the few-shot examples, and those left out of the training."""

_BYTES = 32
"""As many as the SHA-256 of a key: trying all of them is out of reach."""

_SALT = re.compile(rf'^  "salt": "[0-9a-f]{{{2 * _BYTES}}}"', re.MULTILINE)


def salt_files(adapter: Path, workspace: Workspace) -> None:
    """Write the workspace's salt into the files of the folder `adapter` that name studies.

    It is made once and stays in the workspace, so that a file that did not change has the same digest in
    the next version.
    """
    if not workspace.salt.exists():
        write_text(workspace.salt, secrets.token_hex(_BYTES) + "\n")
    salt = workspace.salt.read_text(encoding="utf-8").strip()
    for name in GATED:
        path = adapter / Path(name).name
        if path.exists():
            write_json(path, {**json.loads(path.read_text(encoding="utf-8")), "salt": salt})


def is_salted(path: Path) -> bool:
    """Whether a file holds a salt."""
    return _SALT.search(path.read_text(encoding="utf-8", errors="replace")) is not None
