"""What repos are made of, content-addressed: blobs by SHA-256, trees and commits by SHA-1. Nothing is ever changed."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hubkit.localhub.errors import Refusal
from hubkit.workspace import sync, sync_all

FEW = 16
"""Files that are brought onto the disk one by one; for more, all of the file system is, by one call."""

_PIECE = 2**20
"""Bytes that are kept in memory before a thread writes them."""


@dataclass(frozen=True)
class Entry:
    """A file in a tree.

    Attributes:
        oid: what git calls it: the SHA-1 of its blob, or of its LFS pointer.
        size: in bytes.
        sha256: where its content lies.
        lfs: whether git holds a pointer alone.
    """

    oid: str
    size: int
    sha256: str
    lfs: bool

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid


Tree = dict[str, Entry]
"""The files of a commit by path."""


@dataclass(frozen=True)
class Commit:
    """A commit: its files, where it came from, who made it and why."""

    repo: str
    tree: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str


class Objects:
    """Blobs, trees and commits under `root`."""

    def __init__(self, root: Path):
        self.blobs, self.graph, self.incoming = root / "blobs", root / "objects", root / "incoming"
        shutil.rmtree(self.incoming, ignore_errors=True)
        for folder in (self.blobs, self.graph, self.incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self.commit = functools.lru_cache(maxsize=4096)(self._commit)
        self.tree = functools.lru_cache(maxsize=64)(self._tree)

    def blob(self, sha256: str) -> Path:
        return self.blobs / sha256[:2] / sha256

    async def take(self, chunks: AsyncIterator[bytes], size: int) -> Path:
        """Store the bytes of `chunks` in a file of `incoming`, which `adopt` takes.

        Raises:
            Refusal: there are more or fewer than were announced (422).
        """
        handle, name = tempfile.mkstemp(dir=self.incoming)
        received, waiting = 0, bytearray()
        try:
            with open(handle, "wb", buffering=0) as file:
                async for chunk in chunks:
                    waiting += chunk
                    received += len(chunk)
                    if received > size:
                        raise _not_announced()
                    if len(waiting) >= _PIECE:
                        await asyncio.to_thread(file.write, waiting)
                        waiting = bytearray()
                await asyncio.to_thread(file.write, waiting)
            if received != size:
                raise _not_announced()
        except BaseException:
            Path(name).unlink()
            raise
        return Path(name)

    def adopt(self, file: Path, sha256: str) -> None:
        """Move a file of `incoming` to where its content belongs.

        Raises:
            Refusal: its content is not what was announced (422).
        """
        with open(file, "rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != sha256:
                raise _not_announced()
        self._settle(file, self.blob(sha256))
        sync_files([self.blob(sha256)], self.blobs)

    def put(self, content: bytes) -> Entry:
        """Store a regular file; `sync` brings it onto the disk."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._write(content, self.blob(sha256))
        return Entry(git_sha1("blob", content), len(content), sha256, lfs=False)

    def put_tree(self, tree: Tree) -> str:
        return self._put_json({path: asdict(entry) for path, entry in sorted(tree.items())})

    def put_commit(self, commit: Commit) -> str:
        return self._put_json(asdict(commit))

    def sync(self, blobs: Set[str], graph: Set[str]) -> None:
        """Bring what was put onto the disk, also where somebody else put it first: it is to outlive a power cut."""
        written = [*map(self.blob, blobs), *map(self._graph_file, graph)]
        sync_files(written, self.blobs.parent)

    def history(self, oid: str | None) -> Iterator[tuple[str, Commit]]:
        """The commit `oid` and all before it, newest first."""
        while oid is not None:
            commit = self.commit(oid)
            yield oid, commit
            oid = commit.parent

    def keep_only(self, blobs: Set[str], graph: Set[str]) -> None:
        """Delete all blobs, trees and commits but these."""
        for home, kept in ((self.blobs, blobs), (self.graph, graph)):
            for path in home.glob("*/*"):
                if path.name not in kept:
                    path.unlink()
        self.commit.cache_clear()
        self.tree.cache_clear()

    def _commit(self, oid: str) -> Commit:
        return Commit(**self._get_json(oid))

    def _tree(self, oid: str) -> Tree:
        return {path: Entry(**entry) for path, entry in self._get_json(oid).items()}

    def _put_json(self, value: Any) -> str:
        content = json.dumps(value, sort_keys=True, ensure_ascii=False).encode()
        oid = git_sha1("object", content)
        self._write(content, self._graph_file(oid))
        return oid

    def _get_json(self, oid: str) -> Any:
        return json.loads(self._graph_file(oid).read_text(encoding="utf-8"))

    def _graph_file(self, oid: str) -> Path:
        return self.graph / oid[:2] / oid

    def _write(self, content: bytes, home: Path) -> None:
        if not home.exists():
            handle, name = tempfile.mkstemp(dir=self.incoming)
            try:
                with open(handle, "wb") as file:
                    file.write(content)
                self._settle(Path(name), home)
            finally:
                Path(name).unlink(missing_ok=True)

    def _settle(self, temporary: Path, home: Path) -> None:
        home.parent.mkdir(exist_ok=True)
        temporary.replace(home)


def sync_files(files: Collection[Path], root: Path) -> None:
    """Bring files below `root` onto the disk, with their names in it."""
    if len(files) > FEW:
        return sync_all(root)
    folders = dict.fromkeys(file.parent for file in files)
    for path in (*files, *folders, *dict.fromkeys(folder.parent for folder in folders)):
        sync(path)
    return None


def _not_announced() -> Refusal:
    return Refusal(422, "The content received is not the content announced")


def git_sha1(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The file that git holds in place of an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def lfs_entry(sha256: str, size: int) -> Entry:
    return Entry(git_sha1("blob", lfs_pointer(sha256, size)), size, sha256, lfs=True)
