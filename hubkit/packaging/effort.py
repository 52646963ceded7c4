"""What a release took: hardware, hours, energy and carbon of the stages that compute."""

from __future__ import annotations

from typing import NamedTuple

from hubkit.artifacts.manifest import Hardware, Manifest, read_manifest
from hubkit.config import Packaging, ReleaseConfig
from hubkit.workspace import Workspace

COMPUTING = {
    "translate": "translation",
    "finetune": "fine-tuning",
    "generate": "generated reports",
    "score": "scores",
    "audit": "audit",
}
"""The stages that run models, and what cards call their work."""


class Effort(NamedTuple):
    """What a stage took. None: it was not recorded.

    Attributes:
        work: what the stage does.
        hardware: what it ran on; without it `unknown` says why.
        hours: by the clock, of the process that ended the stage.
        kwh: hours times power.
        grams: of CO2 equivalent: energy times what the grid emits.
    """

    work: str
    hardware: str | None
    hours: float | None
    kwh: float | None
    grams: float | None
    unknown: str = ""


def efforts(config: ReleaseConfig, workspace: Workspace) -> list[Effort]:
    """The stages that ran models, in their order; one without a manifest is left out."""
    found = []
    for stage, work in COMPUTING.items():
        manifest = read_manifest(workspace, stage)
        if manifest:
            found.append(_effort(work, manifest, config.packaging, _elsewhere(stage, config)))
    return found


def _effort(work: str, manifest: Manifest, settings: Packaging, elsewhere: str) -> Effort:
    seconds, hardware = manifest.seconds, None if elsewhere else manifest.hardware
    hours = None if seconds is None else seconds / 3600
    watts = settings.watts
    if watts is None and hardware and hardware.watts is not None:
        watts = hardware.watts * hardware.count
    kwh = None if hours is None or watts is None else hours * watts / 1000
    grams = None if kwh is None or settings.grams_per_kwh is None else kwh * settings.grams_per_kwh
    return Effort(work, _named(hardware), hours, kwh, grams, elsewhere)


def _named(hardware: Hardware | None) -> str | None:
    # A GPU's power is known or at least asked for; of a CPU the cores are counted.
    return f"{hardware.count} x {hardware.name}" if hardware else None


def _elsewhere(stage: str, config: ReleaseConfig) -> str:
    """Who computed a stage, where this machine did not; "" where it did."""
    if stage != "translate":
        return ""
    if config.translation.engine == "openai":
        return "a server computed it"
    return "" if config.translation.executor == "local" else "a cluster computed it"
