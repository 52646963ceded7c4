"""Which corpora each model has seen before hubkit gets it, as far as its makers say. Every other module asks here.

Scores on a corpus that a model was trained on say less than scores on one that it has never seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.models.folders import public_name
from hubkit.tables import CONDITIONS, SYSTEM_NAMES
from hubkit.terms.kinds import CorpusTerms, terms_of

Seen = Literal["seen", "not seen", "unknown"]

MARKS: dict[Seen, str] = {"seen": "†", "not seen": "", "unknown": "‡"}
"""What stands behind a condition in a table of scores, by what its base had seen of the corpus."""


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


class Statements(NamedTuple):
    """What the cards, the tables of scores, the summary and the report say of the models of a release.

    Attributes:
        sentences: of the base, behind its mark, and of each translator.
        systems: SYSTEM_NAMES, the conditions with the mark of the base that they share.
    """

    sentences: list[str]
    systems: dict[str, str]


UNMARKED = Statements([], dict(SYSTEM_NAMES))
"""Where nothing is known of any model."""


def statements(base: str, translators: Iterable[str], terms: CorpusTerms) -> Statements:
    """What is known of the base and the translators of a release.

    Args:
        base, translators: their public names.
    """
    title = terms.called
    mark = MARKS[exposure(base, terms.name).seen]
    first = f"{mark} {statement(base, terms.name, title)}".strip()
    others = [statement(model, terms.name, title) for model in dict.fromkeys(translators) if model != base]
    systems = {name: f"{shown} {mark}".strip() if name in CONDITIONS else shown for name, shown in SYSTEM_NAMES.items()}
    return Statements([first, *others], systems)


def configured_statements(config: ReleaseConfig) -> Statements:
    """The same of the models that are configured."""
    base, translator = (
        public_name(settings.model, settings.model_id) for settings in (config.finetuning, config.translation)
    )
    return statements(base, [translator], terms_of(config.corpus))
