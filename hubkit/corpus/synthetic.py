"""The corpus kind demo: hubkit's own synthetic corpus, in the shape of MIMIC-CXR and under nobody's terms."""

from __future__ import annotations

from hubkit.config import Corpus
from hubkit.corpus.mimic_cxr import MimicCxr, open_mimic_cxr
from hubkit.errors import HubkitError

TRUTH = "demo-truth.jsonl"


def open_demo(corpus: Corpus) -> MimicCxr:
    """Find the demo corpus.

    Raises:
        HubkitError: the folder holds something else, such as a credentialed corpus.
    """
    if not (corpus.root / TRUTH).is_file():
        raise HubkitError(
            f"is not the demo corpus: {TRUTH} is missing",
            where=corpus.root,
            hint='set [corpus] kind = "mimic-cxr", or write the demo with: hubkit release --demo',
        )
    return open_mimic_cxr(corpus)
