"""The corpus kind mimic-cxr: MIMIC-CXR 2.0.0 or 2.1.0 with MIMIC-CXR-JPG next to it or in the same folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.artifacts.selection import Listed
from hubkit.config import Corpus
from hubkit.corpus.catalogue import Catalogue
from hubkit.corpus.fingerprint import digest_of
from hubkit.corpus.sections import Report
from hubkit.corpus.texts import Texts
from hubkit.sources.mimic_cxr import find_mimic_cxr
from hubkit.sources.mimic_cxr_jpg import DICOM_ID, IDS, METADATA_CSV, SPLIT_CSV, find_jpg, with_ids
from hubkit.sources.tabular import checked, find_csv, need_csv, read_csv, without_duplicates
from hubkit.tables import CHEXPERT_LABELS, SPLITS, STUDIES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LABELS_CSV = "mimic-cxr-*-chexpert.csv"

LABEL = r"(?:(?:-1|0|1)(?:\.0)?)?"

FRONTAL = ("PA", "AP")
LATERAL = ("LATERAL", "LL")


class MimicCxr(NamedTuple):
    """Reads MIMIC-CXR.

    Attributes:
        texts: the reports.
        jpg: the folder with the CSV files and images of MIMIC-CXR-JPG.
    """

    texts: Texts
    jpg: Path

    def fingerprint(self) -> str:
        tables = [find_csv(self.jpg, pattern) for pattern in (SPLIT_CSV, LABELS_CSV, METADATA_CSV)]
        reports = self.texts.source.path
        return digest_of(reports, [path for path in tables if path], [reports, self.jpg])

    def catalogue(self) -> Catalogue:
        import pyarrow as pa
        import pyarrow.compute as pc

        listing = self.texts.source.listing()
        headers = self.texts.settle(listing)
        studies, image_splits = _read_splits(need_csv(self.jpg, SPLIT_CSV))
        ids = studies["study_id"].to_pylist()
        subjects = studies["subject_id"].to_pylist() if listing.subjects else ids
        names = [listing.names.pop(pair, None) for pair in zip(subjects, ids, strict=True)]
        studies = studies.append_column("source", pa.array(names, pa.string()))
        has_report = pc.is_valid(studies["source"])
        notes = Listed(
            studies_without_report=tuple(studies.filter(pc.invert(has_report))["study_id"].to_pylist()),
            reports_without_study=tuple(sorted(study for _, study in listing.names)),
            strange_files=tuple(listing.strange),
        )
        studies = studies.filter(has_report)
        labels = _read_labels(need_csv(self.jpg, LABELS_CSV), studies["study_id"])
        images = _read_images(find_csv(self.jpg, METADATA_CSV), image_splits, studies)
        table = studies.append_column("labels", labels).append_column("images", images)
        return Catalogue(table, self.jpg, notes, headers)

    def reports(self, study_ids: Sequence[int], sources: Sequence[str]) -> Iterator[Report]:
        return self.texts.reports(study_ids, sources)


def open_mimic_cxr(corpus: Corpus) -> MimicCxr:
    """Find the reports and the folder of MIMIC-CXR-JPG.

    Raises:
        HubkitError: one of them is not there.
    """
    return MimicCxr(Texts(find_mimic_cxr(corpus.root), corpus.headers), find_jpg(corpus))


def _read_splits(path: Path) -> tuple[pa.Table, pa.Table]:
    """Return subject_id, study_id and split a study, sorted by study_id, and dicom_id and study_id an image."""
    table = read_csv(path, ("dicom_id", *IDS, "split"))
    table = checked(table, {"dicom_id": DICOM_ID, **IDS, "split": "|".join(SPLITS)}, path)
    table = without_duplicates(table, "dicom_id", path)
    images = with_ids(table)
    studies = images.group_by(["study_id", "subject_id", "split"]).aggregate([])
    without_duplicates(studies, "study_id", path, "has two subjects or is in two splits")
    subjects = studies.group_by(["subject_id", "split"]).aggregate([])
    without_duplicates(subjects, "subject_id", path, "is in two splits")
    studies = studies.select(["subject_id", "study_id", "split"]).sort_by("study_id")
    return studies, images.select(["dicom_id", "study_id"])


def _read_labels(path: Path, study_ids: pa.ChunkedArray) -> pa.StructArray:
    """The 14 labels of each of `study_ids`; all null where CheXpert has none for a study."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_csv(path, (*IDS, *CHEXPERT_LABELS))
    table = checked(table, IDS, path)
    for label in CHEXPERT_LABELS:
        table = table.set_column(table.column_names.index(label), label, pc.fill_null(table[label], ""))
    table = checked(table, dict.fromkeys(CHEXPERT_LABELS, LABEL), path)
    table = without_duplicates(with_ids(table), "study_id", path)
    rows = pc.index_in(study_ids, value_set=table["study_id"])
    columns = []
    for label in CHEXPERT_LABELS:
        values = pc.replace_substring(table[label], ".0", "")
        numbers = pc.cast(pc.if_else(pc.equal(values, ""), None, values), pa.int8())
        columns.append(numbers.take(rows).combine_chunks())
    return pa.StructArray.from_arrays(columns, names=list(CHEXPERT_LABELS))


