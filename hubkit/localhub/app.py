"""The Hub's addresses, and the log of who asked for what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hubkit.disk import free_bytes, gigabytes, is_full
from hubkit.errors import HubkitError
from hubkit.localhub import (
    api_access,
    api_collections,
    api_commits,
    api_files,
    api_info,
    api_lfs,
    api_people,
    api_pulls,
    api_repos,
    api_xet,
    pages,
)
from hubkit.localhub.entrance import Entrance, is_browser, refuse
from hubkit.localhub.errors import (
    WEB_PREFIX,
    Refusal,
    disk_full,
    no_git,
    no_such_page,
    not_on_this_hub,
    repo_not_found,
)
from hubkit.localhub.hub import Hub
from hubkit.localhub.permissions import visible
from hubkit.own_hub import CHALLENGE

Endpoint = Callable[[Request], Awaitable[Response]]
Change = Callable[[Request], Response]

_ANY = "GET POST PUT DELETE PATCH"

_GIT = ("info/refs", "HEAD", "git-upload-pack", "git-receive-pack", "info/lfs/locks", "info/lfs/locks/verify")
"""What git and git-lfs ask a repo for."""

_FORM = "application/x-www-form-urlencoded"


class _Escaped(Convertor[str]):
    """A part of an address in which an escaped slash stands for a slash: `refs%2Fpr%2F1`."""

    def convert(self, value: str) -> str:
        return value.replace("%2F", "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", "%2F")


class _Part(_Escaped):
    regex = "[^/]+"


class _Rest(_Escaped):
    regex = ".*"


class _Kind(_Escaped):
    regex = "models|datasets|spaces"


for _name, _convertor in {"part": _Part(), "rest": _Rest(), "kind": _Kind()}.items():
    register_url_convertor(_name, _convertor)


def make_app(hub: Hub) -> ASGIApp:
    """The Hub as an ASGI application; its log is `access.jsonl` in the Hub's folder."""
    app = Starlette(
        routes=[*_api(), *_web()],
        exception_handlers={Refusal: refuse, HubkitError: _fail},
    )
    app.state.hub = hub
    return Entrance(app, hub, hub.root / "access.jsonl")


def _api() -> list[Route]:
    repo = "/api/{kind:kind}/{namespace:part}/{name:part}"
    revision = "{revision:part}"
    return [
        _route("GET", CHALLENGE, api_people.challenge),
        _route("GET", "/api/whoami-v2", api_people.whoami),
        _route("GET", "/api/users/{user}/overview", api_people.overview),
        _route("GET", "/api/settings/repositories", api_people.storage),
        _route("GET", "/api/organizations/{name}/overview", api_people.organisation),
        _route("GET", "/api/organizations/{name}/members", api_people.members),
        _route("GET", "/api/organizations/{name}/settings/repositories", api_people.storage),
        _route("GET", "/api/agent-harnesses", api_people.registry),
        _route("POST", "/api/validate-yaml", api_commits.validate_yaml),
        _change("POST", "/api/repos/create", api_repos.create),
        _change("DELETE", "/api/repos/delete", api_repos.delete, alone=True),
        _change("POST", "/api/repos/move", api_repos.move, alone=True),
        _route("GET POST", "/api/collections", api_collections.collections),
        _route("POST", "/api/collections/{slug:rest}/items", api_collections.collection_items),
        _route("PATCH DELETE", "/api/collections/{slug:rest}/items/{item}", api_collections.collection_item),
        _route("GET PATCH DELETE", "/api/collections/{slug:rest}", api_collections.collection),
        _route("GET", "/api/{kind:kind}", api_info.index),
        _route("GET", repo, api_info.info),
        _route("GET", f"{repo}/revision/{revision}", api_info.info),
        _change("PUT", f"{repo}/settings", api_repos.settings),
        _route("GET", f"{repo}/auth-check", api_info.auth_check),
        _route("GET", f"{repo}/auth-check/write", api_info.auth_check),
        _route("GET", f"{repo}/refs", api_info.refs),
        _route("GET", f"{repo}/runtime", api_info.runtime),
        _route("GET", f"{repo}/tree/{revision}", api_files.tree),
        _route("GET", f"{repo}/tree/{revision}/{{path:rest}}", api_files.tree),
        _route("POST", f"{repo}/paths-info/{revision}", api_files.paths_info),
        _route("GET", f"{repo}/commits/{revision}", api_files.commits),
        _route("POST", f"{repo}/preupload/{revision}", api_commits.preupload),
        _route("GET", f"{repo}/xet-read-token/{revision}", api_xet.read_token),
        _route("GET", f"{repo}/xet-write-token/{revision}", api_xet.write_token),
        _change("POST", f"{repo}/commit/{revision}", api_commits.commit),
        _change("POST", f"{repo}/tag/{revision}", api_commits.create_tag),
        _change("DELETE", f"{repo}/tag/{revision}", api_commits.delete_tag),
        _change("POST", f"{repo}/branch/{revision}", api_commits.create_branch),
        _change("DELETE", f"{repo}/branch/{revision}", api_commits.delete_branch),
        _change("POST", f"{repo}/super-squash/{revision}", api_commits.squash),
        _route("GET", f"{repo}/user-access-request/{{status}}", api_access.listing),
        _change("POST", f"{repo}/user-access-request/handle", api_access.handle),
        _change("POST", f"{repo}/user-access-request/grant", api_access.grant),
        _route("GET", f"{repo}/discussions", api_pulls.listing),
        _change("POST", f"{repo}/discussions", api_pulls.create),
        _route("GET", f"{repo}/discussions/{{number:int}}", api_pulls.pull),
        _change("POST", f"{repo}/discussions/{{number:int}}/status", api_pulls.status),
        _change("POST", f"{repo}/discussions/{{number:int}}/merge", api_pulls.merge),
        _route("GET", f"{repo}/lfs-files", api_lfs.listing),
        _change("POST", f"{repo}/lfs-files/batch", api_lfs.delete, alone=True),
        _route(_ANY, f"{repo}/{{rest:rest}}", _not_of_a_repo),
        _route(_ANY, "/api/{rest:rest}", _not_of_the_api),
    ]


