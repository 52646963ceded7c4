"""The whole of hubkit.toml as one checked, frozen model, and the digest that a stage has of it.

A table has a module of its own, or shares one with tables of its subject. There each setting stands
with its meaning and its one default. A table belongs to the package of the same name. Settings
marked `Runtime` say how the work is done, not what comes out: changing one makes no stage run
again.

A new setting that is not `Runtime` needs an entry in `hubkit.config.identity.ADDED`, so that it
makes no stage run again where it is left at its default. That module has the rules.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hubkit.config.adapter import Finetuning, Generation
from hubkit.config.corpus import Corpus
from hubkit.config.evaluation import Audit, Scoring
from hubkit.config.identity import ADDED, RELEASED, identity, named_setting
from hubkit.config.publication import ARTIFACTS, Artifact, Custody, Hub, Packaging, Release
from hubkit.config.sensitivity import Sensitivity
from hubkit.config.translation import Translation
from hubkit.config.values import NonEmptyStr, Runtime, Table
from hubkit.digests import value_digest


class WorkspaceSettings(Table):
    """[workspace]: who else on this machine can read the run directory."""

    group: Annotated[NonEmptyStr | None, Runtime] = Field(None, examples=["mimic-readers"])
    """The group that may read it, on a cluster where all its users are credentialed. None: you alone."""


class ReleaseConfig(Table):
    """The whole of hubkit.toml."""

    release: Release = Release()
    corpus: Corpus = Corpus()
    translation: Translation = Translation()
    finetuning: Finetuning = Finetuning()
    generation: Generation = Generation()
    scoring: Scoring = Scoring()
    audit: Audit = Audit()
    sensitivity: Sensitivity = Sensitivity()
    packaging: Packaging = Packaging()
    hub: Hub = Hub()
    custody: Custody = Custody()
    workspace: WorkspaceSettings = WorkspaceSettings()

    def repos(self) -> dict[Artifact, str]:
        """The repos that this release has on the Hub, by its parts: a part that stays off the Hub is not in it.

        Raises:
            UsageError: there is no namespace.
        """
        kept_off = {"adapter": not self.custody.adapter_on_hub, "metric": self.hub.space == "none"}
        return {part: self.hub.repo(part) for part in ARTIFACTS if not kept_off.get(part)}

    def digest(self, settings: tuple[str, ...]) -> str:
        """SHA-256 over those of `settings` ("translation", "release.seed") that decide what comes out.

        See `hubkit.config.identity`: a setting that is new and left at its default changes no digest.
        """
        values: dict[str, Any] = {}
        for setting in settings:
            name, _, key = setting.partition(".")
            table, released, added = getattr(self, name), RELEASED.get(name, {}), ADDED.get(name, {})
            if key:
                part = named_setting(table, key, released, added)
                values |= {setting: part[key]} if part else {}
            elif part := identity(table, released, added):
                values[setting] = part
        return value_digest(values)
