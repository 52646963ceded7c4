"""Repos: create, configure, move, delete."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub import cards
from hubkit.localhub.accounts import Account
from hubkit.localhub.api_access import first_readers
from hubkit.localhub.api_commits import content_of
from hubkit.localhub.errors import WEB_PREFIX, Refusal, paid_plan_needed, read_only, repo_not_found
from hubkit.localhub.paths import check_tree, checked_path
from hubkit.localhub.permissions import (
    base_url,
    check_policy,
    hub_of,
    signed_in,
    writable,
)
from hubkit.localhub.plans import PLANS
from hubkit.localhub.repos import Repo, is_name, new_repo
from hubkit.localhub.scopes import WRITE
from hubkit.localhub.storage import GITATTRIBUTES
from hubkit.localhub.validation import body, parsed

_WITH_COMPUTE = ("gradio", "docker")
_ID = re.compile(r"[^/]+/[^/]+")
_NAMED: dict[str, Any] = {"name": str, "organization?": str, "type?": str}
_FILE = {"path": str, "content": str, "encoding?": str}
_NEW = {**_NAMED, "sdk?": str, "visibility?": str, "private?": bool, "license?": str, "files?": [_FILE]}

_NOT_KEPT = (
    *("secrets", "variables", "volumes", "hardware", "sleepTimeSeconds", "storage", "sdkVersion", "devMode"),
    *("template", "resourceGroupId", "region"),
)
"""What a new repo may be given on the real Hub and not here: refused, since a client takes it for done."""

_MOVE = {"fromRepo": _ID, "toRepo": _ID, "type?": str}
_SETTINGS = {"gated?": object, "visibility?": str, "private?": bool}


def create(request: Request) -> JSONResponse:
    """POST /api/repos/create."""
    account, asked = signed_in(request), body(request, _NEW)
    for name in _NOT_KEPT:
        # Every Space has this hardware.
        if parsed(request.state.body).get(name) not in (
            None,
            "",
            [],
            {},
            *(["cpu-basic"] if name == "hardware" else []),
        ):
            raise Refusal(400, f'This Hub keeps no "{name}" of a repo: create it without')
    kind, repo_id = _named(asked, account.name)
    if account.scopes is None and account.role != "write":
        raise read_only()
    namespace, _, name = repo_id.partition("/")
    _check_namespace(account, kind, namespace)
    if not is_name(name):
        raise Refusal(400, "Invalid repo name")
    hub = hub_of(request)
    sdk = _asked_sdk(asked) if kind == "spaces" else None
    url = f"{base_url(request)}/{WEB_PREFIX[kind]}{repo_id}"
    if hub.repos.find(kind, repo_id):
        said = f"You already created this {kind[:-1]} repo"
        raise Refusal(409, said, body={"error": said, "url": url})
    if sdk in _WITH_COMPUTE and not PLANS[hub.accounts.settings(namespace).plan].compute:
        raise paid_plan_needed()
    private = _asked_private(asked)
    if private is None:
        private = hub.accounts.organisations.get(namespace, {}).get("private", False)
    repo = new_repo(kind, repo_id, private=private, sdk=sdk, requests=first_readers(hub, namespace))
    files = {path: hub.objects.put(content) for path, content in _first_files(repo, asked).items()}
    first = hub.commit(repo, files, None, account.name, "initial commit")
    hub.repos.add(dataclasses.replace(repo, branches={"main": first}))
    return JSONResponse({"url": url, "name": repo_id, "id": repo.uid})


def _first_files(repo: Repo, asked: dict[str, Any]) -> dict[str, bytes]:
    """What a new repo holds: what the Hub gives it, and the files that it was asked to be made with."""
    files = {".gitattributes": GITATTRIBUTES.encode()}
    card = {"license": asked["license"]} if "license" in asked else {}
    if repo.kind == "spaces":
        card |= {"title": repo.id.partition("/")[2], "sdk": str(repo.sdk), "app_file": "app.py"}
    if card:
        files["README.md"] = "\n".join(["---", *(f"{key}: {value}" for key, value in card.items()), "---", ""]).encode()
    sent = {checked_path(file["path"]): content_of(file) for file in asked.get("files", ())}
    if "license" in asked and "README.md" in sent:
        raise Refusal(400, 'A repo with a README.md of its own names its "license" there')
    files |= sent
    check_tree(files)
    found = cards.problems(files["README.md"].decode("utf-8", "replace")) if "README.md" in files else []
    if found:
        raise Refusal(400, f"Invalid metadata in README.md: {found[0]}")
    return files


def delete(request: Request) -> JSONResponse:
    """DELETE /api/repos/delete."""
    kind, repo_id = _named(body(request, _NAMED), signed_in(request).name)
    repo = _own(request, kind, repo_id)
    _check_no_doi(repo)
    hub_of(request).delete(repo)
    return JSONResponse({})


def move(request: Request) -> JSONResponse:
    """POST /api/repos/move."""
    account, asked = signed_in(request), body(request, _MOVE)
    kind, target = _kind(asked), asked["toRepo"]
    repo = _own(request, kind, asked["fromRepo"])
    _check_no_doi(repo)
    namespace, _, name = target.partition("/")
    _check_namespace(account, kind, namespace)
    if not is_name(name):
        raise Refusal(400, "Invalid repo name")
    if hub_of(request).repos.find(kind, target):
        raise Refusal(409, f"A {kind[:-1]} repository called {target} already exists")
    hub_of(request).repos.change(repo, id=target)
    return JSONResponse({})


def settings(request: Request) -> JSONResponse:
    """PUT /api/{kind}/{id}/settings."""
    repo, asked = writable(request), body(request, _SETTINGS)
    changes: dict[str, Any] = {}
    if "gated" in asked:
        if asked["gated"] not in ("auto", "manual", False) or repo.kind == "spaces":
            raise Refusal(400, '"gated" must be one of [auto, manual, false], on a model or dataset')
        changes["gated"] = asked["gated"]
    private = _asked_private(asked)
    if private is not None:
        if private != repo.private:
            _check_no_doi(repo)
        changes["private"] = private
    if not changes:
        raise Refusal(400, "At least one setting must be updated")
    repo = hub_of(request).repos.change(repo, **changes)
    request.state.repo = repo
    return JSONResponse({"private": repo.private, "gated": repo.gated})


def generate_doi(request: Request) -> JSONResponse:
    """POST /{prefix}{id}/settings/doi: what a person does on the page of settings; the API has no such call."""
    repo = writable(request)
    if repo.kind == "spaces" or repo.private:
        raise Refusal(400, "A DOI is for a public model or dataset")
    # hub-docs, doi.md: "Generate new DOI" gives the current revision another one.
    doi = f"10.57967/hf/{int(repo.uid[:8], 16)}.{repo.branches['main'][:7]}"
    hub_of(request).repos.change(repo, doi=doi)
    return JSONResponse({"doi": doi})


def _check_no_doi(repo: Repo) -> None:
    # hub-docs, doi.md: such repos "may only be deleted, renamed and changed their visibility" by support. The words are
    # those of its page; the status is not documented.
    if repo.doi:
        raise Refusal(403, "This repository is locked by DOI")


def _asked_private(asked: dict[str, Any]) -> bool | None:
    if "visibility" in asked:
        if asked["visibility"] not in ("public", "private"):
            raise Refusal(400, '"visibility" must be one of [public, private]')
        return bool(asked["visibility"] == "private")
    return bool(asked["private"]) if "private" in asked else None


def _asked_sdk(asked: dict[str, Any]) -> str:
    sdk = asked.get("sdk")
    # huggingface_hub names these three and streamlit, which the Hub no longer creates.
    if sdk not in (*_WITH_COMPUTE, "static"):
        raise Refusal(400, '"sdk" must be one of [gradio, docker, static]')
    return str(sdk)


def _check_namespace(account: Account, kind: str, namespace: str) -> None:
    """Refuse to put a repo into a namespace that is not the account's, or not within the scopes of its token."""
    check_policy(account, namespace)
    if namespace not in account.namespaces or not account.may(WRITE, namespace):
        raise _no_rights(kind, namespace)


def _no_rights(kind: str, namespace: str) -> Refusal:
    return Refusal(403, f'You don\'t have the rights to create a {kind[:-1]} under the namespace "{namespace}"')


def _named(asked: dict[str, Any], name: str) -> tuple[str, str]:
    return _kind(asked), f"{asked.get('organization') or name}/{asked['name']}"


def _kind(asked: dict[str, Any]) -> str:
    kind = f"{asked.get('type') or 'model'}s"
    if kind not in WEB_PREFIX:
        raise Refusal(400, "Invalid repo type")
    return kind


def _own(request: Request, kind: str, repo_id: str) -> Repo:
    namespace, _, name = repo_id.partition("/")
    request.path_params.update(kind=kind, namespace=namespace, name=name)
    if hub_of(request).repos.find(kind, repo_id) is None:
        raise repo_not_found(signed_in=True)
    return writable(request)
