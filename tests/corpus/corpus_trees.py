"""Tiny corpora in MIMIC-CXR's shape, to be changed for the worse by a test."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from hubkit.config import ReleaseConfig, parse_config
from hubkit.tables import CHEXPERT_LABELS

REPORT = "\n".join(
    (
        "                                 FINAL REPORT",
        " INDICATION:  ___ year old man who fell off a ladder. // Rib",
        " fracture?",
        " ",
        " COMPARISON:  None.",
        " ",
        " FINDINGS:",
        " Study number {number} shows clear lungs.",
        " The heart is small.",
        " ",
        " IMPRESSION:  Nothing broken.",
        "",
    )
)


class Study(NamedTuple):
    subject_id: int
    study_id: int
    split: str
    text: str | bytes | None
    views: tuple[str, ...] = ("PA", "LATERAL")
    labels: dict[str, str] = {}  # noqa: RUF012


def dicom_id(study_id: int, number: int) -> str:
    return f"{study_id:08x}-00000000-00000000-00000000-{number:08x}"


def studies(count: int = 12) -> list[Study]:
    """One study a subject, splits in turn, the labels in turn."""
    return [
        Study(
            10_000_032 + 300_007 * number,
            50_000_100 - number,
            ("train", "validate", "test")[number % 3],
            REPORT.format(number=number),
            labels={CHEXPERT_LABELS[number % 14]: "1.0", CHEXPERT_LABELS[(number + 5) % 14]: "-1.0"},
        )
        for number in range(count)
    ]


def name_of(study: Study) -> str:
    return f"files/p{str(study.subject_id)[:2]}/p{study.subject_id}/s{study.study_id}.txt"


def write_texts(root: Path, listed: list[Study]) -> None:
    for study in listed:
        if study.text is not None:
            path = root / name_of(study)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_bytes(study.text))


def write_zip(path: Path, listed: list[Study], prefix: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for study in listed:
            if study.text is not None:
                archive.writestr(prefix + name_of(study), _bytes(study.text))


def write_tables(root: Path, listed: list[Study], gz: bool = True) -> None:
    root.mkdir(parents=True, exist_ok=True)
    images = [(study, number, view) for study in listed for number, view in enumerate(study.views)]
    split = ["dicom_id,study_id,subject_id,split"]
    split += [f"{dicom_id(s.study_id, n)},{s.study_id},{s.subject_id},{s.split}" for s, n, _ in images]
    metadata = ["dicom_id,subject_id,study_id,ViewPosition,Rows"]
    metadata += [f"{dicom_id(s.study_id, n)},{s.subject_id},{s.study_id},{view},3056" for s, n, view in images]
    labels = [",".join(("subject_id", "study_id", *CHEXPERT_LABELS))]
    labels += [
        ",".join((str(s.subject_id), str(s.study_id), *(s.labels.get(label, "") for label in CHEXPERT_LABELS)))
        for s in listed
    ]
    for name, lines in (("split", split), ("metadata", metadata), ("chexpert", labels)):
        write_csv(root / f"mimic-cxr-2.0.0-{name}.csv{'.gz' if gz else ''}", "\n".join(lines) + "\n")


def write_csv(path: Path, text: str) -> None:
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_images(root: Path, listed: list[Study], size: tuple[int, int] = (40, 60)) -> None:
    for study in listed:
        for number in range(len(study.views)):
            path = image_path(root, study, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", size, 40 * number + 60).save(path)


def image_path(root: Path, study: Study, number: int) -> Path:
    return root / name_of(study).removesuffix(".txt") / f"{dicom_id(study.study_id, number)}.jpg"


def write_corpus(root: Path, listed: list[Study]) -> None:
    """Texts, tables and images in one folder."""
    write_texts(root, listed)
    write_tables(root, listed)
    write_images(root, listed)


def config(root: Path, **corpus: object) -> ReleaseConfig:
    values = {"root": str(root), "subset": "all", "image_size": 32, "workers": 1, **corpus}
    return parse_config({"corpus": values})


def jpeg_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 60), 90).save(buffer, "JPEG")
    return buffer.getvalue()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
