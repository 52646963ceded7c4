"""manifests/<stage>.json: that a stage is done, from what, and with which outputs."""

from __future__ import annotations

from hubkit.artifacts.model import Model, read_whole, write_model
from hubkit.workspace import Workspace


class Hardware(Model):
    """What a stage ran on: devices of one name, how many, and the most power of each in watts, where it is known."""

    name: str
    count: int
    watts: float | None = None


class Manifest(Model):
    """What a stage wrote of itself when it was done. What a manifest lacks does not match: the stage runs again.

    Attributes:
        stage: its name.
        key: digest of settings and inputs.
        settings: digest of the settings that decide what it computes.
        outputs: SHA-256 by path below the workspace.
        models: digests of the models that are folders, by table of hubkit.toml; an older hubkit wrote none.
        seed: of the release.
        versions: of the packages that it ran with.
        hardware: what it computed on; an older hubkit wrote none.
        started: day and time, UTC.
        seconds: how long it took.
    """

    stage: str = ""
    key: str = ""
    settings: str = ""
    outputs: dict[str, str] = {}  # noqa: RUF012 - the model is frozen
    models: dict[str, str] = {}  # noqa: RUF012
    seed: int | None = None
    versions: dict[str, str] = {}  # noqa: RUF012
    hardware: Hardware | None = None
    started: str = ""
    seconds: float | None = None


def read_manifest(workspace: Workspace, stage: str) -> Manifest | None:
    """The manifest of a finished stage; None where there is none, or it is not whole.

    Raises:
        HubkitError: another version of hubkit wrote it, in a format that this one does not read.
    """
    return read_whole(Manifest, "manifest", workspace.manifest(stage))


def write_manifest(workspace: Workspace, manifest: Manifest) -> None:
    """Write what `read_manifest` reads."""
    write_model("manifest", workspace.manifest(manifest.stage), manifest)
