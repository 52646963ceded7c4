"""Who may do what: the repo of an address, for whoever may know of it, read it or change it."""

from __future__ import annotations

from starlette.requests import Request

from hubkit.localhub.accounts import Account
from hubkit.localhub.errors import Refusal, gated, moved, no_gated_scope, read_only, repo_not_found
from hubkit.localhub.hub import Hub
from hubkit.localhub.repos import Repo
from hubkit.localhub.scopes import PROPOSE, READ, WRITE

OPEN_FILES = {"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"}
"""What the gate lets through, at the root of a repo."""


def hub_of(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


def asker(request: Request) -> Account | None:
    account: Account | None = request.state.account
    return account


def base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def signed_in(request: Request) -> Account:
    account = asker(request)
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    return account


def owns(account: Account | None, repo: Repo) -> bool:
    """Whether the account owns the repo and its token may read it."""
    if account is None or repo.owner not in account.namespaces or repo.owner in account.barred:
        return False
    return account.may(READ, repo.owner, repo.address)


def check_policy(account: Account | None, namespace: str) -> None:
    """Refuse a token that an organisation does not let in.

    Raises:
        Refusal: the organisation wants other tokens, or has not approved this one (403).
    """
    if account is not None and namespace in account.barred:
        raise Refusal(403, account.barred[namespace])


def visible(request: Request) -> Repo:
    """The repo of the address, for whoever may know of it.

    Raises:
        Refusal: it does not exist, is private, has another name now (307), or does not let this token in (403).
    """
    params, account, repos = request.path_params, asker(request), hub_of(request).repos
    asked = f"{params['namespace']}/{params['name']}"
    repo = repos.find(params["kind"], asked) or repos.moved(params["kind"], asked)
    if repo is not None:
        check_policy(account, repo.owner)
    if repo is None or (repo.private and not owns(account, repo)):
        raise repo_not_found(signed_in=account is not None)
    if repo.id.lower() != asked.lower():
        raise moved(request.scope["raw_path"].decode("latin-1"), request.url.query, asked, repo.id)
    request.state.repo = repo
    return repo


def readable(request: Request, path: str | None = None) -> Repo:
    """The repo of the address, for whoever may read its files (or the file `path`).

    Raises:
        Refusal: it is not visible, or the gate is closed to this account.
    """
    repo, account = visible(request), asker(request)
    if passes_gate(repo, account) or path in OPEN_FILES:
        return repo
    if account is not None and not _may_read_gated(account, repo):
        raise no_gated_scope()
    standing = "anonymous" if account is None else repo.requests.get(account.name, {}).get("status", "none")
    raise gated(repo.kind, repo.id, standing, base_url(request))


def passes_gate(repo: Repo, account: Account | None) -> bool:
    if not repo.gated or owns(account, repo):
        return True
    if account is None or not _may_read_gated(account, repo):
        return False
    return repo.requests.get(account.name, {}).get("status") == "accepted"


def _may_read_gated(account: Account, repo: Repo) -> bool:
    scopes = account.scopes
    return scopes is None or scopes.gated or scopes.allow(READ, repo.owner, repo.address)


def writable(request: Request) -> Repo:
    """The repo of the address, for whoever may change it.

    Raises:
        Refusal: it is not visible, or this account or token may only read (401, 403).
    """
    repo, account = visible(request), signed_in(request)
    if not owns(account, repo) or not account.may(WRITE, repo.owner, repo.address):
        raise read_only()
    return repo


def writable_or_proposed(request: Request) -> Repo:
    """The repo of the address, for whoever may change it, or propose a change where `create_pr` asks for that.

    Raises:
        Refusal: as `writable` or `proposable` do.
    """
    return proposable(request) if "create_pr" in request.query_params else writable(request)


def proposable(request: Request) -> Repo:
    """The repo of the address, for whoever may propose a change to it.

    Raises:
        Refusal: it is not visible, the gate is closed, or this token may only read (401, 403).
    """
    repo, account = readable(request), signed_in(request)
    if not any(account.may(needed, repo.owner, repo.address) for needed in (WRITE, PROPOSE)):
        raise read_only()
    return repo
