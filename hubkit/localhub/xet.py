"""Uploads by Xet: the stock client writes chunks into a folder of its own, and a commit takes the files out of it.

The client is told of the folder by the address `local:///folder`, which hf_xet knows for its own tests and no document
promises; where a later version of it does not, `HF_HUB_DISABLE_XET=1` makes clients upload through LFS.
"""

from __future__ import annotations

import secrets
import shutil
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.hub import hub_of, writable
from hubkit.localhub.objects import Objects
from hubkit.localhub.repos import Repo

SECONDS_VALID = 24 * 3600

_RECORD = 48
_VERIFIED, _WITH_SHA256 = 1 << 31, 1 << 30


async def write_token(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/xet-write-token/{rev}: a fresh folder, since no two processes can share one."""
    folder = _home(hub_of(request).root, writable(request)) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    url, token, expires = f"local://{folder}", secrets.token_urlsafe(16), int(time.time()) + SECONDS_VALID
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
    return JSONResponse({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)


def receive(root: Path, objects: Objects, repo: Repo, sha256: str) -> bool:
    """Take the file of this digest out of what was uploaded to `repo` by Xet; False where it is not there."""
    for folder in sorted(_home(root, repo).glob("*")):
        for name, found, size in _files(folder):
            if found == sha256:
                _take(objects, folder, name, sha256, size)
                return True
    return False


def sweep(root: Path) -> None:
    """Delete the folders whose hour is long over."""
    for folder in (root / "xet").glob("*/*"):
        if folder.stat().st_mtime < time.time() - 2 * SECONDS_VALID:
            shutil.rmtree(folder)


def _home(root: Path, repo: Repo) -> Path:
    return root / "xet" / repo.uid


def _files(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Xet hash, SHA-256 and size of each file in the shards of a folder.

    A shard is a head and then records of 48 bytes: of each file its hash, flags and number of segments, then the
    segments, as many verification records, and one with the SHA-256.
    """
    for shard in folder.glob("xet/xorbs/shards/*.mdb"):
        data = shard.read_bytes()
        at = _RECORD
        while data[at : at + 32] != b"\xff" * 32:
            flags, segments = struct.unpack_from("<II", data, at + 32)
            sizes = (struct.unpack_from("<I", data, at + _RECORD * (1 + place) + 36)[0] for place in range(segments))
            size = sum(sizes)
            end = at + _RECORD * (1 + segments * (2 if flags & _VERIFIED else 1))
            if flags & _WITH_SHA256:
                yield _hex(data[at : at + 32]), _hex(data[end : end + 32]), size
                end += _RECORD
            at = end


def _hex(digest: bytes) -> str:
    # Digests lie in shards as four little-endian words.
    return "".join(digest[word : word + 8][::-1].hex() for word in range(0, 32, 8))


def _take(objects: Objects, folder: Path, name: str, sha256: str, size: int) -> None:
    import hf_xet

    if objects.blob(sha256).exists():
        return
    # The client may still hold the folder open, and its index lets one process in.
    copy, file = objects.incoming / f"{folder.name}-{name[:16]}", objects.incoming / f"{folder.name}-{sha256}"
    shutil.copytree(folder, copy)
    try:
        with hf_xet.XetSession().new_file_download_group(endpoint=f"local://{copy}") as group:
            group.start_download_file(hf_xet.XetFileInfo(name, size), str(file))
        objects.adopt(file, sha256)
    finally:
        shutil.rmtree(copy)
        file.unlink(missing_ok=True)
