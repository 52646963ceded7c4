"""Answers that carry a file: whole, in part, or not at all where the client has it."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hubkit.localhub.contents import Content
from hubkit.localhub.errors import Refusal

INERT = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
"""What keeps a browser from running a file."""

_ACTIVE = {".htm", ".html", ".mht", ".mhtml", ".shtml", ".svg", ".svgz", ".xht", ".xhtml", ".xml", ".xsl", ".xslt"}

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")


def file_answer(
    request: Request, content: Content, etag: str, name: str, headers: dict[str, str], media_type: str | None = None
) -> Response:
    """The answer to a GET or HEAD of a file.

    Args:
        etag: of the content, without quotation marks.
        name: what a browser saves the file as.
        media_type: follows from the name unless given.

    Raises:
        Refusal: the range that is asked for is not in the file (416).
    """
    headers = {**headers, **INERT, "ETag": f'"{etag}"', "Accept-Ranges": "bytes"}
    if _has(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = _disposition(request, name)
    part = _part(request, content.size, etag)
    start, stop = part or (0, content.size)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    headers["Content-Length"] = str(stop - start)
    status = 200 if part is None else 206
    media_type = media_type or mimetypes.guess_type(name)[0] or "text/plain"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(content.read(start, stop), status, headers, media_type)


def _has(header: str | None, etag: str) -> bool:
    """Whether an `If-None-Match` names the file: RFC 9110, 13.1.2. A weak tag is as good as a strong one there."""
    if header is None:
        return False
    return header.strip() == "*" or etag in re.findall(r'(?:W/)?"([^"]*)"', header)


def _part(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """The bytes that are asked for, from the first to the last, without it; None for all of them."""
    wanted = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    # Several ranges, or what is no range, may be answered with the whole file: RFC 9110, 14.2.
    if wanted is None or not (wanted[1] or wanted[2]):
        return None
    # A file that has changed since is sent whole. Only its ETag can say so: there is no time of a change.
    if request.headers.get("if-range", f'"{etag}"') != f'"{etag}"':
        return None
    if wanted[1]:
        start = int(wanted[1])
        stop = min(int(wanted[2]) + 1, size) if wanted[2] else size
    else:
        start, stop = max(size - int(wanted[2]), 0), size
    if start >= stop:
        raise Refusal(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{size}"})
    return start, stop


def _disposition(request: Request, name: str) -> str:
    # A file is anybody's; a page of this very address could act for whoever looks at it.
    active = PurePosixPath(name).suffix.lower() in _ACTIVE
    kind = "attachment" if active or request.query_params.get("download") in ("true", "1") else "inline"
    quoted = quote(name)
    return f'{kind}; filename="{name}"' if quoted == name else f"{kind}; filename*=utf-8''{quoted}"
