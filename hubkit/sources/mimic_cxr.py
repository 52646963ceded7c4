"""Where the texts of MIMIC-CXR are: a tree of files, mimic-cxr-reports.zip as it was downloaded, or one CSV."""

from __future__ import annotations

import functools
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.errors import HubkitError
from hubkit.sources.base import Listing, Source
from hubkit.sources.report_csv import SECTIONED_CSV, ReportCsv, is_csv
from hubkit.sources.text import decode

REPORTS_ZIP = "mimic-cxr-reports.zip"
REPORT = re.compile(r"(?:.*/)?files/p(1\d)/p(\1\d{6})/s(5\d{7})\.txt", re.DOTALL)
MAX_REPORT_BYTES = 64 * 2**20
"""A report has some kilobytes: a file of this size is something else, or a bomb in a zip."""


def find_mimic_cxr(root: Path) -> Source:
    """The reports under `root`: the zip file or CSV that it is, else the zip, the tree `files/` or the CSV it holds.

    Raises:
        HubkitError: there is neither.
    """
    if not root.exists():
        raise HubkitError("the corpus folder is missing", where=root, hint="set [corpus] root, or run: hubkit fetch")
    if root.is_file():
        return ReportCsv(root) if is_csv(root) else ZipSource(root)
    if (root / REPORTS_ZIP).is_file():
        return ZipSource(root / REPORTS_ZIP)
    table = next((root / name for name in (SECTIONED_CSV, f"{SECTIONED_CSV}.gz") if (root / name).is_file()), None)
    for home in (root, root / "mimic-cxr-reports"):
        # Images lie below files/ too. Where only they do, the reports are those of the CSV.
        if (home / "files").is_dir() and (table is None or next(home.glob("files/p[0-9][0-9]/p*/*.txt"), None)):
            return TreeSource(home)
    if table is not None:
        return ReportCsv(table)
    raise HubkitError(
        f"holds neither {REPORTS_ZIP} nor files/ nor {SECTIONED_CSV}",
        where=root,
        hint="set [corpus] root (another CSV is named by its path), or: hubkit fetch",
    )


def as_distributed(root: Path) -> bool:
    """Whether the reports lie as PhysioNet hands them out, so that readers find theirs in the same way."""
    try:
        return not isinstance(find_mimic_cxr(root), ReportCsv)
    except HubkitError:
        return True  # nothing is there: whoever reads says so


class TreeSource(NamedTuple):
    """A folder that holds files/p10/p10000032/s50414267.txt and so on."""

    path: Path

    def listing(self) -> Listing:
        texts = sorted(
            study.relative_to(self.path).as_posix()
            for group in sorted((self.path / "files").glob("p[0-9][0-9]"))
            for study in group.glob("p*/*.txt")
        )
        return _listing(texts, self.path)

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            try:
                yield (self.path / name).read_bytes()
            except OSError as error:
                raise HubkitError(
                    f"cannot be read: {error.strerror}",
                    where=self.path / name,
                    hint="check who may read it; a missing file comes with: hubkit fetch",
                ) from None

    def texts(self, names: Iterable[str]) -> Iterator[str]:
        return map(_text, self.read(names))


class ZipSource(NamedTuple):
    """mimic-cxr-reports.zip, read in place."""

    path: Path

    def listing(self) -> Listing:
        entries = self._open().infolist()
        for entry in entries:
            parts = entry.filename.replace("\\", "/").split("/")
            if ".." in parts or entry.filename.startswith(("/", "\\")):
                raise HubkitError(
                    "holds an entry whose path climbs out of the archive",
                    where=self.path,
                    hint="this is not PhysioNet's file; fetch it again: hubkit fetch",
                )
        return _listing([entry.filename for entry in entries if entry.filename.endswith(".txt")], self.path)

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        archive = self._open()
        for name in names:
            try:
                if archive.getinfo(name).file_size > MAX_REPORT_BYTES:
                    raise HubkitError(
                        f"{name} is larger than {MAX_REPORT_BYTES} bytes",
                        where=self.path,
                        hint="that is not a report of this corpus; fetch the archive again: hubkit fetch",
                    )
                yield archive.read(name)
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise HubkitError(f"{name} is damaged: {error}", where=self.path, hint="run: hubkit fetch") from None

    def texts(self, names: Iterable[str]) -> Iterator[str]:
        return map(_text, self.read(names))

    def _open(self) -> zipfile.ZipFile:
        try:
            state = self.path.stat()
            return _archive(self.path, state.st_size, state.st_mtime_ns)
        except (zipfile.BadZipFile, OSError) as error:
            raise HubkitError(
                f"is not a complete zip file: {error}", where=self.path, hint="run: hubkit fetch"
            ) from None


def _text(report: bytes) -> str:
    return decode(report)[0]


@functools.lru_cache(maxsize=1)
def _archive(path: Path, size: int, changed: int) -> zipfile.ZipFile:
    """The archive, opened once a process: its list of 228,000 entries takes seconds to read."""
    return zipfile.ZipFile(path)


def _listing(names: list[str], where: Path) -> Listing:
    found: dict[tuple[int, int], str] = {}
    studies: set[int] = set()
    strange = []
    for name in names:
        match = REPORT.fullmatch(name)
        if match is None:
            strange.append(name)
            continue
        study = int(match[3])
        if study in studies:
            raise HubkitError(f"holds the report of study {study} twice", where=where, hint="keep the right one")
        studies.add(study)
        found[int(match[2]), study] = name
    return Listing(found, strange)
