"""The kinds of corpora that hubkit reads: one module and one line here each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hubkit.config import Corpus
from hubkit.corpus.catalogue import Reader
from hubkit.corpus.mimic_cxr import open_mimic_cxr
from hubkit.corpus.openi import open_openi
from hubkit.corpus.synthetic import open_demo
from hubkit.errors import UsageError


class CorpusKind(NamedTuple):
    """A kind of corpus and the terms it comes under.

    Attributes:
        name: as in `[corpus] kind`.
        credentialed: whether its text may be seen by credentialed people alone.
        derivatives: whether what is made from it, such as a translation, may be passed on under its terms.
        licence: the name of its licence.
        url: where it is.
        citation: how it is cited.
        joined: whether the loader that is published finds its reports, as they lie in MIMIC-CXR.
        open: finds a corpus of this kind as configured; raises HubkitError where there is none.
    """

    name: str
    credentialed: bool
    derivatives: bool
    licence: str
    url: str
    citation: str
    joined: bool
    open: Callable[[Corpus], Reader]


KINDS: dict[str, CorpusKind] = {
    "mimic-cxr": CorpusKind(
        name="mimic-cxr",
        credentialed=True,
        derivatives=True,
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        url="https://physionet.org/content/mimic-cxr/",
        citation="Johnson A, Pollard T, Mark R, Berkowitz S, Horng S. MIMIC-CXR Database. PhysioNet. "
        "https://doi.org/10.13026/4jqj-jw95",
        joined=True,
        open=open_mimic_cxr,
    ),
    "openi": CorpusKind(
        name="openi",
        credentialed=False,
        derivatives=False,
        licence="CC BY-NC-ND 4.0",
        url="https://openi.nlm.nih.gov/",
        citation="Demner-Fushman D, Kohli MD, Rosenman MB, et al. Preparing a collection of radiology examinations for "
        "distribution and retrieval. J Am Med Inform Assoc 2016. https://doi.org/10.1093/jamia/ocv080",
        joined=False,
        open=open_openi,
    ),
    "demo": CorpusKind(
        name="demo",
        credentialed=False,
        derivatives=True,
        licence="Apache-2.0",
        url="",
        citation="The synthetic demo corpus of hubkit: invented reports and drawn pictures.",
        joined=True,
        open=open_demo,
    ),
}


def corpus_kind(name: str) -> CorpusKind:
    """The kind called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in KINDS:
        raise UsageError(f"there is no corpus kind {name}", where="[corpus] kind", hint=f"one of: {', '.join(KINDS)}")
    return KINDS[name]
