"""Which reader opens a corpus of which kind."""

from __future__ import annotations

from collections.abc import Callable

from hubkit.config import Corpus
from hubkit.corpus.catalogue import Reader
from hubkit.corpus.mimic_cxr import open_mimic_cxr
from hubkit.corpus.one_csv import open_one_csv
from hubkit.corpus.openi import open_openi
from hubkit.corpus.synthetic import open_demo
from hubkit.terms.kinds import terms_of

READERS: dict[str, Callable[[Corpus], Reader]] = {
    "mimic-cxr": open_mimic_cxr,
    "openi": open_openi,
    "demo": open_demo,
    "csv": open_one_csv,
}
"""A new kind is a reader here and its entry in `hubkit.terms.kinds`: docs/extending.md."""


def open_corpus(corpus: Corpus) -> Reader:
    """Find the corpus as configured.

    Raises:
        UsageError: there is no such kind, or it declares no terms.
        HubkitError: there is no corpus of that kind.
    """
    return READERS[terms_of(corpus).kind](corpus)
