"""What the cards say: figures gathered from the workspace, once, for all templates. No corpus text comes in here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import hubkit
from hubkit.artifacts.memorisation import Memorisation, read_memorisation
from hubkit.artifacts.recipe import Base, read_base
from hubkit.artifacts.scores import Summary, SystemFigures, read_summary
from hubkit.artifacts.selection import read_selection
from hubkit.artifacts.subgroups import Subgroups, read_subgroups
from hubkit.artifacts.training import Training, read_training
from hubkit.config import ARTIFACTS, Release, ReleaseConfig
from hubkit.endpoint import OFFICIAL
from hubkit.models.folders import public_name
from hubkit.original_study import ORIGINAL_STUDY, OriginalStudy
from hubkit.packaging.code_digests import Code, code_digests
from hubkit.packaging.effort import Effort, efforts
from hubkit.packaging.failures import Failures, failures
from hubkit.packaging.populations import ViewCounts, ViewScore, view_counts, view_scores
from hubkit.packaging.provenance import (
    Curve,
    TranslatingModel,
    curves,
    digests,
    ended,
    translation_precision,
    translator,
    versions,
)
from hubkit.packaging.reviews import CardReview, card_reviews
from hubkit.packaging.table_counts import Quality, SplitSize, label_counts, quality, split_sizes
from hubkit.terms.exposure import statements
from hubkit.terms.kinds import LICENSE_URL, CorpusTerms, Parent, terms_of
from hubkit.workspace import Workspace


@dataclass(frozen=True)
class CardFacts:
    """Everything that the templates of the cards may say; a template knows each field by its name.

    Attributes:
        hubkit: its version.
        release: the configured release: title, version, tag.
        repos: repo id of the dataset, the adapter and the metric; the metric's is missing where it has no Space.
        names: their names without the namespace.
        config: the settings of the release.
        corpus: the terms of the corpus.
        source: the corpus in running text; `source_link` is the same as a link.
        parents: the PhysioNet projects that the corpus consists of, with their version.
        license_url: the address of PhysioNet's licence.
        hub: the address of the Hub.
        synthetic: whether a program made the corpus.
        base: name and revision of the base model.
        training: what the training wrote of itself.
        splits: the sizes of the splits.
        labels: (label, studies in each split); None where a count is withheld.
        headers: how the sections of the reports were found; None by the corpus's own rule.
        quality: how the translated sections fared in the checks.
        translator: the models that translated.
        curves: the evaluations of the training.
        evaluation: the scores.
        subgroups: the scores of subgroups; None where none were asked for.
        original: the study that this one repeats.
        digests: SHA-256 of the files that the figures come from.
        code: the files that a card tells people to run: reader, loader, metric.
        versions: of the packages that the stages ran with.
        medgemma: whether the base is under the terms of MedGemma.
        memorisation: what the audit found of the adapter; None where there was none, and no adapter goes to the Hub.
        exposure: what the base and the translator had seen of the corpus before, a sentence each.
        systems: what the systems are called in tables, with the mark of what their base had seen.
        precision: of the translator's weights, or why it is unknown.
        licences: of dataset and adapter, in running text.
        adapter_bytes: the size of the adapter's weights.
        views, view_scores: images by view, and the adapter's scores by view.
        failures: how the answers of each condition fail.
        efforts: what the stages took.
        reviews: what readers found.
        read_by_people: whether people read translations, and not a program in a rehearsal.
        ended: by stage, when it ended, where that was recorded.
    """

    hubkit: str
    release: Release
    repos: dict[str, str]
    names: dict[str, str]
    config: ReleaseConfig
    corpus: CorpusTerms
    source: str
    source_link: str
    parents: list[Parent]
    license_url: str
    hub: str
    synthetic: bool
    base: Base
    training: Training
    splits: list[SplitSize]
    labels: list[tuple[str, list[int | None]]]
    headers: str | None
    quality: Quality
    translator: list[TranslatingModel]
    curves: list[Curve]
    evaluation: Summary
    subgroups: Subgroups | None
    original: OriginalStudy
    digests: dict[str, str]
    code: dict[str, Code]
    versions: dict[str, str]
    medgemma: bool
    memorisation: Memorisation | None
    exposure: list[str]
    systems: dict[str, str]
    precision: str
    licences: dict[str, str]
    adapter_bytes: int
    views: list[ViewCounts]
    view_scores: list[ViewScore]
    failures: list[Failures]
    efforts: list[Effort]
    reviews: list[CardReview]
    read_by_people: bool
    ended: dict[str, datetime]

    @property
    def finished(self) -> date | None:
        """The day on which the last of the stages ended: the same whenever the release is packaged again."""
        return max(self.ended.values()).date() if self.ended else None

    @property
    def adapter(self) -> SystemFigures:
        """The scores of the adapter."""
        return self.evaluation.conditions["lora"]

    def variables(self) -> dict[str, Any]:
        """The fields by name, as a template takes them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def gather(config: ReleaseConfig, workspace: Workspace) -> CardFacts:
    """Collect what the templates may say.

    Raises:
        HubkitError: a file of an earlier stage is missing.
    """
    terms = terms_of(config.corpus)
    source = terms.called
    base = read_base(workspace.adapter)
    translators = translator(workspace)
    medgemma = base.name.startswith("google/medgemma")
    weights = workspace.adapter / "adapter_model.safetensors"
    reviews = card_reviews(workspace)
    subgroups = read_subgroups(workspace)
    seen = statements(base.name, [row.model for row in translators], terms)
    return CardFacts(
        hubkit=hubkit.__version__,
        release=config.release,
        # The adapter's name is also that of its citation at PhysioNet; a Space that is not there is never named.
        repos={name: config.hub.repo(name) for name in ARTIFACTS if name != "metric" or config.hub.space != "none"},
        names={"dataset": config.hub.dataset, "adapter": config.hub.adapter, "metric": config.hub.metric},
        config=_with_public_names(config),
        corpus=terms,
        source=source,
        parents=[parent._replace(version=config.corpus.version) for parent in terms.parents],
        license_url=LICENSE_URL,
        hub=(config.hub.endpoint or OFFICIAL).rstrip("/"),
        source_link=f"[{source}]({terms.url})" if terms.url else source,
        synthetic=terms.synthetic,
        base=base,
        training=read_training(workspace.adapter),
        splits=split_sizes(workspace),
        labels=label_counts(workspace, subgroups.minimum if subgroups else None),
        headers=read_selection(workspace).how_headers_were_found(),
        quality=quality(workspace),
        translator=translators,
        curves=curves(workspace),
        evaluation=read_summary(workspace),
        subgroups=subgroups,
        original=ORIGINAL_STUDY,
        digests=digests(workspace),
        code=code_digests(config),
        versions=versions(workspace),
        medgemma=medgemma,
        memorisation=read_memorisation(workspace) if workspace.memorisation.exists() else None,
        exposure=seen.sentences,
        systems=seen.systems,
        precision=translation_precision(config, workspace),
        licences=licences(config, terms, medgemma),
        adapter_bytes=weights.stat().st_size if weights.exists() else 0,
        views=view_counts(workspace),
        view_scores=view_scores(workspace),
        failures=failures(workspace),
        efforts=efforts(config, workspace),
        reviews=reviews,
        read_by_people=any(review.kind == "translation" and not review.simulated for review in reviews),
        ended=ended(workspace),
    )


def licences(config: ReleaseConfig, terms: CorpusTerms, medgemma: bool) -> dict[str, str]:
    """The licences of dataset and adapter, as a card says them."""
    own = terms.licence if config.packaging.license == "other" else config.packaging.license
    return {"dataset": own, "adapter": "Health AI Developer Foundations Terms of Use" if medgemma else own}


def _with_public_names(config: ReleaseConfig) -> ReleaseConfig:
    """The settings as templates may print them: a model that is a folder by its public name."""
    scoring, translation, tuning = config.scoring, config.translation, config.finetuning
    encoders = {
        name: encoder.model_copy(update={"model": public_name(encoder.model, encoder.model_id)})
        for name, encoder in (("bertimbau", scoring.bertimbau), ("xlm_roberta", scoring.xlm_roberta))
    }
    translator_name = public_name(translation.model, translation.model_id)
    return config.model_copy(
        update={
            "scoring": scoring.model_copy(update=encoders),
            "translation": translation.model_copy(update={"model": translator_name}),
            "finetuning": tuning.model_copy(update={"model": public_name(tuning.model, tuning.model_id)}),
        }
    )
