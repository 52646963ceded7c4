"""Reads a sealed release from the Hub as its card says: `python read_from_hub.py REPO`; writes found.json.

What stands on the card runs where nothing is called hubkit. Then hubkit opens the whole release, in the same process.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import datasets
from datasets import load_dataset
from huggingface_hub import hf_hub_download

# The Hub on loopback has no viewer beside it; datasets 2.21 would ask for it at each load, thrice with pauses.
datasets.config.USE_PARQUET_EXPORT = False

repo = sys.argv[1]
corpus = os.environ.pop("MIMIC_CXR_ROOT")
found: dict[str, Any] = {}

sys.modules["hubkit"] = None  # type: ignore[assignment]  # any import of it fails now
card = Path(hf_hub_download(repo, "README.md", repo_type="dataset")).read_text(encoding="utf-8")
(snippet,) = re.findall(r"```python\n(import hashlib\n.*?)```", card, re.DOTALL)
# What was packaged for another namespace lies on this Hub without a tag.
snippet = re.sub(r'hf_hub_download\("[^"]+", (.*), revision="[^"]+"\)', rf'hf_hub_download("{repo}", \1)', snippet)
exec(snippet)
sealed = sys.modules["sealed"]

stock = load_dataset(repo)
streamed = load_dataset(repo, streaming=True)
found["stock"] = {
    split: sorted({str(type(value).__name__) for value in part[0].values()}) for split, part in stock.items()
}
try:
    sealed.open_sealed(stock)
except sealed.SealedError as error:
    found["without"] = str(error)

os.environ["MIMIC_CXR_ROOT"] = corpus
found["open_sealed"] = {split: part.to_list() for split, part in sealed.open_sealed(stock).items()}
found["streamed"] = {split: list(part) for split, part in sealed.open_sealed(streamed).items()}
try:
    column = stock["test"].cast_column("report", sealed.Sealed())
    found["cast"] = column.select_columns(["report"])[:]["report"]
    found["cast streamed"] = [row["report"] for row in streamed["test"].cast_column("report", sealed.Sealed())]
    counted = column.map(lambda row: {"length": len(row["report"] or "")}, num_proc=2, remove_columns=["report"])
    found["lengths"] = counted["length"][:]
except sealed.SealedError as error:  # a version of datasets that decodes its own kinds of columns alone
    found["no cast"] = str(error)
found["generations"] = sealed.open_sealed(load_dataset(repo, "generations", split="test")).to_list()
found["part"] = len(sealed.open_sealed(load_dataset(repo, split="train[:3]"), complete=False))

del sys.modules["hubkit"]
import hubkit  # noqa: E402
from hubkit.cli import cli  # noqa: E402

found["one feature"] = hubkit.Sealed is sealed.Sealed
cli(["unseal", repo, "--corpus", corpus], standalone_mode=False)
(name,) = (path for path in Path.cwd().iterdir() if (path / "data").is_dir())
found["literal"] = {split: part.to_list() for split, part in load_dataset(name.name).items()}
spec = importlib.util.spec_from_file_location("mimic_cxr_ptbr", name / "loader" / "mimic_cxr_ptbr.py")
assert spec is not None
assert spec.loader is not None
loader = sys.modules["mimic_cxr_ptbr"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(loader)
found["english"] = loader.load("text", name.name, "test", mimic_cxr=corpus)["reference_en"][:]
Path("found.json").write_text(json.dumps(found))
