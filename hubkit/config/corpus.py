"""[corpus]: where reports and images are, which studies are taken, and under which terms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from hubkit.config.values import OneLine, Positive, Runtime, Table, Url


class Subset(Table):
    """Studies in each split, which is balanced over the 14 CheXpert labels."""

    train: Positive = 960
    validate_: Positive = Field(473, alias="validate")
    test: Positive = 965

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    def sizes(self) -> dict[str, int]:
        return {"train": self.train, "validate": self.validate_, "test": self.test}


class DeclaredTerms(Table):
    """[corpus.terms]: what a corpus of kind csv comes under, as cards say it."""

    name: Annotated[str, Field(pattern=r"^[\w(][\w .,&()/-]{0,79}$")]
    """How the corpus is called."""
    licence: Annotated[str, Field(pattern=r"^\w[\w .+-]{0,79}$")]
    """The licence of its reports, such as CC-BY-4.0."""
    citation: OneLine
    """How it is cited."""
    url: Url | Literal[""] = ""
    """Its address."""
    derivatives: bool = False
    """Whether a translation may be passed on under its licence. Without that, only a Hub on loopback gets it."""
    synthetic: bool = False
    """Whether a program made it."""
    deidentified: OneLine | None = None
    """How identifiers of patients were taken out at the source, as a sentence."""


class Corpus(Table):
    """[corpus]: where the reports and images are, and which studies are taken."""

    kind: str = "mimic-cxr"
    """The kind of corpus. One of: mimic-cxr, openi, demo, csv."""
    root: Path = Path("mimic-cxr")
    """The folder (or mimic-cxr-reports.zip, or CSV) with the reports."""
    terms: DeclaredTerms | None = Field(
        None,
        examples=[{"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "The reports of a clinic, 2026."}],
    )
    """Of kind csv: what the corpus comes under; also url, and derivatives = true if a translation may be passed on."""
    images: Path | None = Field(None, examples=["/data/mimic-cxr-jpg/2.1.0"])
    """The folder of MIMIC-CXR-JPG, or of a CSV's images, if it is not root."""
    headers: Literal["auto", "official", "any"] = "auto"
    """official: MIMIC-CXR's own rule; any: all layouts; auto: official, or without the blank that mirrors lose."""
    subset: Subset | Literal["all"] = Subset()
    """Studies in each split, balanced over the 14 CheXpert labels; or "all"."""
    max_images: Annotated[int, Field(ge=0, le=8)] = 2
    """At most so many images per study, one frontal and one lateral first."""
    image_size: Positive = 896
    """Side of the prepared square images, in pixels."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    """Quality of the prepared images."""
    fit: Literal["stretch", "pad"] = "stretch"
    """How an image becomes square: stretch (as in the original study) or pad."""
    workers: Annotated[int, Field(ge=0), Runtime] = 0
    """Processes that read and prepare; 0: one per core."""
    version: str = Field("2.1.0", pattern=r"^[\d.]+$")
    """The version of MIMIC-CXR and MIMIC-CXR-JPG: hubkit fetch gets it, and the cards name it."""
    physionet: Annotated[str, Runtime] = "https://physionet.org"
    """The address of PhysioNet. An access check counts only at this default."""
