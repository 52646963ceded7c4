"""How many bytes a new version uploads in which a few reports changed, by Xet and through LFS.

    python benchmarks/upload.py [--reports 227835] [--changed 10]

Prints one JSON object. Two versions of a table of invented reports (about 90 words, drawn by rank, so that runs repeat
as they do in language) are written as packaging writes them and uploaded by the stock client to a Hub on loopback, the
second by a client that knows nothing of the first. By Xet the bytes are those of the chunks that it wrote, through LFS
those of the files that it sent.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from hubkit.localhub import LocalHub, serve
from hubkit.packaging.parquet import of_table, write_split

WORDS, VOCABULARY, ROWS_PER_FILE = 90, 40_000, 50_000
REPO = "maintainer/reports"

UPLOAD = """
import sys
from huggingface_hub import HfApi
HfApi().upload_folder(repo_id=sys.argv[1], folder_path=sys.argv[2], repo_type="dataset")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=227_835)
    parser.add_argument("--changed", type=int, default=10)
    options = parser.parse_args()
    changed = frozenset(random.Random(0).sample(range(options.reports), options.changed))
    with tempfile.TemporaryDirectory(prefix="hubkit-upload-") as name:
        folder = Path(name)
        first = write_split(folder / "1", "default", "train", of_table(reports(options.reports)), ROWS_PER_FILE)
        second = write_split(
            folder / "2", "default", "train", of_table(reports(options.reports, changed)), ROWS_PER_FILE
        )
        found = {"reports": options.reports, "changed": options.changed, "bytes": second.file_bytes}
        for mode in ("xet", "lfs"):
            with serve(folder / mode) as hub:
                subprocess.run([sys.executable, "-c", CREATE, REPO], check=True, env=environment(hub, folder, mode))
                for version in ("1", "2"):
                    before = stored(hub, mode)
                    command = [sys.executable, "-c", UPLOAD, REPO, str(folder / version)]
                    subprocess.run(command, check=True, env=environment(hub, folder / version, mode))
                    found[f"{mode}_version_{version}"] = stored(hub, mode) - before
    assert first.rows == second.rows
    print(json.dumps(found))


CREATE = "import sys; from huggingface_hub import HfApi; HfApi().create_repo(sys.argv[1], repo_type='dataset')"


def environment(hub: LocalHub, home: Path, mode: str) -> dict[str, str]:
    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "HF_HOME": str(home / f"home-{mode}")}
    quiet = {"HF_HUB_DISABLE_XET": str(int(mode == "lfs")), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**os.environ, **own, **quiet}


def stored(hub: LocalHub, mode: str) -> int:
    """The bytes of chunks, or of the files that came through LFS."""
    if mode == "lfs":
        return sum(path.stat().st_size for path in hub.root.glob("blobs/*/*"))
    # What the Hub had already is linked into a client's folder.
    found = [path.stat() for path in hub.root.glob("xet/*/*/xet/xorbs/xorbs/*")]
    return sum({status.st_ino: status.st_size for status in found}.values())


def reports(count: int, changed: frozenset[int] = frozenset()) -> pa.Table:
    """`count` invented reports; those of `changed` have one other word."""
    rng = np.random.default_rng(0)
    letters = "".join(map(chr, range(97, 123)))
    words = ["".join(random.Random(n).choices(letters, k=random.Random(n).randint(3, 11))) for n in range(VOCABULARY)]
    ranks = np.minimum(rng.zipf(1.35, size=(count, WORDS)), VOCABULARY) - 1
    texts = [" ".join(words[rank] for rank in row) for row in ranks]
    for number in changed:
        texts[number] = f"corrigido {texts[number].partition(' ')[2]}"
    return pa.table({"study_id": range(50_000_000, 50_000_000 + count), "report": texts})


if __name__ == "__main__":
    main()
