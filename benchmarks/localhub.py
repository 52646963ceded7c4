"""How long a large commit keeps the other clients of the Hub on loopback waiting, and what it costs.

    python benchmarks/localhub.py [--files 20000] [--megabytes 200]

Prints one JSON object per load: seconds that the commit took (wall and processor time of the Hub), how long requests
of another client took meanwhile (seconds), the most bytes on the disk per byte sent, and the Hub's peak memory. The
loads are one commit of many small files, a folder of them as `upload_folder` sends it, and one large file by Xet and
through LFS. The other client asks for a file and for the description of another repo, again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import CommitOperationAdd, HfApi

from hubkit.localhub import Cast, LocalHub, serve

OTHER, REPO = "maintainer/other", "maintainer/load"
PAUSE = 0.01
"""Seconds between two requests of the other client."""

COMMIT = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
adds = [CommitOperationAdd(f"d{n % 200:03}/f{n:05}.txt", f"file {n}".encode()) for n in range(int(sys.argv[2]))]
HfApi().create_commit(sys.argv[1], adds, commit_message="Add")
"""

FOLDER = """
import sys
from huggingface_hub import HfApi
HfApi().upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--megabytes", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkit-localhub-") as name:
        folder = Path(name)
        small, large = folder / "small", folder / "large"
        for number in range(options.files):
            path = small / f"d{number % 200:03}" / f"f{number:05}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"file {number}")
        large.mkdir()
        content = random.Random(0)
        with open(large / "large.bin", "wb") as file:
            for _ in range(options.megabytes):
                file.write(content.randbytes(10**6))
        print(json.dumps({"load": "commit", "files": options.files, **measure(COMMIT, str(options.files))}))
        print(json.dumps({"load": "folder", "files": options.files, **measure(FOLDER, str(small))}))
        for mode in ("xet", "lfs"):
            found = measure(FOLDER, str(large), mode, options.megabytes * 10**6)
            print(json.dumps({"load": mode, "megabytes": options.megabytes, **found}))


def measure(script: str, argument: str, mode: str = "xet", sent: int = 0) -> dict[str, Any]:
    """Run a client's script against a new Hub while another client asks for a file."""
    with (
        tempfile.TemporaryDirectory(prefix="hubkit-localhub-") as name,
        serve(Path(name) / "hub", cast=Cast(window=None)) as hub,
    ):
        api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
        for repo in (OTHER, REPO):
            api.create_repo(repo)
        api.create_commit(OTHER, [CommitOperationAdd("a.txt", b"a")], commit_message="Add")
        before, disk = processor_seconds(hub.pid), bytes_on_disk(hub.root)
        ended = threading.Event()
        waits: list[float] = []
        peak = [0]
        watchers = [
            threading.Thread(target=ask, args=(hub, ended, waits)),
            threading.Thread(target=watch, args=(hub.root, ended, peak, bool(sent))),
        ]
        for watcher in watchers:
            watcher.start()
        start = time.perf_counter()
        try:
            command = [sys.executable, "-c", script, REPO, argument]
            subprocess.run(command, check=True, env=environment(hub, Path(name), mode), capture_output=True)
        finally:
            wall = time.perf_counter() - start
            ended.set()
            for watcher in watchers:
                watcher.join()
        found = {
            "seconds": round(wall, 1),
            "hub_processor_seconds": round(processor_seconds(hub.pid) - before, 1),
            "waits": len(waits),
            "median_wait": round(statistics.median(waits), 4),
            "p99_wait": round(statistics.quantiles(waits, n=100)[98], 3),
            "longest_wait": round(max(waits), 3),
            "peak_megabytes": round(peak_memory(hub.pid) / 1e6),
        }
        if sent:
            found["disk_peak"] = round((peak[0] - disk) / sent, 3)
            found["disk_after"] = round((bytes_on_disk(hub.root) - disk) / sent, 3)
        return found


def ask(hub: LocalHub, ended: threading.Event, waits: list[float]) -> None:
    with httpx.Client(base_url=hub.url, timeout=600) as client:
        while not ended.is_set():
            for path in (f"/{OTHER}/resolve/main/a.txt", f"/api/models/{OTHER}"):
                start = time.perf_counter()
                client.get(path).raise_for_status()
                waits.append(time.perf_counter() - start)
            time.sleep(PAUSE)


def watch(root: Path, ended: threading.Event, peak: list[int], large: bool) -> None:
    while large and not ended.wait(0.1):
        peak[0] = max(peak[0], bytes_on_disk(root))


def bytes_on_disk(root: Path) -> int:
    """What the files below a folder take, each once however many names it has."""
    found: dict[int, int] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                status = os.stat(os.path.join(folder, name))
            except FileNotFoundError:
                continue
            found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def environment(hub: LocalHub, home: Path, mode: str) -> dict[str, str]:
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "HF_HOME": str(home / "home")}
    quiet = {"HF_HUB_DISABLE_XET": str(int(mode == "lfs")), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**os.environ, **own, **quiet}


if __name__ == "__main__":
    main()
