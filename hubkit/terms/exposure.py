"""Which corpora each model has seen before hubkit gets it, as far as its makers say. Every other module asks here.

Scores on a corpus that a model was trained on say less than scores on one that it has never seen.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Seen = Literal["seen", "not seen", "unknown"]


class Exposure(NamedTuple):
    """What is known of a family of models and a kind of corpus.

    Attributes:
        models: how the names of the models on the Hub begin.
        corpus: as in `[corpus] kind`.
        seen: whether they were trained on it.
        source: who says so.
    """

    models: tuple[str, ...]
    corpus: str
    seen: Seen
    source: str


EXPOSURES = (
    Exposure(
        ("google/medgemma-4b", "google/medgemma-1.5-4b", "google/medgemma-27b-it"),
        "mimic-cxr",
        "seen",
        "its model card, and the MedGemma Technical Report (arXiv:2507.05201)",
    ),
    Exposure(
        ("google/medgemma-27b-text",),
        "mimic-cxr",
        "unknown",
        "its model card says that it was trained on medical text, and not on which",
    ),
    Exposure(
        ("maintainer/vision",),
        "demo",
        "seen",
        "docs/demo.md: it was trained on other pictures and reports of the same grammar, under another question",
    ),
    Exposure(
        ("maintainer/translator",),
        "demo",
        "seen",
        "docs/demo.md: it was trained on other reports of the same grammar",
    ),
)
"""The first entry whose names fit is taken; a model that stands nowhere is unknown."""


def exposure(model: str, corpus: str) -> Exposure:
    """What is known of a model and a kind of corpus.

    Args:
        model: its public name.
    """
    for known in EXPOSURES:
        if known.corpus == corpus and model.lower().startswith(known.models):
            return known
    return Exposure((model,), corpus, "unknown", "nothing is on record")


def statement(model: str, corpus: str, title: str) -> str:
    """What a card says of a model: one sentence, in Markdown.

    Args:
        title: the corpus in running text.
    """
    known = exposure(model, corpus)
    said = {
        "seen": f"`{model}` was trained on {title} before",
        "not seen": f"`{model}` was not trained on {title} before",
        "unknown": f"whether `{model}` was trained on {title} before is unknown",
    }[known.seen]
    return f"{said[0].upper()}{said[1:]} ({known.source})."
