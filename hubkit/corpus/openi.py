"""The corpus kind openi: the Indiana University reports of NLM Open-i, a folder of XML files or NLMCXR_reports.tgz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import Corpus
from hubkit.corpus.catalogue import Catalogue
from hubkit.corpus.fingerprint import digest_of
from hubkit.corpus.sections import Report, unwrap
from hubkit.corpus.selection import priorities
from hubkit.errors import HubkitError
from hubkit.sources.openi import Document, OpenISource, find_openi
from hubkit.tables import CHEXPERT_LABELS, STUDIES

if TYPE_CHECKING:
    import numpy as np

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


class OpenI(NamedTuple):
    """Reads the Open-i reports.

    Attributes:
        source: the reports.
        images: the folder of the PNG files; None for text alone.
    """

    source: OpenISource
    images: Path | None

    def fingerprint(self) -> str:
        return digest_of(self.source.path, [], [self.source.path])

    def catalogue(self) -> Catalogue:
        import numpy as np
        import pyarrow as pa

        found: dict[int, tuple[str, Document]] = {}
        for name, document in self.source.documents():
            if document.study_id in found:
                raise HubkitError(
                    f"study {document.study_id} is there twice", where=self.source.path, hint="keep the right one"
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
        return Catalogue(pa.table(columns), self.images)

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        for document in self.source.parsed(sources):
            yield _report(document)


def open_openi(corpus: Corpus) -> OpenI:
    """Find the reports.

    Raises:
        HubkitError: they are not there.
    """
    return OpenI(find_openi(corpus.root), corpus.images)


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


def _report(document: Document) -> Report:
    read = {name: unwrap(document.sections.get(name, "")) for name in SECTIONS}
    sections = {name: text for name, text in read.items() if text}
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
