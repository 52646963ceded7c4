"""Examine this machine for the configured release, before hours are spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hubkit.config import ReleaseConfig
from hubkit.doctor import corpus, gpu, hours, hub, machine, memory, training, translation
from hubkit.doctor.findings import Finding, failed, from_error
from hubkit.errors import HubkitError
from hubkit.hub.client import transport_errors
from hubkit.workspace import Workspace

CHECKS: dict[str, Callable[[ReleaseConfig, Workspace], Iterable[Finding]]] = {
    "hubkit": machine.installed,
    "packages": machine.packages,
    "GPU": machine.gpu,
    "disk": machine.disk,
    "corpus": corpus.corpus,
    "subgroups": corpus.subgroups,
    "PhysioNet account": corpus.account,
    "PhysioNet access": corpus.access,
    "Hub account": hub.account,
    "terms": hub.terms,
    "names": hub.names,
    "models": hub.models,
    "translation server": translation.server,
    "public names": translation.folders,
    "word list": machine.words,
    "training data": hub.training_data,
    "training": training.training,
    "kernels of the loss": gpu.compiler,
    "memory": memory.memory,
    "time": hours.hours,
}


def examine(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Yield what each check finds; a check that cannot be made is a finding as well."""
    for name, check in CHECKS.items():
        try:
            yield from check(config, workspace)
        except HubkitError as error:
            yield from_error(name, error)
        except transport_errors() as error:
            yield failed(name, f"the Hub broke off ({type(error).__name__})", "try again")
