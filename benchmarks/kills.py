"""Kill the demo at random moments, start it again, and see that every row is there once and with the same bytes.

    python benchmarks/kills.py --kills 10 --seed 0

A workspace is killed (SIGKILL, the whole process group, the Hub on loopback too) again and again and then left to
finish; it is compared with that of an unbroken run, which starts from a copy of it made after `read`: a Hub of its own
would give the base models other commits, which the tables name. Up to `translate` the bytes have to be the same; after
it each row has to be there once. Exits 1 where something differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

KEYS = {
    "studies/studies.parquet": ("study_id",),
    "translations/translations.parquet": ("study_id", "section"),
    "generations/zero_shot.parquet": ("study_id",),
    "generations/few_shot.parquet": ("study_id",),
    "generations/lora.parquet": ("study_id",),
    "scores/scores.parquet": ("study_id", "condition", "setup"),
}
SAME_BYTES = ("studies/studies.parquet", "studies/selection.json", "translations/translations.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=30.0, help="seconds to live at the most before a kill")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hubkit-kills-") as folder:
        unbroken, broken = Path(folder) / "unbroken", Path(folder) / "broken"
        moments = random.Random(options.seed)
        print(f"kill 1: {killed_after(broken, moments.uniform(1, 6))}", flush=True)
        finish(broken, "--until", "read")
        shutil.copytree(broken, unbroken)
        finish(unbroken)
        for number in range(1, options.kills):
            print(f"kill {number + 1}: {killed_after(broken, moments.uniform(1, options.longest))}", flush=True)
        finish(broken)
        complaints = [*compare(unbroken, broken), *unverified(broken)]
    print("\n".join(complaints) or f"{options.kills} kills: every row once, the same bytes up to translate")
    sys.exit(bool(complaints))


def start(workspace: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hubkit", "release", "--demo", "--workspace", str(workspace), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def killed_after(workspace: Path, seconds: float) -> str:
    """Run the demo for so long, kill it, and say in which stage it was."""
    process = start(workspace)
    try:
        process.wait(timeout=seconds)
        return f"after {seconds:.1f} s it had ended with exit code {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = len(list((workspace / "manifests").glob("*.json")))
    return f"after {seconds:.1f} s, {done} stages done"


def finish(workspace: Path, *options: str) -> None:
    started = time.monotonic()
    code = start(workspace, *options).wait()
    if code:
        raise SystemExit(f"the demo ended with exit code {code}")
    print(f"finished in {time.monotonic() - started:.0f} s", flush=True)


def compare(unbroken: Path, broken: Path) -> list[str]:
    """What is not as it should be in the workspace that was killed."""
    complaints = [
        f"{name}: other bytes" for name in SAME_BYTES if (unbroken / name).read_bytes() != (broken / name).read_bytes()
    ]
    for name, columns in KEYS.items():
        want, have = (rows(root / name, columns) for root in (unbroken, broken))
        twice = sum(count > 1 for count in have.values())
        lost, strange = len(want.keys() - have.keys()), len(have.keys() - want.keys())
        if twice or lost or strange:
            complaints.append(f"{name}: {twice} rows twice, {lost} lost, {strange} strange")
    return complaints


def rows(path: Path, columns: tuple[str, ...]) -> Counter[tuple[object, ...]]:
    table = pq.read_table(path, columns=list(columns)).to_pydict()
    return Counter(zip(*(table[column] for column in columns), strict=True))


def unverified(workspace: Path) -> list[str]:
    manifest = workspace / "manifests" / "verify.json"
    return [] if manifest.exists() and json.loads(manifest.read_text())["stage"] == "verify" else ["not verified"]


if __name__ == "__main__":
    main()
