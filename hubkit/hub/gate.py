"""The gate of a repo: set, read back, and tried from outside before any data comes near it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError
from hubkit.hub.client import SECONDS_WITHOUT_ANSWER, Stumble, retried
from hubkit.hub.targets import PROBE, WITHOUT_DATA, Target

if TYPE_CHECKING:
    from huggingface_hub import HfApi

UNGRANTED_TOKEN = "HUBKIT_UNGRANTED_TOKEN"


class Surprise(HubkitError):
    """Something about a gate is not as it should be: the repo is made private."""


@retried("{target.repo}")
def shut(api: HfApi, target: Target) -> None:
    """Make sure that the repo exists behind a gate with manual approval: created private, gated, read back.

    Raises:
        Surprise: it is public without such a gate, or the gate did not take.
        HubkitError: it is private and holds data, so that its gate cannot be tried without showing it.
    """
    info = look(api, target)
    if info is None:
        api.create_repo(target.repo, repo_type=target.kind, private=True, exist_ok=True)
        info = look(api, target)
    if info is None:
        raise Stumble("a repo that was just made is not there yet")
    check(info, target)
    if info.gated != "manual":
        api.update_repo_settings(target.repo, repo_type=target.kind, gated="manual")
        info = look(api, target)
        if info is None or info.gated != "manual":
            raise Surprise("the gate was set and is not there", where=target.repo, hint="push again")


def check(info: Any, target: Target) -> None:
    """Refuse a repo as it is before a push.

    Raises:
        Surprise: it is public without a gate with manual approval.
        HubkitError: it is private and holds data, so that its gate cannot be tried without showing it.
    """
    if not info.private and info.gated != "manual":
        raise Surprise(
            "the repo is public and has no gate with manual approval",
            where=target.repo,
            hint="look at what it holds; name another in [hub], or push again",
        )
    if info.private and not {item.rfilename for item in info.siblings} <= WITHOUT_DATA:
        raise HubkitError(
            "the repo is private and holds data, so that its gate cannot be tried",
            where=target.repo,
            hint="see that access is granted by hand, make it public on the Hub, and push again; or delete the repo",
        )


@retried("{target.repo}")
def show(api: HfApi, target: Target) -> None:
    """Make the repo visible, gate and all."""
    info = look(api, target)
    if info is None or info.private:
        api.update_repo_settings(target.repo, repo_type=target.kind, private=False)


@retried("{target.repo}")
def prove(target: Target, endpoint: str, ungranted: str | None) -> None:
    """Ask for the probe as a stranger and as a user without a grant; both must be turned away at the gate.

    Args:
        ungranted: the token of a user without a grant; None where trying that was waived.

    Raises:
        Surprise: one of them was let in, or turned away for another reason.
    """
    for who, token, status in (("a stranger", None, 401), ("a user without a grant", ungranted, 403)):
        if who == "a stranger" or token is not None:
            answer = _ask(f"{endpoint}/{target.web}/resolve/main/{PROBE}", token)
            if answer != (status, "GatedRepo"):
                raise Surprise(
                    f"{who} was answered {answer[0]} {answer[1] or ''}".rstrip() + f" at the gate, not {status}",
                    where=target.repo,
                    hint=f"see the repo's settings and who {UNGRANTED_TOKEN} belongs to",
                )


def ungranted_token(waiver: str | None) -> str | None:
    """The token of a user without a grant, from the environment; None where trying that was waived on record.

    Raises:
        HubkitError: there is neither.
    """
    token = os.environ.get(UNGRANTED_TOKEN)
    if not token and not waiver:
        raise HubkitError(
            "no token of a user without a grant, so that the gate cannot be tried",
            where=UNGRANTED_TOKEN,
            hint="set it to a token of a second account, or say in [hub] waive_ungranted_probe why not",
        )
    return token or None


def hidden(api: HfApi, target: Target, surprise: Surprise) -> HubkitError:
    """Make a repo private whose gate was not as it should be, and return the error that says so.

    Raises:
        HubkitError: the Hub did not do it, so that a person has to.
    """
    try:
        api.update_repo_settings(target.repo, repo_type=target.kind, private=True)
    except HubkitError as error:
        raise HubkitError(
            f"{surprise.what}, and the repo could not be made private: {error.what}",
            where=target.repo,
            hint="make it private on the Hub, now",
        ) from error
    return HubkitError(f"{surprise.what}; the repo is private now", where=surprise.where, hint=surprise.hint)


@retried("{target.repo}")
def look(api: HfApi, target: Target) -> Any:
    """What the Hub tells its owner of a repo, as `repo_info` has it; None where there is none."""
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.repo_info(target.repo, repo_type=target.kind)
    except RepositoryNotFoundError:
        return None


def _ask(url: str, token: str | None) -> tuple[int, str | None]:
    import httpx

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = httpx.get(url, headers=headers, timeout=SECONDS_WITHOUT_ANSWER)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise Stumble(f"the probe was answered {answer.status_code}")
    return answer.status_code, answer.headers.get("X-Error-Code")
