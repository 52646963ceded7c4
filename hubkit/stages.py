"""The stages of a release, in order: what each is computed from, and what it writes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.review_results import results_files
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest, value_digest
from hubkit.published import published
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace

Paths = Callable[[Workspace], list[Path]]


class Stage(NamedTuple):
    """A step of the release.

    Attributes:
        name: as in `hubkit NAME`.
        entry: `module:function`, a function `(config, workspace) -> None`; imported when it runs.
        settings: the parts of the configuration it is computed from.
        inputs: the files it reads.
        outputs: the files and folders it writes.
        outside: `module:function` that gives a digest of what it reads outside the workspace, from the configuration.
        after: the stage without which it never runs, alone or not: its outputs go to others as that stage left them.
        differs: `module:function` that says why what it wrote is not what the configuration asks for, or None. It
            is for settings that are not in the digest of `settings`, and reads what the stages recorded.
        models: the tables of the models that it loads. Where one is a folder, other files in it
            make the stage run again; its path is a setting like any other.
    """

    name: str
    entry: str
    settings: tuple[str, ...]
    inputs: Paths
    outputs: Paths
    outside: str | None = None
    after: str | None = None
    differs: str | None = None
    models: tuple[str, ...] = ()

    def run(self, config: ReleaseConfig, workspace: Workspace) -> None:
        _load(self.entry)(config, workspace)

    def key(self, config: ReleaseConfig, workspace: Workspace) -> str:
        """Digest of everything the stage is computed from."""
        parts = {
            "settings": config.digest(self.settings),
            "inputs": [(path.name, file_digest(path)) for path in self.inputs(workspace)],
            "outside": _load(self.outside)(config) if self.outside else None,
        }
        return value_digest(parts)

    def difference(self, config: ReleaseConfig, workspace: Workspace) -> str | None:
        """Why what the stage wrote, which is as it left it, is not what `config` asks for; None where it is.

        Raises:
            HubkitError: the stage cannot run under `config` before another one does.
        """
        found: str | None = _load(self.differs)(config, workspace) if self.differs else None
        return found


def _generations(workspace: Workspace) -> list[Path]:
    return [workspace.generations(condition) for condition in CONDITIONS]


def _published(workspace: Workspace) -> list[Path]:
    return [published(folder) for folder in ("dataset_card", "model_card", "loading_script", "bertscore_ptbr")]


STAGES: list[Stage] = [
    Stage(
        "read",
        "hubkit.corpus.read:read",
        ("corpus", "release.seed"),
        inputs=lambda work: [],
        outputs=lambda work: [work.studies, work.selection, work.images],
        outside="hubkit.corpus.read:fingerprint",
    ),
    Stage(
        "translate",
        "hubkit.translation.translate:translate",
        ("translation",),
        inputs=lambda work: [work.studies],
        outputs=lambda work: [work.machine_translations, work.machine_checks],
        models=("translation",),
    ),
    Stage(
        "revise",
        "hubkit.translation.revise:revise",
        ("translation.flagged", "translation.max_flagged"),
        inputs=lambda work: [work.studies, work.machine_translations, work.machine_checks],
        outputs=lambda work: [work.translations, work.training_translations, work.checks, work.revision],
        outside="hubkit.translation.revise:corrections_digest",
    ),
    Stage(
        "finetune",
        "hubkit.audit.selection:finetune",
        ("finetuning", "generation.prompt", "generation.reference", "generation.shots", "release.seed"),
        inputs=lambda work: [work.studies, work.images, work.training_translations],
        outputs=lambda work: [work.adapter],
        # The bounds are no part of the digest: where they choose the same checkpoint, nothing is trained again.
        differs="hubkit.finetuning.selection:chosen_otherwise",
        models=("finetuning",),
    ),
    Stage(
        "generate",
        "hubkit.generation.generate:generate",
        ("generation", "release.seed"),
        inputs=lambda work: [work.studies, work.images, work.training_translations, work.adapter],
        outputs=lambda work: [*_generations(work), work.decoding],
        # A digest of 0.1.0 does not hold the base and its precision: to declare them would make it generate again.
        differs="hubkit.generation.generate:made_otherwise",
        models=("finetuning",),
    ),
    Stage(
        "score",
        "hubkit.scoring.score:score",
        ("scoring", "generation.reference", "release.seed"),
        inputs=lambda work: [work.studies, work.translations, work.revision, *_generations(work)],
        outputs=lambda work: [work.scores],
        # None without subgroups that need it: then the digest is that of before.
        outside="hubkit.scoring.groups:fingerprint",
        models=("scoring.bertimbau", "scoring.xlm_roberta"),
    ),
    Stage(
        "audit",
        "hubkit.audit.audit:audit",
        (
            "audit",
            "finetuning",
            "generation.prompt",
            "generation.reference",
            "generation.max_new_tokens",
            "release.seed",
        ),
        inputs=lambda work: [
            *[work.studies, work.images, work.training_translations, work.adapter],
            work.generations("lora"),
        ],
        outputs=lambda work: [work.memorisation.parent],
        # Which studies the adapter was trained on is known only as long as they are those of the training.
        after="finetune",
    ),
    Stage(
        "package",
        "hubkit.packaging.package:package",
        (
            *("release", "packaging", "hub", "custody", "corpus", "translation"),
            *("finetuning", "generation", "scoring", "audit.max_verbatim", "audit.max_auc"),
        ),
        inputs=lambda work: [
            *[work.studies, work.selection, work.translations, work.checks, work.adapter, work.scores],
            *[work.revision, work.translator, work.memorisation.parent],
            *[*_generations(work), work.decoding],
            *_published(work),
            # The cards print the package versions that these stages ran with, the hours and the hardware.
            *[work.manifest(name) for name in ("translate", "finetune", "generate", "score", "audit")],
            # None where nobody read: then the digest is that of before.
            *results_files(work),
        ],
        outputs=lambda work: [work.dist, work.salt],
    ),
    Stage(
        "push",
        "hubkit.hub.push:push",
        ("hub", "release.version"),
        inputs=lambda work: [work.dist],
        outputs=lambda work: [work.receipt],
        outside="hubkit.endpoint:where",
        after="package",
        differs="hubkit.hub.receipt:taken_back",
    ),
    Stage(
        "verify",
        "hubkit.verification.verify:verify",
        ("hub",),
        inputs=lambda work: [work.receipt, work.dist],
        outputs=lambda work: [work.verification],
    ),
]


def _load(entry: str) -> Callable[..., Any]:
    module, _, name = entry.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
