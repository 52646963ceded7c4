"""Leave to read or write by Xet."""

from __future__ import annotations

import secrets
import time

from starlette.requests import Request
from starlette.responses import JSONResponse

from hubkit.localhub.permissions import hub_of, readable, writable_or_proposed
from hubkit.localhub.repos import Repo
from hubkit.localhub.xet import SECONDS_VALID


async def read_token(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/xet-read-token/{rev}."""
    repo = readable(request)
    hub_of(request).resolve(repo, request.path_params["revision"])
    return _token(request, repo)


async def write_token(request: Request) -> JSONResponse:
    """GET /api/{kind}/{id}/xet-write-token/{rev}; who opens a pull request knows no revision yet and sends None."""
    repo = writable_or_proposed(request)
    hub_of(request).check_quota(repo)
    return _token(request, repo)


def _token(request: Request, repo: Repo) -> JSONResponse:
    url, token = f"local://{hub_of(request).xet.folder(repo.uid)}", secrets.token_urlsafe(16)
    expires = int(time.time()) + SECONDS_VALID
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(expires)}
    return JSONResponse({"casUrl": url, "accessToken": token, "exp": expires}, headers=headers)
