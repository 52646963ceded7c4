"""Large files as chunks: clients write theirs into folders of their own, and the Hub keeps those of committed files.

A client knows its folder by the address `local:///folder`, which hf_xet knows for its own tests and no document
promises; where a later version of it does not, `HF_HUB_DISABLE_XET=1` makes clients go without Xet.

No two processes can have a folder open. So each client gets one of its own, into which the chunks of the repo are
linked: it finds those of earlier versions, and writes only what is new, as on the real Hub. A commit links what the
client wrote into the repo's own folder: the chunks are the file, and no byte of it is kept twice. Chunks of one repo
are never seen by another.

hf_xet finds files and chunks by the index of a folder alone, which only hf_xet can write. So the repo takes the index
of the client whose files it takes, as long as that client began with the index that the repo has. Where another came
in between, the Hub has hf_xet cut the files once more, into the repo's own folder.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from hubkit.errors import HubkitError
from hubkit.localhub.chunks import XetFile, files_in, read_chunks
from hubkit.localhub.contents import Content, in_pieces
from hubkit.localhub.errors import Refusal
from hubkit.localhub.objects import Objects, sync_files
from hubkit.workspace import sync, sync_all, write_text

SECONDS_VALID = 24 * 3600  # of a token for uploads: longer than any upload of a rehearsal

# What clients have not finished writing goes by other names.
_WHOLE = re.compile(r"(default\.[0-9a-f]{64}|[0-9a-f]{64}\.mdb)(\.tagset)?")
_XORBS, _SHARDS, _INDEX = "xet/xorbs/xorbs", "xet/xorbs/shards", "xet/xorbs/global_dedup_lookup.redb"
"""Chunks; which of them make up a file; and the shard that says so."""

_BASE = "base"
"""A file with the name of the index that a folder began with, or has."""

_ATTEMPTS = 3  # at a copy of an index that its client may be writing

Sent = dict[str, tuple[Path, XetFile]]
"""Files by SHA-256, with the folder in which their chunks are."""


class Xet:
    """The folders of chunks under `root`: one per repo, of its committed files, and one per client.

    Args:
        objects: where files lie that did not come by Xet.
    """

    def __init__(self, root: Path, objects: Objects):
        self.root, self.objects = root / "xet", objects
        self._known: dict[str, dict[str, XetFile]] = {}
        for repo in self.root.glob("*"):
            self._settle(repo)
            self._sweep(repo)
            if (repo / "files").exists():
                # The Hub may have been killed before it could.
                _rename_index(repo / "files")

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

    def content(self, repo: str, file: XetFile) -> Content:
        """The bytes of a file of the repo."""
        return _content(self._store(repo), file)

    def find_sent(self, repo: str, wanted: Set[str]) -> Sent:
        """Files that clients wrote, of those in `wanted`.

        Raises:
            Refusal: the content of one is not what was announced (422).
        """
        found: Sent = {}
        clients = sorted((self.root / repo).glob("client-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        # What came with the files of an earlier commit may be in the repo's own folder alone.
        for folder in (*clients, self._store(repo)):
            if wanted - found.keys():
                for sha256, file in _files(folder):
                    if sha256 in wanted and sha256 not in found and _is_whole(_content(folder, file), sha256):
                        found[sha256] = folder, file
        return found

    def keep(self, repo: str, sent: Sent) -> None:
        """Keep the files that `find_sent` found, and what else their clients wrote; on the disk when it returns."""
        if not _has_hf_xet():
            for sha256, (folder, file) in sent.items():
                self.objects.adopt(self._put_together(_content(folder, file)), sha256)
            return
        again = dict[str, Content | Path]()
        for folder in dict.fromkeys(folder for folder, _ in sent.values()):
            if folder == self._store(repo) or not self._adopt(repo, folder):
                again |= {sha256: _content(*found) for sha256, found in sent.items() if found[0] == folder}
        if again:
            self._cut_into(repo, again)

    def cut(self, repo: str, wanted: Set[str]) -> None:
        """Cut files that came through LFS into chunks, so that clients find them when they send a new version.

        Without hf_xet, which not every platform has, files go without Xet in both directions.
        """
        new = {sha256 for sha256 in wanted if self.find(repo, sha256) is None}
        if new and _has_hf_xet():
            self._cut_into(repo, {sha256: self.objects.blob(sha256) for sha256 in new})

    def keep_only(self, repo: str, kept: Set[str]) -> None:
        """Delete all chunks but those of the files in `kept`, with the folders of clients, which have the others too.

        Chunks of several files lie in one xorb, so the files that stay are cut once more.
        """
        known = {sha256: file for sha256 in sorted(kept) if (file := self.find(repo, sha256)) is not None}
        made = self.objects.incoming / f"kept-{repo}"
        shutil.rmtree(made, ignore_errors=True)
        for sha256, file in known.items():
            content = self.content(repo, file)
            if _has_hf_xet():
                self._cut(made, {sha256: content})
            else:
                self.objects.adopt(self._put_together(content), sha256)
        if not made.exists():
            return self.forget(repo)
        _rename_index(made)
        sync_all(made)
        for folder in (self.root / repo).glob("client-*"):
            shutil.rmtree(folder)
        made.replace(self._next(self.root / repo))
        self._settle(self.root / repo)
        self._known.pop(repo, None)
        return None

    def forget(self, repo: str) -> None:
        """Delete all chunks of a repo."""
        shutil.rmtree(self.root / repo, ignore_errors=True)
        self._known.pop(repo, None)

    def _adopt(self, repo: str, folder: Path) -> bool:
        """Link what is in a folder into the repo's own and take its index; False where that lacks files of the repo."""
        store = self._store(repo)
        self.find(repo, "")  # The files of the repo are known before there are more.
        index = self._opening_index(folder)
        new = _link(folder, store)
        sync_files(new, self.root)
        shards = (path for path in new if path.suffix == ".mdb")
        self._known[repo] = {**self._known[repo], **{key: file for path in shards for key, file in _in_shard(path)}}
        if index is None or _base(folder) != _base(store):
            return False
        sync(index)
        index.replace(store / _INDEX)
        # After the index: a client that is given its folder meanwhile has an earlier name, and so is behind.
        _rename_index(store)
        shutil.copyfile(store / _BASE, folder / _BASE)
        return True

    def _cut_into(self, repo: str, files: Mapping[str, Content | Path]) -> None:
        """Have hf_xet cut files, by SHA-256, into the chunks of a repo."""
        copy = self.objects.incoming / f"chunks-{repo}"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            _share(self._store(repo), copy)
            self._cut(copy, files)
            if not self._adopt(repo, copy):
                raise HubkitError(
                    "the index of the chunks of a repo cannot be opened",
                    where=self._store(repo),
                    hint="restart the Hub; if it stays so, delete this folder and upload the files again",
                )
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def _cut(self, folder: Path, files: Mapping[str, Content | Path]) -> None:
        for sha256, content in files.items():
            place = content if isinstance(content, Path) else self._put_together(content)
            try:
                # One after the other, so that one alone is in memory, and on the disk as a whole.
                _upload(folder, place, sha256)
            finally:
                if place != content:
                    place.unlink()
        # What hf_xet keeps for itself.
        for cache in ("shard-cache", "shard-session"):
            shutil.rmtree(folder / "xet" / cache, ignore_errors=True)

    def _put_together(self, content: Content) -> Path:
        handle, name = tempfile.mkstemp(dir=self.objects.incoming)
        with open(handle, "wb") as file:
            file.writelines(content.read(0, content.size))
        return Path(name)

    def _opening_index(self, folder: Path) -> Path | None:
        """A copy of the index of a client, which may be writing it; None where no copy can be opened.

        One that cannot be opened would keep all later clients from reading and writing.
        """
        copy = self.objects.incoming / f"index-{folder.name}"
        for _ in range(_ATTEMPTS):
            shutil.rmtree(copy, ignore_errors=True)
            _copy_index(folder, copy)
            if (copy / _INDEX).exists() and _opens(copy):
                return copy / _INDEX
        return None

    def _store(self, repo: str) -> Path:
        return self.root / repo / "files"

    @staticmethod
    def _next(repo: Path) -> Path:
        return repo / "files.next"

    def _settle(self, repo: Path) -> None:
        """Finish what `keep_only` began: the next folder is complete as soon as it exists."""
        if self._next(repo).exists():
            shutil.rmtree(repo / "files", ignore_errors=True)
            self._next(repo).replace(repo / "files")

    def _sweep(self, repo: Path) -> None:
        """Delete the folders of clients whose permission ended long ago."""
        for folder in repo.glob("client-*"):
            if folder.stat().st_mtime < time.time() - 2 * SECONDS_VALID:
                shutil.rmtree(folder)


