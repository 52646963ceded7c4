"""A release is a list of stages, in order: what each is computed from, what it writes, and whether it is done."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hubkit import __version__
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.published import published
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace, file_digest, write_json

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
    """

    name: str
    entry: str
    settings: tuple[str, ...]
    inputs: Paths
    outputs: Paths
    outside: str | None = None

    def run(self, config: ReleaseConfig, workspace: Workspace) -> None:
        _load(self.entry)(config, workspace)

    def key(self, config: ReleaseConfig, workspace: Workspace) -> str:
        """Digest of everything the stage is computed from."""
        parts = {
            "settings": config.digest(self.settings),
            "inputs": [(path.name, file_digest(path)) for path in self.inputs(workspace)],
            "outside": _load(self.outside)(config) if self.outside else None,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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
        outputs=lambda work: [work.translations, work.checks],
    ),
    Stage(
        "finetune",
        "hubkit.finetuning.finetune:finetune",
        ("finetuning", "generation.prompt", "generation.reference", "generation.shots", "release.seed"),
        inputs=lambda work: [work.studies, work.images, work.translations],
        outputs=lambda work: [work.adapter],
    ),
    Stage(
        "generate",
        "hubkit.generation.generate:generate",
        ("generation", "release.seed"),
        inputs=lambda work: [work.studies, work.images, work.translations, work.adapter],
        outputs=_generations,
    ),
    Stage(
        "score",
        "hubkit.scoring.score:score",
        ("scoring", "generation.reference", "release.seed"),
        inputs=lambda work: [work.studies, work.translations, *_generations(work)],
        outputs=lambda work: [work.scores],
    ),
    Stage(
        "package",
        "hubkit.packaging.package:package",
        ("release", "packaging", "hub", "custody", "corpus", "translation", "finetuning", "generation", "scoring"),
        inputs=lambda work: [
            *[work.studies, work.selection, work.translations, work.checks, work.adapter, work.scores],
            *_generations(work),
            *_published(work),
        ],
        outputs=lambda work: [work.dist],
    ),
    Stage(
        "push",
        "hubkit.hub.push:push",
        ("hub", "release.version"),
        inputs=lambda work: [work.dist],
        outputs=lambda work: [work.receipt],
        outside="hubkit.hub.endpoint:where",
    ),
    Stage(
        "verify",
        "hubkit.hub.verify:verify",
        ("hub",),
        inputs=lambda work: [work.receipt, work.dist],
        outputs=lambda work: [work.root / "verification.json"],
    ),
]


class Step(NamedTuple):
    """What a plan says of one stage."""

    stage: Stage
    action: Literal["run", "skip"]
    reason: str


Report = Callable[[Step, float], None]


def plan(config: ReleaseConfig, workspace: Workspace, first: str | None = None, last: str | None = None) -> list[Step]:
    """Say for each stage from `first` to `last` whether it will run, and why; a stage named by `first` always runs."""
    steps: list[Step] = []
    for stage in _between(first, last):
        if any(step.action == "run" for step in steps):
            steps.append(Step(stage, "run", "an earlier stage runs"))
        elif first == stage.name:
            steps.append(Step(stage, "run", "asked for"))
        else:
            reason = _stale(stage, config, workspace, functools.partial(stage.key, config, workspace))
            steps.append(Step(stage, "run" if reason else "skip", reason or "up to date"))
    return steps


def run(
    config: ReleaseConfig,
    workspace: Workspace,
    first: str | None = None,
    last: str | None = None,
    report: Report = lambda step, seconds: None,
) -> list[Step]:
    """Run the stages from `first` to `last` that are not done, and return what was done.

    Args:
        report: called after each stage with the step and its duration in seconds.

    Raises:
        HubkitError: a stage failed; those before it stay done, and a rerun continues inside it.
    """
    stages = _between(first, last)
    with workspace.lock():
        return [_advance(stage, config, workspace, report, asked_for=first == stage.name) for stage in stages]


def run_one(
    name: str,
    config: ReleaseConfig,
    workspace: Workspace,
    report: Report = lambda step, seconds: None,
    asked_for: bool = False,
) -> None:
    """Run the stage called `name` and nothing else, where it is not done or where it is `asked_for` all the same."""
    (stage,) = _between(name, name)
    with workspace.lock():
        _advance(stage, config, workspace, report, asked_for)


def _advance(
    stage: Stage, config: ReleaseConfig, workspace: Workspace, report: Report, asked_for: bool = False
) -> Step:
    key = functools.cache(functools.partial(stage.key, config, workspace))
    reason = "asked for" if asked_for else _stale(stage, config, workspace, key)
    step = Step(stage, "run" if reason else "skip", reason or "up to date")
    started = time.monotonic()
    if reason:
        _run_stage(stage, config, workspace, key())
    report(step, time.monotonic() - started)
    return step


def _run_stage(stage: Stage, config: ReleaseConfig, workspace: Workspace, key: str) -> None:
    workspace.manifest(stage.name).unlink(missing_ok=True)
    inside = workspace.running(stage.name, key)
    started = time.time()
    stage.run(config, inside)
    outputs = {path.relative_to(workspace.root).as_posix(): file_digest(path) for path in stage.outputs(workspace)}
    write_json(
        workspace.manifest(stage.name),
        {
            "stage": stage.name,
            "key": key,
            "settings": config.digest(stage.settings),
            "outputs": outputs,
            "seed": config.release.seed,
            "versions": _versions(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "seconds": round(time.time() - started, 1),
        },
    )
    inside.forget_partial()


def _stale(stage: Stage, config: ReleaseConfig, workspace: Workspace, key: Callable[[], str]) -> str | None:
    """Why the stage has to run, or None where its manifest still matches; `key` reads its inputs, where it has to."""
    manifest = read_manifest(workspace, stage.name)
    if manifest is None:
        return "continues" if any((workspace.root / "partial").glob(f"{stage.name}-*")) else "not done yet"
    if manifest["settings"] != config.digest(stage.settings):
        return "settings changed"
    if manifest["key"] != key():
        return "inputs changed"
    for name, digest in manifest["outputs"].items():
        if file_digest(workspace.root / name) != digest:
            return f"{name} changed"
    return None


def read_manifest(workspace: Workspace, stage: str) -> dict[str, Any] | None:
    """The manifest of a finished stage, or None."""
    path = workspace.manifest(stage)
    if not path.exists():
        return None
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        return None
    return manifest


def _between(first: str | None, last: str | None) -> list[Stage]:
    names = [stage.name for stage in STAGES]
    for name in (first, last):
        if name is not None and name not in names:
            raise UsageError(f"there is no stage {name}", mend=f"stages: {', '.join(names)}")
    start = names.index(first) if first else 0
    stop = names.index(last) + 1 if last else len(names)
    if start >= stop:
        raise UsageError(f"--from {first} comes after --until {last}", mend=f"stages in order: {', '.join(names)}")
    return STAGES[start:stop]


def _versions() -> dict[str, str]:
    versions = {"hubkit": __version__}
    for package in ("torch", "transformers", "datasets", "peft", "trl", "bitsandbytes", "huggingface-hub", "evaluate"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _load(entry: str) -> Callable[..., Any]:
    module, _, name = entry.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function
