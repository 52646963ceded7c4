"""The kinds of corpora: the terms that each comes under, and how its reports are found.

Every other module asks here what is allowed. docs/extending.md adds a kind: an entry here, and its reader in
`hubkit.corpus.readers`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import Corpus
from hubkit.errors import UsageError
from hubkit.sources.base import Source
from hubkit.sources.mimic_cxr import find_mimic_cxr
from hubkit.sources.openi import find_openi
from hubkit.sources.report_csv import find_report_csv

LICENSE_URL = "https://physionet.org/about/licenses/physionet-credentialed-health-data-license-150/"


class Parent(NamedTuple):
    """A PhysioNet project that the release is derived from.

    Attributes:
        name: its short name, which in small letters is that of its address.
        title: its title.
        authors: (family name, given name) of its authors, in order.
        version: its version, as configured.
    """

    name: str
    title: str
    authors: tuple[tuple[str, str], ...]
    version: str = ""

    @property
    def url(self) -> str:
        return f"https://physionet.org/content/{self.name.lower()}/{self.version}/"

    @property
    def agreement_url(self) -> str:
        return f"https://physionet.org/content/{self.name.lower()}/view-dua/{self.version}/"


UNSTATED = {
    "site": "not stated here: see the source",
    "demographics": "not part of this release: see the source",
    "producers": "Not stated here: see the source.",
}
"""What cards say of a corpus whose terms are declared: a declaration does not name these."""

INVENTED: dict[str, Any] = {
    "site": "none: a program made the studies",
    "demographics": "none: its patients are numbers",
    "producers": "A program.",
}
"""What they say where a program made it."""


class CorpusTerms(NamedTuple):
    """A kind of corpus and the terms it comes under.

    Attributes:
        name: how the corpus is called: as in `[corpus] kind`, or as a declaration says.
        credentialed: whether only credentialed people may see its text.
        derivatives: whether what is made from it, such as a translation, may be passed on under its terms.
        licence: the name of its licence.
        url: its address.
        citation: how it is cited.
        joined: whether the published loader finds its reports, as they lie in MIMIC-CXR.
        find: the reports below a folder, or in an archive; the leak guard compares with all of them.
        synthetic: whether a program made it; cards say so before anything else.
        rehearses: whether its release rehearses that of a credentialed corpus, so that its gate asks for the same.
        parents: the PhysioNet projects that it consists of: reports, images.
        known_as: how model cards name it, in lower case.
        site: where its studies come from.
        demographics: what is known of sex and age of its patients.
        producers: who wrote its reports.
        deidentified: how identifiers of patients were taken out at the source, as a sentence; None where
            nothing is known of it.
        declared_for: the kind, where the configuration declares the terms; such a name stands on cards as it is.
    """

    name: str
    credentialed: bool
    derivatives: bool
    licence: str
    url: str
    citation: str
    joined: bool
    find: Callable[[Path], Source]
    synthetic: bool = False
    rehearses: bool = False
    parents: tuple[Parent, ...] = ()
    known_as: tuple[str, ...] = ()
    site: str = UNSTATED["site"]
    demographics: str = UNSTATED["demographics"]
    producers: str = UNSTATED["producers"]
    deidentified: str | None = "Their identifiers were taken out at the source."
    declared_for: str | None = None

    @property
    def kind(self) -> str:
        """As in `[corpus] kind`."""
        return self.declared_for or self.name

    @property
    def called(self) -> str:
        """The name in running text, without a version."""
        if self.synthetic and self.declared_for is None:
            return f"the {self.name} corpus"
        return self.name if self.declared_for else self.name.upper()

    @property
    def unstated(self) -> tuple[str, ...]:
        """The fields of which nobody says anything; in their place are sentences for the cards."""
        return tuple(UNSTATED) if self.declared_for and not self.synthetic else ()

    def title(self, version: str) -> str:
        """The name of the corpus in running text, with its version where it has one."""
        if self.parents:
            return f"{self.parents[0].name} {version}"
        return self.called if self.declared_for else f"the {self.name} corpus"


MIMIC_PARENTS = (
    Parent(
        "MIMIC-CXR",
        "MIMIC-CXR Database",
        (
            *(("Johnson", "Alistair"), ("Pollard", "Tom"), ("Mark", "Roger")),
            *(("Berkowitz", "Seth"), ("Horng", "Steven")),
        ),
    ),
    Parent(
        "MIMIC-CXR-JPG",
        "MIMIC-CXR-JPG - chest radiographs with structured labels",
        (
            *(("Johnson", "Alistair"), ("Lungren", "Matthew"), ("Peng", "Yifan"), ("Lu", "Zhiyong")),
            *(("Mark", "Roger"), ("Berkowitz", "Seth"), ("Horng", "Steven")),
        ),
    ),
)

TERMS: dict[str, CorpusTerms] = {
    "mimic-cxr": CorpusTerms(
        name="mimic-cxr",
        credentialed=True,
        derivatives=True,
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        url="https://physionet.org/content/mimic-cxr/",
        citation="Johnson A, Pollard T, Mark R, Berkowitz S, Horng S. MIMIC-CXR Database. PhysioNet. "
        "https://doi.org/10.13026/4jqj-jw95",
        joined=True,
        find=find_mimic_cxr,
        parents=MIMIC_PARENTS,
        known_as=("mimic-cxr", "mimic cxr", "mimic"),
        site="one hospital, the Beth Israel Deaconess Medical Center in Boston, and patients of its emergency "
        "department",
        demographics="not in MIMIC-CXR, whose reports have blanks in their place. Whoever holds access to MIMIC-IV can "
        "join them by `subject_id`",
        producers="Radiologists of one hospital, in the course of care. Who they are is not known.",
        deidentified="Their identifiers were taken out at the source, which leaves `___` in their place; nothing was "
        "added here that could identify somebody.",
    ),
    "openi": CorpusTerms(
        name="openi",
        credentialed=False,
        derivatives=False,
        licence="CC BY-NC-ND 4.0",
        url="https://openi.nlm.nih.gov/",
        citation="Demner-Fushman D, Kohli MD, Rosenman MB, et al. Preparing a collection of radiology examinations for "
        "distribution and retrieval. J Am Med Inform Assoc 2016. https://doi.org/10.1093/jamia/ocv080",
        joined=False,
        find=find_openi,
        known_as=("open-i", "openi", "indiana university"),
        site="hospitals of one network, in Indiana",
        demographics="not in the corpus",
        producers="Radiologists of one network of hospitals, in the course of care.",
    ),
    "demo": CorpusTerms(
        name="demo",
        credentialed=False,
        derivatives=True,
        licence="Apache-2.0",
        url="",
        citation="The synthetic demo corpus of hubkit: invented reports and drawn pictures.",
        joined=True,
        find=find_mimic_cxr,
        synthetic=True,
        rehearses=True,
        deidentified=None,
        **INVENTED,
    ),
    "csv": CorpusTerms(
        name="csv",
        credentialed=False,
        derivatives=False,
        licence="",
        url="",
        citation="",
        joined=False,
        find=find_report_csv,
        deidentified=None,
        declared_for="csv",
    ),
}
"""Of kind csv, what is empty here is declared in hubkit.toml."""


def terms_of_kind(kind: str) -> CorpusTerms:
    """The terms of a kind, without what a configuration declares.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in TERMS:
        raise UsageError(f"there is no corpus kind {kind}", where="[corpus] kind", hint=f"one of: {', '.join(TERMS)}")
    return TERMS[kind]


def terms_of(corpus: Corpus) -> CorpusTerms:
    """The terms that the configured corpus comes under.

    Raises:
        UsageError: there is no such kind, or terms have to be declared and are not, or are and may not be.
    """
    kind, declared = corpus.kind, corpus.terms
    terms = terms_of_kind(kind)
    if terms.declared_for is None:
        if declared is not None:
            what = f"the terms of {kind} are known, and cannot be declared"
            raise UsageError(what, where="[corpus.terms]", hint='take the table out, or set [corpus] kind = "csv"')
        return terms
    if declared is None:
        what = f"a corpus of kind {kind} has to declare its terms"
        raise UsageError(what, where="[corpus.terms]", hint="set name, licence and citation: docs/corpus.md")
    return terms._replace(**declared.model_dump(), **(INVENTED if declared.synthetic else {}))
