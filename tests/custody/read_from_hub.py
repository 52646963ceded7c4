"""Reads a sealed release from the Hub with stock libraries: `python read_from_hub.py REPO`; writes found.json."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import datasets
from datasets import load_dataset

from hubkit import Sealed, open_sealed
from hubkit.cli import cli
from hubkit.errors import HubkitError

# The Hub on loopback has no viewer beside it; datasets 2.21 would ask for it at each load, thrice with pauses.
datasets.config.USE_PARQUET_EXPORT = False

repo = sys.argv[1]
corpus = os.environ.pop("MIMIC_CXR_ROOT")
found = {}

stock = load_dataset(repo)
streamed = load_dataset(repo, streaming=True)
found["stock"] = {
    split: sorted({str(type(value).__name__) for value in part[0].values()}) for split, part in stock.items()
}
try:
    open_sealed(stock)
except HubkitError as error:
    found["without"] = str(error)

os.environ["MIMIC_CXR_ROOT"] = corpus
found["open_sealed"] = {split: part.to_list() for split, part in open_sealed(stock).items()}
found["streamed"] = {split: list(part) for split, part in open_sealed(streamed).items()}
try:
    found["cast"] = stock["test"].cast_column("report", Sealed()).select_columns(["report"])[:]["report"]
    found["cast streamed"] = [row["report"] for row in streamed["test"].cast_column("report", Sealed())]
except HubkitError as error:  # a version of datasets that decodes its own kinds of columns alone
    found["no cast"] = str(error)
found["generations"] = open_sealed(load_dataset(repo, "generations", split="test")).to_list()
found["part"] = len(open_sealed(load_dataset(repo, split="train[:3]"), complete=False))

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
