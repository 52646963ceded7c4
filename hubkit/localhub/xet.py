"""Large files as chunks: clients write theirs into folders of their own, and the Hub keeps those of committed files.

A client is told of its folder by the address `local:///folder`, which hf_xet knows for its own tests and no document
promises; where a later version of it does not, `HF_HUB_DISABLE_XET=1` makes clients go without Xet.

No two processes can have a folder open. So each client gets one of its own, into which the chunks of the repo are
linked: it finds those of earlier versions, and writes only what is new, as on the real Hub. A commit takes the files
out of the clients' folders, and the Hub cuts them, and those that came through LFS, into chunks once more for the
repo's own. Chunks of one repo are never seen by another.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import struct
import time
from collections.abc import Iterator, Set
from pathlib import Path
from typing import NamedTuple

from hubkit.localhub.objects import Objects

SECONDS_VALID = 24 * 3600

# What clients have not finished writing goes by other names.
_WHOLE = re.compile(r"(default\.[0-9a-f]{64}|[0-9a-f]{64}\.mdb)(\.tagset)?")
_CHUNKS, _SHARDS, _INDEX = "xet/xorbs/xorbs", "xet/xorbs/shards", "xet/xorbs/global_dedup_lookup.redb"
"""Chunks; which of them make up a file; and which shard that is said in."""

_ATTEMPTS = 3

_RECORD = 48
_VERIFIED, _WITH_SHA256 = 1 << 31, 1 << 30


class XetFile(NamedTuple):
    """A file as Xet knows it: its hash, and its size in bytes."""

    hash: str
    size: int


class Xet:
    """The folders of chunks under `root`: one per repo, of its committed files, and one per client.

    Args:
        objects: where the files themselves are kept: chunks can be lost without losing a file.
    """

    def __init__(self, root: Path, objects: Objects):
        self.root, self.objects = root / "xet", objects
        self._known: dict[str, dict[str, XetFile]] = {}
        for repo in self.root.glob("*"):
            self._sweep(repo)

    def folder(self, repo: str) -> Path:
        """A new folder for a client of the repo with this uid, with the chunks of its files."""
        self._sweep(self.root / repo)
        made = self.root / repo / f"client-{secrets.token_hex(16)}"
        _share(self._store(repo), made)
        return made

    def find(self, repo: str, sha256: str) -> XetFile | None:
        """How a client may ask for a file by Xet; None where it may not."""
        if repo not in self._known:
            self._known[repo] = dict(_files(self._store(repo)))
        return self._known[repo].get(sha256)

    def receive(self, repo: str, wanted: Set[str]) -> set[str]:
        """Take files, by SHA-256, out of what clients wrote; return those that were there.

        Raises:
            Refusal: the content of one is not what was announced (422).
        """
        known, received = _names(self._store(repo)), set[str]()
        clients = sorted((self.root / repo).glob("client-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in clients:
            there = {sha256: file for sha256, file in _files(folder, known) if sha256 in wanted - received}
            if there and self._take(folder, there):
                received |= there.keys()
        return received

    def remember(self, repo: str, wanted: Set[str]) -> None:
        """Keep the chunks of files, by SHA-256, which lie with the others already.

        Without hf_xet, which is not to be had for every platform, files go without Xet in both directions.
        """
        new = {sha256 for sha256 in wanted if self.find(repo, sha256) is None}
        if new and importlib.util.find_spec("hf_xet"):
            import hf_xet

            copy = self.objects.incoming / f"chunks-{repo}"
            shutil.rmtree(copy, ignore_errors=True)
            _share(self._store(repo), copy)
            with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{copy}") as upload:
                for sha256 in sorted(new):
                    upload.start_upload_file(str(self.objects.blob(sha256)), sha256=sha256)
            shutil.rmtree(self._store(repo), ignore_errors=True)
            self._store(repo).parent.mkdir(parents=True, exist_ok=True)
            copy.replace(self._store(repo))
            self._known.pop(repo, None)

    def forget(self, repo: str) -> None:
        """Delete all chunks of a repo; its files remain."""
        shutil.rmtree(self.root / repo, ignore_errors=True)
        self._known.pop(repo, None)

    def _take(self, folder: Path, files: dict[str, XetFile]) -> bool:
        """Put `files` together from the chunks of a folder; False where that cannot be done."""
        copy = self.objects.incoming / folder.name
        places = {sha256: self.objects.incoming / sha256 for sha256 in files}
        try:
            if not any(_put_together(folder, copy, files, places) for _ in range(_ATTEMPTS)):
                return False
            for sha256, place in places.items():
                self.objects.adopt(place, sha256)
            return True
        finally:
            shutil.rmtree(copy, ignore_errors=True)
            for place in places.values():
                place.unlink(missing_ok=True)

    def _store(self, repo: str) -> Path:
        return self.root / repo / "files"

    def _sweep(self, repo: Path) -> None:
        """Delete the folders of clients whose permission ended long ago."""
        for folder in repo.glob("client-*"):
            if folder.stat().st_mtime < time.time() - 2 * SECONDS_VALID:
                shutil.rmtree(folder)


def _put_together(folder: Path, copy: Path, files: dict[str, XetFile], places: dict[str, Path]) -> bool:
    import hf_xet

    # The client may have its folder open, or even be writing into it: then a later copy is a whole one.
    shutil.rmtree(copy, ignore_errors=True)
    _share(folder, copy)
    try:
        with hf_xet.XetSession().new_file_download_group(endpoint=f"local://{copy}") as group:
            for sha256, file in files.items():
                group.start_download_file(hf_xet.XetFileInfo(file.hash, file.size), str(places[sha256]))
    except RuntimeError:
        return False
    return True


def _share(source: Path, target: Path) -> None:
    # Chunks first: a shard never names some that are not there.
    for part in (_CHUNKS, _SHARDS):
        (target / part).mkdir(parents=True)
        if (source / part).is_dir():
            for file in (source / part).iterdir():
                if _WHOLE.fullmatch(file.name):
                    os.link(file, target / part / file.name)
    if (source / _INDEX).exists():
        shutil.copyfile(source / _INDEX, target / _INDEX)


def _names(folder: Path) -> frozenset[str]:
    return frozenset(shard.name for shard in (folder / _SHARDS).glob("*.mdb"))


def _files(folder: Path, but: frozenset[str] = frozenset()) -> Iterator[tuple[str, XetFile]]:
    """The files in the shards of a folder, by SHA-256, but for those of some shards.

    A shard is a head and then records of 48 bytes: of each file its hash, flags and number of segments, then the
    segments, as many verification records, and one with the SHA-256.
    """
    for shard in (folder / _SHARDS).glob("*.mdb"):
        if shard.name in but or not _WHOLE.fullmatch(shard.name):
            continue
        data = shard.read_bytes()
        at = _RECORD
        while data[at : at + 32] != b"\xff" * 32:
            flags, segments = struct.unpack_from("<II", data, at + 32)
            sizes = (struct.unpack_from("<I", data, at + _RECORD * (1 + place) + 36)[0] for place in range(segments))
            size = sum(sizes)
            end = at + _RECORD * (1 + segments * (2 if flags & _VERIFIED else 1))
            if flags & _WITH_SHA256:
                yield _hex(data[end : end + 32]), XetFile(_hex(data[at : at + 32]), size)
                end += _RECORD
            at = end


def _hex(digest: bytes) -> str:
    # Digests lie in shards as four little-endian words.
    return "".join(digest[word : word + 8][::-1].hex() for word in range(0, 32, 8))
