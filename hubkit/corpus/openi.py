"""The corpus kind openi: the Indiana University reports of NLM Open-i, a folder of XML files or NLMCXR_reports.tgz."""

from __future__ import annotations

import re
import tarfile
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Corpus
from hubkit.corpus.catalogue import Catalogue
from hubkit.corpus.fingerprint import digest_of
from hubkit.corpus.sections import Report, unwrap
from hubkit.corpus.selection import priorities
from hubkit.errors import HubkitError
from hubkit.tables import CHEXPERT_LABELS, STUDIES

if TYPE_CHECKING:
    import numpy as np

UID = re.compile(r"CXR(\d{1,7})")
IMAGE_ID = re.compile(r"[\w.-]{1,80}", re.ASCII)
SECTIONS = ("COMPARISON", "INDICATION", "FINDINGS", "IMPRESSION")

SHARES = {"test": 0.2, "validate": 0.1}
"""Open-i has no splits: a study's is drawn from its number, the same in every release; the others are train."""

LABEL_OF_HEADING = {
    "normal": "No Finding",
    "Pulmonary Atelectasis": "Atelectasis",
    "Cardiomegaly": "Cardiomegaly",
    "Consolidation": "Consolidation",
    "Pulmonary Edema": "Edema",
    "Fractures, Bone": "Fracture",
    "Nodule": "Lung Lesion",
    "Mass": "Lung Lesion",
    "Opacity": "Lung Opacity",
    "Airspace Disease": "Lung Opacity",
    "Infiltrate": "Lung Opacity",
    "Pleural Effusion": "Pleural Effusion",
    "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
    "Hydropneumothorax": "Pneumothorax",
    "Catheters, Indwelling": "Support Devices",
    "Implanted Medical Device": "Support Devices",
    "Medical Device": "Support Devices",
    "Tube, Inserted": "Support Devices",
}
"""CheXpert labels that a coded main heading states; what no heading states is unmentioned."""


class Document(NamedTuple):
    """What one XML file holds: its study, its sections by name, its image ids and its main headings."""

    study_id: int
    sections: dict[str, str]
    images: list[str]
    headings: list[str]


class OpenI(NamedTuple):
    """Reads the Open-i reports.

    Attributes:
        path: a folder of XML files, or the archive.
        images: the folder of the PNG files; None for text alone.
    """

    path: Path
    images: Path | None

    def fingerprint(self) -> str:
        return digest_of(self.path, [], [self.path])

    def catalogue(self) -> Catalogue:
        import numpy as np
        import pyarrow as pa

        found: dict[int, tuple[str, Document]] = {}
        for name, data in self._files(None):
            document = parse_document(data, self.path, name)
            if document.study_id in found:
                raise HubkitError(
                    f"study {document.study_id} is there twice", where=self.path, hint="keep the right one"
                )
            found[document.study_id] = (name, document)
        ids = sorted(found)
        documents = [found[study][1] for study in ids]
        columns = {
            "subject_id": pa.array(ids, pa.int64()),
            "study_id": pa.array(ids, pa.int64()),
            "split": pa.array(splits(np.array(ids, dtype="int64")), pa.string()),
            "source": pa.array([found[study][0] for study in ids], pa.string()),
            "labels": pa.array([_labels(document) for document in documents], STUDIES.field("labels").type),
            "images": pa.array([_images(document) for document in documents], STUDIES.field("images").type),
        }
        return Catalogue(pa.table(columns), self.images, {})

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        texts = {name: parse_document(data, self.path, name).sections for name, data in self._files(set(sources))}
        for name in sources:
            yield _report(texts[name])

    def _files(self, wanted: set[str] | None) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the XML files, or of those `wanted`."""
        if self.path.is_dir():
            for path in sorted(self.path.rglob("*.xml")):
                name = path.relative_to(self.path).as_posix()
                if wanted is None or name in wanted:
                    yield name, path.read_bytes()
            return
        try:
            with tarfile.open(self.path) as archive:
                for member in archive:
                    if member.isfile() and member.name.endswith(".xml") and (wanted is None or member.name in wanted):
                        content = archive.extractfile(member)
                        yield member.name, content.read() if content else b""
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise HubkitError(f"is no whole archive: {error}", where=self.path, hint="download it again") from None


def open_openi(corpus: Corpus) -> OpenI:
    """Find the reports.

    Raises:
        HubkitError: they are not there.
    """
    if not corpus.root.exists():
        raise HubkitError("the corpus is missing", where=corpus.root, hint="set [corpus] root to NLMCXR_reports.tgz")
    archive = corpus.root / "NLMCXR_reports.tgz"
    return OpenI(archive if archive.is_file() else corpus.root, corpus.images)


def parse_document(data: bytes, where: Path, name: str) -> Document:
    """Read one XML file.

    Raises:
        HubkitError: it is no XML, or carries no id of a study or an image id that is none.
    """
    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise HubkitError(
            f"{name} is no XML: line {error.position[0]}", where=where, hint="download it again"
        ) from None
    uid = root.find("uId")
    match = UID.fullmatch(uid.get("id", "") if uid is not None else "")
    if match is None:
        raise HubkitError(f"{name} has no uId such as CXR1", where=where, hint="download it again")
    images = [image.get("id", "") for image in root.iter("parentImage")]
    if not all(IMAGE_ID.fullmatch(image) for image in images):
        raise HubkitError(f"{name} names an image by an id that is none", where=where, hint="download it again")
    sections = {part.get("Label", ""): unwrap(part.text or "") for part in root.iter("AbstractText")}
    headings = [(heading.text or "").split("/")[0].strip() for heading in root.iter("major")]
    return Document(int(match[1]), {name: sections[name] for name in SECTIONS if sections.get(name)}, images, headings)


def splits(study_ids: np.ndarray[Any, Any]) -> list[str]:
    """The split of each study."""
    import numpy as np

    drawn = priorities(study_ids, seed=0) / 2.0**64
    borders = np.cumsum(list(SHARES.values()))
    names = [*SHARES, "train"]
    return [names[index] for index in np.searchsorted(borders, drawn, side="right")]


def _labels(document: Document) -> dict[str, int | None]:
    stated = {LABEL_OF_HEADING[heading] for heading in document.headings if heading in LABEL_OF_HEADING}
    return {label: 1 if label in stated else None for label in CHEXPERT_LABELS}


def _images(document: Document) -> list[dict[str, str | None]]:
    return [{"dicom_id": image, "view": None, "path": f"{image}.png"} for image in document.images]


def _report(sections: dict[str, str]) -> Report:
    whole = "\n\n".join(f"{name}: {text}" for name, text in sections.items())
    conclusion = "FINDINGS" in sections or "IMPRESSION" in sections
    return Report(
        indication=sections.get("INDICATION"),
        comparison=sections.get("COMPARISON"),
        findings=sections.get("FINDINGS"),
        impression=sections.get("IMPRESSION"),
        last_paragraph=None,
        report=whole,
        reasons=() if conclusion else ("no_conclusion" if sections else "no_section",),
    )
