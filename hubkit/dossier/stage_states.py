"""Whether what a stage left can be quoted: it has run, its files are as it left them, its settings are those of now."""

from __future__ import annotations

from typing import NamedTuple

from hubkit.artifacts.manifest import Manifest, read_manifest
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.models.folders import content_digests
from hubkit.stages import STAGES, Stage
from hubkit.workspace import Workspace


class StageState(NamedTuple):
    """How a stage stands.

    Attributes:
        name: of the stage.
        manifest: what it wrote of itself; None where it has not run to its end.
        changed: the outputs that are not as it left them, by path below the workspace.
        other_settings: whether hubkit.toml asks for something else than it computed.
        other_inputs: which inputs are not those of now; None where all are.
        unknown: why nobody can tell whether the inputs changed; None where that is known.
    """

    name: str
    manifest: Manifest | None
    changed: tuple[str, ...] = ()
    other_settings: bool = False
    other_inputs: str | None = None
    unknown: str | None = None

    @property
    def problem(self) -> str | None:
        """What a reader has to know before trusting it; None where nothing is wrong."""
        if self.manifest is None:
            return f"`{self.name}` has not run"
        if self.changed:
            return f"{', '.join(self.changed)} changed since `{self.name}` wrote it"
        if self.other_settings:
            return f"hubkit.toml changed since `{self.name}` ran"
        return self.other_inputs

    def covers(self, file: str) -> bool:
        """Whether the file, or a folder that holds it, is an output that changed."""
        return any(file == name or file.startswith(f"{name}/") for name in self.changed)


def stage_states(config: ReleaseConfig, workspace: Workspace) -> dict[str, StageState]:
    """The state of every stage, by name.

    Raises:
        HubkitError: a newer hubkit wrote a manifest.
    """
    return {stage.name: _state(stage, config, workspace) for stage in STAGES}


def _state(stage: Stage, config: ReleaseConfig, workspace: Workspace) -> StageState:
    manifest = read_manifest(workspace, stage.name)
    if manifest is None:
        return StageState(stage.name, None)
    changed = (name for name, digest in manifest.outputs.items() if file_digest(workspace.root / name) != digest)
    state = StageState(stage.name, manifest, tuple(changed))
    if manifest.settings != config.digest(stage.settings):
        # The key holds the settings too, so that nothing is learnt from it now.
        return state._replace(other_settings=True)
    for table, digest in content_digests(config, stage.models).items():
        if manifest.models.get(table, digest) != digest:
            return state._replace(other_inputs=f"the files of [{table}] model changed since `{stage.name}` ran")
    try:
        key = stage.key(config, workspace)
    except HubkitError as error:
        # A dossier may be written where the corpus is not: what was made is still there.
        return state._replace(unknown=f"whether its inputs changed cannot be read here: {error.what}")
    return state if key == manifest.key else state._replace(other_inputs=f"inputs changed since `{stage.name}` ran")
