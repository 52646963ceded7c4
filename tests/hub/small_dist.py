"""A release of three small folders, as `package` lays them out, with invented rows."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from hubkit.config import Custody, ReleaseConfig, parse_config
from hubkit.release import record
from hubkit.stages import STAGES
from hubkit.workspace import Workspace

CARD = """---
license: other
viewer: false
extra_gated_fields:
  Institution: text
configs:
- config_name: default
  default: true
  data_files:
  - split: test
    path: data/default/test-*.parquet
---

<!-- hubkit:begin summary (written by hubkit; edit outside of the marks) -->
# Reports, version {version}
<!-- hubkit:end summary -->
"""

ADAPTER_CARD = (
    CARD.partition("configs:")[0]
    + """---

<!-- hubkit:begin summary (written by hubkit; edit outside of the marks) -->
# An adapter, version {version}
<!-- hubkit:end summary -->
"""
)

SPACE_CARD = """---
title: bertscore_ptbr
sdk: static
app_file: index.html
---

<!-- hubkit:begin summary (written by hubkit; edit outside of the marks) -->
# A metric, version {version}
<!-- hubkit:end summary -->
"""


def small_config(name: str, version: str = "1.0.0", kind: str = "demo", **hub: Any) -> ReleaseConfig:
    """A release of an invented corpus, which may go through a proxy; a credentialed one may not."""
    names = {"dataset": f"{name}-mimic-ext", "adapter": f"{name}-lora", "metric": f"{name}_metric"}
    return parse_config(
        {"release": {"version": version}, "corpus": {"kind": kind}, "hub": {"namespace": "maintainer", **names, **hub}}
    )


def lean_config(name: str, version: str = "1.0.0", **hub: Any) -> ReleaseConfig:
    """A release without an adapter on the Hub, and in no collection."""
    config = small_config(name, version, collection=False, **hub)
    return config.model_copy(update={"custody": Custody(adapter_custody="physionet")})


def small_dist(root: Path, config: ReleaseConfig, rows: int = 4) -> Workspace:
    """Write dist/ with `rows` invented studies; the same bytes for the same arguments."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save_file

    workspace = Workspace(root)
    version = config.release.version
    data = workspace.dist / "dataset" / "data" / "default"
    data.mkdir(parents=True, exist_ok=True)
    texts = [f"Pulmões limpos no exame de treino {number}." for number in range(rows)]
    pq.write_table(pa.table({"study_id": range(rows), "report": texts}), data / "test-00000-of-00001.parquet")
    (workspace.dist / "dataset" / "README.md").write_text(CARD.format(version=version))
    (workspace.dist / "dataset" / "LICENSE").write_text("Invented; anyone may read it.\n")
    script = workspace.dist / "dataset-script"
    script.mkdir(exist_ok=True)
    (script / f"{config.hub.dataset}.py").write_text(f'REVISION = "{config.release.tag}"\n')
    adapter = workspace.dist / "adapter"
    adapter.mkdir(exist_ok=True)
    save_file({"lora_A": np.arange(rows * 64, dtype=np.float32)}, adapter / "adapter_model.safetensors")
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rows}))
    (adapter / "README.md").write_text(ADAPTER_CARD.format(version=version))
    metric = workspace.dist / "metric"
    metric.mkdir(exist_ok=True)
    (metric / f"{config.hub.metric}.py").write_text("import evaluate\n")
    (metric / "README.md").write_text(SPACE_CARD.format(version=version))
    package = next(stage for stage in STAGES if stage.name == "package")
    record(package, config, workspace, package.key(config, workspace), time.time())
    return workspace
