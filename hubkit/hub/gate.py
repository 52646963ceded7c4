"""The gate of a repo: set, read back, and tried from outside before any data comes near it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubkit.endpoint import trusted_certificates
from hubkit.errors import HubkitError
from hubkit.hub.client import SECONDS_WITHOUT_ANSWER, Stumble, retried, seconds_to_wait
from hubkit.hub.targets import PROBES, WITHOUT_DATA, Target
from hubkit.tokens import environment_token

if TYPE_CHECKING:
    from huggingface_hub import HfApi

UNGRANTED_TOKEN = "HUBKIT_UNGRANTED_TOKEN"

GATED = "GatedRepo"
"""The Hub's error code of a shut gate; a 401 or 403 alone may mean something else."""

READ_GATED = 'in the token\'s settings on the Hub, enable "access to public gated repositories"'
"""What lets a fine-grained token read gated repos; without it each of them answers 403 without an error code."""


_LOCKED = "set its gate to manual on the Hub, now, and write to the Hub's support: a DOI locks its visibility"


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


def doi_warning(info: Any, target: Target) -> str | None:
    """What to know of a repo with a DOI before anything relies on making it private; None where it has none."""
    found = next((tag for tag in info.tags or [] if tag.startswith("doi:")), None)
    if found is None:
        return None
    return f"{target.repo} has a DOI ({found}), so that hubkit could not make it private if its gate opened"


@retried("{target.repo}")
def show(api: HfApi, target: Target) -> None:
    """Make the repo visible, with its gate in the same call: no moment lies between the two."""
    info = look(api, target)
    if info is None or info.private:
        api.update_repo_settings(target.repo, repo_type=target.kind, private=False, gated="manual")


def prove(
    api: HfApi,
    target: Target,
    ungranted: str | None,
    files: Iterable[str] = PROBES,
    revisions: Iterable[str] = ("main",),
) -> None:
    """Read the gate back, and ask for files as a stranger and as a user without a grant.

    Both have to be turned away at the gate, for each file and for the token by which Xet would hand out any.

    Args:
        ungranted: the token of a user without a grant; None where trying that was waived.

    Raises:
        Surprise: the gate is another, one of them was let in, or turned away for another reason.
        HubkitError: the second token may not read gated repos at all, so that it cannot try this one.
    """
    info = look(api, target)
    if info is None or info.private or info.gated != "manual":
        what = "it is gone"
        if info is not None:
            what = f"it is {'private' if info.private else 'public'} and its gate is {info.gated or 'off'}"
        raise Surprise(
            f"the repo was public behind a gate with manual approval, and now {what}",
            where=target.repo,
            hint="see who changed the repo's settings",
        )
    for revision in revisions:
        address = quote(revision, safe="")
        for who, token, status in _outsiders(ungranted):
            for path in files:
                answer = first_byte(f"{api.endpoint}/{target.web}/resolve/{address}/{quote(path)}", token, target.repo)
                if token and answer == (403, None):
                    raise HubkitError(
                        "the token may not read gated repos, so that the gate cannot be tried with it",
                        where=UNGRANTED_TOKEN,
                        hint=READ_GATED,
                    )
                if answer != (status, GATED):
                    raise _let_in(target, who, answer, status, f"{path} at {revision}")
            # What refuses a token of Xet is not documented; that it hands out none is what counts.
            answer = first_byte(
                f"{api.endpoint}/api/{target.kind}s/{target.repo}/xet-read-token/{address}", token, target.repo
            )
            if answer[0] not in (401, 403):
                raise _let_in(target, who, answer, status, f"a token of Xet at {revision}")


def _outsiders(ungranted: str | None) -> list[tuple[str, str | None, int]]:
    """Who has to be turned away, with their tokens, and the status that they have to be answered."""
    strangers: list[tuple[str, str | None, int]] = [("a stranger", None, 401)]
    return strangers if ungranted is None else [*strangers, ("a user without a grant", ungranted, 403)]


def _let_in(target: Target, who: str, answer: tuple[int, str | None], status: int, asked: str) -> Surprise:
    met = f"{answer[0]} {answer[1] or ''}".rstrip()
    return Surprise(
        f"{who} was answered {met} at the gate, not {status}",
        where=target.repo,
        hint=f"they asked for {asked}; see the repo's settings and who {UNGRANTED_TOKEN} belongs to",
    )


def ungranted_token(waiver: str | None) -> str | None:
    """The token of a user without a grant, from the environment; None where trying that was waived on record.

    Raises:
        HubkitError: there is neither.
    """
    token = environment_token(UNGRANTED_TOKEN)
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
            hint=_LOCKED if "doi" in error.what.lower() else "make it private on the Hub, now",
        ) from error
    return HubkitError(f"{surprise.what}; the repo is private now", where=surprise.where, hint=surprise.hint)


@retried("{target.repo}")
def look(api: HfApi, target: Target) -> Any:
    """What the Hub tells its owner of a repo, as `repo_info` has it; None where there is none.

    Raises:
        HubkitError: the repo was renamed, or the Hub refused or did not answer.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info = api.repo_info(target.repo, repo_type=target.kind)
    except RepositoryNotFoundError:
        return None
    if info.id != target.repo:
        # The Hub redirects what is read, and not what is written; cards would name an address that may go.
        raise HubkitError(
            f"is called {info.id} on the Hub now",
            where=target.repo,
            hint=f"set its name in [hub] ({target.artifact}), and package again",
        )
    return info


@retried("{where}")
def first_byte(url: str, token: str | None, where: str) -> tuple[int, str | None]:
    """Status and error code for the first byte of a file; a redirect counts as an answer, and is not followed."""
    import httpx

    headers = {"Range": "bytes=0-0"} | ({"Authorization": f"Bearer {token}"} if token else {})
    answer = httpx.get(
        url,
        headers=headers,
        timeout=SECONDS_WITHOUT_ANSWER,
        follow_redirects=False,
        verify=trusted_certificates(),
    )
    if answer.status_code == 429 or answer.status_code >= 500:
        # Strangers are counted by this machine's address, with everybody else behind it.
        raise Stumble(f"the probe was answered {answer.status_code}", seconds_to_wait(answer))
    return answer.status_code, answer.headers.get("X-Error-Code")
