"""What the terms of a corpus allow: who may use its text, where a release may go, and what it may be called."""

from __future__ import annotations

import re

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.models.folders import unknown_models
from hubkit.own_hub import is_own_hub
from hubkit.terms.access_check import AccessCheck, require_access
from hubkit.terms.kinds import CorpusTerms, terms_of
from hubkit.workspace import Workspace

EXT = re.compile(r"(?<![A-Za-z])(?:ext|EXT)(?![A-Za-z])|Ext(?![a-z])")
"""The word "Ext" in a name, between marks or between words that begin with a capital."""


def check_access(config: ReleaseConfig, workspace: Workspace) -> AccessCheck | None:
    """Require a recent PhysioNet access check where the corpus is credentialed; None where it is not.

    Raises:
        HubkitError: the check is missing or too old.
    """
    return require_access(workspace) if terms_of(config.corpus).credentialed else None


def check_derivatives(terms: CorpusTerms, where: str, hint: str | None = None) -> None:
    """Refuse to pass on what is made from a corpus whose licence forbids it.

    Raises:
        UsageError: it forbids it.
    """
    if not terms.derivatives:
        raise UsageError(
            f"the terms of {terms.name} ({terms.licence}) do not allow derived works to be passed on",
            where=where,
            hint=hint,
        )


def check_destination(config: ReleaseConfig, endpoint: str) -> None:
    """Refuse a release that the terms forbid, or for which no consent is on record.

    A Hub that hubkit started on this machine needs neither. Any other address on loopback may be a tunnel.

    Raises:
        HubkitError: the corpus allows no derivatives, or it is credentialed and the consent is missing.
    """
    terms = terms_of(config.corpus)
    if (terms.derivatives and not terms.credentialed) or is_own_hub(endpoint):
        return
    check_derivatives(terms, endpoint, hint="push to a Hub of your own on loopback only: hubkit hub serve")
    if terms.credentialed and config.hub.physionet_consent is None:
        raise HubkitError(
            f"{terms.name} is credentialed, and PhysioNet's consent to a release is not on record",
            where="[hub] physionet_consent",
            hint="ask PhysioNet, then set who agreed, when, and to what",
        )


def check_permission(config: ReleaseConfig, workspace: Workspace, endpoint: str) -> None:
    """Refuse a push that the terms forbid, or for which consent or access check are missing.

    Raises:
        HubkitError: see `check_destination` and `check_access`.
    """
    check_destination(config, endpoint)
    if terms_of(config.corpus).credentialed and not is_own_hub(endpoint):
        check_access(config, workspace)


def check_public_names(config: ReleaseConfig) -> None:
    """Refuse a credentialed corpus's release whose cards could not name the model in a folder.

    Readers need that name to use the adapter and to compute the scores again. With another corpus
    `doctor` warns.

    Raises:
        UsageError: names the first such folder, and the setting that says what it holds.
    """
    if not terms_of(config.corpus).credentialed:
        return
    unknown = unknown_models(config)
    if unknown:
        first = unknown[0]
        raise UsageError(
            f"the folder {first.model} does not say which public model it holds, and cards name it",
            where=f"[{first.table}] model",
            hint=f'set [{first.table}] model_id = "OWNER/NAME"',
        )


def lacks_ext(name: str) -> bool:
    """Whether a name uses MIMIC without "Ext", which PhysioNet asks for in names of what is derived from MIMIC."""
    return "mimic" in name.lower() and EXT.search(name) is None


def check_title(title: str, where: str) -> None:
    """Refuse a title that breaks PhysioNet's rule for what is derived from MIMIC.

    Raises:
        UsageError: it has MIMIC without "Ext".
    """
    if lacks_ext(title):
        raise UsageError(
            'a title with MIMIC and without "Ext"',
            where=where,
            hint='PhysioNet asks for "Ext" in what is derived from MIMIC: MIMIC-CXR-Ext-...',
        )


def name_warning(config: ReleaseConfig, chosen: bool = True) -> str | None:
    """What to tell a maintainer whose dataset or adapter is named against PhysioNet's rule; None where none is.

    Args:
        chosen: whether names that are set in hubkit.toml count too: somebody chose them.
    """
    names = {"dataset": config.hub.dataset}
    if config.custody.adapter_on_hub:
        names["adapter"] = config.hub.adapter
    settled = set() if chosen else config.hub.model_fields_set
    named = {part: name for part, name in names.items() if lacks_ext(name) and part not in settled}
    if not named or not terms_of(config.corpus).credentialed:
        return None
    return (
        f'{" and ".join(named.values())}: the name MIMIC without "Ext"; PhysioNet asks that what is derived from MIMIC '
        f"is called MIMIC-...-Ext-... ([hub] {', '.join(named)})"
    )
