"""A PhysioNet on loopback: basic auth, agreements, ranges, and transfers that break off in mid-file."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PASSWORDS = {"ada": "right", "bob": "right"}
SIGNED = {"ada"}


class LoopbackPhysioNet(ThreadingHTTPServer):
    """Serves root/files/SLUG/VERSION/...; SHA256SUMS.txt is what the files were when `list_files` was called last.

    Attributes:
        breaks: by path, after how many bytes each of the next answers breaks off.
        asked: (path, start of the range, status) of each GET.
        moved: where every GET is redirected to.
        held: set when a GET arrives, which is then answered after a while, so that its client can be interrupted.
    """

    def __init__(self, root: Path):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.breaks: dict[str, list[int]] = {}
        self.asked: list[tuple[str, int, int]] = []
        self.ignores_ranges = False
        self.moved: str | None = None
        self.held: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def list_files(self, project: str) -> None:
        home = self.root / "files" / project
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(home).as_posix()}\n"
            for path in sorted(home.rglob("*"))
            if path.is_file() and path.name != "SHA256SUMS.txt"
        ]
        (home / "SHA256SUMS.txt").write_text("".join(lines))


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackPhysioNet

    def do_HEAD(self) -> None:
        status, data = self._answer()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()

    def do_GET(self) -> None:
        if self.server.moved is not None:
            self.send_response(302)
            self.send_header("Location", self.server.moved + self.path)
            self.end_headers()
            return
        if self.server.held is not None:
            self.server.held.set()
            time.sleep(0.5)
        range_header = self.headers.get("Range")
        start = int(range_header.removeprefix("bytes=").rstrip("-")) if range_header else 0
        status, data = self._answer()
        if status == 200 and range_header and not self.server.ignores_ranges:
            status = 206 if start < len(data) else 416
        self.server.asked.append((self.path, start, status))
        body = {200: data, 206: data[start:]}.get(status, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        breaks = self.server.breaks.get(self.path)
        self.wfile.write(body[: breaks.pop(0)] if breaks else body)

    def _answer(self) -> tuple[int, bytes]:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(token).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if PASSWORDS.get(user) != password:
            return 401, b""
        if user not in SIGNED:
            return 403, b""
        path = self.server.root / self.path.lstrip("/")
        return (200, path.read_bytes()) if path.is_file() else (404, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serving(root: Path) -> Iterator[LoopbackPhysioNet]:
    with LoopbackPhysioNet(root) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
