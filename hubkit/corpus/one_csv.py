"""The corpus kind csv: one file with a row for each study, and if there are images, their folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.selection import Listed
from hubkit.config import Corpus
from hubkit.corpus.catalogue import Catalogue
from hubkit.corpus.openi import splits
from hubkit.corpus.sections import Report
from hubkit.corpus.texts import Texts
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.sources.report_csv import ReportCsv, find_report_csv
from hubkit.tables import CHEXPERT_LABELS, STUDIES

if TYPE_CHECKING:
    import pyarrow as pa

SPLIT_NAMES = {"train": "train", "validate": "validate", "validation": "validate", "valid": "validate", "test": "test"}
"""What people call the splits."""

LABEL = re.compile(r"(-1|0|1)(?:\.0)?")
IMAGE = re.compile(r"(?!/)(?!(?:.*/)?\.\.?(?:/|$))[\w./ -]{1,200}\.(?:jpe?g|png)", re.ASCII | re.IGNORECASE)
"""A path below the folder of images: it does not climb out, and a file name in the workspace comes of it."""

HINT = "docs/corpus.md has the columns of a CSV"


class OneCsv(NamedTuple):
    """Reads a corpus of one CSV.

    Attributes:
        texts: its reports.
        images: the folder that its images are below; None for the CSV's own.
    """

    texts: Texts
    images: Path | None

    @property
    def path(self) -> Path:
        return self.texts.source.path

    def fingerprint(self) -> str:
        return file_digest(self.path)

    def catalogue(self) -> Catalogue:
        import numpy as np
        import pyarrow as pa

        source = self.texts.source
        assert isinstance(source, ReportCsv)
        listing = source.listing()
        if not listing.names:
            # What other corpora say here speaks of files, of which there are none.
            numbers = "no row has numbers of at most 18 digits in study_id, and in subject_id where it is there"
            what = numbers if listing.strange else "has a header, and no row"
            raise HubkitError(what, where=self.path, hint=HINT)
        pairs = sorted(listing.names, key=lambda ids: ids[1])
        names = [listing.names[pair] for pair in pairs]
        rows = [int(name) for name in names]
        subjects = [subject for subject, _ in pairs]
        columns = source.texts_of(("split", "images", *(label.lower() for label in CHEXPERT_LABELS)))
        # Patients are drawn, and not studies: nobody is in two splits.
        drawn = splits(np.array(subjects, dtype="int64"))
        table = {
            "subject_id": pa.array(subjects, pa.int64()),
            "study_id": pa.array([study for _, study in pairs], pa.int64()),
            "split": self._splits(columns["split"], rows, subjects) if "split" in columns else drawn,
            "source": pa.array(names, pa.string()),
            "labels": self._labels(columns, rows),
            "images": self._images(columns.get("images"), rows),
        }
        notes = Listed(strange_files=tuple(listing.strange)) if listing.strange else Listed()
        return Catalogue(pa.table(table), self.images or self.path.parent, notes, self.texts.settle(listing))

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        return self.texts.reports(study_ids, sources)

    def _splits(self, cells: list[str], rows: Sequence[int], subjects: Sequence[int]) -> list[str]:
        found = []
        of_subject: dict[int, str] = {}
        for row, subject in zip(rows, subjects, strict=True):
            split = SPLIT_NAMES.get(cells[row - 1].strip().lower())
            if split is None:
                raise self._fault(row, f"split is none of {', '.join(SPLIT_NAMES)}")
            if of_subject.setdefault(subject, split) != split:
                raise self._fault(row, "its patient is in two splits")
            found.append(split)
        return found

    def _labels(self, columns: dict[str, list[str]], rows: Sequence[int]) -> pa.Array:
        import pyarrow as pa

        cells = {label: columns[label.lower()] for label in CHEXPERT_LABELS if label.lower() in columns}
        if not cells:
            return pa.nulls(len(rows), STUDIES.field("labels").type)
        found = []
        for row in rows:
            labels: dict[str, int | None] = dict.fromkeys(CHEXPERT_LABELS)
            for label, values in cells.items():
                if text := values[row - 1].strip():
                    match = LABEL.fullmatch(text)
                    if match is None:
                        raise self._fault(row, f"{label} is none of 1, 0, -1 and empty")
                    labels[label] = int(match[1])
            found.append(labels)
        return pa.array(found, STUDIES.field("labels").type)

    def _images(self, cells: list[str] | None, rows: Sequence[int]) -> pa.Array:
        import pyarrow as pa

        found: list[list[dict[str, str | None]]] = []
        used: Counter[str] = Counter()
        for row in rows:
            paths = [path.strip() for path in (cells[row - 1] if cells else "").split(";") if path.strip()]
            for path in paths:
                if not IMAGE.fullmatch(path):
                    raise self._fault(row, "images has a path that is not one of a .jpg or .png below the folder")
                used[_image_id(path)] += 1
                if used[_image_id(path)] > 1:
                    raise self._fault(row, "an image is listed twice, or its path differs from another in marks alone")
            found.append([{"dicom_id": _image_id(path), "view": None, "path": path} for path in paths])
        return pa.array(found, STUDIES.field("images").type)

    def _fault(self, row: int, what: str) -> HubkitError:
        return HubkitError(f"row {row}: {what}", where=self.path, hint=HINT)


def _image_id(path: str) -> str:
    """The name of the prepared image: its path without marks that a file name or an id should not have."""
    return re.sub(r"[^\w.]+", "-", path.rpartition(".")[0], flags=re.ASCII)


def open_one_csv(corpus: Corpus) -> OneCsv:
    """Find the file, and the folder of its images.

    Raises:
        HubkitError: one of them is not there, or the file is not a CSV of reports.
    """
    if corpus.images is not None and not corpus.images.is_dir():
        raise HubkitError("the folder of images is missing", where=corpus.images, hint="set [corpus] images")
    return OneCsv(Texts(find_report_csv(corpus.root), corpus.headers), corpus.images)
