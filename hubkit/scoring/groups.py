"""Which groups the test studies are divided into, by what the corpus and MIMIC-IV say of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.scoring.inputs import Evaluation
from hubkit.sources.mimic_cxr_jpg import METADATA_CSV, StudyRecord, find_jpg, study_records
from hubkit.sources.patients import Patient, read_patients
from hubkit.sources.tabular import need_csv
from hubkit.study_batches import study_batches
from hubkit.tables import CHEXPERT_LABELS
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from hubkit.config.evaluation import SubgroupName

COUNTS = {"none": (0, 0), "1": (1, 1), "2": (2, 2), "3 or more": (3, None)}
FINDINGS = {"none": (0, 0), "1": (1, 1), "2 or 3": (2, 3), "4 or more": (4, None)}
EARLIER = {"none": (0, 0), "1 or 2": (1, 2), "3 or more": (3, None)}
AGES = {"under 40": (0, 39), "40 to 59": (40, 59), "60 to 79": (60, 79), "80 or older": (80, None)}
"""Bands of counts and of years, both ends included. Twenty years each, since a test split is small."""

Bands = dict[str, tuple[int, int | None]]


class Study(NamedTuple):
    """What is known of a scored study.

    Attributes:
        views: of its images, as the corpus names them.
        findings: how many its reference names, as present or uncertain.
        record: of MIMIC-CXR-JPG's metadata.
        patient: of MIMIC-IV.
    """

    views: tuple[str, ...]
    findings: int
    record: StudyRecord | None
    patient: Patient | None


class Division(NamedTuple):
    """A way to divide the studies.

    Attributes:
        title: what it is called.
        note: what has to be known of its groups.
        groups: whether a study belongs to a group, by the name of the group.
    """

    title: str
    note: str
    groups: dict[str, Callable[[Study], bool]]


def _banded(bands: Bands, value: Callable[[Study], int | None]) -> dict[str, Callable[[Study], bool]]:
    def within(low: int, high: int | None) -> Callable[[Study], bool]:
        def belongs(study: Study) -> bool:
            number = value(study)
            return number is not None and low <= number and (high is None or number <= high)

        return belongs

    return {name: within(low, high) for name, (low, high) in bands.items()}


def _has_view(*names: str) -> Callable[[Study], bool]:
    return lambda study: not {*names}.isdisjoint(study.views)


def _of_sex(sex: str) -> Callable[[Study], bool]:
    return lambda study: study.patient is not None and study.patient.sex == sex


DIVISIONS: dict[SubgroupName, Division] = {
    "view": Division(
        "View",
        "A study counts for each view of the images that the models see, and as portable by any image of its own",
        {
            "AP": _has_view("AP"),
            "PA": _has_view("PA"),
            "portable": lambda study: study.record is not None and study.record.portable,
            "lateral": _has_view("LATERAL", "LL"),
        },
    ),
    "images": Division(
        "Images",
        "Those that the models see, at most as many as `[corpus] max_images`",
        _banded(COUNTS, lambda study: len(study.views)),
    ),
    "findings": Division(
        "Findings",
        "Of the reference: of the 13 CheXpert findings, those that rules read as present or uncertain",
        _banded(FINDINGS, lambda study: study.findings),
    ),
    "sex": Division("Sex", "As MIMIC-IV has it", {"female": _of_sex("F"), "male": _of_sex("M")}),
    "age": Division(
        "Age in years",
        "In MIMIC-IV's anchor year, which may be some years from the study",
        _banded(AGES, lambda study: study.patient.age if study.patient else None),
    ),
    "prior": Division(
        "Earlier studies",
        "Of the same patient in the whole corpus, by the dates of its metadata",
        _banded(EARLIER, lambda study: study.record.earlier if study.record else None),
    ),
}
"""By the name that `[scoring] subgroups` gives it."""


def memberships(studies: Sequence[Study], division: Division) -> dict[str, np.ndarray]:
    """Whether each study belongs to a group, (studies,) bool, by the name of the group."""
    import numpy as np

    return {
        name: np.array([belongs(study) for study in studies], dtype=bool) for name, belongs in division.groups.items()
    }


def read_studies(config: ReleaseConfig, workspace: Workspace, evaluation: Evaluation) -> list[Study]:
    """What is known of the scored studies, in their order.

    Raises:
        HubkitError: what the groups need is missing or damaged.
    """
    metadata, patients_file = _files(config)
    batches = study_batches(workspace.studies, ["study_id", "images"], evaluation.studies)
    views = {
        row["study_id"]: tuple(image["view"] or "" for image in row["images"] or ())
        for batch in batches
        for row in batch.to_pylist()
    }
    records = study_records(metadata) if metadata else {}
    subjects = evaluation.subjects.tolist()
    patients = read_patients(patients_file, set(subjects)) if patients_file else {}
    return [
        Study(views[study], count, records.get(study), patients.get(subject))
        for study, subject, count in zip(
            evaluation.studies.tolist(), subjects, _finding_counts(evaluation.references), strict=True
        )
    ]


def _finding_counts(references: Sequence[str]) -> list[int]:
    from hubkit.clinical.labels import labels
    from hubkit.metrics.agreement import present

    named = present([labels(text, "pt") for text in references])
    counts: list[int] = named[:, [label != "No Finding" for label in CHEXPERT_LABELS]].sum(axis=1).tolist()
    return counts


def check_files(config: ReleaseConfig) -> list[Path]:
    """Read the files outside of the workspace that the groups come from, and return those that are needed.

    Raises:
        HubkitError: one of them is missing or damaged.
    """
    metadata, patients = _files(config)
    if metadata:
        study_records(metadata)
    if patients:
        read_patients(patients)
    return [path for path in (metadata, patients) if path]


def fingerprint(config: ReleaseConfig) -> list[tuple[str, str]] | None:
    """Digests of the files outside of the workspace that the groups come from; None where no group needs one.

    Raises:
        HubkitError: one of them is missing.
    """
    files = [path for path in _files(config) if path]
    return [(path.name, file_digest(path)) for path in files] or None


def _files(config: ReleaseConfig) -> tuple[Path | None, Path | None]:
    """The metadata of MIMIC-CXR-JPG and the patients of MIMIC-IV, as far as a group needs them.

    Raises:
        HubkitError: one that is needed is missing.
    """
    asked, metadata, patients = set(config.scoring.subgroups), None, None
    joined = terms_of(config.corpus).joined
    if "prior" in asked and not joined:
        raise HubkitError(
            f"prior: a corpus of kind {config.corpus.kind} has no dates of studies",
            where="[scoring] subgroups",
            hint="leave prior out",
        )
    if joined and not asked.isdisjoint({"prior", "view"}):
        metadata = need_csv(find_jpg(config.corpus), METADATA_CSV)
    if not asked.isdisjoint({"sex", "age"}):
        patients = config.scoring.patients
        if patients is None or not patients.is_file():
            raise HubkitError(
                "there is no such file" if patients else "sex and age need the patients of MIMIC-IV",
                where=patients or "[scoring] subgroups",
                hint="set [scoring] patients to hosp/patients.csv.gz of MIMIC-IV, or leave sex and age out",
            )
    return metadata, patients
