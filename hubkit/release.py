"""A release is its stages, run in order: which of them are done, why the others are not, and that record."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from hubkit import __version__
from hubkit.artifacts.manifest import Hardware, Manifest, read_manifest, write_manifest
from hubkit.config import ReleaseConfig
from hubkit.custody.own_copies import check_own_copies
from hubkit.digests import changing, file_digest, unchanged
from hubkit.disk import full_disk, gigabytes
from hubkit.errors import HubkitError, UsageError
from hubkit.models.folders import content_digests
from hubkit.models.hardware import hardware
from hubkit.progress import running
from hubkit.room import stage_bytes
from hubkit.stages import STAGES, Stage
from hubkit.workspace import Workspace, write_json


class Step(NamedTuple):
    """What a plan says of one stage.

    Attributes:
        action: "maybe" where an earlier stage runs that may write what this one reads, or the same
            as before.
    """

    stage: Stage
    action: Literal["run", "maybe", "skip"]
    reason: str


Report = Callable[[Step, float], None]

Announce = Callable[[Step], None]


@unchanged()
def plan(config: ReleaseConfig, workspace: Workspace, first: str | None = None, last: str | None = None) -> list[Step]:
    """Say for each stage from `first` to `last` whether it will run, and why.

    A stage named by `first` always runs. What an earlier stage writes is known when it has run:
    until then, a stage that reads it may have to run.
    """
    steps: list[Step] = []
    changed: set[Path] = set()
    unsure: set[Path] = set()
    for stage in _between(first, last):
        inputs = set(stage.inputs(workspace))
        if first == stage.name:
            step = Step(stage, "run", "asked for")
        elif inputs & (changed | unsure):
            step = _after_others(stage, config, workspace, certain=bool(inputs & changed))
        else:
            reason = _stale(stage, config, workspace, functools.partial(stage.key, config, workspace))
            step = Step(stage, "run" if reason else "skip", reason or "up to date")
        steps.append(step)
        if step.action != "skip":
            unsure |= set(stage.outputs(workspace))
            # A manifest says when its stage ran, so that it never stays the same.
            (changed if step.action == "run" else unsure).add(workspace.manifest(stage.name))
    return steps


def _after_others(stage: Stage, config: ReleaseConfig, workspace: Workspace, certain: bool) -> Step:
    """What a plan says of a stage that reads what stages before it write.

    Args:
        certain: whether something that it reads will change for sure.
    """
    manifest = read_manifest(workspace, stage.name)
    if manifest is None:
        return Step(stage, "run", "not done yet")
    if manifest.settings != config.digest(stage.settings):
        return Step(stage, "run", "settings changed")
    changed = _changed_since(stage, manifest, config, workspace)
    if certain or changed:
        return Step(stage, "run", changed or "an earlier stage runs")
    return Step(stage, "maybe", "an earlier stage may change what it reads")


def run(
    config: ReleaseConfig,
    workspace: Workspace,
    first: str | None = None,
    last: str | None = None,
    report: Report = lambda step, seconds: None,
    announce: Announce = lambda step: None,
    discard_edits: bool = False,
) -> list[Step]:
    """Run the stages from `first` to `last` that are not done, and return what was done.

    Args:
        report: called after each stage with the step and its duration in seconds.
        announce: called before each stage that runs.
        discard_edits: whether what somebody changed in the outputs of a stage is written over.

    Raises:
        HubkitError: a stage failed; those before it stay done, and a rerun continues inside it. Or its outputs were
            changed by hand since.
    """
    stages = _between(first, last)
    with workspace.lock(), unchanged():
        workspace.close(config.workspace.group)
        return [
            _advance(stage, config, workspace, report, announce, first == stage.name, discard_edits) for stage in stages
        ]


def run_one(
    name: str,
    config: ReleaseConfig,
    workspace: Workspace,
    report: Report = lambda step, seconds: None,
    asked_for: bool = False,
    announce: Announce = lambda step: None,
    discard_edits: bool = False,
) -> None:
    """Run the stage called `name` and nothing else, where it is not done or where it is `asked_for` all the same."""
    (stage,) = _between(name, name)
    with workspace.lock(), unchanged():
        workspace.close(config.workspace.group)
        _advance(stage, config, workspace, report, announce, asked_for, discard_edits)


def _advance(
    stage: Stage,
    config: ReleaseConfig,
    workspace: Workspace,
    report: Report,
    announce: Announce,
    asked_for: bool,
    discard_edits: bool,
) -> Step:
    key = functools.cache(functools.partial(stage.key, config, workspace))
    reason = "asked for" if asked_for else _stale(stage, config, workspace, key)
    step = Step(stage, "run" if reason else "skip", reason or "up to date")
    started = time.monotonic()
    if reason:
        if not discard_edits:
            check_edits(stage, workspace)
        announce(step)
        check_before(stage.name, config, workspace)
        computed_from = key()
        with running(stage.name), changing():
            _run_stage(stage, config, workspace, computed_from)
    report(step, time.monotonic() - started)
    return step


def _run_stage(stage: Stage, config: ReleaseConfig, workspace: Workspace, key: str) -> None:
    workspace.manifest(stage.name).unlink(missing_ok=True)
    inside = workspace.running(stage.name, key)
    models = content_digests(config, stage.models)
    _forget_other_models(stage, inside, models)
    started = time.time()

    def needed() -> str:
        return f"{stage.name} needs about {gigabytes(stage_bytes(stage.name, config, workspace))} in all"

    try:
        with full_disk(workspace.root, needed):
            stage.run(config, inside)
            record(stage, config, workspace, key, started, models)
        inside.forget_partial()
    finally:
        # Other processes wrote as well, on machines with an umask of their own: Ray's workers, the Hub's clients.
        workspace.close(config.workspace.group, quiet=True)


def _forget_other_models(stage: Stage, inside: Workspace, models: Mapping[str, str]) -> None:
    """Drop what the stage began with other files in a model's folder: checkpoints hold what those gave."""
    if not stage.models:
        return
    noted = inside.partial / "models.json"
    begun = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else models
    if any(begun.get(table, digest) != digest for table, digest in models.items()):
        print(f"  {stage.name}: begins again, since the files of its model changed", file=sys.stderr)
        inside.forget_partial()
    write_json(inside.partial / "models.json", models)