def _has_hf_xet() -> bool:
    return importlib.util.find_spec("hf_xet") is not None


def _upload(folder: Path, file: Path, sha256: str) -> None:
    import hf_xet

    with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{folder}") as upload:
        upload.start_upload_file(str(file), sha256=sha256)


def _opens(folder: Path) -> bool:
    """Whether hf_xet can open the index of a folder; it repairs one that was copied while it was being written."""
    import hf_xet

    try:
        with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{folder}"):
            return True
    except Exception:  # noqa: BLE001  hf_xet documents no classes for this.
        return False


def _content(folder: Path, file: XetFile) -> Content:
    read = functools.partial(read_chunks, folder / _XORBS, file)
    return Content(file.size, lambda start, stop: in_pieces(read(start, stop)))


def _is_whole(content: Content, sha256: str) -> bool:
    """Whether all chunks are there.

    Raises:
        Refusal: they are, and hold something else (422).
    """
    digest = hashlib.sha256()
    try:
        for piece in content.read(0, content.size):
            digest.update(piece)
    except OSError:
        return False
    if digest.hexdigest() != sha256:
        raise Refusal(422, "The content received is not the content announced")
    return True


def _base(folder: Path) -> str:
    return (folder / _BASE).read_text(encoding="ascii") if (folder / _BASE).exists() else ""


