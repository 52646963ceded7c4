"""Whose token it is and what it may do, and whether both ends agree on the time: asked before anything is changed."""

from __future__ import annotations

import email.utils
import time
from typing import TYPE_CHECKING, Any

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import retried, retrying
from hubkit.hub.gate import READ_GATED, UNGRANTED_TOKEN

if TYPE_CHECKING:
    from huggingface_hub import HfApi

WRITE = "repo.write"
"""The permission of a fine-grained token to change a repo, as whoami names it."""

SECONDS_APART = 600
"""How far this machine's clock may be from the Hub's: permissions and certificates are made for a time, and the age
of an access check is counted by it."""


def check_identity(config: ReleaseConfig, api: HfApi) -> None:
    """Refuse a push that this token, this namespace or this clock cannot carry through.

    A fine-grained token may not say what it may do: then the Hub says so when it is tried.

    Raises:
        UsageError: [hub] namespace is missing, or a repo's name is none.
        HubkitError: the token is unknown or may only read, the namespace does not exist or is somebody else's, or the
            clock is wrong.
    """
    check_names(config)
    check_token(config, api)
    check_namespace(config, api)


def check_names(config: ReleaseConfig) -> None:
    """Refuse names that no repo can have.

    Raises:
        UsageError: [hub] namespace is missing, or a repo's name is not valid.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    for artifact, repo in config.repos().items():
        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            raise UsageError(
                f"is not a valid name of a repo: {error}", where=f"[hub] {artifact}", hint="change it"
            ) from None


def check_token(config: ReleaseConfig, api: HfApi) -> None:
    """Refuse a token that may not write to the repos of the release, or that cannot create its Space.

    Raises:
        HubkitError: it says so, it is unknown, or the clock is wrong.
    """
    known = whoami(api)
    if _role(known) == "read":
        raise HubkitError(
            f"the token of {known['name']} may only read",
            where=api.endpoint,
            hint=f"make one with write access to {config.hub.namespace}, and set HF_TOKEN to it",
        )
    _check_scopes(config, known)
    _check_plan(config, api, known)


def check_namespace(config: ReleaseConfig, api: HfApi) -> None:
    """Refuse a namespace that is not the account's.

    Raises:
        HubkitError: it does not exist or is somebody else's.
    """
    known, namespace = whoami(api), config.hub.namespace
    name = known["name"]
    spaces = sorted({name, *(group["name"] for group in known.get("orgs", []))})
    if namespace not in spaces and _role(known) != "fineGrained":
        there = _exists(api, namespace)
        what = f"{name} does not belong to it" if there else "there is no such user or organisation"
        raise HubkitError(what, where=f"[hub] namespace {namespace}", hint=f"set it to one of: {', '.join(spaces)}")


def check_outsider(config: ReleaseConfig, api: HfApi, token: str | None) -> None:
    """Refuse a second token that cannot try the gate: after that, what it meets there tells of the gate.

    Args:
        token: that of a user without a grant; None where trying the gate with one was waived.

    Raises:
        HubkitError: it is unknown to the Hub, or of somebody whom the gate lets through as an owner.
    """
    if token is None:
        return
    from huggingface_hub import HfApi

    hint = "set it to a token of a second account, which has no access to the repos"
    known = _whoever(retrying(HfApi(endpoint=api.endpoint, token=token)))
    if known is None:
        raise HubkitError("is unknown to the Hub, or has expired", where=UNGRANTED_TOKEN, hint=hint)
    if _scopes(known).get("canReadGatedRepos") is False:
        what = "may not read gated repos, so that it cannot try the gate"
        raise HubkitError(what, where=UNGRANTED_TOKEN, hint=READ_GATED)
    if config.hub.namespace in {known["name"], *(group["name"] for group in known.get("orgs", []))}:
        what = f"belongs to {known['name']}, who reads the repos of {config.hub.namespace} without a grant"
        raise HubkitError(what, where=UNGRANTED_TOKEN, hint=hint)


def _role(known: dict[str, Any]) -> str | None:
    """What a token may do by its kind: read, write, or what its scopes say (fineGrained)."""
    role: str | None = known.get("auth", {}).get("accessToken", {}).get("role")
    return role


def _scopes(known: dict[str, Any]) -> dict[str, Any]:
    """What whoami tells of a fine-grained token; nothing for another, or where it does not tell."""
    found = known.get("auth", {}).get("accessToken", {}).get("fineGrained")
    return found if isinstance(found, dict) else {}


def _check_scopes(config: ReleaseConfig, known: dict[str, Any]) -> None:
    """Refuse a fine-grained token that says that it may not write to the namespace or to each of the repos.

    Raises:
        HubkitError: it says so.
    """
    scoped = _scopes(known).get("scoped")
    if scoped is None:
        return
    writable = {each["entity"]["name"] for each in scoped if WRITE in each.get("permissions", [])}
    # The names of repos may come with or without their namespace.
    missing = [repo for repo in sorted(config.repos().values()) if not {repo, repo.partition("/")[2]} & writable]
    if config.hub.namespace not in writable and missing:
        raise HubkitError(
            f"the token of {known['name']} has no write access to {', '.join(missing)}",
            where="[hub] namespace",
            hint=f"in the token's settings on the Hub, give it write access to the repos of {config.hub.namespace}",
        )


def _check_plan(config: ReleaseConfig, api: HfApi, known: dict[str, Any]) -> None:
    """Refuse a new Gradio Space of a free account before anything is pushed: the Hub answers 402 to it.

    Raises:
        HubkitError: it would be one. What an organisation pays for, whoami does not tell.
    """
    free = known.get("isPro") is False and known["name"] == config.hub.namespace
    metric = config.hub.repo("metric")
    if config.hub.space == "gradio" and free and not api.repo_exists(metric, repo_type="space"):
        raise HubkitError(
            f"{known['name']} has a free account, which cannot create the Gradio Space {metric}",
            where="[hub] space",
            hint='set it to "static", package again, then push',
        )


_KNOWN: dict[tuple[str, str], dict[str, Any]] = {}
"""What whoami answered in this process: the Hub counts these calls more strictly than others."""


@retried("{api.endpoint}")
def whoami(api: HfApi) -> dict[str, Any]:
    """What the Hub tells of the token's account; asked once a process.

    Raises:
        HubkitError: the token is unknown or has expired, or this machine's clock is wrong.
    """
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    asked = (str(api.endpoint), str(api.token))
    if asked in _KNOWN:
        return _KNOWN[asked]
    answer = get_session().get(f"{api.endpoint}/api/whoami-v2", headers=build_hf_headers(token=api.token))
    hf_raise_for_status(answer)
    _check_clock(answer.headers.get("Date"), api.endpoint)
    known: dict[str, Any] = answer.json()
    _KNOWN[asked] = known
    return known


@retried(UNGRANTED_TOKEN)
def _whoever(api: HfApi) -> dict[str, Any] | None:
    """Whose token it is; None where the Hub knows no such token."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return whoami(api)
    except HfHubHTTPError as error:
        if error.response.status_code != 401:
            raise
        return None


def _check_clock(date: str | None, endpoint: str) -> None:
    try:
        ahead = time.time() - email.utils.parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return
    if abs(ahead) > SECONDS_APART:
        raise HubkitError(
            f"this machine's clock is {abs(ahead) / 60:.0f} minutes {'ahead of' if ahead > 0 else 'behind'} the Hub's",
            where=endpoint,
            hint="set it (timedatectl set-ntp true), then run this again",
        )


@retried("{api.endpoint}")
def _exists(api: HfApi, namespace: str) -> bool:
    from huggingface_hub.errors import HfHubHTTPError

    for look in (api.get_user_overview, api.get_organization_overview):
        try:
            look(namespace)
        except HfHubHTTPError as error:
            if error.response.status_code != 404:
                raise
        else:
            return True
    return False
