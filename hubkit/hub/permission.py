"""What has to be on record before anything of a corpus leaves this machine."""

from __future__ import annotations

from hubkit.config import ReleaseConfig
from hubkit.corpus.kinds import corpus_kind
from hubkit.endpoint import is_loopback
from hubkit.errors import HubkitError
from hubkit.physionet import lacks_ext, require_access
from hubkit.workspace import Workspace


def check_permission(config: ReleaseConfig, workspace: Workspace, endpoint: str) -> None:
    """Refuse a push beyond loopback that the corpus's terms do not cover, or for which nobody gave their word.

    Raises:
        HubkitError: the corpus allows no derivatives; or it is credentialed, and the maintainer's word or a PhysioNet
            access check of the last 90 days is missing.
    """
    if is_loopback(endpoint):
        return
    kind = corpus_kind(config.corpus.kind)
    if not kind.derivatives:
        raise HubkitError(
            f"the terms of {kind.name} ({kind.licence}) allow nothing made from it to be passed on",
            where=endpoint,
            hint="push to a Hub on loopback alone: hubkit hub serve",
        )
    if kind.credentialed:
        if config.hub.physionet_consent is None:
            raise HubkitError(
                f"{kind.name} is credentialed, and nothing says that PhysioNet agreed to publish what is made from it",
                where="[hub] physionet_consent",
                hint="say who agreed, when, and to what",
            )
        require_access(workspace)


def name_warning(config: ReleaseConfig) -> str | None:
    """What to tell a maintainer whose dataset or adapter is named against PhysioNet's rule; None where none is."""
    names = {"dataset": config.hub.dataset}
    if config.custody.adapter_on_hub:
        names["adapter"] = config.hub.adapter
    named = {part: name for part, name in names.items() if lacks_ext(name)}
    if not named or not corpus_kind(config.corpus.kind).credentialed:
        return None
    return (
        f'{" and ".join(named.values())}: the name MIMIC without "Ext"; PhysioNet asks that what is derived from MIMIC '
        f"is called MIMIC-...-Ext-... ([hub] {', '.join(named)})"
    )