def _rename_index(folder: Path) -> None:
    write_text(folder / _BASE, secrets.token_hex(8))


def _share(source: Path, target: Path) -> None:
    """Give a new folder what another one has."""
    # Its name before the index, and that before what it names: both may change meanwhile.
    base = _base(source)
    _copy_index(source, target)
    (target / _BASE).write_text(base, encoding="ascii")
    _link(source, target)


def _copy_index(source: Path, target: Path) -> None:
    (target / _INDEX).parent.mkdir(parents=True)
    if (source / _INDEX).exists():
        shutil.copyfile(source / _INDEX, target / _INDEX)


def _link(source: Path, target: Path) -> list[Path]:
    """Link the shards and xorbs of one folder into another; return those that are new there."""
    # Listed in this order and linked in the other: a shard must not name a xorb that is not there.
    names = {part: _listed(source / part) for part in (_SHARDS, _XORBS)}
    new = []
    for part in (_XORBS, _SHARDS):
        (target / part).mkdir(parents=True, exist_ok=True)
        for name in names[part]:
            if not (target / part / name).exists():
                os.link(source / part / name, target / part / name)
                new.append(target / part / name)
    return new


def _listed(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*") if _WHOLE.fullmatch(path.name)]


def _files(folder: Path) -> Iterator[tuple[str, XetFile]]:
    """The files in the shards of a folder, by SHA-256."""
    for shard in (folder / _SHARDS).glob("*.mdb"):
        if _WHOLE.fullmatch(shard.name):
            yield from _in_shard(shard)


def _in_shard(path: Path) -> Iterator[tuple[str, XetFile]]:
    return files_in(path.read_bytes())
