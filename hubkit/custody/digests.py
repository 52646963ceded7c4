"""A researcher's own corpus as key material: one digest over all reports of each top folder (p10 ... p19)."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

from hubkit.errors import HubkitError, UsageError
from hubkit.sources.base import Source
from hubkit.sources.find import find_source

CORPUS_VARIABLE = "MIMIC_CXR_ROOT"


def group_of(subject_id: int) -> str:
    """The top folder that holds a subject's studies, such as p10: the studies that share a key."""
    return f"p{str(subject_id)[:2]}"


def find_corpus(root: str | os.PathLike[str] | None = None, cache: bool = True, kind: str | None = None) -> OwnCorpus:
    """The corpus at `root`, else at MIMIC_CXR_ROOT: its folder, or the archive of its reports.

    Args:
        root: of MIMIC-CXR, a folder with files/ or mimic-cxr-reports.zip, or the zip itself; of another kind, what its
            reader takes.
        cache: as in `OwnCorpus`.
        kind: the kind of the corpus; None tells it by its files.

    Raises:
        UsageError: neither is given.
        HubkitError: there is no corpus.
    """
    root = root or os.environ.get(CORPUS_VARIABLE)
    if not root:
        raise UsageError(
            "opening a sealed release needs your own copy of the reports it comes from",
            hint=f"set {CORPUS_VARIABLE} to the folder of MIMIC-CXR, or to mimic-cxr-reports.zip",
        )
    return OwnCorpus(find_source(Path(root).expanduser().absolute(), kind), cache)


class OwnCorpus:
    """The reports of a corpus by top folder. Keys come from its digests, which are as secret as the reports.

    Args:
        source: the reports.
        cache: whether the digests are kept in a file that only this user can read.
    """

    def __init__(self, source: Source, cache: bool = True):
        self.source = source
        self._cache = cache
        self._digests: dict[str, bytes] = {}

    @cached_property
    def _names(self) -> dict[str, dict[int, str]]:
        groups: dict[str, dict[int, str]] = {}
        for (subject, study), name in self.source.listing().names.items():
            groups.setdefault(group_of(subject), {})[study] = name
        return groups

    def groups(self) -> list[str]:
        """The top folders that hold reports, in order."""
        return sorted(self._names)

    def studies(self, group: str) -> list[int]:
        """The ids of a folder's studies, ascending."""
        return sorted(self._names.get(group, {}))

    def digest(self, group: str) -> bytes:
        """SHA-256 over a folder's reports in study order, each after its study id and its length (8 bytes each).

        Raises:
            HubkitError: the folder is missing or a report cannot be read.
        """
        if group not in self._digests:
            state = self._state(group)
            kept = _kept(self._key(group), state) if self._cache else None
            self._digests[group] = kept or self._read(group)
            if self._cache and kept is None:
                _keep(self._key(group), state, self._digests[group])
        return self._digests[group]

    def _read(self, group: str) -> bytes:
        names = self._names.get(group)
        if not names:
            raise HubkitError(
                f"has no reports of the folder {group}", where=self.source.path, hint="get the whole corpus"
            )
        studies = sorted(names)
        running = hashlib.sha256()
        for study, report in zip(studies, self.source.read(names[study] for study in studies), strict=True):
            running.update(study.to_bytes(8, "big") + len(report).to_bytes(8, "big") + report)
        return running.digest()

    def _key(self, group: str) -> str:
        return f"{self.source.path}#{group}"

    def _state(self, group: str) -> str:
        """Changes when a report may have changed: sizes and times of the archive, or of each report of the folder."""
        if self.source.path.is_dir():
            paths = [self.source.path / name for _, name in sorted(self._names.get(group, {}).items())]
        else:
            paths = [self.source.path]
        states = [(path.name, status.st_size, status.st_mtime_ns) for path in paths for status in [path.stat()]]
        return hashlib.sha256(json.dumps(states).encode()).hexdigest()


def cache_path() -> Path:
    """The file with the digests of the corpora that were read on this machine; readable by its owner alone."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "hubkit" / "corpus-digests.json"


def _kept(key: str, state: str) -> bytes | None:
    entry = _read_cache().get(key)
    return bytes.fromhex(entry["digest"]) if entry and entry["state"] == state else None


def _keep(key: str, state: str, digest: bytes) -> None:
    path = cache_path()
    entries = {**_read_cache(), key: {"state": state, "digest": digest.hex()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes the file for its owner alone, before anything is in it.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".digests.")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        os.replace(temporary, path)
    except OSError as error:
        warnings.warn(f"{path} cannot be written ({error.strerror}): the corpus is read again each time", stacklevel=2)


def _read_cache() -> dict[str, Any]:
    """What is kept; nothing where the file is missing, broken, or has been readable by others."""
    path = cache_path()
    try:
        status = path.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            return {}
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries
