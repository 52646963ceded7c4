"""Where the reports of NLM Open-i are: a folder of XML files, or NLMCXR_reports.tgz as it was downloaded."""

from __future__ import annotations

import functools
import re
import tarfile
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from hubkit.errors import HubkitError
from hubkit.sources.base import Listing

ARCHIVE = "NLMCXR_reports.tgz"
UID = re.compile(r"CXR(\d{1,7})")
IMAGE_ID = re.compile(r"[\w.-]{1,80}", re.ASCII)


class Document(NamedTuple):
    """What one XML file holds: its study, its sections by header, its image ids and its main headings."""

    study_id: int
    sections: dict[str, str]
    images: list[str]
    headings: list[str]


class OpenISource(NamedTuple):
    """XML files by name. A study counts as a subject of its own: Open-i does not tell patients apart."""

    path: Path

    def listing(self) -> Listing:
        found: dict[tuple[int, int], str] = {}
        for name, document in self.documents():
            study = document.study_id
            if (study, study) in found:
                raise HubkitError(
                    f"holds the report of study {study} twice", where=self.path, hint="keep the right one"
                )
            found[study, study] = name
        return Listing(found, [])

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        files = self._files()
        for name in names:
            if name not in files:
                raise HubkitError(f"{name} is missing", where=self.path, hint="download the corpus again")
            yield files[name]

    def texts(self, names: Iterable[str]) -> Iterator[str]:
        for document in self.parsed(names):
            yield "\n\n".join(document.sections.values())

    def documents(self) -> Iterator[tuple[str, Document]]:
        """Yield name and content of every report."""
        for name, data in self._files().items():
            yield name, parse_document(data, self.path, name)

    def parsed(self, names: Iterable[str]) -> Iterator[Document]:
        """Yield the content of these reports, in this order."""
        names = list(names)
        for name, data in zip(names, self.read(names), strict=True):
            yield parse_document(data, self.path, name)

    def _files(self) -> Mapping[str, bytes]:
        if self.path.is_dir():
            return {
                path.relative_to(self.path).as_posix(): path.read_bytes() for path in sorted(self.path.rglob("*.xml"))
            }
        try:
            state = self.path.stat()
            return _archive(self.path, state.st_size, state.st_mtime_ns)
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise HubkitError(
                f"is not a complete archive: {error}", where=self.path, hint="download it again"
            ) from None


def find_openi(root: Path) -> OpenISource:
    """The reports under `root`: the archive that it is or holds, else the XML files of the folder.

    Raises:
        HubkitError: there is nothing at `root`.
    """
    if not root.exists():
        raise HubkitError("the corpus is missing", where=root, hint=f"set [corpus] root to {ARCHIVE}")
    return OpenISource(root / ARCHIVE if (root / ARCHIVE).is_file() else root)


def parse_document(data: bytes, where: Path, name: str) -> Document:
    """Read one XML file.

    Raises:
        HubkitError: it is not XML, or it has no study id, or an image id that cannot be one.
    """
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise HubkitError(
            f"{name} is not valid XML: line {error.position[0]}", where=where, hint="download it again"
        ) from None
    uid = root.find("uId")
    match = UID.fullmatch(uid.get("id", "") if uid is not None else "")
    if match is None:
        raise HubkitError(f"{name} has no uId such as CXR1", where=where, hint="download it again")
    images = [image.get("id", "") for image in root.iter("parentImage")]
    if not all(IMAGE_ID.fullmatch(image) for image in images):
        raise HubkitError(f"{name} names an image by an invalid id", where=where, hint="download it again")
    sections = {part.get("Label", ""): part.text or "" for part in root.iter("AbstractText")}
    headings = [(heading.text or "").split("/")[0].strip() for heading in root.iter("major")]
    return Document(int(match[1]), sections, images, headings)


@functools.lru_cache(maxsize=1)
def _archive(path: Path, size: int, changed: int) -> Mapping[str, bytes]:
    """The XML files of the archive, unpacked once a process: a tar file can only be read from its start."""
    files = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".xml"):
                content = archive.extractfile(member)
                files[member.name] = content.read() if content else b""
    return files
