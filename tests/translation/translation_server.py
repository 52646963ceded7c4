"""Sentences of our own with their translation, and a server on loopback that translates them as it is told to."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SENTENCES = (
    "The lungs are clear.",
    "No pleural effusion or pneumothorax is seen.",
    "The heart is mildly enlarged.",
    "A left-sided line ends in the superior vena cava.",
    "Opacity at the right base measures 2.5 cm and was not there on ___.",
    "No acute disease.",
)

PORTUGUESE = {
    **dict(
        zip(
            SENTENCES,
            (
                "Os pulmões estão limpos.",
                "Não se observa derrame pleural ou pneumotórax.",
                "O coração está levemente aumentado.",
                "Um cateter à esquerda termina na veia cava superior.",
                "A opacidade na base direita mede 2,5 cm e não estava presente em ___.",
                "Sem doença aguda.",
            ),
            strict=True,
        )
    ),
    "Cough.": "Tosse.",
}


def in_portuguese(text):
    """The right translation of texts made of the sentences above; others in capitals."""
    sentences = re.split(r"(?<=[.]) (?=[A-Z])", text)
    if all(sentence in PORTUGUESE for sentence in sentences):
        return " ".join(PORTUGUESE[sentence] for sentence in sentences)
    return text.upper()


class Moody(BaseHTTPRequestHandler):
    """Replies to each text with what the plan says for it, one after another; the last one stays.

    A mood is a status, a fault, or a pair of "say" and the words to say; "fine" is the right translation, and "strict"
    gives it where a request holds no key that OpenAI's protocol lacks. A function is awaited: what it returns at last
    is the mood, and 422 if it returns nothing within five seconds.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._send(200, b"{}")

    def do_POST(self):
        time.sleep(self.server.delay)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][-1]["content"]
        text = asked.split("\n\n")[-1]
        with self.server.lock:
            self.server.seen.append(asked)
            moods = self.server.plan.get(text, ["fine"])
            mood = moods.pop(0) if len(moods) > 1 else moods[0]
        if callable(mood):
            mood = awaited(mood)
        if mood == "hang":
            time.sleep(0.6)
            self.close_connection = True
        elif mood == "drop":
            self.close_connection = True
        elif mood == "not json":
            self._send(200, b"<html>" + text.encode())
        elif mood == "no choice":
            self._send(200, b'{"choices": []}')
        elif mood == "filtered":
            self._send(200, json.dumps(completion(None, "content_filter")).encode())
        elif mood == "strict" and "skip_special_tokens" in body:
            self._send(422, b'{"detail": "Unexpected fields"}')
        elif isinstance(mood, int):
            self._send(mood, json.dumps({"error": text}).encode())
        else:
            words = mood[1] if isinstance(mood, tuple) else in_portuguese(text)
            self._send(200, json.dumps(completion(f" {words} ", "stop")).encode())

    def _send(self, status, content):
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        return


def awaited(condition):
    end = time.monotonic() + 5
    while (found := condition()) is None and time.monotonic() < end:
        time.sleep(0.005)
    return 422 if found is None else found


def completion(text, reason):
    return {"choices": [{"message": {"content": text}, "finish_reason": reason}], "usage": {"completion_tokens": 3}}


def translation_server(port=0):
    """A server on loopback with `plan` (text to moods), `seen`, and a `delay` in seconds before each answer.

    It answers rightly where nothing is planned.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), Moody)
    server.daemon_threads = True
    server.plan, server.seen, server.lock, server.delay = {}, [], threading.Lock(), 0.0
    return server


if __name__ == "__main__":
    started = translation_server(int(sys.argv[1]))
    started.delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    started.serve_forever()