def _web() -> list[Route]:
    routes = [_route("GET", "/collections/{slug:rest}", pages.collection)]
    routes += [_stream("PUT", "/lfs/{kind:kind}/{namespace:part}/{name:part}/{sha256}", api_lfs.upload)]
    routes += [_route("POST", "/lfs/{kind:kind}/{namespace:part}/{name:part}/verify", api_lfs.verify)]
    for prefix in ("/{kind:kind}", ""):
        repo = f"{prefix}/{{namespace:part}}/{{name:part}}"
        file = "{revision:part}/{path:rest}"
        routes += [
            _route("POST", f"{repo}.git/info/lfs/objects/batch", api_lfs.batch),
            *(_route("GET POST", f"{repo}/{git}", _no_git) for git in _GIT),
            _change("POST", f"{repo}/ask-access", api_access.ask),
            _route("GET", f"{repo}/resolve/{file}", api_files.resolve),
            _route("GET", f"{repo}/raw/{file}", api_files.raw),
            _route("GET", repo, pages.repo_page),
            _route("GET", f"{repo}/tree/{{revision:part}}", pages.repo_page),
            _route("GET", f"{repo}/tree/{file}", pages.files_page),
            _route("GET", f"{repo}/blob/{file}", pages.files_page),
            _route("GET", f"{repo}/commit/{{revision:part}}", pages.commit_page),
            _route("GET", f"{repo}/discussions/{{number:int}}", pages.pull_page),
            _change("POST", f"{repo}/discussions/{{number:int}}/delete-ref", api_pulls.delete_ref, alone=True),
            _change("POST", f"{repo}/settings/doi", api_repos.generate_doi),
            _route(_ANY, f"{repo}/{{rest:rest}}", _not_of_a_repo),
        ]
    routes.append(_route("GET", "/{namespace:part}", pages.namespace))
    routes.append(_route("GET", "/", pages.index))
    return [*routes, _route(_ANY, "/{rest:rest}", _nothing_here)]


def _route(methods: str, path: str, endpoint: Endpoint) -> Route:
    async def with_body(request: Request) -> Response:
        with _told_if_full(request):
            await _read(request)
            return await endpoint(request)

    return Route(path, with_body, methods=methods.split())


def _change(methods: str, path: str, endpoint: Change, alone: bool = False) -> Route:
    """An address that changes a repo: when it has its turn, in a thread, so that others are answered meanwhile.

    Args:
        alone: whether it deletes files for good, and so waits for all other changes.
    """

    async def in_turn(request: Request) -> Response:
        with _told_if_full(request):
            return await run(request)

    async def run(request: Request) -> Response:
        await _read(request)
        turns, params = request.app.state.hub.turns, request.path_params
        # Repos that are not there yet are made one after the other.
        repo = f"{params['kind']}/{params['namespace']}/{params['name']}" if "name" in params else ""
        async with turns.alone() if alone else turns.change(repo):
            return await asyncio.to_thread(endpoint, request)

    return Route(path, in_turn, methods=methods.split())


@contextlib.contextmanager
def _told_if_full(request: Request) -> Iterator[None]:
    """Say that the disk is full, which is not a fault of the Hub."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise disk_full(gigabytes(free_bytes(request.app.state.hub.root))) from error


def _stream(methods: str, path: str, endpoint: Endpoint) -> Route:
    """An address whose endpoint reads what is sent itself."""

    async def streamed(request: Request) -> Response:
        with _told_if_full(request):
            return await endpoint(request)

    return Route(path, streamed, methods=methods.split())


async def _read(request: Request) -> None:
    """Read what was sent before anything is looked up: an endpoint then runs to its end without waiting for more."""
    request.path_params.setdefault("kind", "models")
    request.state.body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    # Nobody sends the other kind of form here, for which starlette needs another package.
    fields = parse_qsl(request.state.body.decode("utf-8", "replace")) if kind == _FORM else []
    request.state.form = FormData(list[tuple[str, str | UploadFile]](fields))


async def _no_git(request: Request) -> Response:
    raise no_git()


async def _not_of_a_repo(request: Request) -> Response:
    """Whatever else is asked of a repo: where the repo is there, this Hub does not do it."""
    if is_browser(request):
        raise no_such_page()
    visible(request)
    raise not_on_this_hub(request.method, request.path_params["rest"])


async def _not_of_the_api(request: Request) -> Response:
    """Whatever else the API is asked for: a repo without a namespace, or what is not about repos."""
    rest = request.path_params["rest"]
    if rest.split("/")[0] in WEB_PREFIX:
        raise repo_not_found(signed_in=request.state.account is not None)
    raise not_on_this_hub(request.method, f"api/{rest}")


async def _nothing_here(request: Request) -> Response:
    """Addresses of repos without a namespace, of which this Hub has none, and all else."""
    if is_browser(request):
        raise no_such_page()
    raise repo_not_found(signed_in=request.state.account is not None)


async def _fail(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "Internal Error - We're working hard to fix this as soon as possible!"}, 500)