def check_edits(stage: Stage, workspace: Workspace) -> None:
    """Refuse to write over outputs that somebody changed since the stage wrote them; what was deleted is made again.

    Raises:
        HubkitError: names the first of them, and what to do instead.
    """
    manifest = read_manifest(workspace, stage.name)
    for name, digest in manifest.outputs.items() if manifest else ():
        path = workspace.root / name
        if path.exists() and file_digest(path) != digest:
            translated = stage.name in ("translate", "revise")
            instead = "put corrections into a file: hubkit corrections export; " if translated else ""
            raise HubkitError(
                f"was changed since {stage.name} wrote it, and {stage.name} would write over that",
                where=path,
                hint=f"{instead}keep a copy elsewhere, then run again with --discard-edits",
            )


def check_before(name: str, config: ReleaseConfig, workspace: Workspace) -> None:
    """Refuse to run a stage on outputs that are not as the stage before it left them, under the settings of now.

    Raises:
        HubkitError: they were changed since, or that stage has to run again.
        UsageError: the release should be sealed, and nobody could open it.
    """
    check_own_copies(config, workspace)
    (stage,) = _between(name, name)
    if stage.after is None:
        return
    (before,) = _between(stage.after, stage.after)
    reason = _stale(before, config, workspace, functools.partial(before.key, config, workspace))
    if reason:
        taken = stage.inputs(workspace)
        where = ", ".join(str(path) for path in before.outputs(workspace) if path in taken)
        raise HubkitError(f"is out of date: {reason}", where=where, hint=f"run: hubkit {before.name}")


def record(
    stage: Stage,
    config: ReleaseConfig,
    workspace: Workspace,
    key: str,
    started: float,
    models: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of a stage that is done, with digests of its outputs and models in folders.

    Args:
        models: those digests as they were when the stage began; without them as they are now.
    """
    models = content_digests(config, stage.models) if models is None else models
    outputs = {path.relative_to(workspace.root).as_posix(): file_digest(path) for path in stage.outputs(workspace)}
    held = {"models": dict(models)} if models else {}
    manifest = Manifest(
        stage=stage.name,
        key=key,
        settings=config.digest(stage.settings),
        outputs=outputs,
        **held,
        seed=config.release.seed,
        versions=_versions(),
        hardware=_hardware(stage.name, config),
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        seconds=round(time.time() - started, 1),
    )
    write_manifest(workspace, manifest)


def _hardware(name: str, config: ReleaseConfig) -> Hardware:
    """What the stage `name` computed on; a server or a cluster that computed for it is not known here."""
    devices = {
        "translate": (config.translation.device, config.translation.workers),
        "finetune": (config.finetuning.device, 1),
        "generate": (config.generation.device, config.generation.tasks),
        "score": (config.scoring.device, 1),
        "audit": (config.generation.device, 1),
    }
    return hardware(*devices.get(name, ("cpu", 1)))


def _stale(stage: Stage, config: ReleaseConfig, workspace: Workspace, key: Callable[[], str]) -> str | None:
    """Why the stage has to run, or None where its manifest still matches; `key` reads its inputs, where it has to."""
    manifest = read_manifest(workspace, stage.name)
    if manifest is None:
        return "continues" if any((workspace.root / "partial").glob(f"{stage.name}-*")) else "not done yet"
    if manifest.settings != config.digest(stage.settings):
        return "settings changed"
    if manifest.key != key():
        return "inputs changed"
    return _changed_since(stage, manifest, config, workspace) or stage.difference(config, workspace)


def _changed_since(stage: Stage, manifest: Manifest, config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Which of its outputs or models in folders is not as the stage left it; None where all are."""
    for name, digest in manifest.outputs.items():
        if file_digest(workspace.root / name) != digest:
            return f"{name} changed"
    # A manifest without a digest is of an older hubkit, or the model came from the Hub then.
    for table, digest in content_digests(config, stage.models).items():
        if manifest.models.get(table, digest) != digest:
            return f"the files of [{table}] model changed"
    return None


def _between(first: str | None, last: str | None) -> list[Stage]:
    names = [stage.name for stage in STAGES]
    for name in (first, last):
        if name is not None and name not in names:
            raise UsageError(f"there is no stage {name}", hint=f"stages: {', '.join(names)}")
    start = names.index(first) if first else 0
    stop = names.index(last) + 1 if last else len(names)
    if start >= stop:
        raise UsageError(f"--from {first} comes after --until {last}", hint=f"stages in order: {', '.join(names)}")
    return STAGES[start:stop]


RECORDED = (
    *("torch", "transformers", "datasets", "peft", "trl", "bitsandbytes", "huggingface-hub", "evaluate"),
    *("bert-score", "pillow", "pyarrow"),
)
"""Packages whose version can change what a stage writes; Pillow resizes the images."""


def _versions() -> dict[str, str]:
    versions = {"hubkit": __version__}
    for package in RECORDED:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
