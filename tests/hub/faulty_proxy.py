"""A proxy that loses, delays and refuses: `python faulty_proxy.py UPSTREAM SEED` prints its address.

It runs until its standard input ends. Each request meets a fault with probability RATE; which one is drawn from SEED.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

RATE = 0.2
FAULTS = ("429", "500", "502", "cut before", "cut after", "cut within", "delay")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server"}


class FaultyProxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, seed: int):
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.upstream = urlsplit(upstream).netloc
        self.dice, self.lock = random.Random(seed), threading.Lock()

    def draw(self) -> str | None:
        with self.lock:
            return self.dice.choice(FAULTS) if self.dice.random() < RATE else None


class ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def handle_any(self) -> None:
        body = self._body()
        fault = self.server.draw()
        if fault in ("429", "500", "502"):
            return self._answer(int(fault), {}, b"")
        if fault == "cut before":
            return self._cut()
        if fault == "delay":
            time.sleep(0.05)
        try:
            status, headers, content = self._forward(body)
        except (OSError, http.client.HTTPException):
            return self._cut()
        if fault == "cut after":
            return self._cut()
        return self._answer(status, headers, content, part=fault == "cut within")

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Content-Length"] = str(len(body))
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        upstream.close()
        return answer.status, kept, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes, part: bool = False) -> None:
        length = next((value for name, value in headers.items() if name.lower() == "content-length"), len(content))
        lines = [f"HTTP/1.1 {status} Fault", f"Content-Length: {length}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
        sent = b"" if self.command == "HEAD" else content
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        whole = head + sent
        self.wfile.write(whole[: len(whole) // 2] if part else whole)
        self._cut()

    def _cut(self) -> None:
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass


if __name__ == "__main__":
    proxy = FaultyProxy(sys.argv[1], int(sys.argv[2]))
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    print(json.dumps(f"http://127.0.0.1:{proxy.server_address[1]}"), flush=True)
    sys.stdin.read()
