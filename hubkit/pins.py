"""The commits that a card names, so that what it tells people to run cannot change behind their back.

`package` leaves the block `pins` with a row for each commit, which only `push` can know. `push` fills in the commits,
there and in the lines that fetch code. What it writes is hexadecimal, so that the leak guard has seen all other text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from hubkit.cards import BLOCK
from hubkit.errors import HubkitError

PINS = "pins"
"""The block with the commits."""

CODE = "code"
"""The block with the SHA-256s."""

SCRIPT = "script"
"""The part of the release that is the branch of that name in the dataset's repo."""

UNPINNED = "named by `hubkit push`"
"""What a row says before the commit is known."""

UNKNOWN = "0" * 40
"""A commit that is yet to be made, for those who only look at what a push would do."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_ROW = re.compile(
    rf"^\| `(?P<part>[a-z]+)` \| `(?P<repo>[^`|]+)` \| (?P<cell>`[0-9a-f]{{40}}`|{re.escape(UNPINNED)}) \|$",
    re.MULTILINE,
)
_DIGEST = re.compile(
    r"^\| `(?P<path>[\w-]+(?:[./][\w-]+)*)` \| `(?P<repo>[^`|]+)` \| `(?P<sha256>[0-9a-f]{64})` \|$", re.MULTILINE
)
_FETCHES_CODE = r'((?:evaluate\.load|hf_hub_download|snapshot_download)\("{repo}"[^\n]*?\brevision=")[^"\n]+'
_RUNS_SCRIPT = r'(load_dataset\("{repo}"[^\n]*?\brevision=")[^"\n]+(?="[^\n]*trust_remote_code=True)'


class Digest(NamedTuple):
    """A file that a card tells people to run: its path, the repo that holds it, and the SHA-256 of its bytes."""

    path: str
    repo: str
    sha256: str


def parts(card: str) -> dict[str, str]:
    """The parts of the release whose commits a card names, or has a row for, each with its repo."""
    return {row["part"]: row["repo"] for row in _ROW.finditer(_block(card, PINS))}


def commits(card: str) -> dict[str, str]:
    """The commits that a card names, by part of the release."""
    rows = _ROW.finditer(_block(card, PINS))
    return {row["part"]: row["cell"].strip("`") for row in rows if row["cell"] != UNPINNED}


def code(card: str) -> list[Digest]:
    """The files that a card tells people to run."""
    return [Digest(row["path"], row["repo"], row["sha256"]) for row in _DIGEST.finditer(_block(card, CODE))]


def fill(card: str, known: Mapping[str, str]) -> str:
    """Name the commits `known` in a card as `package` wrote it; what is not known stays as it is.

    Raises:
        HubkitError: one of them is not a commit.
    """
    for part, commit in known.items():
        if not _COMMIT.fullmatch(commit):
            raise HubkitError("is not the id of a commit", where=f"{part}: {commit}", hint="run: hubkit push")
    block = _block(card, PINS)
    if not block:
        return card

    def row(found: re.Match[str]) -> str:
        commit = known.get(found["part"])
        return f"| `{found['part']}` | `{found['repo']}` | `{commit}` |" if commit else found[0]

    return fill_code(card.replace(block, _ROW.sub(row, block)), parts(card), known)


def fill_code(text: str, repos: Mapping[str, str], known: Mapping[str, str]) -> str:
    """Name the commits `known` in the lines that fetch code from `repos`, both by part of the release."""
    for part, repo in repos.items():
        if part in known:
            pattern = (_RUNS_SCRIPT if part == SCRIPT else _FETCHES_CODE).replace("{repo}", re.escape(repo))
            text = re.sub(pattern, rf"\g<1>{known[part]}", text)
    return text


def _block(card: str, name: str) -> str:
    return next((found[0] for found in BLOCK.finditer(card) if found["name"] == name), "")
