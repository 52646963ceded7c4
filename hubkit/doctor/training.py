"""Does the trainer take the settings of [finetuning]?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.doctor.findings import Finding, ok
from hubkit.models.quiet import quiet
from hubkit.workspace import Workspace


def training(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The settings of the training run are those that a trainer on this machine can be built with."""
    from hubkit.finetuning.arguments import training_arguments
    from hubkit.finetuning.check import check_settings, rehearse
    from hubkit.models.devices import pick_device

    settings = config.finetuning
    check_settings(settings)
    with tempfile.TemporaryDirectory() as folder, quiet():
        device = pick_device(settings.device)
        rehearse(training_arguments(settings, config.release.seed, Path(folder), device, evaluates=True))
    yield ok("training", "a trainer takes the settings")
