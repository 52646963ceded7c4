from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hubkit.config import ReleaseConfig, parse_config

sys.path.insert(0, str(Path(__file__).parents[1] / "bertscore_ptbr"))  # tiny_encoders


@pytest.fixture(scope="session")
def scoring_config(tmp_path_factory) -> ReleaseConfig:
    from tiny_encoders import save_bert, save_xlm_roberta

    home = tmp_path_factory.mktemp("scoring-encoders")
    return parse_config(
        {
            "scoring": {
                "bertimbau": {"model": str(save_bert(home / "bert", knows_length=False)), "layer": 3},
                "xlm_roberta": {"model": str(save_xlm_roberta(home / "xlm-roberta")), "layer": 2},
                "resamples": 300,
                "device": "cpu",
            }
        }
    )


@pytest.fixture
def scored_workspace(tmp_path):
    from scoring_workspace import build_workspace

    return build_workspace(tmp_path / "work")