def _read_images(path: Path | None, listed: pa.Table, studies: pa.Table) -> pa.ListArray:
    """All images of each study as list<struct<dicom_id, view, path>>, the preferred ones first.

    Views come from the metadata; without it every image of the split file counts as one of unknown view.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if path is None:
        table = listed.append_column("ViewPosition", pa.nulls(len(listed), pa.string()))
    else:
        table = read_csv(path, ("dicom_id", *IDS, "ViewPosition"))
        table = checked(table, {"dicom_id": DICOM_ID, **IDS}, path)
        table = with_ids(without_duplicates(table, "dicom_id", path))
    table = table.filter(pc.is_in(table["study_id"], value_set=studies["study_id"])).sort_by("dicom_id")
    row = pc.index_in(table["study_id"], value_set=studies["study_id"]).to_numpy()
    table = table.take(_preference(row, table["ViewPosition"].to_pylist()))
    subjects = studies["subject_id"].take(pc.index_in(table["study_id"], value_set=studies["study_id"]))
    paths = _image_paths(subjects, table["study_id"], table["dicom_id"])
    structs = pa.StructArray.from_arrays(
        [column.combine_chunks() for column in (table["dicom_id"], table["ViewPosition"], paths)],
        fields=list(STUDIES.field("images").type.value_type),
    )
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(studies)))]).astype("int32")
    return pa.ListArray.from_arrays(pa.array(offsets), structs, type=STUDIES.field("images").type)


def _preference(row: np.ndarray[Any, Any], views: list[str | None]) -> np.ndarray[Any, Any]:
    """Order images by study `row`, in it one frontal view first, then one lateral view, then the others."""
    import numpy as np

    ranks = {view: rank for rank, view in enumerate((*FRONTAL, *LATERAL))}
    rank = np.array([ranks.get(view or "", len(ranks)) for view in views], dtype="int64")
    kind = np.searchsorted([len(FRONTAL), len(ranks)], rank, side="right")
    by_kind = np.lexsort((rank, kind, row))
    group = row[by_kind] * 3 + kind[by_kind]
    first = np.ones(len(group), dtype=bool)
    first[1:] = group[1:] != group[:-1]
    leads = np.empty(len(group), dtype=bool)
    leads[by_kind] = first & (kind[by_kind] < 2)
    return np.lexsort((rank, kind, ~leads, row))


def _image_paths(subjects: pa.ChunkedArray, studies: pa.ChunkedArray, dicoms: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    subject, study = pc.cast(subjects, pa.string()), pc.cast(studies, pa.string())
    group = pc.utf8_slice_codeunits(subject, 0, 2)
    parts = ("files/p", group, "/p", subject, "/s", study, "/", dicoms, ".jpg", "")
    return pc.binary_join_element_wise(*parts)
