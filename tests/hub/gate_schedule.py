"""One push while somebody opens the gate, or while LFS or Xet is open past it, and outsiders try to get data."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

from fault_schedule import _proxy, _push
from huggingface_hub import HfApi
from interposed import Answer, Exchange, interpose
from loopback import forked_hub
from small_dist import small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.localhub import Cast, LocalHub

OPENINGS = ("lfs", "xet", "auto", "off")
"""What is open: LFS or Xet from the start, or the gate, at a random moment, for who asks (auto) or for all (off)."""

REQUESTS = 130
"""About as many as a push of this release makes, without those of the outsiders."""

DATA = {"dataset": "data/default/test-00000-of-00001.parquet", "adapter": "adapter_model.safetensors"}

Ends = list[int]


class Outcome(NamedTuple):
    """What came of a schedule.

    Attributes:
        opening: what was open.
        ends: how each push ended.
        before: bytes of data that outsiders got while the gate was as hubkit set it.
        after: bytes that they got later.
        window: seconds from the opening to the repo's being private; None where it was not open for data.
        private, gated: how the repo ended.
    """

    opening: str
    ends: Ends
    before: int
    after: int
    window: float | None
    private: bool
    gated: str | bool


class Stage:
    """What the proxy does to each request, and what outsiders got."""

    def __init__(self, hub: LocalHub, config: ReleaseConfig, seed: int):
        dice = random.Random(f"gate {seed}")
        self.hub, self.opening = hub, OPENINGS[seed % len(OPENINGS)]
        # A push with LFS or Xet open stops at the first gated repo.
        flips = self.opening in ("auto", "off")
        self.artifact = dice.choice(["dataset", "adapter"]) if flips else "dataset"
        self.at = dice.randrange(8, REQUESTS)
        self.repo, self.kind = config.hub.repo(self.artifact), "dataset" if self.artifact == "dataset" else "model"  # type: ignore[arg-type]
        self.outsiders = (None, hub.tokens["ungranted"])
        self.count, self.flipped, self.hidden = 0, 0.0, 0.0
        self.before = self.after = 0
        self.lock, self.done = threading.Lock(), threading.Event()

    def act(self, asked: Exchange) -> Answer:
        with self.lock:
            self.count += 1
            turn = self.count >= self.at and not self.flipped and self.opening in ("auto", "off")
            if turn:
                self._flip()
        past_gate = (self.opening == "lfs" and asked.path.endswith((".bin", ".parquet", ".safetensors"))) or (
            self.opening == "xet" and "/xet-read-token/" in asked.path
        )
        outsider = asked.token in self.outsiders
        answer = self._as_owner(asked) if past_gate and outsider and asked.method == "GET" else asked.forward()
        if asked.method == "PUT" and b"private" in asked.body and b"public" not in asked.body:
            self.hidden = time.monotonic()
        return answer

    def watch(self, url: str) -> None:
        """Try to get data as both outsiders until the push is over; they do not count as its requests."""
        prefix = "datasets/" if self.kind == "dataset" else ""
        while not self.done.is_set():
            for token in self.outsiders:
                opened = bool(self.flipped)
                path = f"/{prefix}{self.repo}/resolve/main/{DATA[self.artifact]}"
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                if self.opening == "auto" and opened and token:
                    ask = urllib.request.Request(f"{self.hub.url}/{prefix}{self.repo}/ask-access", b"{}", headers)
                    ask.add_header("Content-Type", "application/json")
                    self._size(ask)
                got = self._size(urllib.request.Request(f"{url}{path}", headers=headers))
                with self.lock:
                    self.count -= 1
                # Also what was asked for just before the opening, and served after it.
                if self.flipped:
                    self.after += got
                else:
                    self.before += got
            time.sleep(0.02)

    def _flip(self) -> None:
        api = HfApi(endpoint=self.hub.url, token=self.hub.tokens["owner"])
        gated = "auto" if self.opening == "auto" else False
        if api.repo_exists(self.repo, repo_type=self.kind):
            self.flipped = time.monotonic()
            api.update_repo_settings(self.repo, repo_type=self.kind, gated=gated)  # type: ignore[arg-type]

    def _as_owner(self, asked: Exchange) -> Answer:
        request = urllib.request.Request(f"{self.hub.url}{asked.path}")
        request.add_header("Authorization", f"Bearer {self.hub.tokens['owner']}")
        try:
            with urllib.request.urlopen(request) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read())

    @staticmethod
    def _size(request: urllib.request.Request) -> int:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return len(answer.read())
        except OSError:
            return 0


def gate_push(root: Path, name: str, seed: int) -> Outcome:
    """Push under the faults of `seed` while the gate does not hold; where that goes unseen, push once more."""
    config = small_config(name)
    small_dist(root / "work", config)
    with forked_hub(root / "hub", Cast(window=None)) as hub, interpose(hub.url) as front:
        stage = Stage(hub, config, seed)
        front.on("GET HEAD POST PUT DELETE", "", stage.act, times=10**9)
        watcher = threading.Thread(target=stage.watch, args=(front.url,))
        watcher.start()
        try:
            with _proxy(front.url, seed) as address:
                ends = [_push(config, root / "work", address, hub, None)]
                direct = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
                info = direct.repo_info(stage.repo, repo_type=stage.kind)
                if ends == [0] and info.gated != "manual":
                    ends.append(_push(config, root / "work", address, hub, None))
        finally:
            stage.done.set()
            watcher.join()
        info = direct.repo_info(stage.repo, repo_type=stage.kind)
        window = stage.hidden - stage.flipped if stage.flipped and stage.hidden > stage.flipped else None
        return Outcome(stage.opening, ends, stage.before, stage.after, window, bool(info.private), info.gated or False)


if __name__ == "__main__":
    import sys
    import tempfile

    for number in range(int(sys.argv[1])):
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(gate_push(Path(folder), "gate", number)._asdict()), flush=True)
