"""Files of a PhysioNet project: the account, the list of files, and a download that resumes and is checked.

Sign-in and session are those of the package `physionet`, which sends the password to PhysioNet's own origin alone.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from hubkit.corpus.confine import check_path, check_way, open_in_place
from hubkit.corpus.credentials import Credentials
from hubkit.disk import full_disk_error, is_full
from hubkit.endpoint import check_encrypted
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from requests import Response

ATTEMPTS = 5
"""Tries in a row that bring nothing before a download is given up."""

PAUSE = 0.5
"""Seconds before the next try, times the tries in a row that brought nothing."""

TIMEOUT = 60
"""Seconds without an answer, or without a byte of a file, until an attempt counts as lost."""

CHUNK = 2**18
"""Bytes that are read and written at once; a kill loses no more."""

_MANIFEST_LINE = re.compile(r"([0-9a-f]{64})\s+(\S.*)")


class FileTroubleError(HubkitError):
    """One file could not be fetched; others may be."""


class NoAnswerError(FileTroubleError):
    """PhysioNet does not answer, or breaks off again and again: of this file, or of any."""


class Project(NamedTuple):
    """A version of a PhysioNet project, such as mimic-cxr 2.1.0."""

    slug: str
    version: str

    def __str__(self) -> str:
        return f"{self.slug}/{self.version}"


class RemoteFile(NamedTuple):
    """A file of a project: its path in it and its SHA-256."""

    path: str
    sha256: str


class PhysioNet:
    """A PhysioNet as one account sees it.

    Args:
        url: such as https://physionet.org.
        credentials: the account.

    Raises:
        UsageError: it would get the password over plain http, beyond loopback.
    """

    def __init__(self, url: str, credentials: Credentials):
        from physionet.api import PhysioNetClient

        check_encrypted(url, "[corpus] physionet")
        self.url = url.rstrip("/")
        self.user = credentials.user
        self._session = PhysioNetClient(self.url, credentials.user, credentials.password).session
        # Plain http goes to loopback alone: a proxy on the way would be another machine that reads the password.
        self._session.trust_env = self.url.startswith("https://")

    def manifest(self, project: Project) -> Iterator[RemoteFile]:
        """Yield the files of a project as its SHA256SUMS.txt lists them.

        Raises:
            HubkitError: access is refused, there is no such project, it lists a path that is not one of a file below
                it, or PhysioNet does not answer.
        """
        import requests

        address = self._address(project, "SHA256SUMS.txt")
        try:
            with self._ask("GET", project, address) as response:
                for line in response.iter_lines():
                    # A byte that is not UTF-8 becomes a lone surrogate, and so a path that is refused by name.
                    match = _MANIFEST_LINE.fullmatch(line.decode(errors="surrogateescape").strip())
                    if match is not None:
                        check_path(match[2], address)
                        yield RemoteFile(match[2], match[1])
        except requests.RequestException as error:
            raise _no_answer(address, error) from None

    def size(self, project: Project, file: RemoteFile) -> int:
        """Bytes of a file, as PhysioNet states them.

        Raises:
            HubkitError: as `manifest`.
        """
        import requests

        address = self._address(project, file.path)
        try:
            with self._ask("HEAD", project, address) as response:
                return int(response.headers.get("Content-Length", 0))
        except requests.RequestException as error:
            raise _no_answer(address, error) from None

    def download(self, project: Project, file: RemoteFile, root: Path, arrived: Callable[[int], None]) -> bool:
        """Get one file, or the rest of it; return False where it was there already.

        What has arrived of it lies next to it as NAME.part, and a broken transfer continues there. A file with
        another checksum than the listed one is fetched once more, from its start: a transfer can be damaged, and a
        part can be that of an older file.

        Args:
            root: the folder below which the file has its path; nothing is written elsewhere.
            arrived: called with the number of bytes of each piece.

        Raises:
            FileTroubleError: the file is not the listed one, is not there, or cannot be written, or the transfer
                breaks again and again.
            HubkitError: access is refused, the path leads out of `root`, or the disk is full.
        """
        check_path(file.path, self.url)
        target = root / file.path
        if target.is_file() and sha256(target) == file.sha256:
            return False
        part = target.with_name(f"{target.name}.part")
        check_way(root, part)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for _ in range(2):
                self._transfer(project, file, part, arrived)
                if sha256(part) == file.sha256:
                    part.replace(target)
                    return True
                part.unlink()
        except OSError as error:
            raise _cannot_write(error, target) from None
        raise FileTroubleError(
            f"{file.path} of {project} is not the file that SHA256SUMS.txt lists",
            where=self.url,
            hint="fetch again; if it stays so, the project changed: see its page, set [corpus] version",
        )

    def _transfer(self, project: Project, file: RemoteFile, part: Path, arrived: Callable[[int], None]) -> None:
        """Fill `part`, in as many tries as it takes."""
        import requests
        import urllib3

        address = self._address(project, file.path)
        fruitless = 0
        while True:
            have = part.stat().st_size if part.exists() else 0
            try:
                with self._ask("GET", project, address, have) as response:
                    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                        _save(response, part, have, arrived)
                return
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                gained = part.exists() and part.stat().st_size > have
                fruitless = 0 if gained else fruitless + 1
                if fruitless == ATTEMPTS:
                    raise _no_answer(address, error) from None
                time.sleep(fruitless * PAUSE)

    def _ask(self, method: str, project: Project, address: str, start: int = 0) -> Response:
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        # PhysioNet sends who is not signed in to a login page; following it would bring HTML in place of the file.
        response: Response = self._session.request(
            method, address, headers=headers, stream=True, timeout=TIMEOUT, allow_redirects=False
        )
        if response.status_code not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
            self._refuse(project, address, response)
        return response

    def _refuse(self, project: Project, address: str, response: Response) -> None:
        status = response.status_code
        page = f"{self.url}/content/{project}/"
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return
        if status == HTTPStatus.UNAUTHORIZED or response.is_redirect:
            raise HubkitError(
                f"PhysioNet does not accept user {self.user} with this password",
                where=self.url,
                hint="check PHYSIONET_USERNAME and PHYSIONET_PASSWORD, or ~/.netrc, or the keyring",
            )
        if status == HTTPStatus.FORBIDDEN:
            raise HubkitError(
                f"user {self.user} has no access to {project}",
                where=self.url,
                hint=f"finish the training and sign the data use agreement at the foot of {page}",
            )
        if status == HTTPStatus.NOT_FOUND:
            raise FileTroubleError("is not there", where=address, hint=f"see {page}, and set [corpus] version")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
            response.raise_for_status()
        raise FileTroubleError(f"PhysioNet answers {status}", where=address, hint="try again later")

    def _address(self, project: Project, path: str) -> str:
        return f"{self.url}/files/{project}/{quote(path)}"


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(response: Response, part: Path, have: int, arrived: Callable[[int], None]) -> None:
    """Append what is sent to `part`, or start it again where the whole file is sent."""
    partial = response.status_code == HTTPStatus.PARTIAL_CONTENT
    if partial and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise FileTroubleError(
            "PhysioNet sends another range than asked for", where=response.url, hint=f"delete {part}"
        )
    with open(part, "ab" if partial else "wb", opener=open_in_place) as file:
        # read1 gives what has arrived; iter_content would drop up to a chunk of it where the transfer breaks off.
        while chunk := response.raw.read1(CHUNK):
            file.write(chunk)
            arrived(len(chunk))


def _cannot_write(error: OSError, target: Path) -> HubkitError:
    if is_full(error):
        return full_disk_error(target, hint="free space and fetch again: it goes on where it was")
    what = f"cannot be written: {error.strerror}"
    return FileTroubleError(what, where=target, hint="fix the permissions, fetch again")


def _no_answer(address: str, error: Exception) -> NoAnswerError:
    return NoAnswerError(
        f"PhysioNet does not answer, or breaks off ({type(error).__name__})",
        where=address,
        hint="fetch again: it goes on where it was",
    )
