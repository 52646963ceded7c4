"""A release of invented rows, to rehearse with: the folders of dist/, as `package` lays them out."""

from __future__ import annotations

import json

from hubkit.artifacts.eval_results import BENCHMARK, RESULTS
from hubkit.artifacts.release_record import write_record
from hubkit.config import ReleaseConfig
from hubkit.record import release_record
from hubkit.workspace import Workspace, write_table, write_text

ROWS = 40
"""Enough for a file that is read in part, and few enough to read by eye on the Hub."""

DATA = "data/default/test-00000-of-00001.parquet"

SMALL = "small.json"
"""A small file behind the gate, without anything in it: what strangers see of such files is one of the questions."""

_NOTICE = "Invented rows, to rehearse a release. Nothing here is of a patient. It may be deleted at any time.\n"

_CARD = """---
license: other
license_name: none
viewer: false
extra_gated_prompt: This repository holds invented rows, and will be deleted soon.
extra_gated_fields:
  Institution: text
---

# A rehearsal

"""

_SPACE = """---
title: A rehearsal
sdk: static
app_file: index.html
license: apache-2.0
---

"""


def write_invented(config: ReleaseConfig, workspace: Workspace) -> None:
    """Write dist/ with dataset/, dataset-script/, adapter/ and metric/."""
    import numpy as np
    import pyarrow as pa
    from safetensors.numpy import save_file

    dataset, adapter, metric = (workspace.dist / name for name in ("dataset", "adapter", "metric"))
    reports = [f"Relatório inventado número {number}." for number in range(ROWS)]
    write_table(dataset / DATA, pa.table({"study_id": list(range(ROWS)), "report": reports}))
    write_text(workspace.dist / "dataset-script" / f"{config.hub.dataset}.py", '"""A script without code."""\n')
    write_text(adapter / "adapter_config.json", json.dumps({"peft_type": "LORA"}))
    save_file({"lora_A": np.zeros(64, dtype=np.float32)}, adapter / "adapter_model.safetensors")
    results = f"- dataset:\n    id: {config.hub.repo('dataset')}\n    task_id: rehearsal\n  value: 0.5\n"
    write_text(adapter / RESULTS / "rehearsal.yaml", results)
    tasks = "evaluation_framework: hubkit\ntasks:\n- id: rehearsal\n"
    write_text(dataset / BENCHMARK, f"name: A rehearsal\ndescription: Invented rows.\n{tasks}")
    for folder in (dataset, adapter):
        write_text(folder / "README.md", _CARD + _NOTICE)
        write_text(folder / "LICENSE", _NOTICE)
        write_text(folder / SMALL, "{}\n")
    write_text(metric / "README.md", _SPACE + _NOTICE)
    write_text(metric / "index.html", f"<!doctype html><title>A rehearsal</title><p>{_NOTICE}")
    write_text(metric / f"{config.hub.metric}.py", '"""A metric without code."""\n')
    for folder in (dataset, adapter, metric):
        write_record(folder, release_record(config))
